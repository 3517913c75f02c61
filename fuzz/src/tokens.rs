//! Entries, claims, tokens and receipts.

use std::sync::LazyLock;

use treering_tlog::{
    hash::{Hash, sha256},
    proof::TlogProof,
    time::UnixMillis,
};
use treering_token::{
    claim::{Claim, ClaimError, HolderKey, MAX_CLAIM},
    digest::HashId,
    entry::Entry,
    escape,
    layer::{Layer, Layers},
    token::Token,
};

use crate::{meter::bounded, vectors::TOKENS};

/// The log's leaves.
pub fn entry(bytes: &[u8]) {
    if let Ok(entry) = bounded(bytes, || Entry::decode(bytes)) {
        assert_eq!(entry.encode(), bytes);
        assert!((46..=54).contains(&bytes.len()));
    }
    if let Some((sealed_at, rest)) = bytes.split_first_chunk()
        && let Some((submissions, _)) = rest.split_first_chunk()
        && let Some(sealed_at) = UnixMillis::new(u64::from_be_bytes(*sealed_at))
        && let Ok(entry) = Entry::new(sealed_at, sha256(bytes), u64::from_be_bytes(*submissions))
    {
        assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }
}

/// Claims, and the holders' keys inside them.
pub fn claim(bytes: &[u8]) {
    if let Ok(key) = bounded(bytes, || HolderKey::decode(bytes)) {
        assert_eq!(key.encode(), bytes);
    }
    match (bounded(bytes, || Claim::parse(bytes)), Claim::decode(bytes)) {
        (Ok(claim), decoded) => {
            assert_eq!(claim.encode(), bytes);
            assert!(bytes.len() <= MAX_CLAIM);
            let forged = claim.check_signature().is_err();
            assert_eq!(decoded, if forged { Err(ClaimError::Signature) } else { Ok(claim.clone()) });
            if let Some((key, signature)) = &claim.signed {
                assert_eq!(key.verify(&claim.signing_input(key), signature), !forged);
            }
            escape::text(claim.title.as_deref().unwrap_or_default());
        }
        (Err(error), decoded) => assert_eq!(decoded, Err(error)),
    }
}

/// Tokens and receipts, as files.
pub fn token(bytes: &[u8]) {
    let Ok(token) = bounded(bytes, || Token::parse(bytes)) else { return };
    assert_eq!(token.to_string().as_bytes(), bytes);
    assert_eq!(Token::parse(token.to_string().as_bytes()).as_ref(), Ok(&token));
    assert!(token.digest_ids().contains(&HashId::SHA_256));
    assert_eq!(token.opening().is_some(), token.claim().is_some());
    assert_eq!(token.after().is_some(), token.claim().is_some_and(|claim| claim.after.is_some()));
    for (holder, agent) in [(false, false), (true, false), (false, true), (true, true)] {
        let less = token.without_names(holder, agent);
        assert_eq!(Token::parse(less.to_string().as_bytes()).as_ref(), Ok(&less));
    }
    bounded_layers(token.layers());
    if token.is_receipt() {
        assert!(token.opening().is_none() && token.after().is_none() && token.renews().is_none());
        let proof = token.proof().clone();
        let layer = token.layers().as_slice()[0].clone();
        assert_eq!(Token::receipt(*token.entry(), layer, proof.index, proof.path, proof.checkpoint), token);
    }
    let layer = Layer::new(1, vec![Hash::EMPTY_ROOT]).expect("one sibling");
    let data = sha256(bytes);
    assert_eq!(
        token.layers().below(layer.clone()).map(|layers| layers.root(&data)).ok(),
        token.layers().below(layer.clone()).ok().map(|_| token.layers().root(&layer.root(&data)))
    );
    if let Ok(below) = token.below(layer, None, None, token.renews()) {
        assert_eq!(Token::parse(below.to_string().as_bytes()).as_ref(), Ok(&below));
    }
}

/// Each bit of a path has its sibling, so that every bit is authenticated.
fn bounded_layers(layers: &Layers) {
    let layers = layers.as_slice();
    assert!((1..=Layers::MAX_LAYERS).contains(&layers.len()));
    assert!(layers.iter().all(|layer| layer.siblings().len() <= Layers::MAX_SIBLINGS));
    assert!(layers.iter().all(|layer| layer.path() >> layer.siblings().len() == 0));
    assert!(layers.iter().map(|layer| layer.siblings().len()).sum::<usize>() <= Layers::MAX_SIBLINGS_IN_ALL);
}

/// The extra data of a token, in a proof that is well formed. Here mutations reach the CBOR itself.
pub fn token_extra(bytes: &[u8]) {
    let text = TlogProof { extra: Some(bytes.to_vec()), ..PROOF.clone() }.to_string();
    token(text.as_bytes());
}

static PROOF: LazyLock<TlogProof> = LazyLock::new(|| TOKENS.case("plain").proof());
