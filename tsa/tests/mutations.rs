//! Ten thousand queries with random damage: each is no query, or gets a reply that parses.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail it")]

use std::sync::Arc;
use treering_tsa::authority::{Authority, Settings};
use treering_tsa::chain::Chain;
use treering_tsa::commitment::commitment_of;
use treering_tsa::gen_time::GenTime;
use treering_tsa::imprint::ImprintAlgorithm;
use treering_tsa::issue::TestCa;
use treering_tsa::nonce::Nonce;
use treering_tsa::query::{Query, QueryError};
use treering_tsa::serial::Serial;
use treering_tsa::signer::{KeyKind, LocalSigner, TsaSigner as _};
use treering_tsa::{ObjectIdentifier, oid};

const POLICY: &str = "1.3.6.1.4.1.32473.1.1";

/// xorshift64*: numbers that look random, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

fn policy() -> ObjectIdentifier {
    oid::parse(POLICY).unwrap()
}

/// Changes, adds, takes out or cuts off; one to three times.
fn damage(query: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = query.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len().max(1));
        match random.below(5) {
            0 if at < bytes.len() => bytes[at] = random.byte(),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => bytes.insert(at, random.byte()),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

#[test]
fn damaged_queries_are_answered_or_are_none() {
    let now = GenTime::from_millis(1_764_095_625_120).unwrap();
    let ca = TestCa::generate(KeyKind::P256, "CN=Test CA", [1; 16], now).unwrap();
    let signer = LocalSigner::generate(KeyKind::P256).unwrap();
    let leaf = ca.issue_tsa(signer.public_key_info(), "CN=TSA", [2; 16], now, 1).unwrap();
    let chain = Chain::new(vec![leaf]).unwrap();
    let authority = Authority::new(Arc::new(signer), &chain, &Settings::new(policy()), now).unwrap();
    let mut random = Random(0x7472_6565_7269_6e67);
    let (mut none, mut rejected, mut granted) = (0, 0, 0);
    for round in 0..10_000 {
        let imprint = ImprintAlgorithm::ALL[round % 6].hash(&round.to_be_bytes());
        let nonce = Nonce::from_random([0x5a; 16]);
        let query = Query::new(imprint, Some(policy()), Some(nonce), round % 2 == 0).encode();
        let reply = match Query::parse(&damage(&query, &mut random)) {
            Err(QueryError::NotAQuery(_)) => {
                none += 1;
                continue;
            }
            Err(QueryError::Rejected(rejection)) => rejection.encode(),
            Ok(query) => match authority.grant(&query, now, &Serial::from_random([3; 16])) {
                Ok(grant) => {
                    granted += 1;
                    assert_eq!(commitment_of(&grant.reply), Ok(grant.commitment));
                    continue;
                }
                Err(refused) => refused.rejection().encode(),
            },
        };
        rejected += 1;
        assert_eq!(commitment_of(&reply), Err(treering_tsa::TokenError::Refused));
    }
    assert_eq!(none + rejected + granted, 10_000);
    assert!(none > 1000 && rejected > 100 && granted > 1000, "{none} {rejected} {granted}");
}
