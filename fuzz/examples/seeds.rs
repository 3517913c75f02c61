//! Writes the seed corpora, `corpus/<target>/<name>`, from the vectors of the protocol:
//! `cargo run --example seeds` in this folder. They are few and small on purpose; runs grow their own from them. Other
//! files in those folders stay as they are.

use std::{fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::Signer as _;
use treering_fuzz::{
    evidence::{Evidence, Kind as Found, Leaf, Served},
    vectors::{NOTES, TOKENS},
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::{Hash, sha256},
    mirror::{AddEntries, MirrorInfo, Package},
    note::{KeyName, Note, SigningKey},
    tile::append_entry,
    time::UnixMillis,
    tree::{Subtree, TreeHead, TreeSize},
    witness::{AddCheckpoint, SignSubtree, print_conflict, print_signatures},
};
use treering_token::{
    bundle::{Blinding, Header, Item, Kind, Opener, Own, Record, RelativePath, RunHeader},
    claim::HolderKey,
    commitment::{Commitment, Salt},
    digest::{Digests, HashId},
    entry::Entry,
    salt::RunSecret,
    token::Token,
};
use treering_tsa::{imprint::ImprintAlgorithm, nonce::Nonce, oid, query::Query, status::Rejection};

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in [
        ("note", notes()),
        ("checkpoint", checkpoints()),
        ("vkey", vkeys()),
        ("policy", policies()),
        ("tlog_proof", proofs()),
        ("witness_request", witness_messages()),
        ("tile_path", tile_paths()),
        ("entry_bundle", entry_bundles()),
        ("entry", entries()),
        ("claim", claims()),
        ("token", tokens()),
        ("token_extra", extras()),
        ("bundle", bundles()),
        ("verify_token", forgeries()),
        ("tree", trees()),
        ("tsa_query", queries()),
        ("tsa_reply", refusals()),
        ("witness_list", lists()),
        ("evidence_file", evidence()),
        ("mirror_message", mirror_messages()),
        ("cbor_differential", [entries(), claims(), evidence()].concat()),
        ("ed25519_differential", signatures()),
    ] {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds {
            fs::write(folder.join(name.replace([' ', '\'', ','], "_")), bytes)?;
        }
    }
    Ok(())
}

type Seeds = Vec<(String, Vec<u8>)>;

/// A few of the vectors' good tokens, by name.
const GOOD: [&str; 6] = [
    "plain",
    "blinded, every field",
    "digest of an unknown algorithm",
    "holder's key on P-256",
    "renewal",
    "receipt",
];
/// And bad ones.
const BAD: [&str; 6] = [
    "longer head",
    "keys out of order",
    "17 layers",
    "path bit without a sibling",
    "P-256 with high s",
    "title that is not UTF-8",
];

fn notes() -> Seeds {
    let mut seeds = vec![("cosigned".to_owned(), NOTES.checkpoints[3].cosigned.clone().into_bytes())];
    for rejected in &NOTES.rejected[5..9] {
        seeds.push((rejected.why.clone(), STANDARD.decode(&rejected.note_base64).expect("base64")));
    }
    // The text may hold empty lines: the last one counts.
    seeds.push(("empty_lines".to_owned(), format!("\n\n{}", NOTES.checkpoints[0].signed).into_bytes()));
    seeds
}

fn checkpoints() -> Seeds {
    let text = note(&NOTES.checkpoints[2].signed).text().to_owned();
    vec![
        seed("plain", &text),
        seed("extensions", format!("{text}an extension\n\u{1f333}\n")),
        seed("empty", format!("a log with spaces\n0\n{}\n", Hash::EMPTY_ROOT.to_base64())),
        seed("size_0_with_another_root", format!("log\n0\n{}\n", sha256(b"").to_base64().replace('4', "5"))),
    ]
}

fn vkeys() -> Seeds {
    let name = || KeyName::new("a.example").expect("a name");
    vec![
        seed("log", &NOTES.log_vkey),
        seed("witness_ed25519", &NOTES.witness_vkey),
        seed("witness_ml_dsa_44", &NOTES.mldsa_witness_vkey),
        // Secrets of nobody.
        seed("private_log", SigningKey::from_seed(name(), &[1; 32]).to_private_text().as_bytes()),
        seed("private_ml_dsa_44", CosignerKey::ml_dsa_44(name(), &[2; 32]).to_private_text().as_bytes()),
    ]
}

