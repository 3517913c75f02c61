use super::*;
use treering_tlog::note::{KeyName, SigningKey};

fn text(seed: u8, name: &str) -> String {
    let key = SigningKey::from_seed(KeyName::new(name).unwrap(), &[seed; 32]).verifier();
    format!("log {key} https://log.example/\nquorum none\n")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn pin(pins: &mut Pins, text: &str, second: i64) -> bool {
    pins.pin(&Policy::parse(text.as_bytes()).unwrap(), text, "https://log.example/", at(second))
}

#[test]
fn a_later_policy_of_the_same_log_supersedes_and_another_logs_does_not() {
    let mut pins = Pins::default();
    assert!(pin(&mut pins, &text(1, "log.example"), 100));
    assert!(pin(&mut pins, &text(2, "other.example"), 200));
    assert!(!pin(&mut pins, &text(1, "log.example"), 300), "it is there already");
    assert!(pin(&mut pins, &text(3, "log.example"), 400));
    let until: Vec<_> = pins.policies.iter().map(|pinned| pinned.until).collect();
    assert_eq!(until, [Some(at(400)), None, None]);
    // Back to the first one: both stand in the history.
    assert!(pin(&mut pins, &text(1, "log.example"), 500));
    assert_eq!(pins.policies.len(), 4);
    assert_eq!(pins.policies[2].until, Some(at(500)));
}

#[test]
fn what_is_written_is_read_back() {
    let mut pins = Pins::default();
    pin(&mut pins, &text(1, "log.example"), 100);
    pin(&mut pins, &text(2, "log.example"), 200);
    pins.distrusted.push(Distrusted {
        key: Hash::new([7; 32]),
        name: Some("w1".into()),
        after: at(150),
        stolen: true,
        reason: Some("\"quoted\"\nand more".into()),
    });
    pins.holders.push(Holder { name: "Müller AG".into(), key: Hash::new([8; 32]) });
    let written = pins.to_text();
    let read = Pins::parse(written.as_bytes(), Path::new("x")).unwrap();
    assert_eq!(
        (&read.policies, &read.distrusted, &read.holders),
        (&pins.policies, &pins.distrusted, &pins.holders)
    );
    assert!(written.contains("\nlog log.example+"), "a policy stands there as it is: {written}");
    assert_eq!(read.keys_of("Müller AG"), [Hash::new([8; 32])]);
    assert_eq!(read.holder_of(&Hash::new([8; 32])), Some("Müller AG"));
    assert_eq!(read.distrust()[0].after, UnixSeconds::new(150).unwrap());
}

#[test]
fn what_is_none_of_ours_is_refused_with_its_reason() {
    let refused = |text: &str| Pins::parse(text.as_bytes(), Path::new("trust.toml")).unwrap_err().to_string();
    insta::assert_snapshot!(refused("version = 2"), @"trust.toml is of version 2, which this treering doesn't know; use a newer one");
    insta::assert_snapshot!(refused("version = 1\ntrusted = 1"), @"trust.toml is not as `treering trust` writes it: unknown field `trusted`, expected one of `version`, `policy`, `distrusted`, `holder`");
    insta::assert_snapshot!(refused("version = 1\n[[holder]]\nname = \"a\"\nkey = \"b\""), @"trust.toml is not as `treering trust` writes it: a key is 64 lower-case hex digits");
    insta::assert_snapshot!(refused("version = 1\n[[policy]]\npinned_at = \"2026-11-22T04:41:00Z\"\nfrom = \"x\"\ntext = \"log\""), @"trust.toml: the policy pinned at 2026-11-22T04:41:00Z is refused: line 1: the last line does not end in a newline");
    assert!(Pins::parse(b"\xff", Path::new("x")).is_err());
}
