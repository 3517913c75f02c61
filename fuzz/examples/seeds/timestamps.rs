//! RFC 3161.

use treering_tsa::{imprint::ImprintAlgorithm, nonce::Nonce, oid, query::Query, status::Rejection};

use crate::{Seeds, seed};

pub(crate) fn queries() -> Seeds {
    let policy = oid::parse("1.3.6.1.4.1.32473.1.1").ok();
    let query = |algorithm: ImprintAlgorithm, policy, nonce| {
        Query::new(algorithm.hash(b"data"), policy, nonce, policy.is_some()).encode()
    };
    let mut seeds: Seeds = ImprintAlgorithm::ALL
        .iter()
        .map(|algorithm| seed(algorithm.name(), query(*algorithm, None, None)))
        .collect();
    let all = query(ImprintAlgorithm::Sha256, policy, Some(Nonce::from_random([0x80; 16])));
    seeds.push(seed("every_field", all));
    seeds
}

/// The tokens beside them were written once, by hand: no vector has a signature.
pub(crate) fn refusals() -> Seeds {
    vec![
        seed("refusal_bad_alg", Rejection::BAD_ALG.encode()),
        seed("refusal_system_failure", Rejection::SYSTEM_FAILURE.encode()),
    ]
}
