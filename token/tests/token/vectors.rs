//! `spec/vectors/token.json`: worked examples, good and bad, for whoever writes a second verifier.
//!
//! The file is generated here, from fixed seeds and times, and held against what is generated on every run. After a
//! wanted change: `TREERING_WRITE_VECTORS=1 cargo test -p treering-token --test token vectors`.

mod bad;
mod claims;
mod fallen;
mod format;
mod good;
mod raw;

use crate::world::{PLACE, Who, cosigner, log_key, policy_text, run_id, run_secret, seed};
use format::{Bad, Case, File, Good, Key, Salts, Shown, Steps};
use std::collections::BTreeMap;
use treering_tlog::{hash::Hash, policy::Policy, time::UnixSeconds};
use treering_token::{
    commitment::Commitment,
    digest::{Digester, HashId},
    token::Token,
    verify::{Verified, Verifier, VerifyError},
};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/token.json");

#[test]
fn the_file_is_what_is_generated() {
    let generated = serde_json::to_string_pretty(&generate()).unwrap() + "\n";
    if std::env::var_os("TREERING_WRITE_VECTORS").is_some() {
        std::fs::write(PATH, &generated).unwrap();
    }
    let kept = std::fs::read_to_string(PATH).unwrap();
    assert!(
        kept == generated,
        "spec/vectors/token.json is not what the code gives; see this module's first lines"
    );
}

#[test]
fn good_ones_verify_as_the_file_says() {
    let file = kept();
    for good in &file.good {
        let policy = good.case.policy(&file.policies[&good.case.policy]);
        let shown = show(&policy, &good.case).unwrap_or_else(|e| panic!("{}: {e}", good.case.name));
        assert_eq!(shown, good.shown, "{}", good.case.name);
        assert_eq!(steps(&good.case), good.steps, "{}", good.case.name);
    }
}

#[test]
fn bad_ones_are_refused_as_the_file_says() {
    let file = kept();
    for bad in &file.bad {
        let policy = bad.case.policy(&file.policies[&bad.case.policy]);
        let error = show(&policy, &bad.case).expect_err(&bad.case.name);
        assert_eq!((error.name(), error.to_string().as_str()), (bad.error.as_str(), bad.message.as_str()));
    }
}

/// A bad example differs from a good one in what its name says, and is not refused for something else.
#[test]
fn names_of_examples_are_unique_and_each_error_is_covered() {
    let file = kept();
    let cases = file.good.iter().map(|good| &good.case).chain(file.bad.iter().map(|bad| &bad.case));
    let names: std::collections::BTreeSet<_> = cases.clone().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.count());
    let errors: std::collections::BTreeSet<_> = file.bad.iter().map(|bad| bad.error.as_str()).collect();
    insta::assert_snapshot!(errors.into_iter().collect::<Vec<_>>().join("\n"), @"
    after_cosignature_forged
    after_hash_mismatch
    after_malformed
    after_missing
    after_quorum_not_met
    after_unexpected
    after_unknown_log
    agent_mismatch
    agent_unexpected
    cbor_indefinite_length
    cbor_items
    cbor_key_order
    cbor_length
    cbor_missing_key
    cbor_not_deterministic
    cbor_trailing_bytes
    cbor_truncated
    cbor_type
    cbor_unknown_key
    cbor_utf8
    checkpoint_forged
    checkpoint_unsigned
    claim_key_without_signature
    claim_signature_forged
    claim_signature_without_key
    claim_title
    claim_too_long
    claim_without_digests
    cosignature_forged
    digest_length
    digest_mismatch
    digest_truncated
    digests_without_sha256
    earlier_token_missing
    earlier_token_not_renewed
    entry_sealed_at
    entry_submissions
    entry_version
    holder_key_form
    holder_key_point
    holder_mismatch
    holder_unexpected
    layer_count
    layer_path
    layer_siblings
    layer_siblings_in_all
    layers_miss_entry
    log_distrusted
    lower_bound_above_upper
    not_in_checkpoint
    not_this_file
    policy_superseded
    quorum_not_met
    receipt_fields
    receipt_not_token
    renewal_mismatch
    sealed_after_attested
    tlog_proof_malformed
    token_name
    token_without_extra
    two_lines_by_one_key
    unknown_log
    ");
}

fn kept() -> File {
    serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap()
}

