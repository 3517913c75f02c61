//! Lists of digests, as `sha256sum`, BSD's `sha256`, `cksum -a` and `openssl dgst` write them.
//!
//! ```text
//! <hex>  <name>              sha256sum: text mode; ` *` before the name: binary mode, and openssl dgst -r
//! SHA256 (<name>) = <hex>    sha256sum --tag, BSD
//! SHA2-256(<name>)= <hex>    openssl dgst; before version 3 `SHA256(…)= `; with -c, colons between the bytes
//! ```
//! A line that begins with `\` has `\\`, `\n` and `\r` in its name for those bytes. Lines that are empty or begin with `#` are
//! passed over, as sha256sum does. Only a tag says by which algorithm a digest is: one without is SHA-256 by its length. A
//! file may have several lines, one after the other; SHA-256 must be among them.

use super::{Entries, EntryError, NameError, relative};
use std::path::{Path, PathBuf};
use treering_token::{
    bundle::RelativePath,
    digest::{Digests, HashId},
};

/// So many lines that are none may a list have before it is taken for something else.
const MAX_BAD: u32 = 20;
/// Of a shorter digest nobody would make a list: MD5 has as many bytes.
const SHORTEST: usize = 16;

/// What a list says of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) path: RelativePath,
    pub(crate) digests: Digests,
}

/// Why what a list says can't be stamped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SumError {
    #[error("{0}")]
    Entry(#[from] EntryError),
    #[error(
        "line {line} is no digest of a file as sha256sum or openssl dgst writes it (64 hex digits, two spaces, the name)"
    )]
    Form { line: u64 },
    #[error(
        "line {line} ends in a carriage return: if the list comes from Windows, take them out with tr -d '\\r'"
    )]
    CarriageReturn { line: u64 },
    #[error(
        "line {line} has {digits} hex digits and doesn't say by which algorithm: sha256sum's have 64; for another one, the line \
         needs its name (sha512sum --tag, openssl dgst without -r)"
    )]
    Untagged { line: u64, digits: usize },
    #[error(
        "line {line} has a digest by {tag}: known are SHA256, SHA384, SHA512, SHA3-224, SHA3-256, SHA3-384 and SHA3-512"
    )]
    Algorithm { line: u64, tag: String },
    #[error("line {line} has a digest by {id} of the wrong length")]
    Length { line: u64, id: HashId },
    #[error("line {line}: {name}: {error}")]
    Name { line: u64, name: String, error: NameError },
    #[error("line {line} has a second digest by {id} of {path}, and another one: which is right?")]
    Contradiction { line: u64, id: HashId, path: String },
    #[error(
        "line {line}: of {path} the list has no SHA-256, without which there is no record: a file's lines must follow each other"
    )]
    NoSha256 { line: u64, path: String },
    #[error("{MAX_BAD} lines of it are no digests of files: the rest was not read; is it the right file?")]
    NoList,
}

/// Gives what a list says, file by file.
#[derive(Debug)]
pub(crate) struct Sums {
    entries: Entries,
    /// What names are relative to, or below.
    base: PathBuf,
    escapes: bool,
    /// The file whose lines are being read.
    open: Option<Lines>,
    bad: u32,
    ended: bool,
}

#[derive(Debug)]
struct Lines {
    line: u64,
    path: RelativePath,
    digests: Vec<(HashId, Vec<u8>)>,
}

/// A line's content.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    id: HashId,
    digest: Vec<u8>,
    name: Vec<u8>,
}

impl Sums {
    /// `nul`: entries end in NUL and have no escapes (`sha256sum -z`).
    pub(crate) fn new(entries: Entries, base: PathBuf, nul: bool) -> Sums {
        Sums { entries, base, escapes: !nul, open: None, bad: 0, ended: false }
    }

    /// The next line; the file that it ends, if it begins another.
    fn take(&mut self) -> Option<Result<Option<Lines>, SumError>> {
        let Sums { entries, base, escapes, open, .. } = self;
        let (number, bytes) = match entries.next_entry()? {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error.into())),
        };
        Some(Sums::add(open, base, number, parse(number, bytes, *escapes)))
    }

    /// Adds what a line says to the file that is open.
    fn add(
        open: &mut Option<Lines>,
        base: &Path,
        number: u64,
        line: Result<Option<Line>, SumError>,
    ) -> Result<Option<Lines>, SumError> {
        let Some(Line { id, digest, name }) = line? else { return Ok(None) };
        let path = relative(base, &name).map_err(|error| SumError::Name {
            line: number,
            name: treering_token::escape::bytes(&name),
            error,
        })?;
        match open {
            Some(open) if open.path == path => {
                match open.digests.iter().find(|(known, _)| *known == id) {
                    Some((_, before)) if *before != digest => {
                        let path = crate::paths::shown_relative(&path);
                        return Err(SumError::Contradiction { line: number, id, path });
                    }
                    Some(_) => {}
                    None => open.digests.push((id, digest)),
                }
                Ok(None)
            }
            open => Ok(open.replace(Lines { line: number, path, digests: vec![(id, digest)] })),
        }
    }

    fn fail(&mut self, error: SumError) -> SumError {
        self.bad += u32::from(matches!(error, SumError::Form { .. } | SumError::CarriageReturn { .. }));
        if self.bad < MAX_BAD {
            return error;
        }
        self.ended = true;
        self.open = None;
        SumError::NoList
    }
}

