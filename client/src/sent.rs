//! Tokens for customers of the API: the list of hashes that they sent with one request, and the receipt they got for all.
//!
//! The list is what was sent, in its order: sha256sum's output, hex digits a line, the request's JSON, or 32 bytes a hash.

use crate::{paths, policy_file::read_bounded};
use serde::{Deserialize, de::IgnoredAny};
use std::{collections::HashMap, fs, io, path::Path};
use treering_tlog::{hash::Hash, kernel::RootBuilder};
use treering_token::{
    bundle::SubmissionTree,
    commitment::Commitment,
    token::{Token, TokenError},
};

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SentError {
    #[error("{path} can't be read: {error}")]
    Io { path: String, error: io::Error },
    #[error("the receipt {path} is larger than a receipt can be; is it the right file?")]
    TooLong { path: String },
    #[error("the receipt {path} is damaged: {error}; fetch it again")]
    Receipt { path: String, error: TokenError },
    #[error("{path} says that the receipt was not there yet: fetch {url} from the log")]
    Pending { path: String, url: String },
    #[error(
        "{path} is the answer to tokens=true and has a token for each hash already: take them out as the README shows"
    )]
    Tokens { path: String },
    #[error("{path} is JSON, and no receipt in it: the log's answer has it as \"receipt\"")]
    NoReceipt { path: String },
    #[error("{path} is the token of a file, not a receipt: verify the file with it")]
    FilesToken { path: String },
    #[error(
        "{path}, line {line}: neither sha256sum's output (64 lower-case hex digits, two spaces, a name) nor 64 hex digits alone"
    )]
    Line { path: String, line: u64 },
    #[error("{path}: its JSON is not what the log takes, {{\"hashes\": [\"<64 hex digits>\", …]}}: {error}")]
    Json { path: String, error: String },
    #[error(
        "{path} is no text, and its {length} bytes are no multiple of 32: {hint}", hint = hint(*newline)
    )]
    Raw { path: String, length: usize, newline: bool },
    #[error("{path} has no hashes")]
    Empty { path: String },
    #[error("the {count} hashes of {path} don't lead to the receipt {receipt}: {mismatch}")]
    Mismatch { path: String, count: usize, receipt: String, mismatch: Mismatch },
}

fn hint(newline: bool) -> &'static str {
    if newline {
        "a newline stands at its end, which was not sent: take it away (head -c -1)"
    } else {
        "a hash has 32 bytes each; were ends of lines converted when it was copied?"
    }
}

/// What makes the list another one than was sent, as far as that can be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("sorted, they do. What was sent was sorted: sort the list by its hashes (LC_ALL=C sort)")]
    Sorted,
    #[error("sorted and without repetitions, they do (LC_ALL=C sort -u)")]
    SortedUnique,
    #[error("without repetitions, they do. What was sent had each hash once")]
    Unique,
    #[error("in the reverse order, they do (tac)")]
    Reversed,
    #[error("without the last {0}, they do: the list has grown since (head -n -{0})")]
    GrownAtEnd(usize),
    #[error("without the first {0}, they do: those are of another request")]
    GrownAtStart(usize),
    #[error(
        "the list has to be what was sent, every hash, in the same order. Is a line missing, added or moved, is it the receipt \
         of another request, or were the list's files changed since?"
    )]
    Unknown,
}

impl SentError {
    /// Does it show that something doesn't fit, rather than that it can't be read?
    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self, SentError::Mismatch { .. } | SentError::Receipt { .. })
    }
}

/// A receipt with the hashes that it is for.
#[derive(Debug)]
pub(crate) struct Sent {
    receipt: Token,
    tree: SubmissionTree,
    /// The first place of each.
    places: HashMap<[u8; 32], u64>,
}

impl Sent {
    /// # Errors
    /// One of the two can't be read, or isn't what it should be, or they don't belong together.
    pub(crate) fn read(receipt: &Path, digests: &Path) -> Result<Sent, SentError> {
        let token = read_receipt(receipt)?;
        let hashes = read_list(digests)?;
        if !leads(&token, &hashes) {
            let (path, receipt) = (paths::shown(digests), paths::shown(receipt));
            if !token.is_receipt() {
                return Err(SentError::FilesToken { path: receipt });
            }
            let (count, mismatch) = (hashes.len(), mismatch(&token, &hashes));
            return Err(SentError::Mismatch { path, count, receipt, mismatch });
        }
        let mut places = HashMap::with_capacity(hashes.len());
        for (place, hash) in (0..).zip(&hashes) {
            places.entry(*hash).or_insert(place);
        }
        let tree = SubmissionTree::new(hashes.into_iter().map(|hash| Commitment(Hash::new(hash))));
        Ok(Sent { receipt: token, tree, places })
    }

