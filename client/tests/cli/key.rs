//! `treering key`.

use crate::{
    stamp::bench,
    support::{Bench, Ran, snapshots},
};
use insta::assert_snapshot;
use std::{fs, io::Write as _, process::Stdio};

/// BIP-39's own vector.
const WORDS: &str = "void come effort suffer camp survey warrior heavy shoot primary clutch crush
    open amazing screen patrol group space point ten exist slush involve unfold";

fn mode(bench: &Bench, name: &str) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(bench.path(name)).unwrap().mode() & 0o7777
}

fn fed(bench: &Bench, args: &[&str], input: &str) -> Ran {
    let mut command = bench.command();
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    bench.ran(&child.wait_with_output().unwrap())
}

#[test]
fn a_key_is_made_once_and_shown_by_its_fingerprint() {
    let (_, bench) = bench();
    let none = bench.run(&["key", "show"]);
    let made = bench.run(&["key", "new"]);
    let shown = bench.run(&["key", "show"]);
    let again = bench.run(&["key", "new"]);
    snapshots(|| {
        assert_snapshot!(none.told(), @"
        exit 2
        treering: there is no master key, DIR/home/config/master.key: treering key new makes one, and so does the first treering stamp
        ");
        assert_snapshot!(made.told(), @"
        exit 0
        DIR/home/config/master.key: a new master key, fingerprint [serial]
        treering: keep a copy of it somewhere safe: treering key export --words is for paper
        ");
        assert_snapshot!(shown.told(), @"
        exit 0
        DIR/home/config/master.key: the master key, fingerprint [serial]
        ");
        assert_snapshot!(again.told(), @"
        exit 2
        treering: there is a master key already, DIR/home/config/master.key, with the fingerprint [serial]: nothing is replaced, since lost bundles could not be made again without it. To work with another key, move it away first
        ");
    });
    assert_eq!(mode(&bench, "home/config/master.key"), 0o600);
    let key = String::from_utf8(bench.read("home/config/master.key")).unwrap();
    for ran in [&made, &shown, &again] {
        assert!(!ran.told().contains(key.trim()));
    }
    let objects = bench.run(&["key", "show", "--json"]).objects();
    let fingerprint = objects[0]["fingerprint"].as_str().unwrap();
    assert!(fingerprint.len() == 32 && shown.out.contains(fingerprint) && objects[0]["new"] == false);
}

#[test]
fn a_key_goes_to_paper_and_comes_back() {
    let (_, bench) = bench();
    bench.run(&["key", "new"]);
    let key = bench.read("home/config/master.key");
    let words = bench.run(&["key", "export", "--words", "-o", "words.txt"]);
    let hex = bench.run(&["key", "export", "-o", "key.txt"]);
    snapshots(|| {
        assert_snapshot!(words.told(), @"
        exit 0
        treering: words.txt: the master key with the fingerprint [serial]. Whoever reads it can tell what you have stamped
        ");
    });
    assert_eq!((words.out.as_str(), hex.code), ("", 0));
    assert_eq!((mode(&bench, "words.txt"), mode(&bench, "key.txt")), (0o600, 0o600));
    assert_eq!(bench.read("key.txt"), key);
    let again = bench.run(&["key", "export", "-o", "key.txt"]);
    snapshots(|| {
        assert_snapshot!(again.told(), @"
        exit 2
        treering: key.txt is there already: give another name, nothing is replaced
        ");
    });
    for from in ["words.txt", "key.txt"] {
        fs::remove_file(bench.path("home/config/master.key")).unwrap();
        let imported = bench.run(&["key", "import", from]);
        assert_eq!(imported.code, 0, "{imported:?}");
        assert_eq!(bench.read("home/config/master.key"), key);
        assert_eq!(mode(&bench, "home/config/master.key"), 0o600);
    }
    let same = bench.run(&["key", "import", "words.txt"]);
    snapshots(|| {
        assert_snapshot!(same.told(), @"
        exit 0
        DIR/home/config/master.key: the same key is there already, fingerprint [serial]
        ");
    });
    // To a pipe it goes as it is.
    let piped = bench.run(&["key", "export"]);
    assert_eq!((piped.code, piped.out.as_bytes()), (0, &key[..]));
}

#[test]
fn a_key_that_is_there_is_never_replaced() {
    let (_, bench) = bench();
    bench.run(&["key", "new"]);
    let key = bench.read("home/config/master.key");
    let other = fed(&bench, &["key", "import"], WORDS);
    snapshots(|| {
        assert_snapshot!(other.told(), @"
        exit 2
        treering: there is another master key already, DIR/home/config/master.key, with the fingerprint [serial]; that of the one to import is [serial]. Nothing is replaced: move the key that is there away first, and keep it for the bundles made with it
        ");
    });
    assert_eq!(bench.read("home/config/master.key"), key);
}

#[test]
fn words_are_checked_before_anything_is_kept() {
    let (_, bench) = bench();
    let wrong = fed(&bench, &["key", "import"], &WORDS.replace("warrior", "warior"));
    let other = fed(&bench, &["key", "import"], &WORDS.replace("warrior", "wash"));
    let short = fed(&bench, &["key", "import"], &WORDS.replace("warrior", ""));
    let long = fed(&bench, &["key", "import"], &WORDS.repeat(100));
    snapshots(|| {
        assert_snapshot!(wrong.told(), @r#"
        exit 2
        treering: standard input: word 7, "warior", is not one of the 2,048 words of BIP-39; is it warrior?; nothing was imported
        "#);
        assert_snapshot!(other.told(), @"
        exit 2
        treering: standard input: each word is known, but together they fail their checksum: one of them is another word of the list, or some have changed places; nothing was imported
        ");
        assert_snapshot!(short.told(), @"
        exit 2
        treering: standard input: a master key has 24 words, and here are 23; nothing was imported
        ");
        assert_snapshot!(long.told(), @"
        exit 2
        treering: standard input is too long to be a key: 24 words or 64 hex digits are wanted
        ");
    });
    assert!(!bench.exists("home/config/master.key"));
    let right = fed(&bench, &["key", "import"], WORDS);
    assert_snapshot!(right.told(), @"
    exit 0
    DIR/home/config/master.key: the master key, imported, fingerprint c21890c338a157aae67a853b3adf1e75
    ");
    let key = "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f\n";
    assert_eq!(bench.read("home/config/master.key"), key.as_bytes());
}

#[test]
fn a_file_that_others_can_read_gets_no_key() {
    let (_, bench) = bench();
    bench.run(&["key", "new"]);
    let file = fs::File::create(bench.path("open.txt")).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644)).unwrap();
    let output = bench.command().args(["key", "export"]).stdout(file).output().unwrap();
    assert_snapshot!(bench.ran(&output).told(), @"
    exit 2
    treering: standard output is a file that others can read (mode 0644): write the key with -o FILE, which makes one for you alone
    ");
    assert_eq!(bench.read("open.txt"), b"");
}
