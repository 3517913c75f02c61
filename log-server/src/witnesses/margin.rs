//! How far the quorum is from being lost.

use super::Peer;
use treering_tlog::policy::Policy;

/// No more than this is told apart: who has a margin of 2 need not hurry.
pub(crate) const MOST: i64 = 2;

/// How many witnesses, whichever, could fail now and the quorum would still be met: −1 if it isn't met as it is, 0 if one
/// more failure can end it, at most [`MOST`]. `well` are indexes into the policy's witnesses; all keys of a witness fail
/// together. With `quorum none` it is [`MOST`].
pub(crate) fn margin(policy: &Policy, peers: &[Peer], well: &[usize]) -> i64 {
    let mut missing = Vec::new();
    if !holds(policy, peers, well, &missing) {
        return -1;
    }
    for margin in 0..MOST {
        missing.push(0);
        if !holds_without_any(policy, peers, well, &mut missing, 0, 0) {
            return margin;
        }
    }
    MOST
}

/// Does the quorum hold, whichever of the peers from `from` on stand in the places of `missing` from `place` on? At most
/// 64 × 64 / 2 questions, of a policy of at most 64 witnesses.
fn holds_without_any(
    policy: &Policy,
    peers: &[Peer],
    well: &[usize],
    missing: &mut [usize],
    place: usize,
    from: usize,
) -> bool {
    if place == missing.len() {
        return holds(policy, peers, well, missing);
    }
    (from..peers.len()).all(|peer| {
        missing[place] = peer;
        holds_without_any(policy, peers, well, missing, place + 1, peer + 1)
    })
}

fn holds(policy: &Policy, peers: &[Peer], well: &[usize], missing: &[usize]) -> bool {
    let gone = |witness: &usize| missing.iter().any(|&peer| peers[peer].lines.contains(witness));
    let left: Vec<usize> = well.iter().copied().filter(|witness| !gone(witness)).collect();
    policy.is_met(&left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::witnesses::{peers, tests::policy};
    use std::collections::BTreeMap;

    fn margins(policy: &Policy, well: &[&[usize]]) -> Vec<i64> {
        let peers = peers(policy, &BTreeMap::new());
        well.iter().map(|well| margin(policy, &peers, well)).collect()
    }

    #[test]
    fn each_witness_that_fails_takes_one_away() {
        let names = [("a", "http://a"), ("b", "http://b"), ("c", "http://c"), ("d", "http://d")];
        let two_of_four = policy(&names, "group g 2 a b c d\nquorum g\n");
        assert_eq!(margins(&two_of_four, &[&[0], &[1, 3], &[0, 1, 2], &[0, 1, 2, 3]]), [-1, 0, 1, 2]);
        let all = policy(&names, "group g all a b c d\nquorum g\n");
        assert_eq!(margins(&all, &[&[0, 1, 2], &[0, 1, 2, 3]]), [-1, 0]);
        let any = policy(&names, "group g any a b c d\nquorum g\n");
        assert_eq!(margins(&any, &[&[], &[2], &[0, 1, 2, 3]]), [-1, 0, 2]);
        assert_eq!(margins(&policy(&names, "quorum none\n"), &[&[]]), [2]);
    }

    #[test]
    fn the_keys_of_one_witness_fail_together() {
        let names = [("old", "http://a"), ("new", "http://a/"), ("b", "http://b")];
        let either = policy(&names, "group a any old new\nquorum a\n");
        assert_eq!(margins(&either, &[&[0, 1, 2]]), [0], "one witness, although two keys");
        let both = policy(&names, "group a all old new\ngroup g any a b\nquorum g\n");
        assert_eq!(margins(&both, &[&[0, 1, 2], &[0, 1], &[0]]), [1, 0, -1]);
    }
}
