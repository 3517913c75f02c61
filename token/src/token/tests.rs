use super::{ClaimOpening, Extra, Opening, Token, TokenError};
use crate::{
    cbor::CborError,
    claim::{Claim, ClaimError},
    commitment::{Salt, blind_name},
    digest::{Digests, HashId},
    entry::Entry,
    layer::{Layer, LayerError, Layers},
};
use proptest::prelude::*;
use treering_tlog::{
    hash::{Hash, sha256},
    note::{KeyId, KeyName, Note, Signature},
    proof::TlogProof,
    time::UnixMillis,
};

const NOTE: &[u8] = b"any bytes: whether they are a note is for the verifier";

fn note() -> Note {
    let line = Signature::new(KeyName::new("example.com/log").unwrap(), KeyId(1), vec![0; 64]);
    Note::new("example.com/log\n1\nAAAA\n", vec![line]).unwrap()
}

fn layer(siblings: usize) -> Layer {
    Layer::new(0, vec![Hash::new([3; 32]); siblings]).unwrap()
}

fn receipt() -> Token {
    let entry = Entry::new(UnixMillis::new(1 << 41).unwrap(), Hash::new([1; 32]), 3).unwrap();
    Token::receipt(entry, layer(2), 5, vec![Hash::new([2; 32]); 3], note())
}

fn opening(after: bool, names: bool) -> ClaimOpening {
    let salt = Salt([9; 32]);
    let blinded = names.then(|| blind_name(&salt, "Jane"));
    let after = after.then(|| sha256(NOTE));
    let claim = Claim {
        digests: Digests::new([1; 32]),
        holder: blinded,
        agent: blinded,
        title: None,
        after,
        signed: None,
    };
    let name = names.then(|| Opening { salt, name: "Jane".to_owned() });
    ClaimOpening { salt, claim: claim.encode(), holder: name.clone(), agent: name }
}

fn full() -> Token {
    receipt()
        .below(layer(4), Some(opening(true, true)), Some(NOTE.to_vec()), Some(Hash::new([7; 32])))
        .unwrap()
}

/// A token text with this `extra`.
fn with_extra(extra: Option<Vec<u8>>) -> String {
    TlogProof { extra, ..receipt().proof().clone() }.to_string()
}

fn reread(change: impl FnOnce(&mut Extra)) -> TokenError {
    let mut extra = full().extra();
    change(&mut extra);
    Token::parse(with_extra(Some(extra.encode())).as_bytes()).unwrap_err()
}

#[test]
fn round_trips() {
    for token in [receipt(), full(), receipt().below(layer(0), None, None, None).unwrap()] {
        let text = token.to_string();
        let parsed = Token::parse(text.as_bytes()).unwrap();
        assert_eq!((parsed.to_string(), parsed), (text, token));
    }
}

#[test]
fn one_layer_makes_a_receipt() {
    assert!(receipt().is_receipt());
    assert!(!full().is_receipt());
    assert_eq!(full().layers().as_slice(), [layer(4), layer(2)]);
}

#[test]
fn names_can_be_withheld_apart() {
    let disclosed = |token: &Token| {
        let opening = token.opening().unwrap();
        (opening.holder.is_some(), opening.agent.is_some())
    };
    let token = full();
    assert_eq!(disclosed(&token.without_names(false, false)), (true, true));
    assert_eq!(disclosed(&token.without_names(true, false)), (false, true));
    assert_eq!(disclosed(&token.without_names(false, true)), (true, false));
    let none = token.without_names(true, true);
    assert_eq!(disclosed(&none), (false, false));
    assert_eq!(Token::parse(none.to_string().as_bytes()), Ok(none));
    assert_eq!(token.without_names(false, false), token);
}

#[test]
fn says_which_digests_the_file_needs() {
    assert_eq!(receipt().digest_ids(), [HashId::SHA_256]);
    let mut digests = Digests::new([1; 32]);
    assert!(
        digests.insert(HashId::SHA3_256, vec![1; 32]) && digests.insert(HashId::new(99).unwrap(), vec![1])
    );
    let claim = Claim { digests, holder: None, agent: None, title: None, after: None, signed: None };
    let opening = ClaimOpening { salt: Salt([0; 32]), claim: claim.encode(), holder: None, agent: None };
    let token = receipt().below(layer(0), Some(opening), None, None).unwrap();
    assert_eq!(token.digest_ids(), [HashId::SHA_256, HashId::SHA3_256]);
}

