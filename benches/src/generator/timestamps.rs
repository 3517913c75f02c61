//! Checking timestamps (RFC 3161): each token's signature, each serial number, and each one's proof from the log.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{anyhow, ensure};
use treering_tlog::{hash::Hash, policy::Policy, time::UnixSeconds};
use treering_token::{commitment::Commitment, token::Token, verify::Verifier};
use treering_tsa::{certificate::Certificate, reply::Reply, verify};

use super::{
    Load, Work,
    parallel::in_parallel,
    queries::{self, Queries},
    receipts::now,
};

/// Everything is published after so long, or it is an error.
const PATIENCE: Duration = Duration::from_secs(120);
/// Connections that proofs are fetched over.
const CONNECTIONS: usize = 16;

/// A token that was verified by its signature.
#[derive(Clone, Copy)]
struct Signed {
    serial: [u8; 16],
    commitment: [u8; 32],
}

/// Verifies every reply, and fetches and verifies the proof of each; how many they are.
///
/// # Errors
/// One is no token for its query, two have one serial number, or one's proof is missing or no evidence.
pub fn every_one(
    server: SocketAddr,
    policy: &Policy,
    chain: &str,
    queries: &Queries,
    replies: &[(u64, Vec<u8>)],
) -> anyhow::Result<usize> {
    let mut certificates = Certificate::from_pem_list(chain)?;
    let root = certificates.split_off(1);
    // Tokens without certificates need the authority's own.
    let verifier = verify::Verifier::new(root, certificates)?;
    let tokens = in_parallel(replies, |(n, reply)| token(&verifier, &queries.imprint(*n), reply))?;
    let serials: HashSet<_> = tokens.iter().map(|token| token.serial).collect();
    ensure!(serials.len() == tokens.len(), "two tokens have one serial number");

    let now = now()?;
    let over = Instant::now() + PATIENCE;
    let mut wanted = tokens;
    let mut checked = 0;
    while !wanted.is_empty() {
        ensure!(Instant::now() < over, "{} proofs are still pending", wanted.len());
        let work = Work::Proofs(wanted.iter().map(|token| token.serial).collect());
        let outcome = Load::http1(CONNECTIONS, PATIENCE).run(server, Arc::new(work))?;
        let token = |n: u64| wanted[usize::try_from(n).expect("a request's number is an index")];
        let proofs: Vec<_> = outcome.bodies.iter().map(|(n, proof)| (token(*n), proof)).collect();
        checked += in_parallel(&proofs, |(token, proof)| proved(policy, now, token, proof))?.len();
        let pending = outcome.answered.iter().filter(|answered| answered.status == 202);
        wanted = pending.map(|answered| token(answered.n)).collect();
    }
    Ok(checked)
}

fn token(verifier: &verify::Verifier, digest: &[u8; 32], reply: &[u8]) -> anyhow::Result<Signed> {
    let reply = Reply::parse(reply)?;
    let verified = verifier.verify(&reply, &queries::imprint(digest)?, None)?;
    let signed = verified.signed();
    let serial = signed.token().info().serial.to_bytes16();
    let serial = serial.ok_or_else(|| anyhow!("a serial number of another length"))?;
    Ok(Signed { serial, commitment: signed.commitment() })
}

fn proved(policy: &Policy, now: UnixSeconds, token: &Signed, proof: &[u8]) -> anyhow::Result<()> {
    let proof = Token::parse(proof)?;
    Verifier { policy, now }.receipt(&proof, &Commitment(Hash::new(token.commitment)))?;
    Ok(())
}
