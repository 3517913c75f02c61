//! `application/octet-stream`: n × 32 bytes, n at least 1.

use super::Refusal;

/// The bytes of a hash that a chunk's end cut in two.
#[derive(Debug, Default)]
pub(super) struct Octets {
    bytes: u64,
    /// INVARIANT: the first `held` bytes are of the hash that is not whole yet; `held < 32`.
    part: [u8; 32],
    held: usize,
}

impl Octets {
    /// Hands whole hashes on as they lie in `chunk`, without copying them.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(&[[u8; 32]]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.bytes += chunk.len() as u64;
        let chunk = if self.held == 0 { chunk } else { self.complete(chunk, &mut take)? };
        let (whole, rest) = chunk.as_chunks::<32>();
        if !rest.is_empty() {
            self.part[..rest.len()].copy_from_slice(rest);
            self.held = rest.len();
        }
        if whole.is_empty() { Ok(()) } else { take(whole) }
    }

    /// Fills up the held hash and returns what is left of the chunk.
    fn complete<'c>(
        &mut self,
        chunk: &'c [u8],
        take: &mut impl FnMut(&[[u8; 32]]) -> Result<(), Refusal>,
    ) -> Result<&'c [u8], Refusal> {
        let (head, rest) = chunk.split_at(chunk.len().min(32 - self.held));
        self.part[self.held..self.held + head.len()].copy_from_slice(head);
        self.held += head.len();
        if self.held == 32 {
            self.held = 0;
            take(&[self.part])?;
        }
        Ok(rest)
    }

    pub(super) fn finish(&self) -> Result<(), Refusal> {
        match self.held as u64 {
            0 => Ok(()),
            remainder => Err(Refusal::BodyLength { bytes: self.bytes, remainder }),
        }
    }
}