    pub(crate) fn receipt(&self) -> &Token {
        &self.receipt
    }

    /// The submission root.
    pub(crate) fn root(&self) -> Commitment {
        self.tree.root()
    }

    /// The token of a file with this SHA-256; `None` if it isn't in the list.
    pub(crate) fn token(&self, sha256: &[u8; 32]) -> Option<Result<Token, TokenError>> {
        let layer = self.tree.layer(*self.places.get(sha256)?)?;
        Some(self.receipt.below(layer, None, None, None))
    }
}

fn read_receipt(path: &Path) -> Result<Token, SentError> {
    // JSON wraps the text, and escapes its newlines.
    let bytes = read_bounded(path, 2 * Token::MAX_BYTES)
        .map_err(|error| SentError::Io { path: paths::shown(path), error })?
        .ok_or_else(|| SentError::TooLong { path: paths::shown(path) })?;
    receipt(path, bytes)
}

/// What a log answers to a submission, as far as it matters here; whatever else is in it is passed over.
#[derive(Deserialize)]
struct Answer {
    receipt: Option<String>,
    tokens: Option<IgnoredAny>,
}

/// The receipt with these bytes, at this path.
pub(crate) fn receipt(path: &Path, bytes: Vec<u8>) -> Result<Token, SentError> {
    let shown = || paths::shown(path);
    let text = if serde_json::from_slice::<IgnoredAny>(&bytes).is_err() {
        bytes
    } else {
        match serde_json::from_slice(&bytes).map(|Answer { receipt, tokens }| (receipt, tokens)) {
            // An array would do for serde.
            _ if !bytes.trim_ascii_start().starts_with(b"{") => {
                return Err(SentError::NoReceipt { path: shown() });
            }
            Ok((_, Some(_))) => return Err(SentError::Tokens { path: shown() }),
            Ok((Some(url), _)) if url.starts_with('/') => {
                return Err(SentError::Pending { path: shown(), url: treering_token::escape::text(&url) });
            }
            Ok((Some(text), _)) => text.into_bytes(),
            _ => return Err(SentError::NoReceipt { path: shown() }),
        }
    };
    let token = Token::parse(&text).map_err(|error| SentError::Receipt { path: shown(), error })?;
    // A receipt may have further layers, of whoever aggregated; an opening makes a file's token.
    if token.opening().is_some() { Err(SentError::FilesToken { path: shown() }) } else { Ok(token) }
}

/// The hashes of a list, in order.
pub(crate) fn read_list(path: &Path) -> Result<Vec<[u8; 32]>, SentError> {
    let bytes = fs::read(path).map_err(|error| SentError::Io { path: paths::shown(path), error })?;
    list(path, &bytes)
}

/// The hashes of the list with these bytes, at this path.
pub(crate) fn list(path: &Path, bytes: &[u8]) -> Result<Vec<[u8; 32]>, SentError> {
    let hashes = match bytes.trim_ascii_start() {
        [] => Vec::new(),
        [b'{', ..] if std::str::from_utf8(bytes).is_ok() => json(path, bytes)?,
        text if looks_like_text(text) => lines(path, bytes)?,
        _ => raw(path, bytes)?,
    };
    if hashes.is_empty() { Err(SentError::Empty { path: paths::shown(path) }) } else { Ok(hashes) }
}

/// 32 bytes of a hash are no text but by an odd chance. A name in the first line may have any bytes in it.
fn looks_like_text(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if hash_of(first).is_some() {
        return true;
    }
    bytes.iter().take(256).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte >= 0x80)
        && bytes.iter().take(16).all(u8::is_ascii)
}

fn raw(path: &Path, bytes: &[u8]) -> Result<Vec<[u8; 32]>, SentError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    match rest {
        [] => Ok(hashes.to_vec()),
        _ => Err(SentError::Raw { path: paths::shown(path), length: bytes.len(), newline: rest == b"\n" }),
    }
}

fn json(path: &Path, bytes: &[u8]) -> Result<Vec<[u8; 32]>, SentError> {
    #[derive(Deserialize)]
    struct Request {
        hashes: Vec<String>,
    }
    let wrong = |error: String| SentError::Json { path: paths::shown(path), error };
    let request: Request = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    let decode = |(at, text): (usize, &String)| {
        hex_digits(text.as_bytes()).ok_or_else(|| wrong(format!("hash {} is not 64 hex digits", at + 1)))
    };
    request.hashes.iter().enumerate().map(decode).collect()
}

fn lines(path: &Path, bytes: &[u8]) -> Result<Vec<[u8; 32]>, SentError> {
    let mut hashes = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        // What the log takes of a line is its hash: an end as Windows has it makes no difference.
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            let hash =
                hash_of(line).ok_or_else(|| SentError::Line { path: paths::shown(path), line: number })?;
            hashes.push(hash);
        }
    }
    Ok(hashes)
}

