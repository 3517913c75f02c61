//! Paths below what was stamped, as bytes.

use super::error::{BundleError, Field};

/// Bytes with `/` between parts: no part is empty, `.` or `..`, none holds NUL; at most 32,768 bytes in all.
///
/// WTF-8 where the path comes from Windows; nothing is normalised, and upper and lower case stay different. So joined
/// to a directory it stays inside that directory (symbolic links on the way aside).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(Vec<u8>);

impl RelativePath {
    /// In bytes: what the longest path of the common systems takes (Windows has 32,767 UTF-16 units).
    pub const MAX_BYTES: usize = 32_768;

    /// # Errors
    /// The bytes break one of the rules above; each has its own error.
    pub fn new(bytes: Vec<u8>) -> Result<RelativePath, BundleError> {
        match bytes.as_slice() {
            [] => return Err(BundleError::Empty { field: Field::Path }),
            [b'/', ..] => return Err(BundleError::PathAbsolute),
            _ if bytes.len() > Self::MAX_BYTES => {
                let (max, got) = (Self::MAX_BYTES, bytes.len() as u64);
                return Err(BundleError::Limit { field: Field::Path, max, got });
            }
            _ if bytes.contains(&0) => return Err(BundleError::PathNul),
            _ => {}
        }
        for part in bytes.split(|&b| b == b'/') {
            match part {
                b"" => return Err(BundleError::PathEmptyPart),
                b"." | b".." => return Err(BundleError::PathDots),
                _ => {}
            }
        }
        Ok(RelativePath(bytes))
    }

    /// A path of these parts, in order.
    ///
    /// # Errors
    /// As [`RelativePath::new`], and if a part holds a `/`.
    pub fn from_parts<P: AsRef<[u8]>>(
        parts: impl IntoIterator<Item = P>,
    ) -> Result<RelativePath, BundleError> {
        let mut bytes = Vec::new();
        for (i, part) in parts.into_iter().enumerate() {
            let part = part.as_ref();
            match part {
                b"" => return Err(BundleError::PathEmptyPart),
                _ if part.contains(&b'/') => return Err(BundleError::PathSlash),
                _ => {}
            }
            if i > 0 {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(part);
        }
        RelativePath::new(bytes)
    }

    /// The path's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The parts, in order; there is at least one.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/')
    }
}
