//! What witnesses, monitors and mirrors read: lists of logs, evidence files, a mirror's messages.

use std::{fmt::Write as _, sync::LazyLock};

use treering_tlog::{
    mirror::{AddEntries, MirrorInfo, Package},
    policy::Policy,
};

use crate::{
    evidence::{self, Evidence, Verdict},
    logs::list,
    meter::bounded,
    vectors::NOTES,
};

/// The public witness network's list of logs.
pub fn witness_list(bytes: &[u8]) {
    let Ok(candidates) = bounded(bytes, || list::parse(bytes)) else { return };
    // A list has more than one spelling (comments, empty lines, bastions), so what was read is written plainly.
    let mut plain = "logs/v0\n".to_owned();
    for candidate in &candidates {
        let _ = writeln!(plain, "vkey {}", candidate.key);
        if candidate.origin.as_str() != candidate.key.name().as_str() {
            let _ = writeln!(plain, "origin {}", candidate.origin);
        }
        if let Some(count) = candidate.requests_per_day {
            let _ = writeln!(plain, "qpd {count}");
        }
        if let Some(contact) = &candidate.contact {
            let _ = writeln!(plain, "contact {contact}");
        }
        assert!(candidate.url.is_none());
    }
    assert_eq!(list::parse(plain.as_bytes()), Ok(candidates));
}

/// What a monitor found, and the judgement over it by a policy that knows the vectors' keys.
pub fn evidence_file(bytes: &[u8]) {
    let Ok(evidence) = bounded(bytes, || Evidence::parse(bytes)) else { return };
    assert_eq!(evidence.encode(), bytes);
    assert!(bytes.len() <= Evidence::MAX_BYTES && evidence.source.len() <= Evidence::MAX_SOURCE);
    match bounded(bytes, || evidence::verify(&evidence, &POLICY)) {
        Verdict::Confirmed(confirmed) => {
            assert!(evidence.kind.is_proof() && !confirmed.culprits.is_empty());
        }
        Verdict::Refuted(refuted) => assert!(!refuted.to_string().is_empty()),
        Verdict::Open(unclear) => assert!(!unclear.to_string().is_empty()),
    }
}

/// `add-entries` as it arrives, and its answer: the first byte says how many entries the first package has.
pub fn mirror_message(bytes: &[u8]) {
    if let Ok(info) = bounded(bytes, || MirrorInfo::parse(bytes)) {
        assert_eq!(info.to_string().as_bytes(), bytes);
        assert!(bytes.len() <= MirrorInfo::MAX_BYTES);
    }
    let Some((count, body)) = bytes.split_first() else { return };
    header(body);
    package(body, u64::from(*count) + 1);
}

fn header(body: &[u8]) {
    let Ok(Some((header, length))) = bounded(body, || AddEntries::parse(body)) else { return };
    assert_eq!(header.encode().as_deref(), Ok(&body[..length]));
    assert!(length <= AddEntries::MAX_BYTES && header.start <= header.end.get());
    // It takes the whole header, and nothing of what comes after it.
    assert_eq!(AddEntries::parse(&body[..length]), Ok(Some((header.clone(), length))));
    assert_eq!(AddEntries::parse(&body[..length - 1]), Ok(None));
    // The packages are what is between start and end, in order, each within one bundle.
    let mut next = header.start;
    for range in header.packages().take(1_000) {
        assert!(range.start == next && range.start < range.end && range.end <= header.end.get());
        assert_eq!(range.start / 256, (range.end - 1) / 256);
        next = range.end;
    }
    assert_eq!(header.packages().next().is_none(), header.start == header.end.get());
}

fn package(body: &[u8], count: u64) {
    let Ok(Some((package, length))) = bounded(body, || Package::parse(body, count)) else { return };
    assert_eq!(package.encode().as_deref(), Ok(&body[..length]));
    assert_eq!(package.entries.len() as u64, count);
    assert!(length <= Package::MAX_BYTES && package.proof.len() <= Package::MAX_PROOF);
    assert_eq!(Package::parse(&body[..length], count), Ok(Some((package, length))));
    assert_eq!(Package::parse(&body[..length - 1], count), Ok(None));
}

/// The vectors' log, and its witness alone.
static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = format!("log {}\nwitness w {}\nquorum w\n", NOTES.log_vkey, NOTES.witness_vkey);
    Policy::parse(text.as_bytes()).expect("a policy")
});