/// `<hex>`, `<hex>  name`, `<hex> *name`, `\<hex>  name`, `SHA256 (name) = <hex>`.
fn hash_of(line: &[u8]) -> Option<[u8; 32]> {
    let line = line.strip_prefix(b"\\").unwrap_or(line);
    if line.starts_with(b"SHA256 (") {
        let at = line.len().checked_sub(64)?;
        return if line[..at].ends_with(b") = ") { hex_digits(&line[at..]) } else { None };
    }
    let (digits, rest) = line.split_at_checked(64)?;
    let ends = rest.is_empty() || rest.starts_with(b"  ") || rest.starts_with(b" *");
    if ends { hex_digits(digits) } else { None }
}

fn hex_digits(digits: &[u8]) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).ok()?;
    Some(hash)
}

fn leads(receipt: &Token, hashes: &[[u8; 32]]) -> bool {
    let mut root = RootBuilder::new();
    root.push(hashes);
    !hashes.is_empty() && receipt.layers().root(&root.root()) == receipt.entry().batch_root()
}

/// So many hashes too many at an end are looked for.
const MAX_GROWN: usize = 16;

fn mismatch(receipt: &Token, hashes: &[[u8; 32]]) -> Mismatch {
    let is = |list: &[[u8; 32]]| leads(receipt, list);
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    if is(&sorted) {
        return Mismatch::Sorted;
    }
    sorted.dedup();
    if is(&sorted) {
        return Mismatch::SortedUnique;
    }
    let mut seen = std::collections::HashSet::new();
    let unique: Vec<_> = hashes.iter().filter(|hash| seen.insert(**hash)).copied().collect();
    if is(&unique) {
        return Mismatch::Unique;
    }
    if is(&hashes.iter().rev().copied().collect::<Vec<_>>()) {
        return Mismatch::Reversed;
    }
    for count in 1..hashes.len().min(MAX_GROWN + 1) {
        if is(&hashes[..hashes.len() - count]) {
            return Mismatch::GrownAtEnd(count);
        }
        if is(&hashes[count..]) {
            return Mismatch::GrownAtStart(count);
        }
    }
    Mismatch::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(bytes: &[u8]) -> Result<Vec<[u8; 32]>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        read_list(file.path()).map_err(|error| error.to_string().replace(&paths::shown(file.path()), "LIST"))
    }

    #[test]
    fn whatever_was_sent_is_read() {
        let (one, two) = ("11".repeat(32), "2a".repeat(32));
        let want = Ok(vec![[0x11; 32], [0x2a; 32]]);
        let sums = format!("{one}  a\n\\{two} *b\\nc\n");
        for text in [
            &sums,
            &sums.replace('\n', "\r\n"),
            sums.trim_end(),
            &format!("{one}\n{two}\n"),
            &format!("SHA256 (a) = {one}\nSHA256 (b) = c) = {two}\n"),
            &format!("{one}  a\u{1b}[1m\n{two}  b\n"),
            &format!("{{\"hashes\": [\"{one}\", \"{two}\"]}}"),
        ] {
            assert_eq!(list(text.as_bytes()), want, "{text}");
        }
        assert_eq!(list(&[[0x11; 32], [0x2a; 32]].concat()), want, "32 bytes each");
    }

    #[test]
    fn what_is_no_list_is_told() {
        let one = "11".repeat(32);
        insta::assert_snapshot!(list(b"").unwrap_err(), @"LIST has no hashes");
        insta::assert_snapshot!(list(format!("{one}  a\n{one} b\n").as_bytes()).unwrap_err(), @"LIST, line 2: neither sha256sum's output (64 lower-case hex digits, two spaces, a name) nor 64 hex digits alone");
        insta::assert_snapshot!(list(&[[0x11; 32].as_slice(), b"\n"].concat()).unwrap_err(), @"LIST is no text, and its 33 bytes are no multiple of 32: a newline stands at its end, which was not sent: take it away (head -c -1)");
        insta::assert_snapshot!(list(&[0x11; 40]).unwrap_err(), @"LIST is no text, and its 40 bytes are no multiple of 32: a hash has 32 bytes each; were ends of lines converted when it was copied?");
        insta::assert_snapshot!(list(b"{\"hashes\": [\"11\"]}").unwrap_err(), @r#"LIST: its JSON is not what the log takes, {"hashes": ["<64 hex digits>", …]}: hash 1 is not 64 hex digits"#);
        insta::assert_snapshot!(list(b"{\"digests\": []}").unwrap_err(), @r#"LIST: its JSON is not what the log takes, {"hashes": ["<64 hex digits>", …]}: missing field `hashes` at line 1 column 15"#);
    }
}
