//! Clients that retry until they have what they came for, and readers who look on.

use crate::world::World;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use treering_log::{
    log::{ReceiptState, Submission},
    store::Grant,
};
use treering_tlog::{
    hash::{Hash, leaf_hash},
    tree,
};

/// How many clients there are.
pub(crate) const CLIENTS: u64 = 3;
/// How many submissions each of them has.
const SUBMISSIONS: u64 = 5;

/// One client: submissions one after the other, and a timestamp now and then.
pub(crate) async fn run(world: Arc<World>) {
    for _ in 0..SUBMISSIONS {
        pause(&world, 4_000).await;
        if world.dice.once_in(4) {
            timestamp(&world).await;
        }
        let commitments: Vec<[u8; 32]> = (0..world.dice.between(1, 3)).map(|_| world.dice.bytes()).collect();
        let small = world.dice.once_in(3).then(|| Arc::from(commitments.clone()));
        let leaves: Vec<Hash> = commitments.iter().map(|commitment| leaf_hash(commitment)).collect();
        let root = tree::root(&leaves);
        submit(&world, root, small.clone(), false).await;
        receipt(&world, root).await;
        // The same again gets the same place.
        if world.dice.once_in(2) {
            pause(&world, 3_000).await;
            submit(&world, root, None, false).await;
            receipt(&world, root).await;
        }
        // Stamped anew on demand, it still has its first place for whoever asks for no other.
        if world.dice.once_in(3) {
            submit(&world, root, None, true).await;
            pause(&world, 3_000).await;
            receipt(&world, root).await;
        }
    }
    world.content.fetch_add(1, Ordering::SeqCst);
}

/// Until it is acknowledged; `anew`: at a place behind all that is sealed now.
async fn submit(world: &Arc<World>, root: Hash, small: Option<Arc<[[u8; 32]]>>, anew: bool) {
    loop {
        let at = Arc::clone(world);
        let small = small.clone();
        let answer = world.call(move |log| {
            let (at, small) = (Arc::clone(&at), small.clone());
            async move {
                let count = small.as_ref().map_or(1, |small| small.len() as u64);
                let min_entry = anew.then(|| log.status().sealed_size);
                let answer = log.submit(Submission { root, count, small, min_entry }).await;
                // From here on it is promised, whether the answer arrives or not.
                if answer.is_ok() {
                    at.oracle.acknowledges(root);
                }
                answer
            }
        });
        if let Some(Ok(_)) = answer.await {
            return;
        }
        pause(world, 1_000).await;
    }
}

/// Until it is there, and verifies.
async fn receipt(world: &Arc<World>, root: Hash) {
    loop {
        let at = Arc::clone(world);
        let answer = world.call(move |log| {
            let at = Arc::clone(&at);
            async move {
                let state = log.wait_receipt(root, None, Duration::from_secs(2)).await;
                match state {
                    Ok(ReceiptState::Ready(token)) => {
                        at.oracle.receipt(root, &token);
                        true
                    }
                    Ok(ReceiptState::Unknown | ReceiptState::Gone) => {
                        panic!("{} ms: an acknowledged submission is unknown", at.executor.millis())
                    }
                    _ => false,
                }
            }
        });
        if answer.await == Some(true) {
            return;
        }
        pause(world, 500).await;
    }
}

/// A timestamp token (RFC 3161) is granted, and its proof fetched.
async fn timestamp(world: &Arc<World>) {
    let commitment = world.dice.bytes();
    let serial: [u8; 16] = world.dice.bytes()[..16].try_into().expect("16 bytes");
    let at = Arc::clone(world);
    let granted = world.call(move |log| {
        let at = Arc::clone(&at);
        async move {
            // A serial number is drawn for each request; one that comes twice is refused by `tsa`, not here.
            let granted = log.grant(Grant { serial, commitment }).await.is_ok();
            if granted {
                at.oracle.grants(serial);
            }
            granted
        }
    });
    // No answer: the client asks for another one, with another serial number.
    if granted.await != Some(true) {
        return;
    }
    loop {
        let at = Arc::clone(world);
        let answer = world.call(move |log| {
            let at = Arc::clone(&at);
            async move {
                match log.wait_grant_proof(serial, Duration::from_secs(2)).await {
                    Ok(ReceiptState::Ready(token)) => {
                        at.oracle.grant_proof(commitment, &token);
                        true
                    }
                    Ok(ReceiptState::Unknown | ReceiptState::Gone) => {
                        panic!("{} ms: a granted timestamp is unknown", at.executor.millis())
                    }
                    _ => false,
                }
            }
        });
        if answer.await == Some(true) {
            return;
        }
        pause(world, 500).await;
    }
}

/// Somebody who reads `/checkpoint`, for ever.
pub(crate) async fn read(world: Arc<World>) {
    loop {
        pause(&world, 1_500).await;
        let at = Arc::clone(&world);
        let shown = world.call(move |log| {
            let at = Arc::clone(&at);
            async move {
                if let Some(note) = log.checkpoint() {
                    at.oracle.shows(&note);
                }
            }
        });
        shown.await;
    }
}

async fn pause(world: &Arc<World>, at_most: u64) {
    let millis = world.dice.between(1, at_most);
    world.executor.sleep(Duration::from_millis(millis)).await;
}
