//! Damage at rest: flipped bits, zeroed pages, truncations, files in each other's place.
//!
//! Each time a copy of a stopped log's store is damaged at a random place. Then either `treering-log check` (or the
//! opening of the store) names it, or nothing was lost: the log starts, and shows every receipt, proof and checkpoint as
//! before. A wrong byte is never served as valid: all of it is verified under the policy.
//!
//! The exception that nothing can tell from a torn write is the end of the WAL: what RocksDB finds damaged in its last record
//! it drops, as it must after a power cut. `docs/reliability.md` says what that can cost.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use treering_tests::{
    files,
    net::{self, Net},
    random, tsa, view,
};
use treering_tlog::hash::Hash;
use treering_token::token::Token;

/// How many damages, unless the environment says.
const DAMAGES: usize = 40;
/// RocksDB's page, and the disk's.
const PAGE: usize = 4096;

#[test]
fn damage_is_named_or_nothing_is_lost() {
    let count = env::var("TREERING_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(DAMAGES);
    let mut net = net::plan().make();
    tsa::init(&net.log, "p256");
    net.log.start();
    net.log.wait_idle();
    let before = filled(&mut net);
    let store = net.log.store();
    let whole = net.dir().join("whole");
    files::copy(&store, &whole);
    files::put_back(&whole, &store);
    net.log.assert_clean();
    let (mut named, mut harmless, mut tails) = (0, 0, 0);
    for _ in 0..count {
        files::put_back(&whole, &store);
        let damage = Damage::random(&store);
        damage.make(&store);
        let checked = net.log.command("check");
        match checked.status.code() {
            Some(1 | 2) => named += 1,
            Some(0) if damage.is_end_of_wal(&whole) => tails += 1,
            Some(0) => {
                net.log.start();
                net.log.wait_idle();
                before.assert_shown(&net, &damage);
                assert!(net.log.stop().success(), "{damage:?}");
                harmless += 1;
            }
            other => panic!(
                "check ended with {other:?} after {damage:?}: {}",
                treering_tests::log::shown(&checked)
            ),
        }
    }
    println!(
        "{count} damages: {named} named, {harmless} where nothing was lost, {tails} at the end of the WAL"
    );
    assert!(named * 4 > count, "only {named} of {count} damages were named: too few to show anything");
}

/// What the log has shown.
struct Before {
    receipts: Vec<(Hash, Token)>,
    proofs: Vec<(String, String)>,
}

/// A log with entries in tables and in the WAL, stopped.
fn filled(net: &mut Net) -> Before {
    let mut roots = Vec::new();
    let mut proofs = Vec::new();
    let imprint = |bytes: [u8; 32]| {
        let imprint = treering_tsa::imprint::Imprint::new(
            treering_tsa::imprint::ImprintAlgorithm::Sha256,
            bytes.to_vec(),
        );
        treering_tsa::query::Query::new(imprint.expect("a digest"), None, None, false).encode()
    };
    for round in 0..12 {
        let commitments = random::commitments(round % 5 + 1);
        net.log.stamp(&commitments);
        roots.push(view::root_of(&commitments));
        let query = imprint(random::commitment());
        let answer = net.log.public().post("/tsa", &[("content-type", tsa::QUERY)], query).expect_status(200);
        let path = tsa::proof_path(&answer);
        tsa::proof(&net.log, &path);
        proofs.push(path);
        // What was in the WAL goes into tables when the store is opened again.
        if round == 8 {
            net.log.kill();
            net.log.start();
            net.log.wait_idle();
        }
    }
    net.log.wait_idle();
    let receipts = roots.iter().map(|root| (*root, net.log.receipt(root))).collect();
    let text = |path: String| {
        let text = net.log.public().get(&path).expect_status(200).text().to_owned();
        (path, text)
    };
    let proofs = proofs.into_iter().map(text).collect();
    assert!(net.log.stop().success());
    Before { receipts, proofs }
}

impl Before {
    /// The same places, under the policy. Late cosignatures may have been lost with the end of the WAL, so the texts may
    /// differ.
    fn assert_shown(&self, net: &Net, damage: &Damage) {
        for (root, receipt) in &self.receipts {
            let now = net.log.receipt(root);
            view::verify(&net.policy, &now, root);
            assert_eq!((now.index(), now.layers()), (receipt.index(), receipt.layers()), "{damage:?}");
        }
        for (path, text) in &self.proofs {
            let now = tsa::proof(&net.log, path);
            let before = Token::parse(text.as_bytes()).expect("a proof");
            assert_eq!((now.index(), now.layers()), (before.index(), before.layers()), "{damage:?}");
        }
    }
}

/// What is done to one file of the store.
#[derive(Debug)]
struct Damage {
    /// Its name.
    file: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Flip {
        at: usize,
        bit: u8,
    },
    Zero {
        page: usize,
    },
    Truncate {
        to: usize,
    },
    /// The bytes of another file.
    Swap {
        with: PathBuf,
    },
}

impl Damage {
    /// Somewhere in the files that hold data: tables, WAL, manifest.
    fn random(store: &Path) -> Damage {
        let data = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let holds = name.ends_with(".sst") || name.ends_with(".log") || name.starts_with("MANIFEST");
            holds && fs::metadata(path).is_ok_and(|file| file.len() > 0)
        };
        let all: Vec<PathBuf> = files::below(store).into_iter().filter(data).collect();
        let pick =
            |most: usize| usize::try_from(random::between(0, most as u64 - 1)).expect("a small number");
        let name = |path: &PathBuf| path.strip_prefix(store).expect("below").to_owned();
        let file = name(&all[pick(all.len())]);
        let length =
            usize::try_from(fs::metadata(store.join(&file)).expect("a file").len()).expect("a small file");
        let kind = match random::between(0, 5) {
            0 => Kind::Zero { page: pick(length.div_ceil(PAGE)) },
            1 => Kind::Truncate { to: pick(length) },
            2 => Kind::Swap { with: name(&all[pick(all.len())]) },
            _ => Kind::Flip { at: pick(length), bit: 1 << random::between(0, 7) },
        };
        Damage { file, kind }
    }

    fn make(&self, store: &Path) {
        let path = store.join(&self.file);
        let mut bytes = fs::read(&path).expect("a file");
        match &self.kind {
            Kind::Flip { at, bit } => bytes[*at] ^= bit,
            Kind::Zero { page } => {
                let end = bytes.len().min((page + 1) * PAGE);
                bytes[page * PAGE..end].fill(0);
            }
            Kind::Truncate { to } => bytes.truncate(*to),
            Kind::Swap { with } => {
                let other = fs::read(store.join(with)).expect("a file");
                fs::write(store.join(with), &bytes).expect("a file");
                bytes = other;
            }
        }
        fs::write(&path, bytes).expect("a file");
    }

    /// Does it cut off or damage the WAL's end? Whatever comes after it is gone as well, so that RocksDB can't tell it from
    /// a write that a power cut tore.
    fn is_end_of_wal(&self, whole: &Path) -> bool {
        let is_wal = self.file.extension().is_some_and(|extension| extension == "log");
        let length = fs::metadata(whole.join(&self.file)).expect("a file").len();
        let length = usize::try_from(length).expect("a small file");
        let last = length.saturating_sub(2 * PAGE);
        is_wal
            && match self.kind {
                Kind::Truncate { .. } => true,
                Kind::Zero { page } => (page + 1) * PAGE >= last,
                Kind::Flip { at, .. } => at >= last,
                Kind::Swap { .. } => false,
            }
    }
}
