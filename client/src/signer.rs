//! A holder's own key, which signs claims: in a file, or in an ssh-agent that gives only signatures.
//!
//! Ed25519 signs the bytes themselves, with an agent too (RFC 8709 section 6): just what a claim needs. ECDSA on P-256 is with
//! SHA-256 (RFC 5656 section 3.1.2), of which an agent gives r and s; of s and its negative a claim has the lower one.

mod agent;
mod file;

pub(crate) use agent::AgentError;
pub(crate) use file::KeyError;

use agent::Agent;
use ed25519_dalek::Signer as _;
use std::{ffi::OsStr, path::Path};
use treering_token::claim::HolderKey;

/// What the name of a key begins with that is in the ssh-agent: such a name is no path.
const OF_AGENT: &str = "agent:";

/// Does this name a key in the ssh-agent, rather than a file?
pub(crate) fn is_of_agent(name: &str) -> bool {
    name.starts_with(OF_AGENT)
}

/// Something that signs.
#[derive(Debug)]
pub(crate) struct Signer {
    public: HolderKey,
    private: Private,
}

enum Private {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
    Agent(Agent),
}

// INVARIANT: zeroed when dropped. The libraries do that with one of their features, and say nothing without it.
const _: () = {
    const fn is_zeroed_when_dropped<T: zeroize::ZeroizeOnDrop>() {}
    is_zeroed_when_dropped::<ed25519_dalek::SigningKey>();
    is_zeroed_when_dropped::<p256::ecdsa::SigningKey>();
};

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Agent(#[from] AgentError),
}

impl Signer {
    /// What `--sign` names: `agent:FINGERPRINT`, `agent:COMMENT`, a private key's file, or a public key's file whose private
    /// half the agent has.
    pub(crate) fn open(name: &OsStr) -> Result<Signer, SignError> {
        if let Some(wanted) = name.to_str().and_then(|name| name.strip_prefix(OF_AGENT)) {
            let agent = Agent::with(wanted)?;
            return Ok(Signer { public: agent.public().clone(), private: Private::Agent(agent) });
        }
        match file::read(Path::new(name))? {
            file::Key::Private(private) => Ok(Signer { public: private.public(), private }),
            file::Key::Public(key) => {
                let agent = Agent::with_key(&key)?;
                Ok(Signer { public: agent.public().clone(), private: Private::Agent(agent) })
            }
        }
    }

    pub(crate) fn public(&self) -> &HolderKey {
        &self.public
    }

    /// Signs what [`treering_token::bundle::Opener::signing_input`] gives.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(match &self.private {
            Private::Ed25519(key) => key.sign(message).to_bytes(),
            Private::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.normalize_s().to_bytes().into()
            }
            Private::Agent(agent) => agent.sign(message)?,
        })
    }
}

impl Private {
    fn public(&self) -> HolderKey {
        match self {
            Private::Ed25519(key) => HolderKey::Ed25519(key.verifying_key().to_bytes()),
            Private::P256(key) => p256_key(key.verifying_key()),
            Private::Agent(agent) => agent.public().clone(),
        }
    }
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Private(..)")
    }
}

/// The public key in a file that `ssh-keygen` or `openssl` wrote, private or public; `None` if the file is no key.
pub(crate) fn public_key(path: &Path) -> Option<Result<HolderKey, KeyError>> {
    file::public(path)
}

fn p256_key(key: &p256::ecdsa::VerifyingKey) -> HolderKey {
    let point = key.to_sec1_point(false);
    let half = |range: std::ops::Range<usize>| {
        point.as_bytes()[range].try_into().expect("an uncompressed point has 1 + 32 + 32 bytes")
    };
    HolderKey::P256 { x: half(1..33), y: half(33..65) }
}

/// What a claim can name, of the kinds of keys that OpenSSH knows.
fn holder_key(key: &ssh_key::public::KeyData) -> Option<HolderKey> {
    use ssh_key::public::{EcdsaPublicKey, KeyData};
    let key = match key {
        KeyData::Ed25519(key) => HolderKey::Ed25519(key.0),
        KeyData::Ecdsa(key @ EcdsaPublicKey::NistP256(_)) => {
            p256_key(&p256::ecdsa::VerifyingKey::from_sec1_bytes(key.as_sec1_bytes()).ok()?)
        }
        _ => return None,
    };
    // As a claim's reader will hold it: a weak key is none.
    HolderKey::decode(&key.encode()).ok()
}
