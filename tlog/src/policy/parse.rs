//! Reading a policy file, line by line (C2SP tlog-policy, Policy file syntax and structure).

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    Log, Name, Policy, PolicyError, PolicyErrorKind as Kind, Witness,
    quorum::{Group, Member, Quorum},
};
use crate::{
    note::{KeyError, KeyId, KeyName, SignatureType, VerifierKey},
    text,
};

/// Parses a whole file.
pub(super) fn policy(bytes: &[u8]) -> Result<Policy, PolicyError> {
    let at = |line, kind| PolicyError { line, kind };
    if bytes.len() > Policy::MAX_BYTES {
        return Err(at(1 + newlines(&bytes[..Policy::MAX_BYTES]), Kind::TooLong));
    }
    // SPEC: tlog-policy, Character set: tab, newline, 0x20 to 0x7E, 0x80 to 0xFF; in comments too.
    if let Some(bad) = first_control(bytes) {
        return Err(at(1 + newlines(&bytes[..bad]), Kind::Control { byte: bytes[bad] }));
    }
    let last = || 1 + newlines(bytes);
    let mut rest = match bytes.split_last() {
        // SPEC: tlog-policy, Structure: each line is terminated by a newline.
        Some((b'\n', lines)) => lines,
        Some(_) => return Err(at(last(), Kind::NoNewline)),
        None => return Err(at(last(), Kind::NoQuorum)),
    };
    let mut parser = Parser { line: 1, ..Parser::default() };
    loop {
        // White space before a line, and lines of nothing else: of such the longest files may consist.
        let begin = rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
        let (space, line) = rest.split_at(begin);
        parser.line += newlines(space);
        let end = line.iter().position(|&byte| byte == b'\n').unwrap_or(line.len());
        (_, rest) = line.split_at(end);
        match &line[..end] {
            [] => break,
            // SPEC: tlog-policy, Structure: comment lines start with "#", possibly after white space.
            [b'#', ..] => {}
            line => parser.read(line).map_err(|kind| at(parser.line, kind))?,
        }
    }
    let Some((quorum, _)) = parser.quorum else { return Err(at(last(), Kind::NoQuorum)) };
    let Parser { logs, witnesses, groups, .. } = parser;
    Ok(Policy {
        source: bytes.to_vec(),
        logs,
        witnesses,
        groups,
        quorum,
        distrusted: Vec::new(),
        until: None,
        remembered: None,
    })
}

/// What was read so far; each map leads to the line of the first use.
#[derive(Default)]
struct Parser {
    line: usize,
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<(Quorum, usize)>,
    log_keys: BTreeMap<Vec<u8>, usize>,
    witness_keys: BTreeMap<Vec<u8>, usize>,
    key_ids: BTreeMap<(KeyName, KeyId), usize>,
    names: BTreeMap<Name, (Member, usize)>,
    members: BTreeMap<Name, usize>,
}

impl Parser {
    fn read(&mut self, line: &[u8]) -> Result<(), Kind> {
        let mut words = words(line);
        let Some(keyword) = words.next() else { return Ok(()) };
        let rest: &[&[u8]] = &words.collect::<Vec<_>>();
        match keyword {
            b"log" => self.log(rest),
            b"witness" => self.witness(rest),
            b"group" => self.group(rest),
            b"quorum" => self.quorum(rest),
            _ => Err(Kind::Keyword { word: name(keyword) }),
        }
    }

    fn log(&mut self, words: &[&[u8]]) -> Result<(), Kind> {
        let (vkey, url) = match *words {
            [vkey] => (vkey, None),
            [vkey, url] => (vkey, Some(url)),
            _ => return Err(Kind::LogForm),
        };
        let key = key(vkey)?.map_err(|error| Kind::LogKey { log: key_name(vkey), error })?;
        // A key name is always an origin too: its rules are the stricter ones.
        if key.kind() != SignatureType::Ed25519 {
            return Err(Kind::LogKeyType { log: key_name(vkey), got: key.kind().byte() });
        }
        if let Some(first_line) = first(&mut self.log_keys, key.public_bytes().to_vec(), self.line) {
            return Err(Kind::DuplicateLog { log: key_name(vkey), first_line });
        }
        self.distinguish(&key)?;
        if self.logs.len() == Policy::MAX_LOGS {
            return Err(Kind::TooManyLogs);
        }
        self.logs.push(Log { key, url: url.map(read_url) });
        Ok(())
    }

    fn witness(&mut self, words: &[&[u8]]) -> Result<(), Kind> {
        let (called, vkey, url) = match *words {
            [called, vkey] => (called, vkey, None),
            [called, vkey, url] => (called, vkey, Some(url)),
            _ => return Err(Kind::WitnessForm),
        };
        let called = name(called);
        let key = key(vkey)?.map_err(|error| Kind::WitnessKey { name: called.clone(), error })?;
        if key.kind() == SignatureType::Ed25519 {
            return Err(Kind::WitnessKeyType { name: called, got: key.kind().byte() });
        }
        self.define(&called, Member::Witness(self.witnesses.len()))?;
        if let Some(first_line) = first(&mut self.witness_keys, key.public_bytes().to_vec(), self.line) {
            return Err(Kind::DuplicateWitness { name: called, first_line });
        }
        self.distinguish(&key)?;
        if self.witnesses.len() == Policy::MAX_WITNESSES {
            return Err(Kind::TooManyWitnesses);
        }
        self.witnesses.push(Witness { name: called, key, url: url.map(read_url) });
        Ok(())
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), Kind> {
        let [called, threshold, listed @ ..] = words else { return Err(Kind::GroupForm) };
        let called = name(called);
        let threshold = read_threshold(&called, threshold, listed.len())?;
        let members =
            listed.iter().map(|member| self.member(&called, member)).collect::<Result<Vec<_>, _>>()?;
        // Defined only now, so that a group can't be its own member.
        self.define(&called, Member::Group(self.groups.len()))?;
        if self.groups.len() == Policy::MAX_GROUPS {
            return Err(Kind::TooManyGroups);
        }
        self.groups.push(Group { name: called, threshold, members });
        Ok(())
    }

