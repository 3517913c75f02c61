//! One directory's entries.

use super::kind::Kind;
use crate::paths;
use std::{fs, io, path::Path};

/// Endings of evidence: `<file>.tlog-proof`, `<name>.treering`, `<file>.tsr`.
const EVIDENCE: [&[u8]; 3] = [b".tlog-proof", b".treering", b".tsr"];

/// One directory's entries, sorted: all names in one buffer, since a directory may hold millions.
#[derive(Debug)]
pub(super) struct Listing {
    bytes: Vec<u8>,
    names: Vec<Name>,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    start: usize,
    len: u32,
    kind: Kind,
}

impl Listing {
    pub(super) fn read(dir: &Path) -> io::Result<Listing> {
        let (mut bytes, mut names) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = paths::name_bytes(&name);
            let len = u32::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidFilename)?;
            names.push(Name { start: bytes.len(), len, kind: Kind::of(entry.file_type()?) });
            bytes.extend_from_slice(name);
        }
        names.sort_unstable_by(|left, right| bytes_of(&bytes, left).cmp(bytes_of(&bytes, right)));
        Ok(Listing { bytes, names })
    }

    pub(super) fn name(&self, index: usize) -> &[u8] {
        bytes_of(&self.bytes, &self.names[index])
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn kind(&self, index: usize) -> Kind {
        self.names[index].kind
    }

    fn has(&self, name: &[u8]) -> bool {
        !name.is_empty()
            && self.names.binary_search_by(|probe| bytes_of(&self.bytes, probe).cmp(name)).is_ok()
    }

    /// Evidence for something in the same directory: `a.pdf.tlog-proof` or `a.pdf.1.tlog-proof` beside `a.pdf`.
    pub(super) fn is_evidence(&self, name: &[u8]) -> bool {
        evidence_of(name).any(|base| self.has(base))
    }
}

/// What a file of this name would be evidence for: `a.pdf` and `a.pdf.1` of `a.pdf.1.tlog-proof`.
pub(crate) fn evidence_of(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let base = EVIDENCE.iter().find_map(|ending| name.strip_suffix(*ending));
    base.into_iter().chain(base.and_then(without_number))
}

fn bytes_of<'a>(bytes: &'a [u8], name: &Name) -> &'a [u8] {
    &bytes[name.start..name.start + name.len as usize]
}

/// `a.pdf` of `a.pdf.12`.
fn without_number(name: &[u8]) -> Option<&[u8]> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let digits = &name[dot + 1..];
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(&name[..dot])
}
