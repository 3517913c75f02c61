//! Policies and lists of logs: each key in them is a point that is decoded.

use std::fmt::Write as _;

use treering_fuzz::{logs::list, vectors::NOTES};
use treering_tlog::{
    cosignature::CosignerKey,
    hash::sha256,
    note::{KeyName, SigningKey, VerifierKey},
    policy::Policy,
};

use crate::measure::{MB, time};

pub(crate) fn all() {
    policies();
    lists();
}

fn policies() {
    let (mut logs, mut witnesses, mut pq) = (String::new(), String::new(), String::new());
    for i in 0..Policy::MAX_LOGS {
        let _ = writeln!(logs, "log {}", log(i));
    }
    for i in 0..Policy::MAX_WITNESSES {
        let _ = writeln!(
            witnesses,
            "witness {i} {}",
            CosignerKey::ed25519(name(&format!("w{i}.example")), &seed(i)).verifier()
        );
        let _ = writeln!(pq, "witness {i} {}", CosignerKey::ml_dsa_44(name("w"), &seed(i)).verifier());
    }
    let witness = CosignerKey::ed25519(name("w"), &seed(0)).verifier();
    let long = "n".repeat(480_000);
    let mut nested = format!("witness {long} {witness}\ngroup 0 1 {long}\n");
    for i in 1..Policy::MAX_GROUPS {
        let _ = writeln!(nested, "group {i} 1 {}", i - 1);
    }
    let keys = format!("{logs}{witnesses}");
    let rest = MB - keys.len() - 20;
    let last = format!("quorum {}", Policy::MAX_GROUPS - 1);
    for (what, text) in [
        ("newlines", "\n".repeat(MB - 20)),
        ("spaces", " \n".repeat(MB / 2 - 10)),
        ("comments", "#\n".repeat(MB / 2 - 10)),
        ("comments behind spaces", " #\n".repeat(MB / 3 - 10)),
        ("words", format!("#{}\n", " a".repeat(MB / 2 - 20))),
        ("members", format!("group a 1{}\n", " b".repeat(MB / 2 - 20))),
        ("as many logs as can be", logs.clone()),
        ("all Ed25519 keys, and newlines", format!("{keys}{}", "\n".repeat(rest))),
        ("all Ed25519 keys, and spaces", format!("{keys}{}", " \n".repeat(rest / 2))),
        ("all logs and ML-DSA-44 keys", format!("{logs}{pq}")),
        ("nested groups", nested),
    ] {
        let text = format!("{text}quorum none\n");
        time(&format!("policy, {what}"), text.as_bytes(), |bytes| Policy::parse(bytes).is_ok());
        if let Ok(policy) = Policy::parse(text.replace("quorum none", &last).as_bytes()) {
            time(&format!("policy described, {what}"), text.as_bytes(), |_| {
                policy.describe_quorum().is_empty()
            });
        }
    }
}

fn lists() {
    let vkey = &NOTES.log_vkey;
    let most: String = (0..list::MAX_LOGS).map(|i| format!("vkey {}\n", log(i))).collect();
    let rest = "\n".repeat(MB - most.len() - 10);
    for (name, text) in [
        ("newlines", format!("{}logs/v0\n", "\n".repeat(MB - 10))),
        ("comments", format!("{}logs/v0\n", "#\n".repeat(MB / 2))),
        ("two-byte letters", format!("#{}\nlogs/v0\n", "\u{e9}".repeat(MB / 2))),
        (
            "more keys than can be",
            format!("logs/v0\n{}", format!("vkey {vkey}\n").repeat(MB / (vkey.len() + 6))),
        ),
        ("as many keys as can be, and newlines", format!("logs/v0\n{most}{rest}")),
        ("one line", format!("logs/v0\nvkey {vkey}\ncontact {}\n", "a".repeat(MB - 200))),
    ] {
        time(&format!("list of logs, {name}"), text.as_bytes(), |bytes| list::parse(bytes).is_ok());
    }
}

fn log(number: usize) -> VerifierKey {
    SigningKey::from_seed(name(&format!("log{number}.example")), &seed(number)).verifier()
}

fn name(text: &str) -> KeyName {
    KeyName::new(text).expect("a name")
}

fn seed(number: usize) -> [u8; 32] {
    *sha256(&number.to_be_bytes()).as_bytes()
}
