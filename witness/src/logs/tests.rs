use treering_tlog::{
    cosignature::CosignerKey,
    note::{KeyName, SigningKey},
};

use super::*;

fn key(name: &str, seed: u8) -> VerifierKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &[seed; 32]).verifier()
}

fn origin(text: &str) -> Origin {
    Origin::new(text).unwrap()
}

fn load(files: &[(&str, &str)]) -> Result<LogSet, LogsError> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    LogSet::load(dir.path())
}

/// The message without the temporary directory's name.
fn refusal(files: &[(&str, &str)]) -> String {
    let message = load(files).unwrap_err().to_string();
    message.rsplit_once(files[0].0).map_or(message.clone(), |(_, rest)| format!("{}{rest}", files[0].0))
}

#[test]
fn a_directory_that_is_not_there_holds_no_logs() {
    assert!(LogSet::load(Path::new("/nonexistent/logs")).unwrap().is_empty());
}

#[test]
fn policy_files_and_lists_are_read_together() {
    let (a, b, c) = (key("log.example/a", 1), key("log.example/b", 2), key("log.example/c", 3));
    let policy = format!("# ours\nlog {a} https://log.example/a/\nlog {b}\nquorum none\n");
    let list = format!("logs/v0\n\nvkey {c}\norigin Log C of 2026\nqpd 24\ncontact me\n");
    let logs = load(&[("a.policy", &policy), ("public.logs", &list), (".half-written", "x")]).unwrap();
    assert_eq!(logs.len(), 3);
    let log_a = logs.get(&origin("log.example/a")).unwrap();
    assert_eq!((log_a.keys(), log_a.url()), ([a].as_slice(), Some("https://log.example/a/")));
    assert_eq!(logs.get(&origin("Log C of 2026")).unwrap().keys(), [c]);
    let log_c = logs.get(&origin("Log C of 2026")).unwrap();
    assert_eq!((log_c.requests_per_day().map(NonZeroU64::get), log_c.contact()), (Some(24), Some("me")));
    assert_eq!(log_a.requests_per_day(), None);
    assert!(logs.get(&origin("log.example/c")).is_none());
}

#[test]
fn an_origin_may_have_several_keys_and_a_key_be_named_twice() {
    let (old, new) = (key("log.example/a", 1), key("log.example/a", 2));
    let first = format!("log {old}\nquorum none\n");
    let second = format!("log {old}\nlog {new}\nquorum none\n");
    let logs = load(&[("1.policy", &first), ("2.policy", &second)]).unwrap();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs.get(&origin("log.example/a")).unwrap().keys(), [old, new]);
}

#[test]
fn one_bad_file_refuses_all() {
    let good = format!("log {}\nquorum none\n", key("log.example/a", 1));
    insta::assert_snapshot!(
        refusal(&[("b.policy", "log nonsense\nquorum none\n"), ("a.policy", &good)]).lines().next().unwrap_or_default(),
        @"b.policy: line 1: the key of log nonsense: a verifier key has the form <name>+<key id in hex>+<base64>"
    );
    insta::assert_snapshot!(
        refusal(&[("notes.txt", "hello\n"), ("a.policy", &good)]),
        @"notes.txt: the name of a file of logs ends in .policy (a tlog-policy file) or .logs (a logs/v0 list)"
    );
    let lists_alone = format!("log {}\n", key("log.example/a", 1));
    assert!(
        refusal(&[("a.policy", &lists_alone)])
            .ends_with(" (a file that only lists logs ends in the line `quorum none`)")
    );
}

#[test]
fn a_cosigners_key_is_no_logs_key() {
    let key = CosignerKey::ed25519(KeyName::new("witness.example").unwrap(), &[1; 32]).verifier();
    insta::assert_snapshot!(
        refusal(&[("x.logs", &format!("logs/v0\nvkey {key}\n"))]),
        @"x.logs: the key witness.example is not an Ed25519 key for notes (type 0x01)"
    );
    assert!(load(&[("x.policy", &format!("log {key}\nquorum none\n"))]).is_err());
}

#[test]
fn lists_are_read_strictly() {
    let key = key("log.example/a", 1);
    let kind = |text: String| list::parse(text.as_bytes()).unwrap_err().kind;
    use list::ListErrorKind as Kind;
    assert_eq!(kind("log/v1\n".to_owned()), Kind::Header);
    assert_eq!(kind(String::new()), Kind::Header);
    assert_eq!(kind("# only a comment\n".to_owned()), Kind::Header);
    assert_eq!(kind("logs/v0".to_owned()), Kind::Unterminated);
    assert_eq!(kind("logs/v0\r\n".to_owned()), Kind::Control);
    assert_eq!(kind("logs/v0\norigin x\n".to_owned()), Kind::Field);
    assert_eq!(kind(format!("logs/v0\nvkey {key}\nquota 3\n")), Kind::Field);
    assert_eq!(kind(format!("logs/v0\nvkey {key}\nqpd 3\norigin x\n")), Kind::Field);
    assert_eq!(kind(format!("logs/v0\nvkey {key}\nqpd 3\nqpd 3\n")), Kind::Field);
    assert_eq!(kind(format!("logs/v0\nvkey {key}\norigin\n")), Kind::Value);
    assert_eq!(kind(format!("logs/v0\nvkey {key}\norigin \n")), Kind::Value);
    for qpd in ["0", "01", "+1", "-1", "x", "99999999999999999999999"] {
        assert_eq!(kind(format!("logs/v0\nvkey {key}\nqpd {qpd}\n")), Kind::Qpd);
    }
    assert!(matches!(kind("logs/v0\nvkey x\n".to_owned()), Kind::Key(_)));
    let lines = |count| format!("logs/v0\n{}", format!("vkey {key}\n").repeat(count));
    assert_eq!(list::parse(lines(1_000).as_bytes()).unwrap().len(), 1_000);
    let error = list::parse(lines(1_001).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "line 1002: there are more than 1000 logs; give the list in parts");
    let error = list::parse(format!("{}qpd 3", lines(1)).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "line 3: the last line does not end in a newline");
    let error = list::parse(b"logs/v0\n\n\xff\n").unwrap_err();
    assert_eq!(error.to_string(), "line 3: the list is not UTF-8");
}

