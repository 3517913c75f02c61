//! Examples that are refused: tokens, layers, entries, checkpoints, bounds, renewals.

use super::{
    format::Case,
    good::{after, after_at, at, both_keys, case, renewal, second_digest},
    raw::{array, bytes, int, layer, layers, map, text, uint, with_extra, with_fields},
};
use crate::world::{
    FILE, SEALED_AT, Stamp, T, Who, after_note, after_note_at, blinded, claim, full, full_claim, holder,
    plain,
};
use treering_tlog::{hash::sha256, note::Note, proof::TlogProof};
use treering_token::{commitment::Commitment, token::Token};

pub(super) fn cases() -> Vec<Case> {
    let all = [cbor(), bounds(), fields(), own_half(), log_half(), times(), renewals()];
    all.into_iter().flatten().collect()
}

pub(super) fn bad(name: &str, comment: &str, token: String) -> Case {
    case(name, comment, "two of three", &[token])
}

/// Extra data that is not deterministic CBOR.
fn cbor() -> Vec<Case> {
    let token = plain(FILE).token();
    let (entry, layers) = (bytes(&token.entry().encode()), layers(&token));
    let good = map(&[(1, entry.clone()), (2, layers.clone())]);
    let extra = |name, comment, extra: Vec<u8>| bad(name, comment, with_extra(&token, Some(extra)));
    let not_canonical = token.to_string().replacen("\nindex 17\n", "\nindex 017\n", 1);
    vec![
        bad("index with a leading zero", "C2SP tlog-proof has one spelling of a number.", not_canonical),
        bad("no extra line", "A tlog-proof of something else.", with_extra(&token, None)),
        extra("trailing byte", "One zero byte behind the map.", [&good[..], &[0]].concat()),
        extra("cut off", "The last byte is missing.", good[..good.len() - 1].to_vec()),
        extra("longer head", "The map's head takes two bytes.", [&[0xb8, 0x02], &good[1..]].concat()),
        extra("indefinite map", "A map that ends with a break.", [&[0xbf], &good[1..], &[0xff]].concat()),
        extra("keys out of order", "2 before 1.", map(&[(2, layers.clone()), (1, entry.clone())])),
        extra("key twice", "1, 2, 2.", map(&[(1, entry.clone()), (2, layers.clone()), (2, layers.clone())])),
        extra("unknown key", "6.", map(&[(1, entry.clone()), (2, layers.clone()), (6, uint(0))])),
        extra("no layers", "Only the entry.", map(&[(1, entry.clone())])),
        extra("null", "Field 5 is null.", map(&[(1, entry.clone()), (2, layers.clone()), (5, vec![0xf6])])),
        extra("tag", "Field 1 has a tag.", map(&[(1, [&[0xc1], &entry[..]].concat()), (2, layers)])),
    ]
}

/// Entries and layers out of their bounds.
fn bounds() -> Vec<Case> {
    let token = plain(FILE).token();
    let with_layers = |name, comment, layers: &[Vec<u8>]| {
        let pairs = [(1, bytes(&token.entry().encode())), (2, array(layers))];
        bad(name, comment, with_extra(&token, Some(map(&pairs))))
    };
    let with_entry = |name, comment, items: &[Vec<u8>]| {
        let pairs = [(1, bytes(&array(items))), (2, layers(&token))];
        bad(name, comment, with_extra(&token, Some(map(&pairs))))
    };
    let root = bytes(token.entry().batch_root().as_bytes());
    vec![
        with_layers(
            "path bit without a sibling",
            "path = 2^1 with one sibling.",
            &[layer(2, 1), layer(0, 1)],
        ),
        with_layers("64 siblings", "One more than a layer may have.", &[layer(0, 64), layer(0, 1)]),
        with_layers("no layer", "There is at least one.", &[]),
        with_layers("17 layers", "One more than there may be.", &vec![layer(0, 0); 17]),
        with_layers("257 siblings in all", "63 four times, and 5.", &{
            let mut layers = vec![layer(0, 63); 4];
            layers.push(layer(0, 5));
            layers
        }),
        with_entry(
            "entry of version 2",
            "Not known here.",
            &[uint(2), uint(SEALED_AT), root.clone(), uint(3)],
        ),
        with_entry(
            "entry sealed in 1970",
            "2^32 − 1 ms.",
            &[uint(1), uint((1 << 32) - 1), root.clone(), uint(3)],
        ),
        with_entry(
            "entry without submissions",
            "A count of 0.",
            &[uint(1), uint(SEALED_AT), root.clone(), uint(0)],
        ),
        with_entry(
            "entry with a short root",
            "31 bytes.",
            &[uint(1), uint(SEALED_AT), bytes(&[0; 31]), uint(3)],
        ),
        with_entry(
            "entry with a fifth item",
            "Four are wanted.",
            &[uint(1), uint(SEALED_AT), root, uint(3), uint(0)],
        ),
    ]
}

