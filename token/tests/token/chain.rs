//! Renewals: a newer token of an older token's bytes.

use crate::world::{FILE, Stamp, T, Who, claim, digests, full, opening, plain, policy, verifier};
use treering_tlog::{hash::sha256, policy::Policy};
use treering_token::verify::{Fault, VerifyError, chain_under};

/// The token of these bytes, an hour and more after the world's first tokens.
fn renewal(earlier: &str, seconds: u64) -> Stamp {
    let newer = crate::world::blinded(opening(&claim(earlier.as_bytes())));
    let at = |who| (who, T + seconds);
    Stamp {
        renews: Some(sha256(earlier.as_bytes())),
        sealed_at: (T + seconds) * 1000,
        cosigned: vec![at(Who::W1), at(Who::W2)],
        ..newer
    }
}

#[test]
fn three_tokens_each_of_the_one_before() {
    let policy = policy("two of three");
    let oldest = full().token().to_string();
    let middle = renewal(&oldest, 100).token().to_string();
    let newest = renewal(&middle, 200).token().to_string();
    let tokens = [&newest, &middle, &oldest].map(|token| token.as_bytes());
    let verified = verifier(&policy).chain(&tokens, &digests(FILE)).unwrap();
    let before: Vec<_> = verified.iter().map(|link| link.attested.before().unwrap().get() - T).collect();
    assert_eq!(before, [201, 101, 1]);
    assert_eq!(verified[0].renews, Some(sha256(middle.as_bytes())));
    // Without the oldest, what is left renews a token that is missing.
    let error = verifier(&policy).chain(&tokens[..2], &digests(FILE)).unwrap_err();
    assert_eq!((error.name(), error.fault()), ("earlier_token_missing", Fault::Incomplete));
}

#[test]
fn the_older_token_is_judged_as_of_the_newer_ones_upper_bound() {
    let policy = policy("two of three");
    // W3's clock was ahead: by the verifier's own time that is long past, as of the renewal it was the future.
    let ahead = Stamp { cosigned: vec![(Who::W1, T), (Who::W2, T), (Who::W3, T + 50)], ..plain(FILE) };
    let older = ahead.token().to_string();
    let newer = renewal(&older, 10).token().to_string();
    let verified = verifier(&policy).chain(&[newer.as_bytes(), older.as_bytes()], &digests(FILE)).unwrap();
    let in_future: Vec<_> = verified[1].attested.in_future.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(in_future, ["W3"]);
    assert!(
        verifier(&policy).chain(&[older.as_bytes()], &digests(FILE)).unwrap()[0]
            .attested
            .in_future
            .is_empty()
    );
}

#[test]
fn errors_say_which_token_of_a_chain() {
    let policy = policy("two of three");
    let older = plain(b"another file").token().to_string();
    let newer = renewal(&older, 10).token().to_string();
    let error = verifier(&policy).chain(&[newer.as_bytes(), older.as_bytes()], &digests(FILE)).unwrap_err();
    insta::assert_snapshot!(error, @"token 2 of the chain, counted from the newest: the token is not of this file: the file was changed, or the token is of another");
    assert_eq!((error.name(), error.fault()), ("not_this_file", Fault::OtherFile));
    let error = verifier(&policy).chain(&[older.as_bytes()], &digests(FILE)).unwrap_err();
    assert_eq!(error, VerifyError::NotThisFile);
    assert_eq!(verifier(&policy).chain(&[], &digests(FILE)), Err(VerifyError::NoToken));
}

#[test]
fn a_plain_renewal_alone_says_what_it_renews() {
    let policy = policy("two of three");
    let older = plain(FILE).token().to_string();
    let renews = sha256(older.as_bytes());
    let newer = Stamp { renews: Some(renews), ..plain(older.as_bytes()) }.token();
    let error = verifier(&policy).token(&newer, &digests(FILE)).unwrap_err();
    assert_eq!(error, VerifyError::EarlierTokenMissing { renews });
    assert!(verifier(&policy).token(&newer, &digests(older.as_bytes())).is_ok());
}

/// Whichever is asked first: that a policy doesn't list the log says nothing, if another does.
#[test]
fn of_several_policies_the_first_that_lists_the_log_says_why() {
    let [other, two, all] = ["another log", "two of three", "all of three"].map(policy);
    let judged = |policies: &[&Policy], token: &str| {
        chain_under(policies, verifier(&two).now, &[token.as_bytes()], &digests(FILE))
    };
    let good = plain(FILE).token().to_string();
    assert_eq!(judged(&[&other, &two, &all], &good).unwrap()[0].0, 1);
    let lonely = Stamp { cosigned: vec![(Who::W1, T)], ..plain(FILE) }.token().to_string();
    for policies in [&[&other, &two][..], &[&two, &other], &[&other, &other, &all], &[&all, &other, &two]] {
        let error = judged(policies, &lonely).unwrap_err();
        assert!(matches!(error, VerifyError::QuorumNotMet { cosigned: 1, witnesses: 3 }), "{error}");
    }
    assert_eq!(judged(&[&other, &other], &good).unwrap_err().fault(), Fault::UnknownLog);
    assert_eq!(judged(&[], &good).unwrap_err(), VerifyError::NoPolicy);
}