fn policies() -> Seeds {
    let two = &TOKENS.policies["two of three"];
    let nested =
        two.replace("group ", "# a comment\n\n group\tinner any W1\ngroup ").replace(" 2 W1", " 2 inner");
    let names = ["both keys", "none", "one witness", "two of three"];
    let mut seeds: Seeds = names.iter().map(|name| seed(name, &TOKENS.policies[*name])).collect();
    seeds.push(seed("nested", nested));
    seeds
}

fn proofs() -> Seeds {
    vec![
        seed("of_size_1", &NOTES.checkpoints[0].tlog_proof),
        seed("of_a_large_tree", &NOTES.checkpoints[6].tlog_proof),
        seed("token", &TOKENS.case("plain").tokens[0]),
    ]
}

fn witness_messages() -> Seeds {
    let checkpoint = note(&NOTES.checkpoints[3].cosigned);
    let signatures = print_signatures(checkpoint.signatures());
    let request = |old, proof: Vec<Hash>| {
        AddCheckpoint { old, proof, checkpoint: note(&NOTES.checkpoints[0].signed) }.to_string()
    };
    let subtree = SignSubtree {
        subtree: Subtree::new(8, 13).expect("a subtree"),
        hash: sha256(b"subtree"),
        proof: vec![sha256(b"a")],
        checkpoint,
    };
    let subtree = subtree.to_string();
    vec![
        seed("first", request(TreeSize::ZERO, Vec::new())),
        seed("later", request(TreeSize::MAX, vec![sha256(b"a"), sha256(b"b")])),
        seed("subtree", subtree),
        seed("conflict", print_conflict(TreeSize::MAX)),
        seed("signatures", signatures),
    ]
}

fn tile_paths() -> Seeds {
    vec![
        seed("full", "tile/0/x001/x234/067"),
        seed("partial", "tile/1/000.p/112"),
        seed("entries", "tile/entries/x123/456.p/1\0\0\0\0\0\0\x01\x01\x01"),
        seed("last", b"tile/0/x036/x028/x797/x018/x963/967\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
        seed("high", "tile/63/000"),
    ]
}

fn entry_bundles() -> Seeds {
    let mut bundle = vec![0, 3];
    for entry in [&b"one"[..], b"", &[0; 300]] {
        append_entry(&mut bundle, entry).expect("short");
    }
    let tile = [&[0, 2], sha256(b"a").as_ref(), sha256(b"b").as_ref()].concat();
    vec![seed("three", bundle), seed("none", [0, 0]), seed("hashes", tile)]
}

fn entries() -> Seeds {
    let entry = |sealed_at, submissions| {
        let sealed_at = UnixMillis::new(sealed_at).expect("a time");
        Entry::new(sealed_at, sha256(b"batch"), submissions).expect("in range").encode()
    };
    vec![
        seed("usual", entry(1_763_786_462_913, 3)),
        seed("shortest", entry(Entry::MIN_SEALED_AT, 1)),
        seed("longest", entry(UnixMillis::MAX.get(), Entry::MAX_SUBMISSIONS)),
    ]
}

fn claims() -> Seeds {
    let mut seeds = Seeds::new();
    for name in GOOD {
        let claim = |text: &String| Some(Token::parse(text.as_bytes()).ok()?.opening()?.claim.clone());
        if let Some(claim) = TOKENS.case(name).tokens.iter().find_map(claim) {
            seeds.push(seed(name, claim));
        }
    }
    let key = HolderKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes());
    seeds.push(seed("key", key.encode()));
    seeds
}

fn tokens() -> Seeds {
    let good = GOOD.iter().map(|name| seed(name, &TOKENS.case(name).tokens[0]));
    let bad = TOKENS.bad.iter().filter(|case| BAD.contains(&case.name.as_str()));
    good.chain(bad.map(|case| seed(&case.name, &case.tokens[0]))).collect()
}

fn extras() -> Seeds {
    let good = GOOD.iter().map(|name| (*name, TOKENS.case(name).proof()));
    let bad = TOKENS.bad.iter().filter(|case| BAD.contains(&case.name.as_str()));
    let all = good.chain(bad.map(|case| (case.name.as_str(), case.proof())));
    all.map(|(name, proof)| seed(name, proof.extra.unwrap_or_default())).collect()
}

