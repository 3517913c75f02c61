//! How many replies one core signs a second: `cargo run --release -p treering-tsa --example replies_a_second`.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use treering_tsa::authority::{Authority, Settings};
use treering_tsa::chain::Chain;
use treering_tsa::gen_time::GenTime;
use treering_tsa::imprint::ImprintAlgorithm;
use treering_tsa::issue::TestCa;
use treering_tsa::nonce::Nonce;
use treering_tsa::query::Query;
use treering_tsa::serial::Serial;
use treering_tsa::signer::{KeyKind, LocalSigner, TsaSigner as _};

const ROUNDS: u32 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let now = GenTime::from_millis(1_764_095_625_120)?;
    let ca = TestCa::generate(KeyKind::P256, "CN=Test CA", [1; 16], now)?;
    let settings = Settings::new(treering_tsa::oid::parse("1.3.6.1.4.1.32473.1.1")?);
    let query =
        Query::new(ImprintAlgorithm::Sha256.hash(b"abc"), None, Some(Nonce::from_random([7; 16])), true);
    let query = query.encode();
    for (kind, rounds) in
        [(KeyKind::P256, ROUNDS), (KeyKind::P384, ROUNDS / 20), (KeyKind::Rsa3072, ROUNDS / 40)]
    {
        let signer = Arc::new(LocalSigner::generate(kind)?);
        let leaf = ca.issue_tsa(signer.public_key_info(), "CN=TSA", [2; 16], now, 1)?;
        let chain = Chain::new(vec![leaf, ca.certificate().clone()])?;
        let authority = Authority::new(signer.clone(), &chain, &settings, now)?;
        let start = Instant::now();
        for _ in 0..rounds {
            let query = Query::parse(black_box(&query))?;
            black_box(authority.grant(&query, now, &Serial::from_random([9; 16]))?);
        }
        let replies = f64::from(rounds) / start.elapsed().as_secs_f64();
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(signer.sign(black_box(&[7; 200]))?);
        }
        let signatures = f64::from(rounds) / start.elapsed().as_secs_f64();
        println!("{kind:?}: {replies:.0} replies a second on one core ({signatures:.0} bare signatures)");
    }
    Ok(())
}
