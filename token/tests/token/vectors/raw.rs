//! Tokens written by hand, with faults that the library's own types have no room for.

use crate::world::{PLACE, Stamp, plain, run_secret};
use treering_tlog::proof::TlogProof;
use treering_token::{commitment::Commitment, layer::Layer, token::Token};

pub(super) fn uint(value: u64) -> Vec<u8> {
    encode(|encoder| drop(encoder.u64(value)))
}

pub(super) fn int(value: i64) -> Vec<u8> {
    encode(|encoder| drop(encoder.i64(value)))
}

pub(super) fn bytes(value: &[u8]) -> Vec<u8> {
    encode(|encoder| drop(encoder.bytes(value)))
}

pub(super) fn text(value: &str) -> Vec<u8> {
    encode(|encoder| drop(encoder.str(value)))
}

pub(super) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = encode(|encoder| drop(encoder.array(items.len() as u64)));
    out.extend(items.concat());
    out
}

/// In the order given.
pub(super) fn map(pairs: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut out = encode(|encoder| drop(encoder.map(pairs.len() as u64)));
    for (key, value) in pairs {
        out.extend(int(*key));
        out.extend(value);
    }
    out
}

pub(super) fn layer(path: u64, siblings: usize) -> Vec<u8> {
    array(&[uint(path), array(&vec![bytes(&[7; 32]); siblings])])
}

/// The token's layers, as its `extra` has them.
pub(super) fn layers(token: &Token) -> Vec<u8> {
    let layer = |layer: &Layer| {
        let siblings: Vec<_> = layer.siblings().iter().map(|sibling| bytes(sibling.as_bytes())).collect();
        array(&[uint(layer.path()), array(&siblings)])
    };
    array(&token.layers().as_slice().iter().map(layer).collect::<Vec<_>>())
}

/// The token's text with this `extra`.
pub(super) fn with_extra(token: &Token, extra: Option<Vec<u8>>) -> String {
    TlogProof { extra, ..token.proof().clone() }.to_string()
}

/// The token's text with these fields behind its entry and layers.
pub(super) fn with_fields(token: &Token, fields: &[(i64, Vec<u8>)]) -> String {
    let mut pairs = vec![(1, bytes(&token.entry().encode())), (2, layers(token))];
    pairs.extend_from_slice(fields);
    with_extra(token, Some(map(&pairs)))
}

/// The text of a token for which this very claim was stamped.
pub(super) fn with_claim(claim: &[u8], names: &[(i64, Vec<u8>)]) -> String {
    let salt = run_secret().salt(PLACE);
    let token = Stamp { commitment: Commitment::blinded(&salt, claim), ..plain(b"") }.token();
    with_fields(&token, &[(3, array(&[bytes(&salt.0), bytes(claim), map(names)]))])
}

fn encode(write: impl FnOnce(&mut minicbor::Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut minicbor::Encoder::new(&mut out));
    out
}
