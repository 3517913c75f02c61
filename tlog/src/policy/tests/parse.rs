//! Each refusal that is about the file's octets, groups and quorum, and the limits.

use insta::assert_snapshot;

use super::{log_line, name, policy, with_witnesses, witness_line};
use crate::{
    note::{SignatureType, SigningKey, VerifierKey},
    policy::{Policy, PolicyError, PolicyErrorKind},
};

fn refusal(text: impl AsRef<[u8]>) -> PolicyError {
    Policy::parse(text.as_ref()).unwrap_err()
}

#[test]
fn refuses_what_is_too_long() {
    let comment = format!("{}\n", "#".repeat(99));
    let text = comment.repeat(Policy::MAX_BYTES / 100) + "quorum none\n";
    assert_snapshot!(refusal(&text), @"line 10001: the policy is larger than 1000000 bytes");
    let whole = comment.repeat(Policy::MAX_BYTES / 100 - 1) + &"#".repeat(87) + "\nquorum none\n";
    assert_eq!(whole.len(), Policy::MAX_BYTES);
    policy(&whole);
    refusal(format!("#{whole}"));
}

#[test]
fn refuses_control_characters_in_comments_too() {
    assert_snapshot!(
        refusal("quorum none\n# a\r\n"),
        @"line 2: byte 0x0d is a control character; only tab and newline (without carriage return) may be here"
    );
    for byte in (0..=0x7f_u8).filter(u8::is_ascii_control).filter(|byte| !b"\t\n".contains(byte)) {
        let kind = refusal([b"quorum none\n# ", &[byte][..], b"\n"].concat()).kind;
        assert_eq!(kind, PolicyErrorKind::Control { byte });
    }
    // The first of several, wherever they are.
    for between in [0, 1, 60, 64, 200] {
        let text = format!("quorum none\n#\x01{}\x02\n", "x".repeat(between));
        assert_eq!(refusal(text).kind, PolicyErrorKind::Control { byte: 1 });
    }
}

#[test]
fn takes_every_other_octet_in_comments() {
    let octets: Vec<u8> = (0x20..=0xff_u8).filter(|&byte| byte != 0x7f).collect();
    let text = [b" \t # ", &octets[..], b"\n\n \t \n\tquorum \t none \n"].concat();
    assert_eq!(Policy::parse(&text).unwrap().as_bytes(), text);
}

#[test]
fn refuses_a_last_line_without_newline() {
    assert_snapshot!(refusal("# x\nquorum none"), @"line 2: the last line does not end in a newline");
}

#[test]
fn refuses_group_lines_of_another_form() {
    assert_snapshot!(
        refusal("group g\nquorum none\n"),
        @"line 1: a group line has the form: group <name> all|any|<k> <name>..."
    );
    assert_eq!(refusal("group\n").kind, PolicyErrorKind::GroupForm);
}

#[test]
fn refuses_thresholds_that_are_no_numbers() {
    assert_snapshot!(
        refusal(with_witnesses(1, "group g most w1\nquorum g\n")),
        @"line 3: group g asks for most members; that is all, any or a decimal number from 1, without leading zeroes"
    );
    for threshold in ["01", "00", "+1", "-1", "1.0", "ALL", "Any", "0x1", "1e0", "w1"] {
        let kind = refusal(with_witnesses(1, &format!("group g {threshold} w1\nquorum g\n"))).kind;
        assert!(matches!(kind, PolicyErrorKind::Threshold { .. }), "{threshold}");
    }
}

#[test]
fn refuses_a_group_without_members() {
    assert_snapshot!(refusal("group g all\n"), @"line 1: group g has no members; at least one is needed");
    for threshold in ["any", "0", "1"] {
        let kind = refusal(format!("group g {threshold}\nquorum g\n")).kind;
        assert!(matches!(kind, PolicyErrorKind::NoMembers { .. }), "{threshold}");
    }
}

/// A quorum that nobody need sign for must say so: `quorum none`.
#[test]
fn refuses_a_threshold_of_0() {
    assert_snapshot!(
        refusal(with_witnesses(1, "group g 0 w1\nquorum g\n")),
        @"line 3: group g asks for 0 members; at least 1 is needed (quorum none asks for no witness)"
    );
}

#[test]
fn refuses_a_threshold_above_the_members() {
    assert_snapshot!(
        refusal(with_witnesses(2, "group g 3 w1 w2\nquorum g\n")),
        @"line 4: group g asks for 3 members and has only 2"
    );
    assert_snapshot!(
        refusal(with_witnesses(1, "group g 99999999999999999999 w1\nquorum g\n")),
        @"line 3: group g asks for 99999999999999999999 members and has only 1"
    );
}

#[test]
fn refuses_none_as_member() {
    assert_snapshot!(
        refusal(with_witnesses(1, "group g any w1 none\nquorum g\n")),
        @"line 3: none cannot be a member of group g; only a quorum line can say none"
    );
}

#[test]
fn refuses_members_that_are_not_defined_before() {
    assert_snapshot!(
        refusal(with_witnesses(1, "group g any w1 w2\nquorum g\n")),
        @"line 3: w2, a member of group g, is not defined on an earlier line"
    );
    let later = format!("{}group g any w1 w2\n{}quorum g\n", witness_line(1), witness_line(2));
    assert_eq!(refusal(later).line, 2);
    // So no group can hold itself, directly or through others.
    assert_snapshot!(
        refusal("group g any g\nquorum g\n"),
        @"line 1: g, a member of group g, is not defined on an earlier line"
    );
}

