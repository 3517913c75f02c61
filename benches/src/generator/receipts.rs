//! No figure without evidence: every submission of a run is checked under the log's policy once the clock has stopped.
//!
//! [`every_receipt`] fetches and verifies one receipt a submission. For hundreds of thousands of single hashes
//! [`every_batch`] shows the same with less: each batch's leaf hashes are fetched, every submission has to be among
//! them, and one verified receipt of each batch has to name the root that those leaf hashes have.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, anyhow, bail, ensure};
use treering_tlog::{hash::Hash, policy::Policy, time::UnixSeconds};
use treering_token::{commitment::Commitment, token::Token, verify::Verifier};

use super::{
    Load, Work,
    get::get,
    plan::Plan,
    tree::{BaseTree, Bytes32},
};

/// Everything is published after so long, or it is an error.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// Connections that receipts are fetched over.
const CONNECTIONS: usize = 16;

/// What was checked.
#[derive(Debug, Default)]
pub struct Checked {
    /// Submissions that are in the log under its witnesses' cosignatures.
    pub submissions: usize,
    /// Receipts that were verified to show it.
    pub receipts: usize,
    /// Batches whose roots were recomputed for it.
    pub batches: usize,
    /// How long each receipt took to be fetched, shortest first.
    pub fetched_in: Vec<Duration>,
}

/// Waits until a submission's receipt is there.
///
/// # Errors
/// It does not come.
pub fn wait_published(server: SocketAddr, plan: &Plan, n: u64) -> anyhow::Result<()> {
    let path = format!("/v1/receipts/{}", hex::encode(plan.root(n)));
    until(&path, || Ok((get(server, &path)?.0 == 200).then_some(())))
}

/// Verifies receipts that came with the answers.
///
/// # Errors
/// One of them is no evidence for its submission.
pub fn given(policy: &Policy, plan: &Plan, bodies: &[(u64, Vec<u8>)]) -> anyhow::Result<Checked> {
    let now = now()?;
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = bodies.len().div_ceil(workers).max(1);
    let verify_all = |bodies: &[(u64, Vec<u8>)]| {
        bodies.iter().try_for_each(|(n, body)| verify(policy, now, &plan.root(*n), body).map(|_| ()))
    };
    thread::scope(|scope| {
        let running: Vec<_> = bodies.chunks(share).map(|bodies| scope.spawn(|| verify_all(bodies))).collect();
        let ended = running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a panic"))?);
        ended.collect::<anyhow::Result<()>>()
    })?;
    Ok(Checked { submissions: bodies.len(), receipts: bodies.len(), ..Checked::default() })
}

/// Fetches and verifies the receipt of every submission.
///
/// # Errors
/// One is missing, or is no evidence.
pub fn every_receipt(
    server: SocketAddr,
    policy: &Policy,
    plan: &Arc<Plan>,
    numbers: &[u64],
) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    let mut wanted = numbers.to_vec();
    let over = Instant::now() + PATIENCE;
    while !wanted.is_empty() {
        ensure!(Instant::now() < over, "{} receipts are still pending", wanted.len());
        let work = Arc::new(Work::Receipts { plan: Arc::clone(plan), numbers: wanted.clone() });
        let outcome = Load::http1(CONNECTIONS, PATIENCE).run(server, work)?;
        checked.fetched_in.extend(outcome.times());
        let number = |n: u64| wanted[usize::try_from(n).expect("a request's number is an index")];
        let bodies: Vec<_> = outcome.bodies.into_iter().map(|(n, body)| (number(n), body)).collect();
        checked.receipts += given(policy, plan, &bodies)?.receipts;
        wanted = outcome.answered.iter().filter(|a| a.status == 202).map(|a| number(a.n)).collect();
        thread::sleep(PAUSE);
    }
    checked.submissions = checked.receipts;
    checked.fetched_in.sort_unstable();
    ensure!(checked.receipts == numbers.len(), "{} of {} receipts", checked.receipts, numbers.len());
    Ok(checked)
}

/// Finds every submission in the batches from entry `first` on, and holds each batch against a verified receipt.
///
/// # Errors
/// A submission is in no batch, or a batch is not the one that its entry names.
pub fn every_batch(
    server: SocketAddr,
    policy: &Policy,
    plan: &Plan,
    numbers: &[u64],
    first: u64,
) -> anyhow::Result<Checked> {
    let mut missing: HashMap<Bytes32, u64> = numbers.iter().map(|n| (plan.batch_leaf(*n), *n)).collect();
    ensure!(missing.len() == numbers.len(), "two submissions were the same");
    let mut checked = Checked { submissions: numbers.len(), ..Checked::default() };
    let mut entry = first;
    until("every submission in a published batch", || {
        let size = published_size(server)?;
        while entry < size {
            check_batch(server, policy, plan, entry, &mut missing, &mut checked)?;
            entry += 1;
        }
        Ok(missing.is_empty().then_some(()))
    })?;
    Ok(checked)
}

/// Takes out of `missing` what is in this batch.
fn check_batch(
    server: SocketAddr,
    policy: &Policy,
    plan: &Plan,
    entry: u64,
    missing: &mut HashMap<Bytes32, u64>,
    checked: &mut Checked,
) -> anyhow::Result<()> {
    let leaves = fetch(server, &format!("/v1/batches/{entry}"))?;
    let (leaves, rest) = leaves.as_chunks();
    ensure!(rest.is_empty() && !leaves.is_empty(), "batch {entry} is no list of hashes");
    let mut sent = None;
    leaves.iter().filter_map(|leaf| missing.remove(leaf)).for_each(|n| sent = Some(n));
    let Some(n) = sent else { return Ok(()) };
    let receipt = fetch(server, &format!("/v1/receipts/{}", hex::encode(plan.root(n))))?;
    let token = verify(policy, now()?, &plan.root(n), &receipt)?;
    ensure!(token.index() == entry, "the receipt is of entry {}, not of {entry}", token.index());
    let root = BaseTree::over(leaves.to_vec()).root();
    ensure!(*token.entry().batch_root().as_bytes() == root, "batch {entry} has another root than its entry");
    checked.receipts += 1;
    checked.batches += 1;
    Ok(())
}

/// The size of the published checkpoint: its second line.
///
/// # Errors
/// There is none.
pub fn published_size(server: SocketAddr) -> anyhow::Result<u64> {
    let note = String::from_utf8(fetch(server, "/checkpoint")?)?;
    note.lines().nth(1).and_then(|size| size.parse().ok()).context("a checkpoint without a size")
}

/// A receipt that is evidence for this root under this policy.
///
/// # Errors
/// It is not.
pub fn verify(policy: &Policy, now: UnixSeconds, root: &Bytes32, receipt: &[u8]) -> anyhow::Result<Token> {
    let token = Token::parse(receipt)?;
    Verifier { policy, now }.receipt(&token, &Commitment(Hash::new(*root)))?;
    Ok(token)
}

/// The verifier's time.
///
/// # Errors
/// The clock stands before 1970.
pub fn now() -> anyhow::Result<UnixSeconds> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    UnixSeconds::new(seconds).context("a time out of range")
}

fn fetch(server: SocketAddr, path: &str) -> anyhow::Result<Vec<u8>> {
    match get(server, path)? {
        (200, body) => Ok(body),
        (status, body) => bail!("GET {path}: {status} {}", String::from_utf8_lossy(&body)),
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let over = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        ensure!(Instant::now() < over, "waited for this in vain: {what}");
        thread::sleep(PAUSE);
    }
}
