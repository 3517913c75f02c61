//! Each refusal that is about a line's words: form, keys, names.

use insta::assert_snapshot;

use super::{log, log_line, name, policy, witness, witness_line};
use crate::{
    cosignature::CosignerKey,
    note::{SignatureType, VerifierKey},
    policy::{Policy, PolicyError, PolicyErrorKind},
};

fn refusal(text: impl AsRef<[u8]>) -> PolicyError {
    Policy::parse(text.as_ref()).unwrap_err()
}

#[test]
fn refuses_another_keyword() {
    assert_snapshot!(
        refusal("\n# x\nlogs x\nquorum none\n"),
        @"line 3: a line begins with log, witness, group, quorum or #, not with logs"
    );
    assert_snapshot!(
        refusal(b"\xffx\xe2\x80\xae\nquorum none\n"),
        @r"line 1: a line begins with log, witness, group, quorum or #, not with �x\u{202e}"
    );
    // Keywords are lowercase, and white space is space and tab only (this is U+00A0).
    assert!(Policy::parse(b"Quorum none\n").is_err());
    assert!(Policy::parse("quorum\u{a0}none\n".as_bytes()).is_err());
}

#[test]
fn refuses_log_lines_of_another_form() {
    assert_snapshot!(refusal("log\nquorum none\n"), @"line 1: a log line has the form: log <vkey> [<url>]");
    let vkey = log(1).verifier();
    assert_snapshot!(
        refusal(format!("quorum none\nlog {vkey} https://log.example # the log\n")),
        @"line 2: a log line has the form: log <vkey> [<url>]"
    );
}

#[test]
fn refuses_witness_lines_of_another_form() {
    assert_snapshot!(
        refusal("witness\nquorum none\n"),
        @"line 1: a witness line has the form: witness <name> <vkey> [<url>]"
    );
    for line in ["witness w1", "witness w1 vkey url more"] {
        let kind = refusal(format!("{line}\nquorum none\n")).kind;
        assert_eq!(kind, PolicyErrorKind::WitnessForm, "{line}");
    }
}

#[test]
fn refuses_keys_that_are_not_utf8() {
    assert_snapshot!(refusal(b"log a\xff+1\nquorum none\n"), @"line 1: the key a� is not UTF-8");
    assert_snapshot!(refusal(b"witness w \xc0\nquorum none\n"), @"line 1: the key � is not UTF-8");
}

#[test]
fn refuses_log_keys_that_are_none() {
    assert_snapshot!(
        refusal("log example.com\nquorum none\n"),
        @"line 1: the key of log example.com: a verifier key has the form <name>+<key id in hex>+<base64>"
    );
}

#[test]
fn refuses_witness_keys_that_are_none() {
    let vkey = witness(1).verifier().to_string().replace("w1.", "w2.");
    assert_snapshot!(
        refusal(format!("witness Anna {vkey}\nquorum none\n")),
        @"line 1: the key of witness Anna: the key ID does not belong to this name and key"
    );
}

#[test]
fn refuses_a_witness_key_as_log() {
    assert_snapshot!(
        refusal(format!("log {}\nquorum none\n", witness(1).verifier())),
        @"line 1: the key of log w1.example has signature type 0x04; a log's key has type 0x01"
    );
    let ml_dsa = CosignerKey::ml_dsa_44(name("l"), &[1; 32]).verifier();
    assert!(refusal(format!("log {ml_dsa}\nquorum none\n")).to_string().contains("has signature type 0x06;"));
}

#[test]
fn refuses_a_log_key_as_witness() {
    assert_snapshot!(
        refusal(format!("witness W {}\nquorum none\n", log(1).verifier())),
        @"line 1: the key of witness W has signature type 0x01; a witness's key has type 0x04 or 0x06"
    );
}

#[test]
fn refuses_a_log_twice_even_under_another_name() {
    let renamed =
        VerifierKey::new(name("other"), SignatureType::Ed25519, log(1).verifier().public_bytes()).unwrap();
    assert_snapshot!(
        refusal(format!("{}\nlog {renamed}\nquorum none\n", log_line(1))),
        @"line 3: the log other has the public key of the log on line 1; a key is listed once"
    );
    assert!(Policy::parse(format!("{0}{0}quorum none\n", log_line(1)).as_bytes()).is_err());
}

#[test]
fn refuses_a_witness_twice_even_under_another_name() {
    let public = witness(1).verifier().public_bytes().to_vec();
    let renamed = VerifierKey::new(name("other"), SignatureType::CosignatureEd25519, &public).unwrap();
    assert_snapshot!(
        refusal(format!("{}witness again {renamed}\nquorum none\n", witness_line(1))),
        @"line 2: witness again has the public key of the witness on line 1; a key is listed once"
    );
}

/// The rule is about logs among themselves and witnesses among themselves.
#[test]
fn a_log_and_a_witness_may_have_one_public_key() {
    let public = log(1).verifier().public_bytes().to_vec();
    let witness =
        VerifierKey::new(name("example.com/log"), SignatureType::CosignatureEd25519, &public).unwrap();
    policy(&format!("{}witness w {witness}\nquorum w\n", log_line(1)));
}

/// Key IDs have 32 bits: these two public keys were found in a moment, and anybody can find some.
#[test]
fn refuses_two_keys_that_no_line_could_tell_apart() {
    let [a, b] = [20_895_u32, 117_846].map(|start| {
        let mut public = [0; 32];
        public[..4].copy_from_slice(&start.to_le_bytes());
        VerifierKey::new(name("collision.example"), SignatureType::CosignatureEd25519, &public).unwrap()
    });
    assert_eq!(a.id(), b.id());
    assert_snapshot!(
        refusal(format!("witness a {a}\nwitness b {b}\nquorum a\n")),
        @"line 2: the key collision.example+e5f1a01e has the name and the key ID of the key on line 1; no line could tell them apart"
    );
}

#[test]
fn refuses_to_define_none() {
    let vkey = witness(1).verifier();
    assert_snapshot!(
        refusal(format!("witness none {vkey}\nquorum none\n")),
        @r#"line 1: the name none means "no witness at all" and cannot be given to a witness or a group"#
    );
    assert_snapshot!(
        refusal(format!("{}group none 1 w1\nquorum none\n", witness_line(1))),
        @r#"line 2: the name none means "no witness at all" and cannot be given to a witness or a group"#
    );
}

#[test]
fn refuses_a_name_twice() {
    let other = witness(2).verifier();
    assert_snapshot!(
        refusal(format!("{}witness w1 {other}\nquorum none\n", witness_line(1))),
        @"line 2: the name w1 is defined on line 1 already"
    );
    assert_snapshot!(
        refusal(format!("{}{}group w2 any w1\nquorum none\n", witness_line(1), witness_line(2))),
        @"line 3: the name w2 is defined on line 2 already"
    );
}

/// The names of the standard's example: ASCII K and the Kelvin sign.
#[test]
fn names_are_opaque_octets() {
    let (a, b) = (witness(1).verifier(), witness(2).verifier());
    let text = format!("witness K {a}\nwitness \u{212a} {b}\ngroup 1 all K \u{212a}\nquorum 1\n");
    assert_eq!(policy(&text).describe_quorum(), "2 of K, \u{212a}");
    let bytes = [b"witness \xff ", a.to_string().as_bytes(), b"\nquorum \xff\n"].concat();
    let policy = Policy::parse(&bytes).unwrap();
    assert_eq!(policy.witnesses()[0].name.as_bytes(), b"\xff");
    assert_eq!(policy.to_canonical(), bytes);
}
