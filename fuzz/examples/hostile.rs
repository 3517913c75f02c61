//! How long the worst inputs known take, at 1 MB each: `cargo run --release --example hostile` in this folder.
//! Ten milliseconds are what a parser may take. Machines differ, so it is held against what a megabyte's SHA-256 takes on
//! the same one, at the same moment: more than [`MOST`] times that, and it ends with an error.

use std::{
    fmt::Write as _,
    hint::black_box,
    process::ExitCode,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::time::{ClockId, clock_gettime};
use treering_fuzz::{
    evidence::Evidence,
    logs::list,
    vectors::{NOTES, TOKENS},
};
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature::CosignerKey,
    hash::{Hash, sha256},
    mirror::{AddEntries, MirrorInfo, Package},
    note::{KeyName, Note, SigningKey, VerifierKey},
    policy::Policy,
    proof::TlogProof,
    tile::{TilePath, split_entries},
    tree::TreeSize,
    witness::AddCheckpoint,
};
use treering_token::{
    bundle::{Header, Item, ItemReader, Walker},
    claim::Claim,
    entry::Entry,
    escape,
    token::Token,
};
use treering_tsa::{certificate::Certificate, query::Query, reply::Reply};

const MB: usize = 1_000_000;
/// A processor with SHA instructions hashes a megabyte in 0.6 ms, so that ten milliseconds are 16 times that. What reads byte
/// by byte takes up to twice as long beside other programs, which hashing doesn't: that much is left for them.
const MOST: f64 = 40.0;

static TOO_SLOW: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    texts();
    policies();
    tokens();
    bundles();
    witnesses();
    timestamps();
    if TOO_SLOW.load(Ordering::SeqCst) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn texts() {
    let root = Hash::EMPTY_ROOT.to_base64();
    let line = format!("— a.example {}\n", STANDARD.encode([7; 68]));
    for (name, bytes) in [
        ("newlines", "\n".repeat(MB)),
        ("one line", "a".repeat(MB)),
        ("two-byte lines", "a\n".repeat(MB / 2)),
        ("one signature of 1 MB", format!("a\n\n— a.example {}\n", "AAAA".repeat(249_000))),
        ("128 signatures", format!("{}\n\n{}", "a".repeat(980_000), line.repeat(128))),
        ("signatures without end", format!("a\n\n{}", line.repeat(9_000))),
    ] {
        time(&format!("note, {name}"), bytes.as_bytes(), |bytes| Note::parse(bytes).is_ok());
        time(&format!("tlog-proof, {name}"), bytes.as_bytes(), |bytes| TlogProof::parse(bytes).is_ok());
        time(&format!("add-checkpoint, {name}"), bytes.as_bytes(), |bytes| {
            AddCheckpoint::parse(bytes).is_ok()
        });
    }
    for (name, text) in [
        ("extension lines of one byte", format!("log\n1\n{root}\n{}", "x\n".repeat(499_000))),
        ("one extension line", format!("log\n1\n{root}\n{}\n", "x".repeat(999_000))),
        ("size of a million digits", format!("log\n{}\n{root}\n", "1".repeat(999_000))),
        ("root of a million characters", format!("log\n1\n{}\n", "A".repeat(999_000))),
    ] {
        time(&format!("checkpoint, {name}"), text.as_bytes(), |_| Checkpoint::parse(&text).is_ok());
        let signed = format!("{}\n{line}", text.replacen("log\n", "example.com/log\n", 1));
        let policy = Policy::parse(TOKENS.policies["two of three"].as_bytes()).expect("a policy");
        time(&format!("policy opens checkpoint, {name}"), signed.as_bytes(), |bytes| {
            Note::parse(bytes).is_ok_and(|note| policy.open(note).is_ok())
        });
    }
    for (name, text) in [
        ("groups", format!("tile/0/{}000", "x999/".repeat(199_000))),
        ("digits", format!("tile/0/{}", "9".repeat(999_000))),
        ("level", format!("tile/{}/000", "9".repeat(999_000))),
    ] {
        time(&format!("tile path, {name}"), text.as_bytes(), |_| TilePath::parse(&text).is_ok());
    }
    for (name, text) in
        [("name", "a".repeat(MB)), ("base64", format!("a+00000000+{}", "AAAA".repeat(249_000)))]
    {
        time(&format!("vkey, {name}"), text.as_bytes(), |_| VerifierKey::parse(&text).is_ok());
    }
    time("entry bundle, zeroes", &[0; MB], |bytes| split_entries(bytes, 256).is_ok());
    let text = "\u{1b}".repeat(MB);
    time("escape, control characters", text.as_bytes(), |_| escape::text(&text).is_empty());
}

