//! `policy`: which witness answers, and is the quorum met now?

use std::fmt::Write;

use treering_tlog::policy::Policy;

use super::{
    Outcome, Place,
    probe::{self, Answer},
};
use crate::{keys::LogKeys, witness_client::WitnessClient};

pub(super) fn run(place: &Place) -> anyhow::Result<Outcome> {
    let config = place.load()?;
    let key = LogKeys::load(&config)?;
    let settings = config.settings(&key)?;
    let client = WitnessClient::new(settings.witness_timeout)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(probe::ask_all(&client, &settings.origin, &key, &settings.policy))?;
    print!("{}", report(&settings.policy, &answers));
    Ok(if is_met(&settings.policy, &answers) { Outcome::Well } else { Outcome::NotWell })
}

fn is_met(policy: &Policy, answers: &[Answer]) -> bool {
    let ready: Vec<usize> =
        answers.iter().enumerate().filter(|(_, answer)| answer.is_ready()).map(|(index, _)| index).collect();
    policy.is_met(&ready)
}

/// A line a witness, and one for the quorum.
fn report(policy: &Policy, answers: &[Answer]) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a string never fails.
        let _ = writeln!(text, "{line}");
    };
    for (witness, answer) in policy.witnesses().iter().zip(answers) {
        let url = witness.url.as_deref().unwrap_or("-");
        line(format_args!("{} {url}: {answer}", witness.name));
    }
    if policy.needs_no_witness() {
        line(format_args!("quorum none: nobody but this log vouches for the time"));
    } else if is_met(policy, answers) {
        line(format_args!("the quorum is met"));
    } else {
        line(format_args!("the quorum is NOT met: nothing new would be published"));
    }
    text
}

#[cfg(test)]
mod tests {
    use treering_tlog::{cosignature::CosignerKey, note::KeyName, tree::TreeSize};

    use super::*;
    use crate::witness_client::WitnessError;

    fn policy(quorum: &str) -> Policy {
        let mut text = String::new();
        for (name, seed) in [("a", 1), ("b", 2), ("c", 3)] {
            let key = CosignerKey::ed25519(KeyName::new(&format!("{name}.example")).unwrap(), &[seed; 32]);
            let _ = writeln!(text, "witness {name} {} https://{name}.example/w", key.verifier());
        }
        Policy::parse(format!("{text}group g 2 a b c\nquorum {quorum}\n").as_bytes()).unwrap()
    }

    #[test]
    fn the_report_of_a_quorum_that_is_met() {
        let answers = [
            Answer::Knows(TreeSize::new(5).unwrap()),
            Answer::KnowsEmpty,
            Answer::Failed(WitnessError::Unavailable("connection refused".to_owned())),
        ];
        assert_eq!(
            report(&policy("g"), &answers),
            "a https://a.example/w: knows this log at size 5\n\
             b https://b.example/w: knows this log, empty\n\
             c https://c.example/w: the witness did not answer: connection refused\n\
             the quorum is met\n"
        );
    }

    #[test]
    fn the_report_of_a_quorum_that_is_not_met() {
        let answers = [Answer::KnowsEmpty, Answer::Unknown, Answer::OtherKey];
        let text = report(&policy("g"), &answers);
        assert!(text.ends_with("the quorum is NOT met: nothing new would be published\n"), "{text}");
        assert!(!is_met(&policy("g"), &answers));
    }

    #[test]
    fn without_a_quorum_nothing_is_asked_for() {
        let answers = [Answer::Unknown, Answer::Unknown, Answer::Unknown];
        assert!(is_met(&policy("none"), &answers));
        assert!(report(&policy("none"), &answers).ends_with("vouches for the time\n"));
    }
}
