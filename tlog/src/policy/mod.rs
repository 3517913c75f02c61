//! Which logs and witnesses count, and how many of them (C2SP tlog-policy).
//!
//! ```text
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <name>...
//! quorum <name>|none
//! ```
//!
//! One item a line, words separated by spaces and tabs, lines ended by a newline, `#` comments on lines of their own.
//! Names are opaque octets; a name is defined before it is used, and is a group's member at most once.
//!
//! [`Policy::parse`] reads a file, [`Policy::open`] verifies a checkpoint by it, and [`Policy::is_met`],
//! [`Policy::upper_bound`] and [`Policy::lower_bound`] judge the cosignatures that were found. Times are whole
//! seconds. Log keys are of type 0x01, witness keys of type 0x04 or 0x06. URLs are kept as they are (octets that are no UTF-8
//! percent-encoded) and not read.
//!
//! Errors: [`PolicyError`] for files, [`PolicyVerifyError`] for checkpoints.

mod distrust;
mod error;
mod open;
mod parse;
mod quorum;
mod remember;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

pub use distrust::Distrust;
pub use error::{PolicyError, PolicyErrorKind};
pub use open::{Opened, PolicyVerifyError};
pub use quorum::{Cosigned, UpperBound};

use crate::{checkpoint::Origin, note::VerifierKey, time::UnixSeconds};
use quorum::{Group, Member, Quorum};
use remember::Remembered;

/// A trust policy. Equal if the files are, byte by byte (and what is set beside them: [`Policy::distrusting`],
/// [`Policy::superseded`]); [`Policy::as_bytes`] is the file, comments and all.
#[derive(Clone, Debug)]
pub struct Policy {
    source: Vec<u8>,
    /// INVARIANT: public keys are distinct, and so are pairs of name and key ID over all logs and witnesses.
    logs: Vec<Log>,
    /// INVARIANT: public keys and names are distinct.
    witnesses: Vec<Witness>,
    /// INVARIANT: the members of a group that are groups stand before it.
    groups: Vec<Group>,
    quorum: Quorum,
    /// Not of the file: keys that no longer count.
    distrusted: Vec<Distrust>,
    /// Not of the file: what is attested later is judged by another policy.
    until: Option<UnixSeconds>,
    /// INVARIANT: of checkpoints that this very policy has opened; gone when `distrusted` or `until` change.
    remembered: Option<Arc<Remembered>>,
}

impl PartialEq for Policy {
    fn eq(&self, other: &Policy) -> bool {
        // The rest follows from the file.
        (&self.source, &self.distrusted, self.until) == (&other.source, &other.distrusted, other.until)
    }
}

impl Eq for Policy {}

/// A log that counts, for the origin that is its key's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A key of type 0x01.
    pub key: VerifierKey,
    /// Where the log is, for whoever needs it.
    pub url: Option<String>,
}

/// A witness that may count, as the quorum says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What the policy calls it: need not be the key's name.
    pub name: Name,
    /// A key of type 0x04 or 0x06.
    pub key: VerifierKey,
    /// The witness's submission prefix, for whoever needs it.
    pub url: Option<String>,
}

/// A name inside a policy file: opaque octets without white space.
///
/// Display is for people: lossy where the octets are no UTF-8, with control and bidirectional characters escaped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name(Vec<u8>);

impl Name {
    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        let mut rest = &*text;
        // What is harmless goes out in one piece: a name may have hundreds of thousands of characters.
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| c.is_control() || is_bidirectional(c)) {
            write!(f, "{}{}", &rest[..at], c.escape_unicode())?;
            rest = &rest[at + c.len_utf8()..];
        }
        f.write_str(rest)
    }
}

impl Policy {
    /// A file is at most so many bytes.
    pub const MAX_BYTES: usize = 1_000_000;
    /// At most so many logs; C2SP asks for at least 32, as for the next two. Each key is a point that is decoded, so this is
    /// what bounds the time that a file takes; and a checkpoint has at most 128 signatures.
    pub const MAX_LOGS: usize = 500;
    /// At most so many witnesses.
    pub const MAX_WITNESSES: usize = 500;
    /// At most so many groups.
    pub const MAX_GROUPS: usize = 500;

    /// Parses a policy file. A file without a log line is a policy that accepts no checkpoint yet: see
    /// [`Policy::with_log`].
    ///
    /// # Errors
    /// Each rule has its own [`PolicyErrorKind`], with the line that breaks it.
    pub fn parse(bytes: &[u8]) -> Result<Policy, PolicyError> {
        parse::policy(bytes)
    }