#[test]
fn after_and_its_claim_need_each_other() {
    assert_eq!(reread(|extra| extra.after = None), TokenError::AfterMissing);
    assert_eq!(reread(|extra| extra.opening = Some(opening(false, false))), TokenError::AfterUnexpected);
    assert_eq!(reread(|extra| extra.opening = None), TokenError::AfterUnexpected);
}

#[test]
fn names_need_their_fields_in_the_claim() {
    let disclose = |extra: &mut Extra, holder, agent| {
        extra.opening = Some(ClaimOpening { holder, agent, ..opening(true, false) });
    };
    let name = || Some(Opening { salt: Salt([0; 32]), name: "Jane".to_owned() });
    assert_eq!(reread(|extra| disclose(extra, name(), None)), TokenError::HolderUnexpected);
    assert_eq!(reread(|extra| disclose(extra, None, name())), TokenError::AgentUnexpected);
}

#[test]
fn names_have_1_to_1024_bytes() {
    let rename = |length| {
        reread(|extra| {
            let salt = Salt([0; 32]);
            extra.opening.as_mut().unwrap().agent = Some(Opening { salt, name: "x".repeat(length) });
        })
    };
    assert_eq!(rename(0), TokenError::Name(0));
    assert_eq!(rename(1025), TokenError::Name(1025));
    let mut longest = full().extra();
    longest.opening.as_mut().unwrap().agent = Some(Opening { salt: Salt([0; 32]), name: "x".repeat(1024) });
    assert!(Token::parse(with_extra(Some(longest.encode())).as_bytes()).is_ok());
}

#[test]
fn a_receipt_has_nothing_but_entry_and_layer() {
    let one = |extra: &mut Extra| extra.layers = Layers::new(vec![layer(0)]).unwrap();
    assert_eq!(reread(one), TokenError::ReceiptFields);
    let renewal = |extra: &mut Extra| {
        one(extra);
        (extra.opening, extra.after) = (None, None);
    };
    assert_eq!(reread(renewal), TokenError::ReceiptFields);
    let claim = |extra: &mut Extra| {
        one(extra);
        (extra.opening, extra.after, extra.renews) = (Some(opening(false, false)), None, None);
    };
    assert_eq!(reread(claim), TokenError::ReceiptFields);
    let after = |extra: &mut Extra| {
        one(extra);
        (extra.opening, extra.renews) = (None, None);
    };
    assert_eq!(reread(after), TokenError::ReceiptFields);
}

#[test]
fn a_claim_in_a_token_has_its_form() {
    let garble = |extra: &mut Extra| extra.opening.as_mut().unwrap().claim = vec![0xa0];
    assert_eq!(reread(garble), TokenError::Claim(ClaimError::NoDigests));
}

#[test]
fn extra_is_bounded() {
    let parse = |extra: Option<Vec<u8>>| Token::parse(with_extra(extra).as_bytes()).unwrap_err();
    assert_eq!(parse(None), TokenError::NoExtra);
    assert_eq!(parse(Some(vec![0xa0])), TokenError::Extra(CborError::MissingKey(1)));
    assert_eq!(parse(Some(vec![0; 48_001])), TokenError::ExtraTooLong(48_001));
    assert_eq!(reread(|extra| extra.after = Some(vec![0; 48_000])), TokenError::ExtraTooLong(48_565));
    let longest = Extra { after: Some(vec![0; 48_000 - 565]), ..full().extra() }.encode();
    assert_eq!(longest.len(), Token::MAX_EXTRA);
    assert!(Token::parse(with_extra(Some(longest)).as_bytes()).is_ok());
    let large = receipt().below(layer(0), Some(opening(true, false)), Some(vec![0; 48_000]), None);
    assert!(matches!(large, Err(TokenError::ExtraTooLong(_))));
    assert_eq!(Token::parse(&vec![b'\n'; 1_000_001]), Err(TokenError::TooLong(1_000_001)));
    assert!(!matches!(Token::parse(&vec![b'\n'; 1_000_000]), Err(TokenError::TooLong(_))));
}