fn policies() {
    let name = |text: &str| KeyName::new(text).expect("a name");
    let seed = |i: usize| *sha256(&i.to_be_bytes()).as_bytes();
    let (mut logs, mut pq) = (String::new(), String::new());
    for i in 0..1000 {
        let _ = writeln!(
            logs,
            "log {}",
            SigningKey::from_seed(name(&format!("log{i}.example")), &seed(i)).verifier()
        );
    }
    for i in 0..550 {
        let _ = writeln!(pq, "witness {i} {}", CosignerKey::ml_dsa_44(name("w"), &seed(i)).verifier());
    }
    let witness = CosignerKey::ed25519(name("w"), &seed(0)).verifier();
    let long = "n".repeat(480_000);
    let mut nested = format!("witness {long} {witness}\ngroup 0 1 {long}\n");
    for i in 1..1000 {
        let _ = writeln!(nested, "group {i} 1 {}", i - 1);
    }
    for (what, text) in [
        ("newlines", "\n".repeat(MB - 20)),
        ("comments", "#\n".repeat(MB / 2 - 10)),
        ("words", format!("#{}\n", " a".repeat(MB / 2 - 20))),
        ("members", format!("group a 1{}\n", " b".repeat(MB / 2 - 20))),
        ("1,000 logs (92 KB)", logs),
        ("550 ML-DSA-44 witnesses", pq),
        ("nested groups", nested),
    ] {
        let text = format!("{text}quorum none\n");
        let keys = text.lines().filter_map(|line| line.split(' ').find(|word| word.contains('+')));
        let (count, first) = (keys.clone().count(), keys.clone().next().unwrap_or_default());
        time_with(count, first, &format!("policy, {what}"), text.as_bytes(), |b| Policy::parse(b).is_ok());
        if let Ok(policy) = Policy::parse(text.replace("quorum none", "quorum 999").as_bytes()) {
            time(&format!("policy described, {what}"), text.as_bytes(), |_| {
                policy.describe_quorum().is_empty()
            });
        }
    }
}

fn tokens() {
    let proof = TOKENS.case("blinded, every field").proof();
    let with = |extra: Vec<u8>| TlogProof { extra: Some(extra), ..proof.clone() }.to_string();
    for (name, extra) in [
        ("long extra", vec![0xa5; 740_000]),
        ("extra of 48,000 bytes", vec![0x81; 48_000]),
        (
            "many layers",
            [&[0xa2, 1, 0x40, 2, 0x9b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff][..], &[0x80; 40_000]].concat(),
        ),
    ] {
        let text = with(extra);
        time(&format!("token, {name}"), text.as_bytes(), |bytes| Token::parse(bytes).is_ok());
    }
    let mut claim = [&b"\xa1\x01\xb9\x03\x20\x01\x58\x20"[..], &[0; 32]].concat();
    (24..824_u16).for_each(|id| {
        claim.extend(if id < 256 {
            vec![0x18, id.to_be_bytes()[1]]
        } else {
            [&[0x19], &id.to_be_bytes()[..]].concat()
        });
        claim.extend([0x41, 7]);
    });
    time("claim, 800 digests (4 KB)", &claim, |bytes| Claim::decode(bytes).is_ok());
    time("entry, 1 MB", &[0x84; MB], |bytes| Entry::decode(bytes).is_ok());
    time("tree size, a million digits", &[b'1'; MB], |bytes| {
        std::str::from_utf8(bytes).is_ok_and(|text| TreeSize::parse(text).is_some())
    });
    let note = &NOTES.checkpoints[6].cosigned;
    time("note, a usual one", note.as_bytes(), |bytes| Note::parse(bytes).is_ok());
}

