//! Bounds and blocking sets, by table.

use super::{policy, with_witnesses};
use crate::{
    policy::{Cosigned, Policy, UpperBound},
    time::UnixSeconds,
};

fn seconds(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(seconds).unwrap()
}

/// (witness, time): witnesses count from 0.
fn cosigned(list: &[(usize, u64)]) -> Vec<Cosigned> {
    list.iter().map(|&(witness, time)| Cosigned { witness, time: seconds(time) }).collect()
}

/// T, met, of and k.
fn upper(policy: &Policy, list: &[(usize, u64)]) -> Option<(u64, usize, usize, usize)> {
    let UpperBound { time, met, of, would_have_to_lie } = policy.upper_bound(&cosigned(list))?;
    Some((time.get(), met, of, would_have_to_lie))
}

fn lower(policy: &Policy, list: &[(usize, u64)]) -> Option<u64> {
    policy.lower_bound(&cosigned(list)).map(UnixSeconds::get)
}

#[test]
fn a_single_witness_is_1_of_1() {
    let policy = policy(&with_witnesses(2, "quorum w2\n"));
    assert_eq!(upper(&policy, &[(0, 3), (1, 5)]), Some((5, 1, 1, 1)));
    assert_eq!(lower(&policy, &[(0, 3), (1, 5)]), Some(5));
    assert_eq!(upper(&policy, &[(0, 3)]), None);
    assert_eq!(lower(&policy, &[(0, 3)]), None);
    assert!(policy.is_blocking(&[1]) && !policy.is_blocking(&[0]) && !policy.is_blocking(&[]));
}

#[test]
fn without_quorum_there_is_no_time_and_no_blocking_set() {
    let policy = policy(&with_witnesses(2, "quorum none\n"));
    assert!(policy.needs_no_witness() && policy.is_met(&[]));
    assert!(!policy.is_blocking(&[]) && !policy.is_blocking(&[0, 1]));
    assert_eq!(upper(&policy, &[(0, 3), (1, 5)]), None);
    assert_eq!(lower(&policy, &[(0, 3), (1, 5)]), None);
}

#[test]
fn two_of_three() {
    let policy = policy(&with_witnesses(3, "group g 2 w1 w2 w3\nquorum g\n"));
    for (list, want_upper, want_lower) in [
        (&[(0, 10), (1, 20), (2, 30)][..], Some((20, 2, 3, 2)), Some(20)),
        (&[(2, 30), (1, 20), (0, 10)], Some((20, 2, 3, 2)), Some(20)),
        (&[(0, 10), (2, 30)], Some((30, 2, 3, 2)), Some(10)),
        // All that have signed by T are met, not only as many as are needed.
        (&[(0, 10), (1, 20), (2, 20)], Some((20, 3, 3, 2)), Some(20)),
        (&[(0, 7), (1, 7), (2, 7)], Some((7, 3, 3, 2)), Some(7)),
        // A witness that is there twice: its earliest for the upper bound, its latest for the lower.
        (&[(0, 10), (0, 40), (1, 20), (1, 50)], Some((20, 2, 3, 2)), Some(40)),
        // Twice the same witness is one witness.
        (&[(0, 10), (0, 20)], None, None),
        // A witness that the policy does not have.
        (&[(0, 10), (3, 20)], None, None),
        (&[], None, None),
        (&[(0, 0), (1, i64::MAX.unsigned_abs())], Some((i64::MAX.unsigned_abs(), 2, 3, 2)), Some(0)),
    ] {
        assert_eq!(upper(&policy, list), want_upper, "{list:?}");
        assert_eq!(lower(&policy, list), want_lower, "{list:?}");
        assert_eq!(
            policy.is_met(&list.iter().map(|&(witness, _)| witness).collect::<Vec<_>>()),
            want_upper.is_some()
        );
    }
    assert!(!policy.is_blocking(&[0]) && !policy.is_blocking(&[0, 0, 3]));
    assert!(policy.is_blocking(&[0, 2]) && policy.is_blocking(&[0, 1, 2]));
}

/// One operator with two keys, both of which have to sign: a scheme that falls takes one of them.
#[test]
fn nested_groups_count_members_and_not_keys() {
    let groups = "group A all w1 w2\ngroup B all w3 w4\ngroup g 2 A B w5\nquorum g\n";
    let policy = policy(&with_witnesses(6, groups));
    for (list, want_upper, want_lower) in [
        (&[(0, 10), (1, 40), (2, 20), (3, 30)][..], Some((40, 2, 3, 2)), Some(10)),
        (&[(0, 10), (1, 40), (2, 20), (3, 30), (4, 35)], Some((35, 2, 3, 2)), Some(20)),
        (&[(0, 10), (1, 11), (2, 12), (3, 13), (4, 13)], Some((13, 3, 3, 2)), Some(12)),
        (&[(0, 10), (2, 20), (4, 30)], None, None),
        // w6 is in no group.
        (&[(4, 30), (5, 30)], None, None),
    ] {
        assert_eq!(upper(&policy, list), want_upper, "{list:?}");
        assert_eq!(lower(&policy, list), want_lower, "{list:?}");
    }
    assert!(policy.is_blocking(&[0, 2]) && policy.is_blocking(&[1, 4]) && !policy.is_blocking(&[0, 1, 5]));
}

#[test]
fn groups_outside_the_quorum_change_nothing() {
    let policy = policy(&with_witnesses(3, "group g any w1 w2\nquorum w3\ngroup h all g w3\n"));
    assert!(policy.is_met(&[2]) && !policy.is_met(&[0, 1]));
}
