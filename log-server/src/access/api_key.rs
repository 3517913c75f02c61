//! An API key's text: `treering_<id>_<secret>`, 16 and 64 lowercase hex digits.
//!
//! The beginning is there for scanners that look for secrets in public places, and the ID for people: it names a key in
//! lists and logs without giving it away. The secret is 32 random bytes, which nobody can guess or try out, so the log
//! keeps one plain SHA-256 of it. (Slow hashes are for passwords, which people choose: against 2^256 possibilities they
//! add nothing, and each request would pay for them.)

use std::fmt;

use subtle::ConstantTimeEq;
use treering_tlog::hash::sha256;
use zeroize::Zeroizing;

/// What every key begins with.
pub const PREFIX: &str = "treering_";

/// Names a key: public, and unique in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKeyId([u8; 8]);

/// The SHA-256 of a key's secret.
#[derive(Clone, Copy, Eq)]
pub struct SecretHash([u8; 32]);

/// A whole key. Zeroed when dropped; never printed but by [`ApiKey::to_text`].
pub struct ApiKey {
    id: ApiKeyId,
    secret: Zeroizing<[u8; 32]>,
}

impl ApiKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// The system gives none.
    pub fn generate() -> Result<ApiKey, getrandom::Error> {
        let (mut id, mut secret) = ([0; 8], Zeroizing::new([0; 32]));
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut secret[..])?;
        Ok(ApiKey { id: ApiKeyId(id), secret })
    }

    /// Reads a key's text; `None` if it is none.
    pub fn parse(text: &[u8]) -> Option<ApiKey> {
        let rest = text.strip_prefix(PREFIX.as_bytes())?;
        // 16 digits, an underscore, 64 digits.
        let (id, rest) = rest.split_at_checked(16)?;
        let digits = rest.strip_prefix(b"_")?;
        let mut key = ApiKey { id: ApiKeyId([0; 8]), secret: Zeroizing::new([0; 32]) };
        decode(id, &mut key.id.0)?;
        decode(digits, &mut key.secret[..])?;
        Some(key)
    }

    /// What [`ApiKey::parse`] reads. Secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut digits = Zeroizing::new([0; 64]);
        hex::encode_to_slice(&self.secret[..], &mut digits[..]).expect("two digits a byte");
        // Room for the whole at once: a string that grows leaves its old buffer behind, not zeroed.
        let mut text = Zeroizing::new(String::with_capacity(128));
        text.push_str(PREFIX);
        text.push_str(&self.id.to_string());
        text.push('_');
        digits.iter().for_each(|digit| text.push(char::from(*digit)));
        text
    }

    /// Which key it is.
    pub fn id(&self) -> ApiKeyId {
        self.id
    }

    /// What the log keeps of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(*sha256(&self.secret[..]).as_bytes())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

impl ApiKeyId {
    /// Reads 16 lowercase hex digits.
    pub fn parse(text: &str) -> Option<ApiKeyId> {
        let mut id = [0; 8];
        decode(text.as_bytes(), &mut id)?;
        Some(ApiKeyId(id))
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl SecretHash {
    /// What no secret hashes to, as far as anybody knows: compared with where there is no key, so that this takes as long.
    pub const NOBODY: SecretHash = SecretHash([0; 32]);

    /// Reads 64 lowercase hex digits.
    pub fn parse(text: &str) -> Option<SecretHash> {
        let mut hash = [0; 32];
        decode(text.as_bytes(), &mut hash)?;
        Some(SecretHash(hash))
    }
}

impl PartialEq for SecretHash {
    /// In constant time.
    fn eq(&self, other: &SecretHash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({self})")
    }
}

/// Exactly as many lowercase hex digits as fill `bytes`.
fn decode(digits: &[u8], bytes: &mut [u8]) -> Option<()> {
    let lower = digits.iter().all(|digit| !digit.is_ascii_uppercase());
    (lower && hex::decode_to_slice(digits, bytes).is_ok()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_text_and_hides_its_secret() {
        let key = ApiKey::generate().unwrap();
        let text = key.to_text();
        assert_eq!(text.len(), PREFIX.len() + 16 + 1 + 64);
        let read = ApiKey::parse(text.as_bytes()).unwrap();
        assert_eq!((read.id(), read.hash()), (key.id(), key.hash()));
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("ApiKey({})", key.id()));
        assert!(!shown.contains(&text[text.len() - 64..]));
    }

    #[test]
    fn two_new_keys_differ() {
        let (one, two) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
        assert_ne!(one.id(), two.id());
        assert_ne!(one.hash(), two.hash());
    }

    #[test]
    fn the_hash_is_the_sha256_of_the_secrets_bytes() {
        let text = format!("treering_{}_{}", "01".repeat(8), "00".repeat(32));
        let key = ApiKey::parse(text.as_bytes()).unwrap();
        // sha256sum of 32 zero bytes.
        let want = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
        assert_eq!(key.hash().to_string(), want);
        assert_eq!(SecretHash::parse(want), Some(key.hash()));
        assert_ne!(key.hash(), SecretHash::NOBODY);
    }

    #[test]
    fn a_key_has_one_spelling() {
        let (id, secret) = ("ab".repeat(8), "cd".repeat(32));
        assert!(ApiKey::parse(format!("treering_{id}_{secret}").as_bytes()).is_some());
        for bad in [
            String::new(),
            format!("treering_{id}{secret}"),
            format!("treering_{id}_{secret}0"),
            format!("treering_{id}_{}", &secret[1..]),
            format!("treering_{}_{secret}", id.to_uppercase()),
            format!("treering_{id}_{}", secret.to_uppercase()),
            format!("Treering_{id}_{secret}"),
            format!("treering_{id}_{secret}\n"),
            format!("treering_{id}_{}", "é".repeat(32)),
        ] {
            assert!(ApiKey::parse(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }
}