#[test]
fn refuses_a_member_twice_in_one_group_or_in_two() {
    assert_snapshot!(
        refusal(with_witnesses(2, "group g 2 w1 w2 w1\nquorum g\n")),
        @"line 4: w1, a member of group g, is a member on line 4 already; a name is listed once"
    );
    assert_snapshot!(
        refusal(with_witnesses(2, "group g any w1\ngroup h all w2 w1\nquorum g\n")),
        @"line 5: w1, a member of group h, is a member on line 4 already; a name is listed once"
    );
    assert_snapshot!(
        refusal(with_witnesses(2, "group g any w1\ngroup h any g\ngroup i any g\nquorum i\n")),
        @"line 6: g, a member of group i, is a member on line 5 already; a name is listed once"
    );
}

#[test]
fn refuses_quorum_lines_of_another_form() {
    assert_snapshot!(refusal("quorum\n"), @"line 1: a quorum line has the form: quorum <name>|none");
    for line in ["quorum w1 w2", "quorum none # no witness"] {
        assert_eq!(refusal(format!("{line}\n")).kind, PolicyErrorKind::QuorumForm, "{line}");
    }
}

#[test]
fn refuses_a_quorum_that_is_not_defined_before() {
    assert_snapshot!(
        refusal(format!("quorum w1\n{}", witness_line(1))),
        @"line 1: the quorum w1 is not defined on an earlier line"
    );
}

#[test]
fn refuses_a_second_quorum() {
    assert_snapshot!(
        refusal("quorum none\n\nquorum none\n"),
        @"line 3: the quorum is on line 1 already; a policy has exactly one"
    );
}

#[test]
fn refuses_a_policy_without_quorum() {
    assert_snapshot!(
        refusal(log_line(1)),
        @"line 2: there is no quorum line; a policy has exactly one (quorum none asks for no witness)"
    );
    assert_eq!(refusal("").kind, PolicyErrorKind::NoQuorum);
    assert_eq!(refusal("\n").kind, PolicyErrorKind::NoQuorum);
}

/// Any 32 bytes that are a point will do here; two of three are.
fn points() -> impl Iterator<Item = [u8; 32]> {
    (1_000_u32..).filter_map(|start| {
        let mut public = [0; 32];
        public[..4].copy_from_slice(&start.to_le_bytes());
        VerifierKey::new(name("x"), SignatureType::Ed25519, &public).is_ok().then_some(public)
    })
}

fn keys(count: usize, kind: SignatureType) -> impl Iterator<Item = VerifierKey> {
    points().take(count).map(move |public| VerifierKey::new(name("x"), kind, &public).unwrap())
}

#[test]
fn refuses_more_than_500_logs() {
    let lines =
        |count| keys(count, SignatureType::Ed25519).map(|key| format!("log {key}\n")).collect::<String>();
    assert_eq!(policy(&(lines(500) + "quorum none\n")).logs().len(), 500);
    assert_snapshot!(refusal(lines(501)), @"line 501: there are more than 500 logs");
}

#[test]
fn refuses_more_than_500_witnesses() {
    let lines = |count| {
        let keys = keys(count, SignatureType::CosignatureEd25519).enumerate();
        keys.map(|(at, key)| format!("witness w{at} {key}\n")).collect::<String>()
    };
    assert_eq!(policy(&(lines(500) + "quorum w499\n")).witnesses().len(), 500);
    assert_snapshot!(refusal(lines(501)), @"line 501: there are more than 500 witnesses");
}

/// Five hundred groups, each in the next: evaluation neither recurses nor multiplies.
#[test]
fn refuses_more_than_500_groups() {
    let chain = |count: usize| {
        let groups = (1..count).map(|at| format!("group g{at} all g{}\n", at - 1)).collect::<String>();
        with_witnesses(1, &format!("group g0 all w1\n{groups}quorum g{}\n", count - 1))
    };
    let deep = policy(&chain(500));
    assert!(deep.is_met(&[0]) && !deep.is_met(&[]) && deep.is_blocking(&[0]));
    assert!(deep.describe_quorum().starts_with("1 of g498 (1 of g497 (1 of g496 ("));
    assert_snapshot!(refusal(chain(501)), @"line 503: there are more than 500 groups");
}

#[test]
fn takes_a_policy_without_log() {
    let policy = policy(&format!("{}quorum w1\n", witness_line(1)));
    assert_eq!(policy.logs(), []);
    let key = SigningKey::from_seed(name("l"), &[9; 32]).verifier();
    let with_log = policy.with_log(&key, Some("https://l.example/")).unwrap();
    assert_eq!(with_log.logs()[0].key, key);
    assert_eq!(with_log.logs()[0].url.as_deref(), Some("https://l.example/"));
    assert_eq!(with_log.witnesses(), policy.witnesses());
    assert!(with_log.as_bytes().ends_with(policy.as_bytes()));
    assert_eq!(policy.with_log(&key, None).unwrap().logs()[0].url, None);
}

#[test]
fn a_log_is_put_in_once_and_on_one_line() {
    let key = SigningKey::from_seed(name("l"), &[9; 32]).verifier();
    let policy = policy(&format!("{}quorum w1\n", witness_line(1))).with_log(&key, None).unwrap();
    assert_snapshot!(
        policy.with_log(&key, None).unwrap_err(),
        @"line 2: the log l has the public key of the log on line 1; a key is listed once"
    );
    let other = SigningKey::from_seed(name("l"), &[8; 32]).verifier();
    assert_eq!(policy.with_log(&other, Some("a b")).unwrap_err().kind, PolicyErrorKind::LogForm);
    let error = policy.with_log(&other, Some("a\nquorum none")).unwrap_err();
    assert_eq!(error, PolicyError { line: 1, kind: PolicyErrorKind::Control { byte: b'\n' } });
}