fn generate() -> File {
    let good = good::cases().into_iter().chain(fallen::good()).map(|case| {
        let policy = case.policy(&policy_text(&case.policy));
        let shown = show(&policy, &case).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        Good { steps: steps(&case), shown, case }
    });
    let bad = bad::cases().into_iter().chain(claims::cases()).chain(fallen::bad()).map(|case| {
        let policy = case.policy(&policy_text(&case.policy));
        let error = show(&policy, &case).expect_err(&case.name);
        Bad { error: error.name().to_owned(), message: error.to_string(), case }
    });
    let policies = ["two of three", "all of three", "one witness", "both keys", "none", "another log"];
    File {
        about: ABOUT.iter().map(|line| (*line).to_owned()).collect(),
        keys: keys(),
        policies: policies.map(|name| (name.to_owned(), policy_text(name))).into(),
        salts: salts(),
        good: good.collect(),
        bad: bad.collect(),
    }
}

/// Verifies a case as a verifier would that has nothing but what the file says.
fn show(policy: &Policy, case: &Case) -> Result<Vec<Shown>, VerifyError> {
    let verifier = Verifier { policy, now: UnixSeconds::new(case.now).unwrap() };
    if let Some(root) = &case.root {
        let token = Token::parse(case.tokens[0].as_bytes())?;
        let attested = verifier.receipt(&token, &Commitment(Hash::from_hex(root).unwrap()))?;
        return Ok(vec![Shown::of_receipt(&attested)]);
    }
    let tokens: Vec<_> = case.tokens.iter().map(String::as_bytes).collect();
    let mut digester = Digester::new(&(1..=12).filter_map(HashId::new).collect::<Vec<_>>());
    digester.update(&hex::decode(case.file.as_ref().unwrap()).unwrap());
    let verified: Vec<Verified> = verifier.chain(&tokens, &digester.finish())?;
    Ok(verified.iter().map(Shown::of).collect())
}

/// What a verifier computes on its way, token by token.
fn steps(case: &Case) -> Vec<Steps> {
    let subjects = case.tokens[1..].iter().map(|earlier| earlier.as_bytes().to_vec());
    let file = case.file.as_ref().map(|file| hex::decode(file).unwrap());
    let subjects = subjects.chain([file.unwrap_or_default()]);
    let tokens = case.tokens.iter().map(|text| Token::parse(text.as_bytes()).unwrap());
    let root = case.root.as_ref().map(|root| Hash::from_hex(root).unwrap());
    tokens.zip(subjects).map(|(token, subject)| Steps::of(&token, &subject, root)).collect()
}

fn keys() -> BTreeMap<String, Key> {
    let logs = ["example.com/log", "other.example/log"].map(|name| log_key(name).verifier());
    let witnesses = [Who::W1, Who::W2, Who::W3, Who::W1MlDsa].map(|who| cosigner(who).verifier());
    let keys = logs.into_iter().chain(witnesses);
    keys.map(|key| {
        let name = key.name().to_string();
        (name.clone(), Key { seed: hex::encode(seed(&name)), vkey: key.to_string() })
    })
    .collect()
}

fn salts() -> Salts {
    let run = run_secret();
    Salts {
        master_key: hex::encode(seed("master key")),
        run_id: hex::encode(run_id()),
        run_secret: hex::encode(run.as_bytes()),
        place: PLACE,
        salt: hex::encode(run.salt(PLACE).0),
        holder_salt: hex::encode(run.holder_salt(PLACE).0),
        agent_salt: hex::encode(run.agent_salt(PLACE).0),
    }
}

const ABOUT: [&str; 9] = [
    "Worked examples of Treering tokens: `good` ones verify, `bad` ones are refused. Bytes are in lowercase hex.",
    "`policy` names one of `policies`; `now` is the verifier's clock in seconds; `tokens` are whole files, newest first.",
    "`file` is what the oldest token is of. Where there is `root` instead, the token is checked as the receipt of it.",
    "`distrusted` and `until` are what the verifier knows beside its policy: keys that fell, and when it was superseded.",
    "`steps` has, for each token, what a verifier computes; `shown` what it may say: times in seconds, sealed_at in ms.",
    "`before` is T + 1 s, `not_before` the lower bound from the earlier checkpoint; either may be absent.",
    "`error` is the first fault that this verifier names; another may name another fault, but has to refuse.",
    "`keys` are made from 32-byte seeds (Ed25519: RFC 8032 private key; ML-DSA-44: FIPS 204 ξ) that are SHA-256 of",
    "\"treering vectors: <name>\". Never trust them: everybody has them.",
];
