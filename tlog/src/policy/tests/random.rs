//! Random policies against an evaluator that recurses and tries every time.

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::{collection::vec, prelude::*};

use super::{policy, with_witnesses};
use crate::{
    policy::{Cosigned, Policy},
    time::UnixSeconds,
};

const WITNESSES: u8 = 7;

#[derive(Clone, Debug)]
enum Node {
    Witness(usize),
    Group(usize, Vec<Node>),
}

impl Node {
    fn is_met(&self, signed: &BTreeSet<usize>) -> bool {
        match self {
            Node::Witness(witness) => signed.contains(witness),
            Node::Group(k, members) => members.iter().filter(|member| member.is_met(signed)).count() >= *k,
        }
    }

    fn members(&self) -> &[Node] {
        match self {
            Node::Witness(_) => std::slice::from_ref(self),
            Node::Group(_, members) => members,
        }
    }

    fn k(&self) -> usize {
        match self {
            Node::Witness(_) => 1,
            Node::Group(k, _) => *k,
        }
    }
}

/// Groups over what is not yet a member, one after the other; the quorum is any of what is left.
fn random_policy() -> impl Strategy<Value = (String, Node)> {
    (vec((any::<u16>(), any::<usize>()), 0..6), any::<prop::sample::Index>()).prop_map(|(groups, quorum)| {
        let mut free: Vec<(String, Node)> =
            (0..usize::from(WITNESSES)).map(|at| (format!("w{}", at + 1), Node::Witness(at))).collect();
        let mut lines = String::new();
        for (at, (mask, k)) in groups.into_iter().enumerate() {
            let (members, rest): (Vec<_>, Vec<_>) =
                free.into_iter().enumerate().partition(|(at, _)| mask >> at & 1 == 1);
            free = rest.into_iter().map(|(_, node)| node).collect();
            let (names, nodes): (Vec<_>, Vec<_>) = members.into_iter().map(|(_, node)| node).unzip();
            if !nodes.is_empty() {
                let k = 1 + k % nodes.len();
                lines += &format!("group g{at} {k} {}\n", names.join(" "));
                free.push((format!("g{at}"), Node::Group(k, nodes)));
            }
        }
        let (name, node) = quorum.get(&free).clone();
        (format!("{lines}quorum {name}\n"), node)
    })
}

fn parsed(lines: &str) -> Policy {
    // Keys are slow to make, and always the same.
    static HEAD: LazyLock<String> = LazyLock::new(|| with_witnesses(WITNESSES, ""));
    policy(&format!("{}{lines}", *HEAD))
}

proptest! {
    #[test]
    fn every_set_meets_and_blocks_as_it_should((lines, node) in random_policy()) {
        let policy = parsed(&lines);
        for mask in 0..1_u32 << WITNESSES {
            let (inside, outside): (Vec<usize>, Vec<usize>) =
                (0..usize::from(WITNESSES)).partition(|at| mask >> at & 1 == 1);
            prop_assert_eq!(policy.is_met(&inside), node.is_met(&inside.iter().copied().collect()));
            prop_assert_eq!(policy.is_blocking(&inside), !node.is_met(&outside.into_iter().collect()));
        }
    }

    #[test]
    fn bounds_are_the_first_and_the_last_time_that_meets_the_quorum(
        (lines, node) in random_policy(), list in vec((0..usize::from(WITNESSES), 0..9_u64), 0..14),
    ) {
        let policy = parsed(&lines);
        let cosigned: Vec<Cosigned> = list
            .iter()
            .map(|&(witness, time)| Cosigned { witness, time: UnixSeconds::new(time).unwrap() })
            .collect();
        let signed = |counts: &dyn Fn(u64) -> bool| -> BTreeSet<usize> {
            list.iter().filter(|(_, time)| counts(*time)).map(|&(witness, _)| witness).collect()
        };
        let first = (0..9).find(|&t| node.is_met(&signed(&|time| time <= t)));
        let last = (0..9).rev().find(|&t| node.is_met(&signed(&|time| time >= t)));
        prop_assert_eq!(policy.lower_bound(&cosigned).map(UnixSeconds::get), last);
        let upper = policy.upper_bound(&cosigned);
        prop_assert_eq!(upper.map(|bound| bound.time.get()), first);
        if let Some(bound) = upper {
            let by_then = signed(&|time| time <= bound.time.get());
            let met = node.members().iter().filter(|member| member.is_met(&by_then)).count();
            prop_assert_eq!((bound.met, bound.of, bound.would_have_to_lie), (met, node.members().len(), node.k()));
        }
    }
}