/// Fields that don't go together.
fn fields() -> Vec<Case> {
    let stamp = full();
    let token = stamp.token();
    let opened = stamp.opening.unwrap();
    let open =
        |claim: &[u8], names: &[(i64, Vec<u8>)]| array(&[bytes(&opened.salt.0), bytes(claim), map(names)]);
    let name = |name: &str| array(&[bytes(&holder().salt.0), text(name)]);
    let nameless = claim(FILE).encode();
    let note = bytes(&after_note());
    let receipt = plain(FILE).receipt();
    vec![
        bad(
            "claim names a checkpoint that is missing",
            "Field 5 of the claim without field 4 of the token.",
            with_fields(&token, &[(3, open(&opened.claim, &[]))]),
        ),
        bad(
            "checkpoint that no claim names",
            "Field 4 of the token without field 5 of the claim.",
            with_fields(&token, &[(3, open(&nameless, &[])), (4, note.clone())]),
        ),
        bad("checkpoint in a plain token", "Field 4 without field 3.", with_fields(&token, &[(4, note)])),
        bad(
            "disclosed holder without a field for it",
            "The claim has no field 2.",
            with_fields(&token, &[(3, open(&nameless, &[(2, name("Jane Doe"))]))]),
        ),
        bad(
            "disclosed agent without a field for it",
            "The claim has no field 3.",
            with_fields(&token, &[(3, open(&nameless, &[(3, name("Jane Doe"))]))]),
        ),
        bad(
            "empty name",
            "A disclosed name has at least one byte.",
            with_fields(&token, &[(3, open(&opened.claim, &[(2, name(""))]))]),
        ),
        bad(
            "name of another key",
            "Openings are 2 and 3 only.",
            with_fields(&token, &[(3, open(&opened.claim, &[(4, name("Jane Doe"))]))]),
        ),
        bad(
            "receipt that renews",
            "A token with one layer has fields 1 and 2 only.",
            with_fields(&receipt, &[(5, bytes(&[0; 32]))]),
        ),
        bad("renewal of 31 bytes", "Field 5 is a SHA-256.", with_fields(&token, &[(5, bytes(&[0; 31]))])),
        bad("negative key", "Keys are unsigned.", with_fields(&token, &[(-1, int(0))])),
    ]
}

