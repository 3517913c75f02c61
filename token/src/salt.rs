//! From the client's master key to each record's salts: HKDF over SHA-256 (RFC 5869).
//!
//! Run secret = HKDF (Extract, then Expand to 32 bytes) of the master key with the 16-byte run id as salt and the info
//! `treering.secret/1`. Salt i = HKDF-Expand(run secret, label ‖ u64be(i), 32), i being the record's place in its run,
//! from 0; labels are ASCII without terminator: `treering.salt/1`, `treering.holder-salt/1`, `treering.agent-salt/1`.
//! So disclosing one token discloses one salt, and no other can be computed from it.

use crate::commitment::Salt;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// 32 random bytes that never leave the client. Zeroed when dropped, not printed by `Debug`.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// Kept in a bundle's run header: whoever has it has all salts of the run. Zeroed when dropped, not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct RunSecret(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A key of these bytes, which the caller drew at random.
    pub fn new(bytes: [u8; 32]) -> MasterKey {
        MasterKey(Zeroizing::new(bytes))
    }

    /// The secret bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The secret of the run with this id.
    pub fn run_secret(&self, run_id: &[u8; 16]) -> RunSecret {
        let mut secret = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(run_id), self.as_bytes())
            .expand(b"treering.secret/1", secret.as_mut())
            .expect(ONE_BLOCK);
        RunSecret(secret)
    }
}

impl RunSecret {
    /// A secret of these bytes.
    pub fn new(bytes: [u8; 32]) -> RunSecret {
        RunSecret(Zeroizing::new(bytes))
    }

    /// The secret bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Blinds the claim of the record at this place in the run.
    pub fn salt(&self, record: u64) -> Salt {
        self.expand(b"treering.salt/1", record)
    }

    /// Blinds the holder's name in that claim.
    pub fn holder_salt(&self, record: u64) -> Salt {
        self.expand(b"treering.holder-salt/1", record)
    }

    /// Blinds the agent's name in that claim.
    pub fn agent_salt(&self, record: u64) -> Salt {
        self.expand(b"treering.agent-salt/1", record)
    }

    fn expand(&self, label: &[u8], record: u64) -> Salt {
        let mut salt = [0; 32];
        let hkdf =
            Hkdf::<Sha256>::from_prk(self.as_bytes()).expect("a run secret has the length of a SHA-256 hash");
        hkdf.expand_multi_info(&[label, &record.to_be_bytes()], &mut salt).expect(ONE_BLOCK);
        Salt(salt)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl std::fmt::Debug for RunSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunSecret(..)")
    }
}

const ONE_BLOCK: &str = "HKDF gives up to 255 blocks, and this is one";

#[cfg(test)]
mod tests {
    use super::{MasterKey, RunSecret};

    // Python: prk = hmac(run_id, master); secret = hmac(prk, info + b"\x01"); salt = hmac(secret, label + u64be + b"\x01")
    #[test]
    fn agrees_with_another_implementation() {
        let master = MasterKey::new(std::array::from_fn(|i| u8::try_from(i).unwrap()));
        assert_eq!(master.as_bytes()[..3], [0, 1, 2]);
        let run = master.run_secret(&[0xa5; 16]);
        insta::assert_snapshot!(hex::encode(run.as_bytes()), @"da176cd2eb97d61d88e783de70b758aadcde8ac7dab7986856c352f8e4cc9353");
        insta::assert_snapshot!(hex::encode(run.salt(0).0), @"28f5bd6aa57191379dba0451d3c92289d7c5293e872c9e8cf154ec95a0c51952");
        insta::assert_snapshot!(hex::encode(run.salt(258).0), @"dfcdfbd9da07a0b686a61c69cf1b685f9dede09278ff0c3594d533bd012c5c33");
        insta::assert_snapshot!(hex::encode(run.holder_salt(258).0), @"2bcf7209cc55124d9a6766854ae2ddcece7e6a3e8d634d28e2ef39f0efb874bc");
        insta::assert_snapshot!(hex::encode(run.agent_salt(u64::MAX).0), @"e44e2e54e66af476752b93388af8c60d54f0bb93a15d2ca564268a951200d6e2");
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(
            format!("{:?}{:?}", MasterKey::new([1; 32]), RunSecret::new([2; 32])),
            "MasterKey(..)RunSecret(..)"
        );
    }
}
