//! Tokens cut out of bundles.

use crate::{
    build,
    evidence::{Evidence, verify},
    log::Log,
};
use treering_token::{
    bundle::{Disclose, Record, SubmissionTree, cut},
    token::Token,
    verify::Named,
};

const DISCLOSURES: [Disclose; 4] = [
    Disclose::ALL,
    Disclose::NONE,
    Disclose { holder: true, agent: false },
    Disclose { holder: false, agent: true },
];

fn tree_of(evidence: &Evidence, all: &[Evidence]) -> SubmissionTree {
    let same = all.iter().filter(|other| other.submission == evidence.submission);
    SubmissionTree::new(same.map(|other| other.opened.commitment))
}

fn cut_one(evidence: &Evidence, all: &[Evidence], disclose: Disclose) -> Token {
    let tree = tree_of(evidence, all);
    assert_eq!(tree.root(), evidence.root);
    let layer = tree.layer(evidence.index).unwrap();
    let token = cut(&evidence.receipt, &evidence.run, &evidence.opened, layer, disclose).unwrap();
    let text = token.to_string();
    assert_eq!(Token::parse(text.as_bytes()).unwrap(), token);
    token
}

#[test]
fn every_token_that_is_cut_verifies() {
    let log = Log::new();
    let shown = verify(&build::bytes(&build::everything(&log)), log.verifier()).unwrap();
    for evidence in &shown {
        for disclose in DISCLOSURES {
            let token = cut_one(evidence, &shown, disclose);
            match &evidence.record {
                Record::Bare(commitment) => {
                    let attested = log.verifier().receipt(&token, commitment).unwrap();
                    assert_eq!(attested, evidence.attested);
                }
                Record::Path { digests, .. } => {
                    let verified = log.verifier().token(&token, digests).unwrap();
                    assert_eq!(verified.commitment, evidence.opened.commitment);
                    assert_eq!(verified.attested, evidence.attested);
                    assert_eq!(verified.after, evidence.after);
                    assert_eq!(verified.claim.is_some(), evidence.opened.claim.is_some());
                }
            }
        }
    }
}

#[test]
fn a_token_shows_the_names_that_are_disclosed_and_no_other() {
    let log = Log::new();
    let shown = verify(&build::bytes(&build::everything(&log)), log.verifier()).unwrap();
    let mut seen = Vec::new();
    for evidence in &shown {
        let (Some(opening), Record::Path { digests, .. }) = (&evidence.opened.opening, &evidence.record)
        else {
            continue;
        };
        for disclose in DISCLOSURES {
            let claim =
                log.verifier().token(&cut_one(evidence, &shown, disclose), digests).unwrap().claim.unwrap();
            let want = |name: Option<&str>, disclosed: bool| match name {
                None => Named::Absent,
                Some(_) if !disclosed => Named::Withheld,
                Some(name) => Named::Disclosed(name.to_owned()),
            };
            let holder = opening.holder.as_ref().map(|o| o.name.as_str());
            let agent = opening.agent.as_ref().map(|o| o.name.as_str());
            assert_eq!(claim.holder, want(holder, disclose.holder));
            assert_eq!(claim.agent, want(agent, disclose.agent));
            if disclose == Disclose::ALL {
                seen.push((holder, agent, claim.title, claim.key.is_some()));
            }
        }
    }
    let (ada, ltd, engines) = (Some("Ada"), Some("Stamping Ltd"), Some("Engines".to_owned()));
    let common = (ada, ltd, engines, true);
    let want = [
        common.clone(),
        (Some("Grace"), None, None, true),
        common.clone(),
        common,
        (ada, None, None, false),
        (ada, Some("Courier"), None, false),
        (None, None, None, false),
    ];
    assert_eq!(seen, want);
}

#[test]
fn a_token_is_of_its_own_file_only() {
    let log = Log::new();
    let shown = verify(&build::bytes(&build::everything(&log)), log.verifier()).unwrap();
    let records = shown.iter().filter_map(|evidence| match &evidence.record {
        Record::Path { digests, .. } => Some((evidence, digests)),
        Record::Bare(_) => None,
    });
    for (evidence, own) in records.clone() {
        let token = cut_one(evidence, &shown, Disclose::ALL);
        for (_, other) in records.clone().filter(|(_, other)| other.sha256() != own.sha256()) {
            assert!(log.verifier().token(&token, other).is_err());
        }
    }
}

#[test]
fn a_tree_has_no_layer_beyond_its_last_record() {
    let tree = SubmissionTree::new([1, 2, 3].map(|byte| match build::bare(byte) {
        Record::Bare(commitment) => commitment,
        Record::Path { .. } => unreachable!("bare records are bare"),
    }));
    assert_eq!((tree.len(), tree.is_empty()), (3, false));
    assert!(tree.layer(2).is_some());
    assert_eq!(tree.layer(3), None);
}
