//! Fingerprints as people compare them: on paper, on a web page, over the telephone.

use treering_tlog::hash::{Hash, sha256};

/// Groups that are read out: 128 bits, since a second key with the same ones would have to be found.
const GROUPS: usize = 8;

/// SHA-256 of a policy's bytes, so that `curl …/v1/policy | sha256sum` gives the same.
pub(crate) fn policy_fingerprint(text: &str) -> Hash {
    sha256(text.as_bytes())
}

/// Eight groups of five digits, each two bytes from the beginning of the hash: digits are heard better than letters, in any
/// language.
pub(crate) fn spoken(hash: &Hash) -> String {
    let groups = hash.as_bytes().as_chunks::<2>().0.iter().take(GROUPS);
    groups.map(|pair| format!("{:05}", u16::from_be_bytes(*pair))).collect::<Vec<_>>().join(" ")
}

/// Is what the user gave this hash: 64 hex digits, or all that is read out?
pub(crate) fn is_meant(given: &str, hash: &Hash) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    let given = plain(given).to_ascii_lowercase();
    given == hash.to_string() || given == plain(&spoken(hash))
}

pub(super) fn short(hash: &Hash) -> String {
    let mut text = hash.to_string();
    text.truncate(8);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_taken_whole_or_not_at_all() {
        let hash = sha256(b"");
        assert_eq!(spoken(&hash), "58288 50242 39164 07188 39675 62664 39279 47396");
        for good in [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "E3B0C44298FC1C149AFBF4C8996FB924 27AE41E4649B934CA495991B7852B855",
            "58288 50242 39164 07188 39675 62664 39279 47396",
            "5828850242391640718839675626643927947396",
        ] {
            assert!(is_meant(good, &hash), "{good}");
        }
        for bad in ["", "e3b0c442", "58288 50242", "58288 50242 39164 07188 39675 62664 39279 47397"] {
            assert!(!is_meant(bad, &hash), "{bad}");
        }
    }
}
