//! Somebody has the log's key, and tries to get another history cosigned.

use crate::{
    fate,
    world::{self, Counts, World},
};
use std::sync::Arc;
use treering_tlog::{
    checkpoint::Checkpoint,
    hash::{Hash, leaf_hash},
    tree::{self, MemoryTree, TreeHead, TreeSize},
    witness::AddCheckpoint,
};

/// Shows a witness a fork that leaves the true history before what it has cosigned. No honest one may take it.
pub(crate) async fn attack(world: &Arc<World>, witness: usize) {
    let Some(known) = world.oracle.cosigned_by(witness).map(TreeSize::get).filter(|known| *known > 0) else {
        return;
    };
    let mut leaves = fate::leaves(world);
    let old = world.dice.below(known);
    leaves.truncate(usize::try_from(old).expect("small"));
    leaves.extend((0..world.dice.between(1, 3)).map(|_| leaf_hash(&world.dice.bytes())));
    let fork = MemoryTree::new(leaves);
    let old = TreeSize::new(old).expect("small");
    let proof = if old.is_zero() {
        Vec::new()
    } else {
        tree::prove_consistency(&mut &fork, old, fork.size()).expect("a tree in memory")
    };
    let head = TreeHead { size: fork.size(), root: Hash::new(*fork.root().as_bytes()) };
    let checkpoint =
        Checkpoint { origin: world::origin(), head, extensions: Vec::new() }.sign(&world::log_key());
    Counts::add(&world.counts.attacks);
    world.tell(&format!("a thief shows witness {witness} a fork from {old} to {}", head.size));
    let honest = !world.witnesses[witness].lies;
    let answer = world.ask(witness, &AddCheckpoint { old, proof, checkpoint }).await;
    assert!(!honest || answer.is_err(), "{} ms: witness {witness} cosigned a fork", world.executor.millis());
}