    fn member(&mut self, group: &Name, member: &[u8]) -> Result<Member, Kind> {
        if member == b"none" {
            return Err(Kind::NoneAsMember { group: group.clone() });
        }
        let member = name(member);
        let Some(&(found, _)) = self.names.get(&member) else {
            return Err(Kind::UndefinedMember { group: group.clone(), member });
        };
        match first(&mut self.members, member.clone(), self.line) {
            Some(first_line) => Err(Kind::MemberTwice { group: group.clone(), member, first_line }),
            None => Ok(found),
        }
    }

    fn quorum(&mut self, words: &[&[u8]]) -> Result<(), Kind> {
        let [called] = *words else { return Err(Kind::QuorumForm) };
        if let Some((_, first_line)) = self.quorum {
            return Err(Kind::QuorumTwice { first_line });
        }
        let quorum = match self.names.get(&name(called)) {
            _ if called == b"none" => Quorum::None,
            Some(&(member, _)) => Quorum::Member(member),
            None => return Err(Kind::UndefinedQuorum { name: name(called) }),
        };
        self.quorum = Some((quorum, self.line));
        Ok(())
    }

    /// SPEC: tlog-policy, What is a "policy"?: witnesses and groups share a namespace, and `none` is taken.
    fn define(&mut self, called: &Name, member: Member) -> Result<(), Kind> {
        if called.as_bytes() == b"none" {
            return Err(Kind::NoneDefined);
        }
        match self.names.entry(called.clone()) {
            Entry::Occupied(taken) => {
                Err(Kind::NameTwice { name: called.clone(), first_line: taken.get().1 })
            }
            Entry::Vacant(free) => {
                free.insert((member, self.line));
                Ok(())
            }
        }
    }

    /// Two keys with one name and key ID would make it unclear whose a signature line is.
    fn distinguish(&mut self, key: &VerifierKey) -> Result<(), Kind> {
        match first(&mut self.key_ids, (key.name().clone(), key.id()), self.line) {
            Some(first_line) => {
                let key = name(format!("{}+{}", key.name(), key.id()).as_bytes());
                Err(Kind::KeyCollision { key, first_line })
            }
            None => Ok(()),
        }
    }
}

/// k: SPEC: tlog-policy, Defining a witness group: `all`, `any`, or a decimal 1 ≤ k ≤ n; and n ≥ 1.
fn read_threshold(group: &Name, word: &[u8], members: usize) -> Result<usize, Kind> {
    let (group, threshold) = (group.clone(), name(word));
    let digits = word.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(word).ok().and_then(text::decimal);
    let number = match (word, number) {
        (b"all", _) => members,
        (b"any", _) => 1,
        (_, Some(number)) => usize::try_from(number).unwrap_or(usize::MAX),
        // A number beyond 2^63 is still a number, and too large.
        (&[b'1'..=b'9', ..], None) if digits => usize::MAX,
        (_, None) => return Err(Kind::Threshold { group, threshold }),
    };
    match number {
        _ if members == 0 => Err(Kind::NoMembers { group }),
        0 => Err(Kind::ThresholdZero { group }),
        number if number > members => Err(Kind::ThresholdTooLarge { group, threshold, members }),
        number => Ok(number),
    }
}

fn key(vkey: &[u8]) -> Result<Result<VerifierKey, KeyError>, Kind> {
    let text = std::str::from_utf8(vkey).map_err(|_| Kind::KeyUtf8 { key: key_name(vkey) })?;
    Ok(VerifierKey::parse(text))
}

/// SPEC: tlog-policy, Character set: any octet may stand in a URL. One that is not UTF-8 has its high octets escaped as
/// RFC 3986 section 2.1 does.
fn read_url(url: &[u8]) -> String {
    String::from_utf8(url.to_vec()).unwrap_or_else(|_| {
        let escape = |&octet: &u8| match octet {
            0x80.. => format!("%{octet:02X}"),
            _ => char::from(octet).to_string(),
        };
        url.iter().map(escape).collect()
    })
}

/// What a message calls a vkey: the rest of one may be 1,800 characters.
fn key_name(vkey: &[u8]) -> Name {
    name(vkey.split(|&byte| byte == b'+').next().unwrap_or(vkey))
}

/// The line where `key` was put first, if this is not the first time.
fn first<K: Ord>(lines: &mut BTreeMap<K, usize>, key: K, line: usize) -> Option<usize> {
    match lines.entry(key) {
        Entry::Occupied(earlier) => Some(*earlier.get()),
        Entry::Vacant(free) => {
            free.insert(line);
            None
        }
    }
}

fn name(word: &[u8]) -> Name {
    Name(word.to_vec())
}

/// SPEC: tlog-policy, Structure: white space is ASCII space and tab only.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b' ' || byte == b'\t').filter(|word| !word.is_empty())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

/// Where the first byte is that may not be there: looked for in pieces, which a processor goes through many bytes at a time.
fn first_control(bytes: &[u8]) -> Option<usize> {
    const PIECE: usize = 64;
    let has = |piece: &[u8]| piece.iter().fold(false, |has, byte| has | is_control(*byte));
    let begin = PIECE * bytes.chunks(PIECE).position(has)?;
    bytes[begin..].iter().position(|byte| is_control(*byte)).map(|at| begin + at)
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t' && byte != b'\n') || byte == 0x7f
}