/// Each begins with the byte that says how it is cut.
fn bundles() -> Seeds {
    let whole = [header(), plain_run(), secret_run(), own_run()].concat();
    let bytes = |cut: u8, items: &[Item]| {
        let mut bytes = vec![cut];
        items.iter().for_each(|item| item.encode(&mut bytes));
        bytes
    };
    vec![
        seed("whole", bytes(40, &whole)),
        seed("plain", bytes(0, &[header(), plain_run()].concat())),
        seed("secret", bytes(5, &[header(), secret_run()].concat())),
        seed("own_salts", bytes(255, &[header(), own_run()].concat())),
        seed("records_out_of_place", bytes(3, &[header(), own_run()[2..].to_vec(), plain_run()].concat())),
    ]
}

fn header() -> Vec<Item> {
    vec![Item::Header(Header { policy: b"quorum none\n".to_vec() })]
}

fn plain_run() -> Vec<Item> {
    let same = || vec![file("a", Own::default())];
    let link = match file("b/c", Own::default()) {
        Record::Path { path, size, digests, own, .. } => {
            Record::Path { kind: Kind::Link, path, size, digests, own }
        }
        bare => bare,
    };
    run(
        RunHeader::new(Blinding::Plain),
        vec![same(), vec![link, Record::Bare(Commitment(sha256(b"x")))], same()],
    )
}

fn secret_run() -> Vec<Item> {
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let header = RunHeader {
        blinding: Blinding::Secret(RunSecret::new([7; 32])),
        holder: Some("Ada".to_owned()),
        agent: Some("Stamping Ltd".to_owned()),
        title: Some("Engines".to_owned()),
        after: Some(NOTES.checkpoints[0].signed.clone().into_bytes()),
        key: Some(HolderKey::Ed25519(key.verifying_key().to_bytes())),
    };
    let mut record = file("a", Own { agent: Some(String::new()), ..Own::default() });
    let opener = Opener::new(header.clone()).expect("a header");
    if let Record::Path { digests, own, .. } = &mut record {
        let input = opener.signing_input(0, digests, own).expect("it has a key");
        own.signature = Some(key.sign(&input).to_bytes());
    }
    run(header, vec![vec![record]])
}

fn own_run() -> Vec<Item> {
    let header = RunHeader { holder: Some("Ada".to_owned()), ..RunHeader::new(Blinding::Own) };
    let salt = |byte| Some(Salt([byte; 32]));
    let own = Own { salt: salt(1), holder_salt: salt(2), ..Own::default() };
    let agent = Own { agent: Some("Courier".to_owned()), agent_salt: salt(3), ..own.clone() };
    run(header, vec![vec![file("x", own), file("y", agent)]])
}

fn file(path: &str, own: Own) -> Record {
    let mut digests = Digests::new(*sha256(path.as_bytes()).as_bytes());
    if own.salt.is_some() {
        assert!(digests.insert(HashId::new(99).expect("an id"), vec![9; 9]));
    }
    let path = RelativePath::new(path.as_bytes().to_vec()).expect("a path");
    Record::Path { kind: Kind::File, path, size: Some(1), digests, own }
}

/// With a receipt for each distinct submission, which a walker doesn't verify.
fn run(header: RunHeader, submissions: Vec<Vec<Record>>) -> Vec<Item> {
    let receipt = Token::parse(TOKENS.case("receipt").tokens[0].as_bytes()).expect("a receipt");
    let mut distinct: Vec<&Vec<Record>> = Vec::new();
    submissions.iter().for_each(|records| {
        if !distinct.contains(&records) {
            distinct.push(records);
        }
    });
    let receipts = distinct.len();
    let mut items = vec![Item::Run(Box::new(header))];
    for records in submissions {
        let mark = Item::Mark(records.len() as u64);
        items.extend(records.into_iter().map(Item::Record));
        items.push(mark);
    }
    items.extend((0..receipts).map(|_| Item::Receipt(Box::new(receipt.clone()))));
    items
}

/// Any bytes are an input: a few of each kind to begin with.
fn forgeries() -> Seeds {
    (0..8_u8).map(|kind| seed(&format!("change_{kind}"), change_bytes(kind, 48))).collect()
}

fn trees() -> Seeds {
    (0..4_u8).map(|kind| seed(&format!("numbers_{kind}"), change_bytes(kind, 200))).collect()
}

