//! What people read, word for word.

use crate::world::{
    ALL, FILE, Stamp, T, Who, agent, blinded, claim, digests, full, full_claim, holder, opening, plain,
    policy, sign_p256, verifier,
};
use treering_tlog::{
    hash::sha256,
    time::{UnixMillis, UnixSeconds},
};
use treering_token::{
    claim::Claim,
    commitment::blind_name,
    describe,
    digest::HashId,
    token::{ClaimOpening, Opening},
    verify::{Verified, Verifier},
};

fn under(policy_name: &str, stamp: &Stamp) -> Verified {
    let policy = policy(policy_name);
    verifier(&policy).token(&stamp.token(), &digests(FILE)).unwrap()
}

fn lines(verified: &Verified) -> String {
    describe::verified(verified).join("\n")
}

#[test]
fn times() {
    insta::assert_snapshot!(describe::seconds(UnixSeconds::new(T + 1).unwrap()), @"2026-11-22T04:41:04Z");
    insta::assert_snapshot!(describe::seconds(UnixSeconds::new(0).unwrap()), @"1970-01-01T00:00:00Z");
    insta::assert_snapshot!(describe::seconds(UnixSeconds::MAX), @"second 9223372036854775807 of the epoch");
    insta::assert_snapshot!(describe::millis(UnixMillis::new(crate::world::SEALED_AT).unwrap()), @"2026-11-22T04:41:02.913Z");
    insta::assert_snapshot!(describe::millis(UnixMillis::new(T * 1000).unwrap()), @"2026-11-22T04:41:03.000Z");
    insta::assert_snapshot!(describe::millis(UnixMillis::MAX), @"millisecond 9223372036854775807 of the epoch");
}

#[test]
fn the_last_second_of_time_does_not_overflow() {
    let cosigned = ALL.map(|(who, _)| (who, i64::MAX as u64)).to_vec();
    let verified = under("two of three", &Stamp { cosigned, ..plain(FILE) });
    insta::assert_snapshot!(describe::attested(&verified.attested), @"existed before second 9223372036854775807 of the epoch (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17");
}

