//! Keys that fell, policies that were superseded, checkpoints that are remembered.

use super::open::{line, log_signature, note, seconds};
use super::{log, log_line, policy, witness, witness_line};
use crate::policy::{Distrust, Policy, PolicyVerifyError};

/// A log of seed 7, since the witnesses' seeds would give it their public keys.
fn with(lines: &str) -> Policy {
    policy(&format!("{}{}{}{lines}", log_line(7), witness_line(1), witness_line(2)))
}

fn two_witnesses() -> Policy {
    with("group g all w1 w2\nquorum g\n")
}

fn fell(seed: u8, after: u64, stolen: bool) -> Distrust {
    Distrust { key: witness(seed).verifier().fingerprint(), after: seconds(after), stolen }
}

fn log_fell(after: u64, stolen: bool) -> Distrust {
    Distrust { key: log(7).verifier().fingerprint(), after: seconds(after), stolen }
}

/// Whether w1 at 10 counts, and whether w2 at 20 does.
fn counting(policy: &Policy, as_of: Option<u64>) -> [bool; 2] {
    let note = note(&[log_signature(7), line(1, 10), line(2, 20)]);
    let opened = policy.open_as_of(note, as_of.map(seconds)).unwrap();
    assert_eq!(opened.verified().count(), 2);
    [0, 1].map(|witness| opened.cosigned.iter().any(|by| by.witness == witness))
}

#[test]
fn a_cosignature_counts_up_to_the_fall_of_its_key() {
    let having = |list: &[Distrust]| two_witnesses().distrusting(list.to_vec());
    assert_eq!(counting(&having(&[]), None), [true, true]);
    assert_eq!(counting(&having(&[fell(2, 20, false)]), None), [true, true]);
    assert_eq!(counting(&having(&[fell(2, 19, false)]), None), [true, false]);
    assert_eq!(counting(&having(&[fell(1, 9, false), fell(2, 19, false)]), None), [false, false]);
    // The stricter of two entries for one key holds.
    assert_eq!(counting(&having(&[fell(2, 30, false), fell(2, 19, false)]), None), [true, false]);
    // A stranger's fall is nothing to us.
    assert_eq!(counting(&having(&[fell(3, 0, true)]), None), [true, true]);
}

/// A thief writes whatever time he likes into what he signs.
#[test]
fn what_a_stolen_key_signed_counts_only_as_of_a_time_before() {
    let stolen = two_witnesses().distrusting(vec![fell(2, 100, true)]);
    assert_eq!(counting(&stolen, None), [true, false]);
    assert_eq!(counting(&stolen, Some(101)), [true, false]);
    assert_eq!(counting(&stolen, Some(100)), [true, true]);
    // Older evidence of a later time is evidence, for a key that was merely given up, too.
    let given_up = two_witnesses().distrusting(vec![fell(2, 19, false)]);
    assert_eq!(counting(&given_up, Some(19)), [true, true]);
}

#[test]
fn a_logs_signature_is_as_old_as_the_quorum_says() {
    let lines = [log_signature(7), line(1, 10), line(2, 20)];
    for stolen in [false, true] {
        let open = |after, as_of: Option<u64>| {
            let policy = two_witnesses().distrusting(vec![log_fell(after, stolen)]);
            policy.open_as_of(note(&lines), as_of.map(seconds)).map(|_| ())
        };
        assert_eq!(open(20, None), Ok(()));
        let refused =
            PolicyVerifyError::DistrustedLog { origin: "example.com/log".into(), after: seconds(19) };
        assert_eq!(open(19, None), Err(refused.clone()));
        assert_eq!(open(19, Some(20)), Err(refused));
        assert_eq!(open(19, Some(19)), Ok(()));
    }
    // A witness whose word doesn't count can't vouch for the log's age.
    let both = two_witnesses().distrusting(vec![log_fell(25, false), fell(2, 5, false)]);
    assert!(both.open(note(&lines)).is_err());
    // Without witnesses nothing shows how old it is.
    let none = with("quorum none\n").distrusting(vec![log_fell(100, false)]);
    assert!(none.open(note(&lines)).is_err());
}

/// While a log exchanges its key, both sign.
#[test]
fn one_signature_of_the_log_that_counts_is_enough() {
    let two = with(&format!("{}group g all w1 w2\nquorum g\n", log_line(9)));
    let lines = [log_signature(7), log_signature(9), line(1, 10), line(2, 20)];
    assert!(two.clone().distrusting(vec![log_fell(5, true)]).open(note(&lines)).is_ok());
    let nine = Distrust { key: log(9).verifier().fingerprint(), ..log_fell(5, true) };
    assert!(two.distrusting(vec![log_fell(5, true), nine]).open(note(&lines)).is_err());
}

#[test]
fn a_superseded_policy_judges_what_is_older() {
    let lines = [log_signature(7), line(1, 10), line(2, 20)];
    assert!(two_witnesses().superseded(seconds(20)).open(note(&lines)).is_ok());
    let refused = two_witnesses().superseded(seconds(19)).open(note(&lines)).unwrap_err();
    assert_eq!(refused, PolicyVerifyError::Superseded { attested: Some(seconds(20)), until: seconds(19) });
    // Without witnesses nothing shows how old anything is.
    let none = with("quorum none\n");
    assert!(none.open(note(&lines)).is_ok());
    let refused = none.superseded(seconds(1_000)).open(note(&lines)).unwrap_err();
    assert_eq!(refused, PolicyVerifyError::Superseded { attested: None, until: seconds(1_000) });
    // A quorum that isn't met is for the caller to name.
    assert!(two_witnesses().superseded(seconds(5)).open(note(&lines[..2])).is_ok());
}

#[test]
fn what_is_remembered_is_what_opening_gives() {
    let remembering = two_witnesses().distrusting(vec![fell(2, 15, true)]).remembering();
    let lines = [log_signature(7), line(1, 10), line(2, 20)];
    for as_of in [None, Some(seconds(15)), None, Some(seconds(15))] {
        let plain =
            two_witnesses().distrusting(vec![fell(2, 15, true)]).open_as_of(note(&lines), as_of).unwrap();
        let opened = remembering.open_as_of(note(&lines), as_of).unwrap();
        assert_eq!((&opened.cosigned, &opened.distrusted), (&plain.cosigned, &plain.distrusted));
    }
    // Another line, other bytes: nothing is taken over from the note before.
    assert!(remembering.open(note(&[log_signature(7), line(1, 10), line(2, 21), line(2, 20)])).is_err());
    let fewer = remembering.open(note(&[log_signature(7)])).unwrap();
    assert_eq!((fewer.cosigned.len(), fewer.distrusted.len()), (0, 0));
    // Set anew, it has nothing to remember.
    let forgiving = remembering.distrusting(Vec::new());
    assert_eq!(forgiving.open(note(&lines)).unwrap().cosigned.len(), 2);
}

#[test]
fn policies_are_the_same_if_they_judge_the_same() {
    let [plain, fallen] = [two_witnesses(), two_witnesses().distrusting(vec![fell(2, 20, false)])];
    let until = two_witnesses().superseded(seconds(9));
    assert_eq!((plain.until(), until.until()), (None, Some(seconds(9))));
    assert_eq!(plain, two_witnesses());
    assert_eq!(plain, plain.clone().remembering());
    for other in
        [&fallen, &until, &with("quorum w1\n"), &fallen.clone().distrusting(vec![fell(2, 21, false)])]
    {
        assert_ne!(&plain, other);
    }
}