/// Tokens that are not of the file, or were changed below the log's entry.
fn own_half() -> Vec<Case> {
    let mut wrong_salt = full();
    wrong_salt.opening.as_mut().unwrap().salt.0[0] ^= 1;
    let mut wrong_holder = full();
    wrong_holder.opening.as_mut().unwrap().holder.as_mut().unwrap().name = "John Doe".to_owned();
    let mut wrong_agent = full();
    wrong_agent.opening.as_mut().unwrap().agent = Some(holder());
    let mut sha3 = second_digest();
    let swapped = sha3.opening.as_mut().unwrap();
    *swapped.claim.last_mut().unwrap() ^= 1;
    let sha3 = blinded(swapped.clone());
    let receipt = full().receipt().to_string();
    let root = Some(sha256(b"another root").to_string());
    let mut cases = vec![
        bad("receipt for a file", "It lacks the submission's own layer.", receipt.clone()),
        bad("wrong salt", "One bit of the salt differs.", wrong_salt.token().to_string()),
        bad("wrong holder", "Another name than was blinded.", wrong_holder.token().to_string()),
        bad("wrong agent", "The holder's opening in the agent's place.", wrong_agent.token().to_string()),
        bad("wrong second digest", "SHA-256 agrees, SHA3-256 does not.", sha3.token().to_string()),
        Case { file: None, root, ..bad("receipt of another root", "The layers lead elsewhere.", receipt) },
    ];
    for (name, comment, stamp) in [
        ("changed file", "One byte was added.", full()),
        ("changed file, plain", "The same with a plain token.", plain(FILE)),
    ] {
        let file = Some(hex::encode([FILE, b"!"].concat()));
        cases.push(Case { file, ..bad(name, comment, stamp.token().to_string()) });
    }
    cases
}

/// Tokens whose log half does not hold.
fn log_half() -> Vec<Case> {
    let token = plain(FILE).token();
    let change = |token: &Token, change: &dyn Fn(&mut TlogProof)| {
        let mut proof = token.proof().clone();
        change(&mut proof);
        proof.to_string()
    };
    let line = |at: usize, with: Option<usize>| {
        let other = Stamp { sealed_at: SEALED_AT + 1, ..plain(FILE) }.token();
        change(&token, &|proof| {
            let mut lines = proof.checkpoint.signatures().to_vec();
            match with {
                Some(with) => lines[at] = other.proof().checkpoint.signatures()[with].clone(),
                None => drop(lines.remove(at)),
            }
            proof.checkpoint = Note::new(proof.checkpoint.text(), lines).unwrap();
        })
    };
    let backdated = Stamp { sealed_at: SEALED_AT - 10_000, ..plain(FILE) }.token().proof().extra.clone();
    let spliced = Stamp { commitment: Commitment(sha256(b"another file")), ..plain(FILE) }.token();
    let other_log = Stamp { log: "other.example/log", ..plain(FILE) }.token().to_string();
    let mut cases = vec![
        bad("entry at another index", "16 instead of 17.", change(&token, &|proof| proof.index = 16)),
        bad("entry beyond the tree", "Index 20 of 20.", change(&token, &|proof| proof.index = 20)),
        bad(
            "short inclusion proof",
            "The last hash is missing.",
            change(&token, &|proof| proof.path.truncate(proof.path.len() - 1)),
        ),
        bad(
            "backdated entry",
            "sealed_at is ten seconds earlier than in the log.",
            change(&token, &|proof| proof.extra.clone_from(&backdated)),
        ),
        bad(
            "spliced from two tokens",
            "The extra data of one, the log half of another.",
            change(&spliced, &|proof| proof.extra.clone_from(&token.proof().extra)),
        ),
        bad("log that the policy does not list", "Its checkpoint is genuine.", other_log),
        bad("no signature by the log", "Only the witnesses'.", line(0, None)),
        bad("log's signature of another checkpoint", "It does not verify.", line(0, Some(0))),
        bad(
            "cosignature of another checkpoint",
            "W1's does not verify; two others would do.",
            line(1, Some(1)),
        ),
        bad(
            "two lines by one key",
            "Both verify; which time counts would be the sender's choice.",
            at(&[(Who::W1, T), (Who::W2, T), (Who::W2, T + 1)]).token().to_string(),
        ),
        bad(
            "one of two witnesses",
            "Genuine, but the policy asks for two.",
            at(&[(Who::W2, T)]).token().to_string(),
        ),
    ];
    let two = at(&[(Who::W1, T), (Who::W2, T)]).token().to_string();
    cases.push(case(
        "two of three witnesses where all are wanted",
        "W3 is missing.",
        "all of three",
        std::slice::from_ref(&two),
    ));
    cases.push(case("one of an operator's two keys", "W1's ML-DSA-44 line is missing.", "both keys", &[two]));
    cases.push(case(
        "another policy",
        "The same token under a policy with another log.",
        "another log",
        &[both_keys()],
    ));
    cases
}