fn queries() -> Seeds {
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
fn refusals() -> Seeds {
    vec![
        seed("refusal_bad_alg", Rejection::BAD_ALG.encode()),
        seed("refusal_system_failure", Rejection::SYSTEM_FAILURE.encode()),
    ]
}

fn lists() -> Seeds {
    let (log, witness) = (&NOTES.log_vkey, &NOTES.witness_vkey);
    let every = format!(
        "# logs\n\nlogs/v0\n\nvkey {log}\norigin A log\nbastion none\nqpd 86400\ncontact a@log.example\n"
    );
    vec![
        seed("one", format!("logs/v0\nvkey {log}\n")),
        seed("every_field", format!("{every}vkey {witness}\nqpd 1\n")),
        seed("out_of_order", format!("logs/v0\nvkey {log}\nqpd 1\norigin none\n")),
    ]
}

/// One of each shape: two heads, entries with their proofs, an answer that doesn't fit.
fn evidence() -> Seeds {
    let log = SigningKey::from_seed(log_name(), sha256(NOTES.log_seed_text.as_bytes()).as_bytes());
    let head = |root: &[u8]| {
        let head = TreeHead { size: TreeSize::new(9).expect("a size"), root: sha256(root) };
        let origin = Origin::new(log_name().as_str()).expect("an origin");
        Checkpoint { origin, head, extensions: Vec::new() }.sign(&log)
    };
    let found = |kind, notes| Evidence {
        kind,
        observed_at: UnixMillis::new(1_763_786_462_913).expect("a time"),
        source: "https://log.example".to_owned(),
        notes,
        hashes: Vec::new(),
        leaves: Vec::new(),
        served: Vec::new(),
        number: 0,
    };
    let leaf = |index| Leaf { index, entry: vec![7; 46], proof: vec![sha256(b"a"), sha256(b"b")] };
    let served = Served { path: "tile/0/000.p/9".to_owned(), bytes: vec![7; 9 * 32] };
    vec![
        seed("split_view", found(Found::SplitView, vec![head(b"a"), head(b"b")]).encode()),
        seed("same_root", found(Found::SplitView, vec![head(b"a"), head(b"a")]).encode()),
        seed(
            "backwards",
            Evidence { leaves: vec![leaf(3), leaf(4)], ..found(Found::SealedAtBackwards, vec![head(b"a")]) }
                .encode(),
        ),
        seed(
            "wrong_tile",
            Evidence {
                served: vec![served],
                hashes: vec![sha256(b"x"); 4],
                ..found(Found::WrongTile, vec![head(b"a")])
            }
            .encode(),
        ),
        seed("stopped", Evidence { number: 60_000, ..found(Found::Stopped, vec![head(b"a")]) }.encode()),
    ]
}

fn log_name() -> KeyName {
    KeyName::new(NOTES.log_vkey.split('+').next().expect("a name")).expect("a name")
}

/// Each begins with the byte that says how many entries the package has, less one.
fn mirror_messages() -> Seeds {
    let size = |size| TreeSize::new(size).expect("a size");
    let header = |start, end| {
        let header =
            AddEntries { origin: b"log.example/1".to_vec(), start, end: size(end), ticket: vec![7; 9] };
        [vec![0], header.encode().expect("short")].concat()
    };
    let package = Package { entries: vec![b"one", b"", b"three"], proof: vec![sha256(b"a")] };
    vec![
        seed("header", header(250, 1_025)),
        seed("header_of_nothing", header(9, 9)),
        seed("package", [vec![2], package.encode().expect("short")].concat()),
        seed("info", MirrorInfo { size: size(1_025), next: 250, ticket: vec![7; 9] }.to_string()),
    ]
}

fn signatures() -> Seeds {
    (0..4_u8).map(|kind| seed(&format!("signed_{kind}"), change_bytes(kind, 200))).collect()
}

/// Bytes without a pattern that depend on nothing but `kind`.
fn change_bytes(kind: u8, count: usize) -> Vec<u8> {
    (0_u8..).flat_map(|block| *sha256(&[kind, block]).as_bytes()).take(count).collect()
}

fn note(text: &str) -> Note {
    Note::parse(text.as_bytes()).expect("a note")
}

fn seed(name: &str, bytes: impl AsRef<[u8]>) -> (String, Vec<u8>) {
    (name.to_owned(), bytes.as_ref().to_vec())
}