    /// This policy with a `log` line before everything else: for a log's operator, whose file names witnesses only.
    ///
    /// # Errors
    /// As for [`Policy::parse`], with lines counted in the longer text: the key is no log's key, the log is there
    /// already, the URL holds white space.
    pub fn with_log(&self, key: &VerifierKey, url: Option<&str>) -> Result<Policy, PolicyError> {
        let line = match url {
            Some(url) => format!("log {key} {url}"),
            None => format!("log {key}"),
        };
        if line.contains('\n') {
            return Err(PolicyError { line: 1, kind: PolicyErrorKind::Control { byte: b'\n' } });
        }
        Policy::parse(&[line.as_bytes(), b"\n", &self.source].concat())
    }

    /// The file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.source
    }

    /// The logs, in the file's order.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses, in the file's order; some may be in no group of the quorum.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The keys that count for this origin: those whose name it is.
    pub fn log_keys(&self, origin: &Origin) -> Vec<VerifierKey> {
        // SPEC: tlog-policy, Defining a log: the key's name corresponds to the origin line.
        let names = |log: &&Log| log.key.name().as_str() == origin.as_str();
        self.logs.iter().filter(names).map(|log| log.key.clone()).collect()
    }

    /// The policy without comments, one line each, in canonical order (logs, witnesses, groups, quorum), thresholds
    /// as numbers. It parses to a policy that means the same.
    pub fn to_canonical(&self) -> Vec<u8> {
        let mut lines = Vec::new();
        for Log { key, url } in &self.logs {
            lines.push(format!("log {key}{}", url_suffix(url.as_deref())).into_bytes());
        }
        for Witness { name, key, url } in &self.witnesses {
            let rest = format!(" {key}{}", url_suffix(url.as_deref()));
            lines.push([b"witness ", name.as_bytes(), rest.as_bytes()].concat());
        }
        for group in &self.groups {
            let mut line = [b"group ", group.name.as_bytes(), b" "].concat();
            line.extend(group.threshold.to_string().bytes());
            for &member in &group.members {
                line.push(b' ');
                line.extend_from_slice(self.name_of(member).as_bytes());
            }
            lines.push(line);
        }
        let quorum = match self.quorum {
            Quorum::None => b"none",
            Quorum::Member(member) => self.name_of(member).as_bytes(),
        };
        lines.push([b"quorum ", quorum].concat());
        lines.iter().flat_map(|line| line.iter().chain(b"\n")).copied().collect()
    }

    /// The quorum in words: `none`, `w1`, `2 of w1, w2, w3`, `2 of X (1 of x1, x2), y`.
    pub fn describe_quorum(&self) -> String {
        let mut text = String::new();
        // INVARIANT: a name is a member at most once, so each is said once and the whole stays as short as the file; what
        // is still to be said lies here, so nothing recurses.
        let mut left = match self.quorum {
            Quorum::None => return "none".to_owned(),
            Quorum::Member(Member::Witness(at)) => return self.witnesses[at].name.to_string(),
            Quorum::Member(Member::Group(at)) => vec![Said::Members(at)],
        };
        while let Some(said) = left.pop() {
            match said {
                Said::Text(words) => text.push_str(words),
                Said::Name(member) => text.push_str(&self.name_of(member).to_string()),
                Said::Members(at) => {
                    let group = &self.groups[at];
                    text.push_str(&format!("{} of ", group.threshold));
                    // The first one last, since the last is taken first.
                    for (place, &member) in group.members.iter().enumerate().rev() {
                        if let Member::Group(inner) = member {
                            left.extend([Said::Text(")"), Said::Members(inner), Said::Text(" (")]);
                        }
                        left.push(Said::Name(member));
                        if place > 0 {
                            left.push(Said::Text(", "));
                        }
                    }
                }
            }
        }
        text
    }

    fn name_of(&self, member: Member) -> &Name {
        match member {
            Member::Witness(at) => &self.witnesses[at].name,
            Member::Group(at) => &self.groups[at].name,
        }
    }
}

/// A part of a quorum's description.
enum Said {
    Text(&'static str),
    Name(Member),
    /// Of the group with this index: how many of which.
    Members(usize),
}

fn url_suffix(url: Option<&str>) -> String {
    url.map(|url| format!(" {url}")).unwrap_or_default()
}

/// Characters that change the order in which text is shown.
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