#[test]
fn what_add_log_writes_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("logs");
    let key = key("log.example/a", 1);
    for origin_text in ["log.example/a", "../../Log \u{e4} 2026"] {
        let candidates = candidates(&key.to_string(), Some(&origin(origin_text))).unwrap();
        let Added::Written(path) = write(&directory, &candidates[0]).unwrap() else { panic!("not written") };
        assert_eq!(path.parent(), Some(directory.as_path()));
        assert_eq!(write(&directory, &candidates[0]).unwrap(), Added::Present(path));
        assert!(LogSet::load(&directory).unwrap().knows(&candidates[0]));
    }
    assert_eq!(LogSet::load(&directory).unwrap().len(), 2);
}

#[test]
fn add_log_takes_the_logs_of_a_policy() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (key("log.example/a", 1), key("log.example/b", 2));
    let witness = CosignerKey::ed25519(KeyName::new("witness.example/w1").unwrap(), &[1; 32]).verifier();
    let file = dir.path().join("policy");
    let text = format!("log {a} https://log.example/a/\nlog {b}\nwitness w1 {witness}\nquorum w1\n");
    fs::write(&file, text).unwrap();
    let argument = file.to_str().unwrap();
    assert_eq!(candidates(argument, None).unwrap().len(), 2);
    let picked = candidates(argument, Some(&origin("log.example/b"))).unwrap();
    assert_eq!(picked, [Candidate::new(origin("log.example/b"), b)]);
    assert!(matches!(candidates(argument, Some(&origin("c"))), Err(AddError::NoLog { .. })));
    assert!(matches!(candidates("/nonexistent", None), Err(AddError::Neither { .. })));
}

#[test]
fn add_log_does_not_replace_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let candidate = candidates(&key("log.example/a", 1).to_string(), None).unwrap().remove(0);
    let Added::Written(path) = write(dir.path(), &candidate).unwrap() else { panic!("not written") };
    fs::write(&path, "# mine\n").unwrap();
    assert!(matches!(write(dir.path(), &candidate), Err(AddError::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"# mine\n");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_list_parser_panic(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        lines in "(vkey|origin|bastion|qpd|contact|logs/v0|#| |none|7|\n){0,30}",
    ) {
        let _ = list::parse(&bytes);
        let _ = list::parse(lines.as_bytes());
        let _ = list::parse(format!("logs/v0\n{lines}").as_bytes());
    }
}

#[test]
fn a_log_is_removed_by_its_origin_or_by_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let (a, a2, b) = (key("log.example/a", 1), key("log.example/a", 2), key("log.example/b", 3));
    for key in [&a, &a2, &b] {
        write(dir.path(), &candidates(&key.to_string(), None).unwrap()[0]).unwrap();
    }
    assert_eq!(remove(dir.path(), &a.to_string()).unwrap().len(), 1);
    assert_eq!(LogSet::load(dir.path()).unwrap().get(&origin("log.example/a")).unwrap().keys(), [a2]);
    assert_eq!(remove(dir.path(), "log.example/a").unwrap().len(), 1);
    assert_eq!(LogSet::load(dir.path()).unwrap().len(), 1);
    assert!(matches!(remove(dir.path(), "log.example/a"), Err(RemoveError::Unknown { .. })));
}

#[test]
fn a_log_beside_others_in_one_file_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (key("log.example/a", 1), key("log.example/b", 2));
    write(dir.path(), &candidates(&a.to_string(), None).unwrap()[0]).unwrap();
    let list = dir.path().join("public.logs");
    fs::write(&list, format!("logs/v0\nvkey {a}\nvkey {b}\n")).unwrap();
    assert!(
        matches!(remove(dir.path(), "log.example/a"), Err(RemoveError::Shared { path, .. }) if path == list)
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing was changed");
}

#[test]
fn add_log_keeps_the_quota_and_the_contact_of_a_list() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("public.logs");
    fs::write(&file, format!("logs/v0\nvkey {}\nqpd 24\ncontact me@log.example\n", key("log.example/a", 1)))
        .unwrap();
    let candidates = candidates(file.to_str().unwrap(), None).unwrap();
    let logs = dir.path().join("logs");
    write(&logs, &candidates[0]).unwrap();
    let written = LogSet::load(&logs).unwrap();
    let log = written.get(&origin("log.example/a")).unwrap();
    assert_eq!(
        (log.requests_per_day().map(NonZeroU64::get), log.contact()),
        (Some(24), Some("me@log.example"))
    );
}
