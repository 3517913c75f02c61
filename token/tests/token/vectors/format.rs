//! The shape of the file, in the order that a reader wants.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use treering_tlog::{
    hash::{Hash, sha256},
    policy::{Distrust, Policy},
    time::UnixSeconds,
};
use treering_token::{
    commitment::Commitment,
    describe,
    token::Token,
    verify::{Attested, Named, Verified},
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) about: Vec<String>,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) policies: BTreeMap<String, String>,
    pub(super) salts: Salts,
    pub(super) good: Vec<Good>,
    pub(super) bad: Vec<Bad>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) seed: String,
    pub(super) vkey: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Salts {
    pub(super) master_key: String,
    pub(super) run_id: String,
    pub(super) run_secret: String,
    pub(super) place: u64,
    pub(super) salt: String,
    pub(super) holder_salt: String,
    pub(super) agent_salt: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) policy: String,
    pub(super) now: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<String>,
    /// Keys that the verifier distrusts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) distrusted: Vec<Distrusted>,
    /// When the policy was superseded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<u64>,
    pub(super) tokens: Vec<String>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Distrusted {
    /// SHA-256 of the public key's bytes.
    pub(super) key: String,
    pub(super) after: u64,
    pub(super) stolen: bool,
}

impl Case {
    /// This policy's text, with what the verifier knows beside it.
    pub(super) fn policy(&self, text: &str) -> Policy {
        let list = self.distrusted.iter().map(|distrusted| Distrust {
            key: Hash::from_hex(&distrusted.key).unwrap(),
            after: UnixSeconds::new(distrusted.after).unwrap(),
            stolen: distrusted.stolen,
        });
        let policy = Policy::parse(text.as_bytes()).unwrap().distrusting(list.collect());
        match self.until {
            Some(until) => policy.superseded(UnixSeconds::new(until).unwrap()),
            None => policy,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Good {
    #[serde(flatten)]
    pub(super) case: Case,
    pub(super) steps: Vec<Steps>,
    pub(super) shown: Vec<Shown>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Bad {
    #[serde(flatten)]
    pub(super) case: Case,
    pub(super) error: String,
    pub(super) message: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Steps {
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256_of_after: Option<String>,
    commitment: String,
    extra: String,
    layer_roots: Vec<String>,
    entry: String,
    leaf_hash: String,
    tree_size: u64,
    root: String,
}

impl Steps {
    /// `root` is what a receipt is of.
    pub(super) fn of(token: &Token, file: &[u8], root: Option<Hash>) -> Steps {
        let opening = token.opening();
        let commitment = match (root, opening) {
            (Some(root), _) => Commitment(root),
            (None, Some(opening)) => Commitment::blinded(&opening.salt, &opening.claim),
            (None, None) => Commitment(sha256(file)),
        };
        let layers = token.layers().as_slice().iter();
        let layer_roots = layers.scan(commitment.0, |data, layer| {
            *data = layer.root(data);
            Some(data.to_string())
        });
        let signed =
            token.claim().and_then(|claim| claim.signed.as_ref().map(|(key, _)| claim.signing_input(key)));
        let body: Vec<_> = token.proof().checkpoint.text().lines().collect();
        Steps {
            salt: opening.map(|opening| hex::encode(opening.salt.0)),
            claim: opening.map(|opening| hex::encode(&opening.claim)),
            signing_input: signed.map(hex::encode),
            sha256_of_after: token.after().map(|note| sha256(note).to_string()),
            commitment: commitment.to_string(),
            extra: hex::encode(token.proof().extra.as_ref().unwrap()),
            layer_roots: layer_roots.collect(),
            entry: hex::encode(token.entry().encode()),
            leaf_hash: token.entry().leaf_hash().to_string(),
            tree_size: body[1].parse().unwrap(),
            root: Hash::from_base64(body[2]).unwrap().to_string(),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    log: String,
    index: u64,
    sealed_at: u64,
    submissions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    /// Members met, of how many, and how many would have to lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    quorum: Option<[usize; 3]>,
    in_future: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    distrusted: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<Claimed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renews: Option<String>,
    sentences: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claimed {
    /// Null: withheld.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    agent: Option<String>,
    withheld: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_thumbprint: Option<String>,
    checked: Vec<u64>,
    unchecked: Vec<u64>,
}

impl Shown {
    pub(super) fn of_receipt(attested: &Attested) -> Shown {
        Shown {
            log: attested.origin.to_string(),
            index: attested.index,
            sealed_at: attested.sealed_at.get(),
            submissions: attested.submissions,
            before: attested.before().map(|before| before.get()),
            quorum: attested.upper.map(|upper| [upper.met, upper.of, upper.would_have_to_lie]),
            in_future: attested.in_future.iter().map(|(name, _)| name.to_string()).collect(),
            distrusted: attested.distrusted.iter().map(|(name, _)| name.to_string()).collect(),
            not_before: None,
            claim: None,
            renews: None,
            sentences: vec![describe::attested(attested)],
        }
    }

    pub(super) fn of(verified: &Verified) -> Shown {
        let name = |named: &Named| match named {
            Named::Disclosed(name) => Some(name.clone()),
            _ => None,
        };
        Shown {
            not_before: verified.after.as_ref().map(|after| after.not_before.get()),
            claim: verified.claim.as_ref().map(|claim| Claimed {
                holder: name(&claim.holder),
                agent: name(&claim.agent),
                withheld: [("holder", &claim.holder), ("agent", &claim.agent)]
                    .into_iter()
                    .filter(|(_, named)| **named == Named::Withheld)
                    .map(|(name, _)| name.to_owned())
                    .collect(),
                title: claim.title.clone(),
                key_thumbprint: claim.key.as_ref().map(|key| key.thumbprint().to_string()),
                checked: claim.checked.iter().map(|id| id.get()).collect(),
                unchecked: claim.unchecked.iter().map(|id| id.get()).collect(),
            }),
            renews: verified.renews.map(|renews| renews.to_string()),
            sentences: describe::verified(verified),
            ..Shown::of_receipt(&verified.attested)
        }
    }
}
