//! Examples that verify.

use super::format::Case;
use crate::world::{
    FILE, NOW, Stamp, T, Who, after_note_at, blinded, claim, digests, full, opening, plain, sign_p256,
};
use treering_tlog::hash::{Hash, sha256};
use treering_token::{commitment::Commitment, digest::HashId, layer::Layer, token::Token};

/// One token for our file.
pub(super) fn case(name: &str, comment: &str, policy: &str, tokens: &[String]) -> Case {
    Case {
        name: name.to_owned(),
        comment: comment.to_owned(),
        policy: policy.to_owned(),
        now: NOW,
        file: Some(hex::encode(FILE)),
        root: None,
        distrusted: Vec::new(),
        until: None,
        tokens: tokens.to_vec(),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let two_of_three =
        |name, comment, stamp: &Stamp| case(name, comment, "two of three", &[stamp.token().to_string()]);
    let mut cases = vec![
        two_of_three("plain", "The file's SHA-256 itself was stamped.", &plain(FILE)),
        two_of_three("blinded, digest only", "The least claim: one digest.", &blinded(opening(&claim(FILE)))),
        two_of_three(
            "blinded, every field",
            "Both names disclosed, title, earlier checkpoint, Ed25519 key.",
            &full(),
        ),
        case(
            "blinded, names withheld",
            "The token before with both names taken out: the same claim, the same commitment.",
            "two of three",
            &[full().token().without_names(true, true).to_string()],
        ),
        two_of_three("second digest", "SHA3-256 beside SHA-256; both are checked.", &second_digest()),
        two_of_three("digest of an unknown algorithm", "Id 99 is named as unchecked.", &unknown_digest()),
        two_of_three(
            "holder's key on P-256",
            "ECDSA with SHA-256, r ‖ s, low s.",
            &blinded(opening(&sign_p256(claim(FILE), true))),
        ),
        two_of_three(
            "the quorum is met before the last cosignature",
            "T is the earliest time by which two have cosigned; the third came later and moves nothing.",
            &at(&[(Who::W1, T), (Who::W2, T + 1), (Who::W3, T + 9)]),
        ),
        two_of_three(
            "sealed 60 s after the attested time",
            "The allowed skew, to the millisecond.",
            &Stamp { sealed_at: (T + 60) * 1000, ..plain(FILE) },
        ),
        two_of_three("lower bound equal to the upper one", "Both bounds are T + 1 s.", &after_at(T + 1)),
        two_of_three(
            "a submission of one",
            "The first layer has no sibling: its root is a leaf hash.",
            &Stamp { alone: true, ..plain(FILE) },
        ),
        case(
            "three layers",
            "An aggregator's tree stands below the submission's.",
            "two of three",
            &[aggregated()],
        ),
        case("one witness", "The quorum is a witness: 1 of 1.", "one witness", &[full().token().to_string()]),
        case(
            "no witness asked for",
            "Under `quorum none` there is no attested time, and the earlier checkpoint is not judged.",
            "none",
            &[full().token().to_string()],
        ),
        case(
            "Ed25519 and ML-DSA-44",
            "One operator with two keys is one member.",
            "both keys",
            &[both_keys()],
        ),
        renewed(
            full(),
            "renewal",
            "The newer token is of the older one's bytes, the older one of the file's.",
        ),
        renewed(plain(FILE), "renewal of a plain token", "The older token's SHA-256 was stamped plainly."),
    ];
    let mut early = two_of_three("timestamps in the future", "Reported, not refused.", &plain(FILE));
    early.now = T - 1;
    cases.push(early);
    let root = Some(full().submission_root().to_string());
    let receipt = case(
        "receipt",
        "One layer: the proof of a submission root.",
        "two of three",
        &[full().receipt().to_string()],
    );
    cases.push(Case { file: None, root, ..receipt });
    cases
}

pub(super) fn second_digest() -> Stamp {
    let mut claim = claim(FILE);
    let sha3 = digests(FILE).get(HashId::SHA3_256).unwrap().to_vec();
    assert!(claim.digests.insert(HashId::SHA3_256, sha3));
    blinded(opening(&claim))
}

pub(super) fn at(cosigned: &[(Who, u64)]) -> Stamp {
    Stamp { cosigned: cosigned.to_vec(), ..plain(FILE) }
}

/// A claim that names a checkpoint cosigned at this time.
pub(super) fn after_at(time: u64) -> Stamp {
    after(after_note_at(&[(Who::W1, time), (Who::W2, time), (Who::W3, time)]))
}

/// A claim that names this note.
pub(super) fn after(note: Vec<u8>) -> Stamp {
    let mut claim = claim(FILE);
    claim.after = Some(sha256(&note));
    Stamp { after: Some(note), ..blinded(opening(&claim)) }
}

/// The token of an earlier token's bytes.
pub(super) fn renewal(earlier: &str, claimed: bool) -> Stamp {
    let renews = Some(sha256(earlier.as_bytes()));
    let newer =
        if claimed { blinded(opening(&claim(earlier.as_bytes()))) } else { plain(earlier.as_bytes()) };
    let later = |who| (who, T + 100);
    Stamp { renews, sealed_at: (T + 99) * 1000, cosigned: [Who::W1, Who::W2].map(later).to_vec(), ..newer }
}

pub(super) fn both_keys() -> String {
    at(&[(Who::W1, T), (Who::W1MlDsa, T + 1), (Who::W2, T)]).token().to_string()
}

fn unknown_digest() -> Stamp {
    let mut claim = claim(FILE);
    assert!(claim.digests.insert(HashId::new(99).unwrap(), vec![9; 16]));
    blinded(opening(&claim))
}

fn aggregated() -> String {
    let own = opening(&claim(FILE));
    let commitment = Commitment::blinded(&own.salt, &own.claim);
    let layer = Layer::new(0b10, vec![Hash::new([1; 32]), Hash::new([2; 32])]).unwrap();
    let above: Token = Stamp { commitment: Commitment(layer.root(&commitment.0)), ..plain(FILE) }.token();
    above.below(layer, Some(own), None, None).unwrap().to_string()
}

fn renewed(older: Stamp, name: &str, comment: &str) -> Case {
    let claimed = older.opening.is_some();
    let older = older.token().to_string();
    let newer = renewal(&older, claimed).token().to_string();
    case(name, comment, "two of three", &[newer, older])
}