#[test]
fn a_token_below_another_is_as_long_as_one_may_be_and_no_longer() {
    let below = |more: usize| {
        let short = note();
        let text = format!("{}{}\n", short.text(), "x".repeat(more));
        let receipt = Token {
            proof: TlogProof {
                checkpoint: Note::new(&text, short.signatures().to_vec()).unwrap(),
                ..receipt().proof
            },
            ..receipt()
        };
        receipt.below(layer(0), None, None, None)
    };
    let room = Token::MAX_BYTES - below(0).unwrap().to_string().len();
    assert_eq!(below(room).unwrap().to_string().len(), Token::MAX_BYTES);
    assert_eq!(below(room + 1), Err(TokenError::TooLong(Token::MAX_BYTES + 1)));
    assert_eq!(below(room + 9), Err(TokenError::TooLong(Token::MAX_BYTES + 9)));
}

#[test]
fn extra_has_one_encoding() {
    let good = receipt().proof().extra.clone().unwrap();
    let parse = |extra: Vec<u8>| Token::parse(with_extra(Some(extra)).as_bytes()).unwrap_err();
    assert_eq!(parse([&good[..], &[0]].concat()), TokenError::Extra(CborError::Trailing));
    assert_eq!(parse([&[0xb8, 0x02], &good[1..]].concat()), TokenError::Extra(CborError::NotDeterministic));
    assert_eq!(
        parse([&[0xa3], &good[1..], &[0x06, 0x00]].concat()),
        TokenError::Extra(CborError::UnknownKey(6))
    );
    assert_eq!(parse([&[0xa1], &good[1..]].concat()), TokenError::Extra(CborError::MissingKey(2)));
}

#[test]
fn layers_stay_in_their_bounds() {
    let deep = (0..15).try_fold(receipt(), |token, _| token.below(layer(0), None, None, None)).unwrap();
    assert_eq!(deep.below(layer(0), None, None, None), Err(TokenError::Layers(LayerError::Count(17))));
}

#[test]
fn messages() {
    insta::assert_snapshot!(TokenError::TooLong(1_000_001), @"a token has at most 1,000,000 bytes, this has 1000001");
    insta::assert_snapshot!(TokenError::NoExtra, @"this tlog-proof has no extra line, so it is not a Treering token");
    insta::assert_snapshot!(TokenError::ExtraTooLong(48_001), @"a token's extra data has at most 48,000 bytes before base64, this has 48001");
    insta::assert_snapshot!(TokenError::Extra(CborError::Trailing), @"the token's extra data: there are bytes after the end of the CBOR value");
    insta::assert_snapshot!(TokenError::Layers(LayerError::Path), @"the token's layers: the path has bits beyond the layer's siblings");
    insta::assert_snapshot!(TokenError::Claim(ClaimError::NoDigests), @"the token's claim: the claim lacks the file's digests (field 1)");
    insta::assert_snapshot!(TokenError::Name(0), @"a disclosed name has 1 to 1,024 bytes, this one has 0");
    insta::assert_snapshot!(TokenError::HolderUnexpected, @"the token discloses a holder, but the claim has none");
    insta::assert_snapshot!(TokenError::AgentUnexpected, @"the token discloses an agent, but the claim has none");
    insta::assert_snapshot!(TokenError::AfterMissing, @"the claim names a checkpoint that it was made after, but the token lacks that checkpoint");
    insta::assert_snapshot!(TokenError::AfterUnexpected, @"the token carries a checkpoint from before it was made, but its claim names none");
    insta::assert_snapshot!(TokenError::ReceiptFields, @"a token with one layer is a receipt, and a receipt carries no claim, no earlier checkpoint and no renewal");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>(), extra in any::<Vec<u8>>()) {
        let _ = Token::parse(&bytes);
        let _ = Token::parse(with_extra(Some(extra)).as_bytes());
    }

    #[test]
    fn what_is_read_is_written_the_same(at in any::<prop::sample::Index>(), byte: u8, inside: bool) {
        let mut text = full().to_string().into_bytes();
        let mut extra = full().proof().extra.clone().unwrap();
        let changed = if inside { &mut extra } else { &mut text };
        let at = at.index(changed.len());
        changed[at] = byte;
        let bytes = if inside { with_extra(Some(extra)).into_bytes() } else { text };
        if let Ok(token) = Token::parse(&bytes) {
            prop_assert_eq!(token.to_string().into_bytes(), bytes);
        }
    }
}