fn bundles() {
    let mut header = Vec::new();
    Item::Header(Header { policy: b"quorum none\n".to_vec() }).encode(&mut header);
    let record = b"\x84\x00\x41a\x01";
    let mut digests = [&record[..], b"\xba\x00\x03\x00\x00\x01\x58\x20", &[0; 32]].concat();
    (100_000..296_607_u32)
        .for_each(|id| digests.extend([&[0x1a], &id.to_be_bytes()[..], &[0x40 | 1, 7]].concat()));
    digests.truncate(MB);
    let plain = b"\xa1\x00\x00";
    let mut bare = plain.to_vec();
    (0..27_000_u32)
        .for_each(|i| bare.extend([&b"\x82\x02\x58\x20"[..], sha256(&i.to_be_bytes()).as_ref()].concat()));
    let mut marks = plain.to_vec();
    (0..26_000_u32).for_each(|i| {
        marks.extend([&b"\x82\x02\x58\x20"[..], sha256(&i.to_be_bytes()).as_ref(), &[1]].concat());
    });
    let key = [&b"\xa2\x00\x02\x06\x9a\x00\x0f\x00\x00"[..], &[0x80; 980_000]].concat();
    let path =
        [&b"\x84\x00\x59\x7f\xff"[..], &b"a/".repeat(16_383), b"a\x01\xa1\x01\x58\x20", &[0; 32]].concat();
    let text = [&b"\x7a\x00\x0f\x42\x40"[..], &[b'\n'; MB]].concat();
    for (name, items) in [
        ("one map of digests", digests),
        ("bare records", bare),
        ("submissions of one", marks),
        ("a holder's key", key),
        ("paths", [&plain[..], &path.repeat(30)].concat()),
        ("a receipt", text),
    ] {
        let bytes = [&header[..], &items].concat();
        for piece in [MB * 2, 1 << 16, 1 << 12] {
            time(&format!("bundle in pieces of {piece}, {name}"), &bytes, |bytes| walk(bytes, piece));
        }
    }
}

fn walk(bytes: &[u8], piece: usize) -> bool {
    let (mut reader, mut walker) = (ItemReader::new(), Walker::new());
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        loop {
            match reader.next_item() {
                Ok(Some(item)) if walker.step(&item).is_ok() => {}
                Ok(None) => break,
                _ => return false,
            }
        }
    }
    walker.finish().is_ok()
}

/// Lists of logs, evidence, a mirror's messages.
fn witnesses() {
    let vkey = &NOTES.log_vkey;
    for (name, text) in [
        ("newlines", format!("{}logs/v0\n", "\n".repeat(MB - 10))),
        ("comments", format!("{}logs/v0\n", "#\n".repeat(MB / 2))),
        ("keys", format!("logs/v0\n{}", format!("vkey {vkey}\n").repeat(MB / (vkey.len() + 6)))),
        ("one line", format!("logs/v0\nvkey {vkey}\ncontact {}\n", "a".repeat(MB - 200))),
    ] {
        let keys = text.matches("vkey ").count();
        time_with(keys, vkey, &format!("list of logs, {name}"), text.as_bytes(), |b| list::parse(b).is_ok());
    }
    let magic = b"\x89\x73treering.evidence/1";
    for (name, bytes) in [
        ("nesting", [&magic[..], &[0x81; MB]].concat()),
        ("long lengths", [&magic[..], &[0x9b, 0, 0, 0, 1, 0, 0, 0, 0].repeat(MB / 9)].concat()),
        ("text", [&magic[..], &[0x7a, 0, 0x0f, 0x42, 0x40], &[b'a'; MB]].concat()),
    ] {
        time(&format!("evidence, {name}"), &bytes, |bytes| Evidence::parse(bytes).is_ok());
    }
    time("mirror's package, empty entries", &[0; MB], |bytes| Package::parse(bytes, 256).is_ok());
    time("mirror's header, zeroes", &[0; MB], |bytes| AddEntries::parse(bytes).is_ok());
    let info = format!("1\n1\n{}\n", "A".repeat(MB));
    time("mirror's answer, a long ticket", info.as_bytes(), |bytes| MirrorInfo::parse(bytes).is_ok());
}

