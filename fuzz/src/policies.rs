//! Policies, and a quorum judged in a second way.

use std::collections::HashMap;

use treering_tlog::{
    policy::{Cosigned, Policy},
    time::UnixSeconds,
};

use crate::meter::bounded;

/// Policy files.
pub fn policy(bytes: &[u8]) {
    let Ok(policy) = bounded(bytes, || Policy::parse(bytes)) else { return };
    assert_eq!(policy.as_bytes(), bytes);
    let canonical = policy.to_canonical();
    let again = Policy::parse(&canonical).expect("the canonical form is a policy");
    assert_eq!(again.to_canonical(), canonical);
    assert_eq!((again.logs(), again.witnesses()), (policy.logs(), policy.witnesses()));
    assert_eq!(again.describe_quorum(), policy.describe_quorum());
    let plain = Plain::read(&canonical);
    // Each witness has one of seven times or none, as the file's last bytes happen to say.
    let times: Vec<Option<u64>> = (0..policy.witnesses().len())
        .map(|at| Some(u64::from(bytes[bytes.len() - 1 - at % bytes.len()] % 8)).filter(|&time| time > 0))
        .collect();
    for judged in [&policy, &again] {
        same_verdict(judged, &plain, &times);
    }
}

fn same_verdict(policy: &Policy, plain: &Plain<'_>, times: &[Option<u64>]) {
    let cosigned: Vec<Cosigned> = times
        .iter()
        .enumerate()
        .filter_map(|(witness, time)| Some(Cosigned { witness, time: UnixSeconds::new((*time)?)? }))
        .collect();
    let there: Vec<usize> = cosigned.iter().map(|by| by.witness).collect();
    assert_eq!(policy.needs_no_witness(), plain.quorum.is_none());
    assert_eq!(policy.is_met(&there), plain.is_met(|witness| times[witness].is_some()));
    assert_eq!(policy.is_blocking(&there), !plain.is_met(|witness| times[witness].is_none()));
    let seen = |bound: Option<UnixSeconds>| bound.map(UnixSeconds::get);
    let until = |last: u64| plain.is_met(|witness| times[witness].is_some_and(|time| time <= last));
    let since = |first: u64| plain.is_met(|witness| times[witness].is_some_and(|time| time >= first));
    let asks = plain.quorum.is_some();
    let upper = policy.upper_bound(&cosigned);
    assert_eq!(seen(upper.map(|upper| upper.time)), (1..8).find(|&time| asks && until(time)));
    assert_eq!(seen(policy.lower_bound(&cosigned)), (1..8).rev().find(|&time| asks && since(time)));
    if let Some(upper) = upper {
        assert!(upper.would_have_to_lie <= upper.met && upper.met <= upper.of);
    }
}

/// The lines of a canonical policy, read word by word.
struct Plain<'a> {
    witnesses: HashMap<&'a [u8], usize>,
    groups: HashMap<&'a [u8], (usize, Vec<&'a [u8]>)>,
    quorum: Option<&'a [u8]>,
}

impl<'a> Plain<'a> {
    fn read(canonical: &'a [u8]) -> Plain<'a> {
        let mut plain = Plain { witnesses: HashMap::new(), groups: HashMap::new(), quorum: None };
        for line in canonical.split(|&byte| byte == b'\n') {
            let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
            match *words {
                [b"witness", name, ..] => {
                    plain.witnesses.insert(name, plain.witnesses.len());
                }
                [b"group", name, threshold, ref members @ ..] => {
                    let threshold =
                        std::str::from_utf8(threshold).expect("a number").parse().expect("a number");
                    plain.groups.insert(name, (threshold, members.to_vec()));
                }
                [b"quorum", b"none"] => {}
                [b"quorum", name] => plain.quorum = Some(name),
                _ => {}
            }
        }
        plain
    }

    fn is_met(&self, there: impl Fn(usize) -> bool) -> bool {
        self.quorum.is_none_or(|quorum| self.has(quorum, &there))
    }

    fn has(&self, name: &[u8], there: &impl Fn(usize) -> bool) -> bool {
        match self.groups.get(name) {
            Some((threshold, members)) => {
                members.iter().filter(|member| self.has(member, there)).count() >= *threshold
            }
            None => there(self.witnesses[name]),
        }
    }
}
