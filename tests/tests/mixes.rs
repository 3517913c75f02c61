//! Witnesses in any mix of moods: honest, slow, away, silent, lying in six ways. Five of them, three a quorum; two are real
//! ones that may be killed or stopped, three are inside the test and may do anything.
//!
//! While fewer than three cosign nothing is published and everything is taken; with three it is, whatever the others do.
//! What is shown always meets the policy (the reader sees to it), and when all are honest again everything is there.
//!
//! A mix follows from its seed, which a failure prints; `make chaos` runs hundreds.

use treering_tests::{
    counts,
    liar::{Conduct, Liar},
    net::{self, Net},
    random, view, wait,
};
use treering_tlog::hash;

use crate::oracle::Oracle;

/// How many mixes, unless the environment says.
const MIXES: usize = 8;
const QUORUM: usize = 3;

#[test]
fn any_mix_of_witnesses_publishes_with_a_quorum_and_only_then() {
    let count = counts::number("TREERING_MIXES").unwrap_or(MIXES);
    let seed = counts::number("TREERING_SEED").unwrap_or_else(|| random::between(0, u64::from(u32::MAX)));
    let liars: Vec<Liar> = (1..=3_u8).map(|n| Liar::named(&format!("x{n}"), n)).collect();
    let mut plan = net::plan().witnesses(2).quorum(QUORUM).set("witness_timeout_ms", "700");
    for (liar, n) in liars.iter().zip(1..) {
        plan = plan.other(&format!("x{n}"), liar.policy_line());
    }
    let mut net = plan.start();
    let mut oracle = Oracle::quiet(&net);
    for mix in 0..count as u64 {
        let mix = Mix::of(seed.wrapping_add(mix));
        mix.play(&mut net, &liars, &mut oracle);
    }
    oracle.finish(&net);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// What the real witnesses do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Real {
    Honest,
    Killed,
    Stopped,
}

/// The moods of one round.
struct Mix {
    seed: u64,
    real: [Real; 2],
    liars: [Conduct; 3],
}

impl std::fmt::Display for Mix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Mix { seed, real, liars } = self;
        write!(f, "TREERING_SEED={seed} TREERING_MIXES=1: w1 and w2 {real:?}, x1 to x3 {liars:?}")
    }
}

impl Mix {
    fn of(seed: u64) -> Mix {
        let bytes = *hash::sha256(&seed.to_be_bytes()).as_bytes();
        // Half of them honest, or there would hardly ever be a quorum.
        let real = [0, 1].map(|at: usize| match bytes[at] % 6 {
            0..3 => Real::Honest,
            3 | 4 => Real::Killed,
            _ => Real::Stopped,
        });
        let conduct = |at: usize| match bytes[at] % 3 {
            0 => Conduct::Honest,
            _ => Conduct::ALL[usize::from(bytes[at + 8]) % Conduct::ALL.len()],
        };
        Mix { seed, real, liars: [2, 3, 4].map(conduct) }
    }

    fn cosigning(&self) -> usize {
        let real = self.real.iter().filter(|real| **real == Real::Honest).count();
        real + self.liars.iter().filter(|conduct| conduct.cosigns()).count()
    }

    fn play(&self, net: &mut Net, liars: &[Liar], oracle: &mut Oracle) {
        // Shown where it fails.
        println!("{self}");
        self.begin(net, liars);
        let root = submit(net, oracle);
        if self.cosigning() >= QUORUM {
            view::verify(&net.policy, &net.log.receipt(&root), &root);
        } else {
            wait::until(&format!("it says that it does not publish: {self}"), || {
                let not = net.log.admin().get("/readyz/publish");
                (not.status == 503 && not.text().contains("the quorum is not met")).then_some(())
            });
            // Taken all the same, and not shown.
            submit(net, oracle);
            net.log.public().get(&format!("/v1/receipts/{root}")).expect_status(202);
        }
        self.end(net, liars);
        oracle.look(net);
        net.log.wait_idle();
    }

    fn begin(&self, net: &mut Net, liars: &[Liar]) {
        liars.iter().zip(self.liars).for_each(|(liar, conduct)| liar.be(conduct));
        for (witness, real) in net.witnesses.iter_mut().zip(self.real) {
            match real {
                Real::Honest => {}
                Real::Killed => witness.kill(),
                Real::Stopped => witness.signal("STOP"),
            }
        }
    }

    fn end(&self, net: &mut Net, liars: &[Liar]) {
        liars.iter().for_each(|liar| liar.be(Conduct::Honest));
        for (witness, real) in net.witnesses.iter_mut().zip(self.real) {
            match real {
                Real::Honest => {}
                Real::Killed => witness.start(),
                Real::Stopped => witness.signal("CONT"),
            }
        }
    }
}

fn submit(net: &Net, oracle: &Oracle) -> hash::Hash {
    let commitments = random::commitments(2);
    let root = view::root_of(&commitments);
    net.log.submit(&commitments).expect_status(202);
    oracle.acknowledged(root);
    root
}
