//! The 32 bytes that are stamped (Treering spec, section "Commitments").
//!
//! A *plain* commitment is a file's SHA-256. A *blinded* one is SHA-256 over a label, a salt and a claim, so that
//! neither the log nor a reader of a neighbour's proof learns the file's digest. From outside nobody can tell which.

use sha2::{Digest as _, Sha256};
use treering_tlog::hash::Hash;

/// A plain SHA-256 digest or a blinded claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(pub Hash);

/// 32 secret random-looking bytes that blind one value. Not printed by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl Commitment {
    /// The digest itself.
    pub fn plain(sha256: &[u8; 32]) -> Commitment {
        Commitment(Hash::new(*sha256))
    }

    /// SHA-256("treering.claim/1\n" ‖ salt ‖ claim), over the claim's bytes as received.
    pub fn blinded(salt: &Salt, claim: &[u8]) -> Commitment {
        Commitment(labelled(b"treering.claim/1\n", salt, claim))
    }
}

/// In hex.
impl std::fmt::Display for Commitment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256("treering.holder/1\n" ‖ salt ‖ UTF-8 name): fields 2 (holder) and 3 (agent) of a claim.
///
/// Both fields have one label: they differ by their salts.
pub fn blind_name(salt: &Salt, name: &str) -> Hash {
    labelled(b"treering.holder/1\n", salt, name.as_bytes())
}

fn labelled(label: &[u8], salt: &Salt, rest: &[u8]) -> Hash {
    Hash::new(Sha256::new().chain_update(label).chain_update(salt.0).chain_update(rest).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::{Commitment, Salt, blind_name};
    use treering_tlog::hash::Hash;

    // Python: hashlib.sha256(label + bytes(range(32)) + rest).hexdigest()
    #[test]
    fn agrees_with_another_implementation() {
        let salt = Salt(std::array::from_fn(|i| u8::try_from(i).unwrap()));
        insta::assert_snapshot!(Commitment::blinded(&salt, b"claim"), @"bca0bd6157d8c25ca54ec3ee41c060260f64ce6ea144e4920a525e79c773d45f");
        insta::assert_snapshot!(blind_name(&salt, "Jane Doe"), @"f7c4403dec848c90b9827e371c8836c12431798f6e7f17edd961d93c21ab0cb1");
    }

    #[test]
    fn a_plain_commitment_is_the_digest() {
        assert_eq!(Commitment::plain(&[7; 32]), Commitment(Hash::new([7; 32])));
    }

    #[test]
    fn salts_are_not_printed() {
        assert_eq!(format!("{:?}", Salt([7; 32])), "Salt(..)");
    }
}