/// DER: nested, with long and wrong lengths, and bodies of hashes in CBOR beside them.
fn timestamps() {
    // Each SEQUENCE holds the next, as deep as a megabyte goes.
    let mut nested = vec![0x30, 0x80];
    (0..MB as u32 / 6).for_each(|depth| {
        let rest = MB as u32 - depth * 6;
        nested.extend([&[0x30, 0x84], &rest.to_be_bytes()[..]].concat());
    });
    let integer = [&[0x30, 0x83, 0x0f, 0x42, 0x44, 0x02, 0x83, 0x0f, 0x42, 0x40][..], &[1; MB]].concat();
    let many = [&[0x30, 0x83, 0x0f, 0x42, 0x40][..], &[0x30, 0].repeat(MB / 2)].concat();
    for (name, bytes) in [("nested", nested), ("a long integer", integer), ("empty sequences", many)] {
        time(&format!("RFC 3161 query, {name}"), &bytes, |bytes| Query::parse(bytes).is_ok());
        time(&format!("RFC 3161 reply, {name}"), &bytes, |bytes| Reply::parse_file(bytes).is_ok());
        time(&format!("certificate, {name}"), &bytes, |bytes| Certificate::parse(bytes).is_ok());
    }
    for (name, bytes) in [
        ("arrays", vec![0x81; MB]),
        ("maps", vec![0xa1; MB]),
        ("arrays of great length", [0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff].repeat(MB / 9)),
    ] {
        time(&format!("CBOR nested in a claim, {name}"), &bytes, |bytes| Claim::parse(bytes).is_ok());
        time(&format!("CBOR nested in an entry, {name}"), &bytes, |bytes| Entry::decode(bytes).is_ok());
        time(&format!("CBOR nested in a bundle, {name}"), &bytes, |bytes| walk(bytes, MB));
    }
}

/// What a megabyte's SHA-256 takes here, the best of five.
static HASHING: LazyLock<f64> = LazyLock::new(|| {
    best(|| {
        black_box(sha256(black_box(&[7; MB])));
    })
});

/// In milliseconds of the processor, the best of five.
fn best(mut run: impl FnMut()) -> f64 {
    let once = |_| {
        let begin = processor_time();
        run();
        1000.0 * (processor_time() - begin)
    };
    (0..5).map(once).fold(f64::MAX, f64::min)
}

/// What this thread has had of a processor, in seconds: on a busy machine time passes without it.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn time(what: &str, bytes: &[u8], parse: impl Fn(&[u8]) -> bool) {
    time_with(0, "", what, bytes, parse);
}

/// What holds keys may take, beside its own, what each of them takes to be read alone: points have to be decompressed, and
/// lattices expanded. Twice that is allowed.
fn time_with(keys: usize, vkey: &str, what: &str, bytes: &[u8], parse: impl Fn(&[u8]) -> bool) {
    const ALONE: usize = 20;
    let read = || (0..ALONE).for_each(|_| drop(black_box(VerifierKey::parse(black_box(vkey)))));
    let for_keys = if keys == 0 { 0.0 } else { 2.0 * best(read) / ALONE as f64 * keys as f64 };
    let mut accepted = false;
    let taken = best(|| accepted = black_box(parse(black_box(bytes))));
    let accepted = if accepted { "accepted" } else { "refused" };
    let times = taken / *HASHING;
    let with = if keys > 0 { format!(" ({keys} keys)") } else { String::new() };
    println!("{taken:9.2} ms  {times:5.1}  {:9} bytes  {accepted:8}  {what}{with}", bytes.len());
    if taken - for_keys > MOST * *HASHING {
        println!("TOO SLOW: more than {MOST} times what a megabyte's SHA-256 takes ({:.2} ms)", *HASHING);
        TOO_SLOW.store(true, Ordering::SeqCst);
    }
}