#[test]
fn every_field() {
    insta::assert_snapshot!(lines(&under("two of three", &full())), @"
    existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    stamped not before 2026-11-22T04:40:54Z (checkpoint 16 of the log example.com/log): this says when the claim was made, not the file
    digests that agree with the claim: sha-256
    holder: Jane Doe (name claimed, key ddf84362870d2b031c8233e081884281d1c0a7544a2087c43415942a64ad6301)
    agent: Stamping Ltd. (name claimed)
    title: The first ring (claimed)
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
}

#[test]
fn plain_token() {
    insta::assert_snapshot!(lines(&under("two of three", &plain(FILE))), @"
    existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    plain: the file's SHA-256 itself was stamped, with no claim and no lower bound
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
}

#[test]
fn names_withheld() {
    let policy = policy("two of three");
    let token = full().token().without_names(true, true);
    insta::assert_snapshot!(lines(&verifier(&policy).token(&token, &digests(FILE)).unwrap()), @"
    existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    stamped not before 2026-11-22T04:40:54Z (checkpoint 16 of the log example.com/log): this says when the claim was made, not the file
    digests that agree with the claim: sha-256
    holder: in the claim, not disclosed in this token, key ddf84362870d2b031c8233e081884281d1c0a7544a2087c43415942a64ad6301
    agent: in the claim, not disclosed in this token
    title: The first ring (claimed)
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
}

#[test]
fn one_witness() {
    insta::assert_snapshot!(describe::attested(&under("one witness", &full()).attested), @"existed before 2026-11-22T04:41:04Z (1 of 1 witness; 1 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17");
}

#[test]
fn the_quorum_is_met_before_the_last_cosignature() {
    let cosigned = vec![(Who::W1, T), (Who::W2, T + 1), (Who::W3, T + 9)];
    let verified = under("two of three", &Stamp { cosigned, ..plain(FILE) });
    insta::assert_snapshot!(describe::attested(&verified.attested), @"existed before 2026-11-22T04:41:05Z (2 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17");
}

#[test]
fn no_witness_asked_for() {
    insta::assert_snapshot!(lines(&under("none", &full())), @"
    no attested time: the policy asks for no witness; only the log's own word: sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    the claim names an earlier checkpoint, not judged: the policy asks for no witness
    digests that agree with the claim: sha-256
    holder: Jane Doe (name claimed, key ddf84362870d2b031c8233e081884281d1c0a7544a2087c43415942a64ad6301)
    agent: Stamping Ltd. (name claimed)
    title: The first ring (claimed)
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
}

#[test]
fn timestamps_in_the_future() {
    let policy = policy("two of three");
    let verifier = Verifier { policy: &policy, now: UnixSeconds::new(T - 1).unwrap() };
    insta::assert_snapshot!(lines(&verifier.token(&plain(FILE).token(), &digests(FILE)).unwrap()), @"
    existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    the witness W1 cosigned at 2026-11-22T04:41:03Z, which is in the future by this verifier's clock
    the witness W2 cosigned at 2026-11-22T04:41:03Z, which is in the future by this verifier's clock
    the witness W3 cosigned at 2026-11-22T04:41:03Z, which is in the future by this verifier's clock
    plain: the file's SHA-256 itself was stamped, with no claim and no lower bound
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
}

#[test]
fn what_was_cosigned_this_very_second_is_not_in_the_future() {
    let policy = policy("two of three");
    let verifier = Verifier { policy: &policy, now: UnixSeconds::new(T).unwrap() };
    let verified = verifier.token(&plain(FILE).token(), &digests(FILE)).unwrap();
    assert!(verified.attested.witnesses.iter().all(|(_, time)| time.get() == T));
    assert!(verified.attested.in_future.is_empty());
}

#[test]
fn names_without_a_key_and_an_unknown_digest() {
    let mut claim = claim(FILE);
    claim.holder = Some(blind_name(&holder().salt, &holder().name));
    claim.agent = Some(blind_name(&agent().salt, &agent().name));
    assert!(claim.digests.insert(HashId::new(99).unwrap(), vec![9]));
    let opening = ClaimOpening { holder: Some(holder()), ..opening(&claim) };
    insta::assert_snapshot!(lines(&under("two of three", &blinded(opening))), @"
    existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    digests that agree with the claim: sha-256
    digest not checked: hash id 99 is not known here
    holder: Jane Doe (name claimed, no key)
    agent: in the claim, not disclosed in this token
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
    let withheld = ClaimOpening { holder: None, ..full_claim().1 };
    let withheld = ClaimOpening { claim: claim.encode(), ..withheld };
    insta::assert_snapshot!(lines(&under("two of three", &blinded(withheld))), @"
    existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    digests that agree with the claim: sha-256
    digest not checked: hash id 99 is not known here
    holder: in the claim, not disclosed in this token
    agent: Stamping Ltd. (name claimed)
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
}

#[test]
fn a_key_without_a_name() {
    let stamp = blinded(opening(&sign_p256(claim(FILE), true)));
    insta::assert_snapshot!(lines(&under("two of three", &stamp)), @"
    existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    digests that agree with the claim: sha-256
    holder: no name claimed, key ade7057c1475636643239dafb2d8cbe9de1734f44d60c1a129463e56f0b7324a
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
}

/// A name could try to steer the reader's terminal, or to look like another line.
#[test]
fn claimed_text_is_escaped() {
    let name = "Jane\u{202e}eoD\x1b[2J\nexisted before 1970".to_owned();
    let salt = holder().salt;
    let claim = Claim {
        holder: Some(blind_name(&salt, &name)),
        title: Some("a\u{200b}b\r\u{2028}".to_owned()),
        ..claim(FILE)
    };
    let opening = ClaimOpening { holder: Some(Opening { salt, name }), ..opening(&claim) };
    insta::assert_snapshot!(lines(&under("two of three", &blinded(opening))), @r"
    existed before 2026-11-22T04:41:04Z (3 of 3 witnesses; 2 would have to lie); sealed by the log example.com/log at 2026-11-22T04:41:02.913Z, entry 17
    digests that agree with the claim: sha-256
    holder: Jane\u{202e}eoD\u{1b}[2J\u{a}existed before 1970 (name claimed, no key)
    title: a\u{200b}b\u{d}\u{2028} (claimed)
    not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
    ");
}

#[test]
fn a_renewal() {
    let verified = Verified { renews: Some(sha256(b"x")), ..under("two of three", &plain(FILE)) };
    insta::assert_snapshot!(describe::verified(&verified)[2], @"renews the earlier token with SHA-256 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
}