/// Times that contradict each other, and earlier checkpoints that don't hold.
fn times() -> Vec<Case> {
    let late = Stamp { sealed_at: (T + 60) * 1000 + 1, ..plain(FILE) };
    let swapped = Stamp { after: Some(after_note_at(&[(Who::W1, T - 1), (Who::W2, T - 1)])), ..full() };
    let mut forged = after_note();
    let at = forged.len() - 10;
    forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
    let stranger = Stamp { log: "other.example/log", ..plain(FILE) }.token().proof().checkpoint.to_string();
    let unwitnessed = after_note_at(&[(Who::W1, T - 1)]);
    let token = |stamp: Stamp| stamp.token().to_string();
    vec![
        bad("sealed over 60 s after the attested time", "By one millisecond.", token(late)),
        bad("another earlier checkpoint", "Not the one that the claim names.", token(swapped)),
        bad(
            "earlier checkpoint that is no note",
            "Named by the claim all the same.",
            token(after(b"note".to_vec())),
        ),
        bad(
            "forged cosignature on the earlier checkpoint",
            "Named by the claim all the same.",
            token(after(forged)),
        ),
        bad(
            "earlier checkpoint of an unknown log",
            "Any of the policy's would do.",
            token(after(stranger.into())),
        ),
        bad("earlier checkpoint without a quorum", "One witness of two.", token(after(unwitnessed))),
        bad("lower bound above the upper one", "By one second.", token(after_at(T + 2))),
    ]
}

fn renewals() -> Vec<Case> {
    let older = full().token().to_string();
    let newer = renewal(&older, true);
    let other = plain(FILE).token().to_string();
    let wrong = Stamp { renews: Some(sha256(b"another token")), ..newer.clone() }.token().to_string();
    let wrong_plain =
        Stamp { renews: Some(sha256(b"another token")), ..renewal(&older, false) }.token().to_string();
    let unnamed = Stamp { renews: None, ..newer.clone() }.token().to_string();
    let newer = newer.token().to_string();
    let spoiled = older.replacen("index 17", "index 16", 1);
    let of_spoiled = renewal(&spoiled, true).token().to_string();
    let earlier = |file: &str| Some(hex::encode(file));
    let two =
        |name, comment, tokens: [&String; 2]| case(name, comment, "two of three", &tokens.map(Clone::clone));
    let (_, opened) = full_claim();
    let old_claim = Stamp { after: Some(after_note()), renews: Some(sha256(b"x")), ..blinded(opened) };
    vec![
        bad(
            "renewal without the earlier token",
            "The file is not what the newer token is of.",
            newer.clone(),
        ),
        bad(
            "renewal of another than was stamped",
            "Field 5 is not digest 1 of the claim.",
            old_claim.token().to_string(),
        ),
        Case {
            file: earlier(&older),
            ..bad("renewal with another hash", "Field 5 is not digest 1 of the claim.", wrong)
        },
        Case {
            file: earlier(&older),
            ..bad("plain renewal with another hash", "Field 5 is not the commitment.", wrong_plain)
        },
        two("chain with another token", "The newer token renews a third one.", [&newer, &other]),
        two(
            "chain without a renewal",
            "The newer token is of the older one but does not say so.",
            [&unnamed, &older],
        ),
        two("chain whose older token is false", "The newer one is genuine.", [&of_spoiled, &spoiled]),
    ]
}