impl Iterator for Sums {
    type Item = Result<Given, SumError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.take() {
                None => self.ended = true,
                Some(Ok(None)) => {}
                Some(Ok(Some(whole))) => return Some(whole.given()),
                Some(Err(error)) => return Some(Err(self.fail(error))),
            }
        }
        self.open.take().map(Lines::given)
    }
}

impl Lines {
    fn given(self) -> Result<Given, SumError> {
        let sha256 = self.digests.iter().find(|(id, _)| *id == HashId::SHA_256);
        let sha256 = sha256.and_then(|(_, digest)| <[u8; 32]>::try_from(digest.as_slice()).ok());
        let Some(sha256) = sha256 else {
            return Err(SumError::NoSha256 {
                line: self.line,
                path: crate::paths::shown_relative(&self.path),
            });
        };
        let mut digests = Digests::new(sha256);
        for (id, digest) in self.digests {
            let fits = digests.insert(id, digest);
            debug_assert!(fits, "lengths were checked with each line");
        }
        Ok(Given { path: self.path, digests })
    }
}

fn parse(line: u64, bytes: &[u8], escapes: bool) -> Result<Option<Line>, SumError> {
    if bytes.starts_with(b"#") {
        return Ok(None);
    }
    if escapes && bytes.ends_with(b"\r") {
        return Err(SumError::CarriageReturn { line });
    }
    let (escaped, rest) = match bytes.strip_prefix(b"\\") {
        Some(rest) if escapes => (true, rest),
        _ => (false, bytes),
    };
    let form = SumError::Form { line };
    let parsed = match tagged(rest) {
        Some((tag, name, hex)) => {
            let digest = digest(hex).ok_or(form)?;
            let tag = String::from_utf8_lossy(tag);
            let id = algorithm(&tag).ok_or_else(|| SumError::Algorithm {
                line,
                tag: treering_token::escape::bytes(tag.as_bytes()),
            })?;
            if id.len() != Some(digest.len()) {
                return Err(SumError::Length { line, id });
            }
            Line { id, digest, name: name.to_vec() }
        }
        None => {
            let (hex, name) = untagged(rest).ok_or(SumError::Form { line })?;
            let digest = digest(hex).ok_or(SumError::Form { line })?;
            if digest.len() != 32 {
                return Err(SumError::Untagged { line, digits: hex.len() });
            }
            Line { id: HashId::SHA_256, digest, name: name.to_vec() }
        }
    };
    let name = if escaped { unescaped(&parsed.name).ok_or(SumError::Form { line })? } else { parsed.name };
    if name.is_empty() { Err(SumError::Form { line }) } else { Ok(Some(Line { name, ..parsed })) }
}

/// Tag, name and digest of `SHA256 (name) = hex` or `SHA2-256(name)= hex`.
fn tagged(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let (tag, rest) = (&line[..open], &line[open + 1..]);
    let is_tag = |tag: &[u8]| {
        tag.first().is_some_and(u8::is_ascii_uppercase) && tag.iter().all(|byte| byte.is_ascii_graphic())
    };
    let (tag, close): (&[u8], &[u8]) = match tag.strip_suffix(b" ") {
        Some(tag) => (tag, b") = "),
        None => (tag, b")= "),
    };
    // From the end: the name itself may have such signs in it, the digest can't.
    let at = rest.windows(close.len()).rposition(|window| window == close)?;
    is_tag(tag).then(|| (tag, &rest[..at], &rest[at + close.len()..]))
}

/// Digest and name of `hex  name` or `hex *name`.
pub(crate) fn untagged(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (hex, rest) = (&line[..space], &line[space + 1..]);
    matches!(rest.first(), Some(b' ' | b'*')).then(|| (hex, &rest[1..]))
}

fn digest(hex: &[u8]) -> Option<Vec<u8>> {
    let digest = if hex.get(2) == Some(&b':') {
        // In pairs, and nowhere else.
        let pairs: Vec<&[u8]> = hex.split(|byte| *byte == b':').collect();
        hex::decode(pairs.iter().all(|pair| pair.len() == 2).then(|| pairs.concat())?)
    } else {
        hex::decode(hex)
    };
    digest.ok().filter(|digest| digest.len() >= SHORTEST)
}

fn algorithm(tag: &str) -> Option<HashId> {
    Some(match tag {
        "SHA256" | "SHA2-256" => HashId::SHA_256,
        "SHA384" | "SHA2-384" => HashId::SHA_384,
        "SHA512" | "SHA2-512" => HashId::SHA_512,
        "SHA3-224" => HashId::SHA3_224,
        "SHA3-256" => HashId::SHA3_256,
        "SHA3-384" => HashId::SHA3_384,
        "SHA3-512" => HashId::SHA3_512,
        _ => return None,
    })
}

/// The name that stands behind `\\` at the line's begin (GNU coreutils).
pub(crate) fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut bytes) = (Vec::with_capacity(name.len()), name.iter());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests;
