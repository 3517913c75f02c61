//! The SSH agent protocol (draft-ietf-sshm-ssh-agent): two of its requests, over the socket that `SSH_AUTH_SOCK` names.
//!
//! A message is a length (u32) and so many bytes, of which the first is its type. Strings are a length (u32) and bytes;
//! integers are big-endian. What the agent says is bounded and held to its form, and its signatures are verified: they are of
//! use only if they are by the key that the claim names.
//!
//! The crates for this bring RSA, or an asynchronous runtime; two messages take less than their interface.

use super::holder_key;
use std::sync::Mutex;
use treering_token::claim::HolderKey;

#[cfg(unix)]
type Stream = std::os::unix::net::UnixStream;
#[cfg(not(unix))]
type Stream = std::net::TcpStream;

/// OpenSSH's own limit for a message.
const MAX_MESSAGE: usize = 256 * 1024;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const FAILURE: u8 = 5;

/// Why an agent doesn't sign.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentError {
    #[error(
        "no ssh-agent: SSH_AUTH_SOCK is not set; eval \"$(ssh-agent)\" starts one, ssh-add gives it a key"
    )]
    None,
    #[error("the ssh-agent at {socket} can't be reached: {error}")]
    Connect { socket: String, error: std::io::Error },
    #[error("the ssh-agent broke off in the middle ({0}): is it still there? ssh-add -l asks it")]
    Talk(#[from] std::io::Error),
    #[error("what the ssh-agent says is not the agent protocol")]
    Protocol,
    #[error("the ssh-agent has no key {wanted}; it has {have}: ssh-add gives it one")]
    NotThere { wanted: String, have: String },
    #[error(
        "the ssh-agent has several keys with the comment {wanted}: give agent:FINGERPRINT; it has {have}"
    )]
    Several { wanted: String, have: String },
    #[error(
        "the ssh-agent's key {wanted} is a {kind}; only an Ed25519 or P-256 key that isn't on a security key can sign claims"
    )]
    Kind { wanted: String, kind: String },
    #[error("the ssh-agent didn't sign: is it locked, or was it not confirmed?")]
    Refused,
    #[error("the signature that the ssh-agent gave is not by its key over the claim")]
    Forged,
}

/// A key in an agent.
#[derive(Debug)]
pub(super) struct Agent {
    /// `None` after it broke off: nobody knows whose answer would come next.
    stream: Mutex<Option<Stream>>,
    /// As the agent names it.
    blob: Vec<u8>,
    public: HolderKey,
}

/// A key that the agent has.
struct Identity {
    blob: Vec<u8>,
    comment: String,
}

impl Agent {
    /// The key with this fingerprint (`SHA256:…`) or this comment.
    pub(super) fn with(wanted: &str) -> Result<Agent, AgentError> {
        Agent::choose(wanted, |identity| identity.fingerprint() == wanted || identity.comment == wanted)
    }

    /// This key.
    pub(super) fn with_key(key: &ssh_key::PublicKey) -> Result<Agent, AgentError> {
        let blob = key.to_bytes().map_err(|_| AgentError::Protocol)?;
        let wanted = key.fingerprint(ssh_key::HashAlg::Sha256).to_string();
        Agent::choose(&wanted, |identity| identity.blob == blob)
    }

    fn choose(wanted: &str, is_wanted: impl Fn(&Identity) -> bool) -> Result<Agent, AgentError> {
        let mut stream = connect()?;
        let identities = identities(&mut stream)?;
        let shown = treering_token::escape::bytes(wanted.as_bytes());
        let mut fitting = identities.iter().filter(|identity| is_wanted(identity));
        let (Some(identity), None) = (fitting.next(), fitting.next()) else {
            let is_there = identities.iter().any(&is_wanted);
            let have = told(&identities);
            return Err(if is_there {
                AgentError::Several { wanted: shown, have }
            } else {
                AgentError::NotThere { wanted: shown, have }
            });
        };
        let public = ssh_key::PublicKey::from_bytes(&identity.blob).ok();
        match public.as_ref().and_then(|key| holder_key(key.key_data())) {
            Some(public) => {
                Ok(Agent { stream: Mutex::new(Some(stream)), blob: identity.blob.clone(), public })
            }
            None => Err(AgentError::Kind { wanted: shown, kind: identity.kind() }),
        }
    }

    pub(super) fn public(&self) -> &HolderKey {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<[u8; 64], AgentError> {
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &self.blob);
        put(&mut request, message);
        request.extend_from_slice(&[0; 4]); // no flags
        let answer = {
            let mut kept = self.stream.lock().map_err(|_| AgentError::Protocol)?;
            let mut stream = kept.take().map_or_else(connect, Ok)?;
            let answer = ask(&mut stream, &request)?;
            *kept = Some(stream);
            answer
        };
        let signature = signature(&answer, &self.public)?;
        if self.public.verify(message, &signature) { Ok(signature) } else { Err(AgentError::Forged) }
    }
}

impl Identity {
    fn fingerprint(&self) -> String {
        let key = ssh_key::PublicKey::from_bytes(&self.blob);
        key.map(|key| key.fingerprint(ssh_key::HashAlg::Sha256).to_string()).unwrap_or_default()
    }

    /// The name of its kind, as the blob begins with it.
    fn kind(&self) -> String {
        let mut blob = Strings(&self.blob);
        treering_token::escape::bytes(blob.next().unwrap_or_default())
    }
}

fn told(identities: &[Identity]) -> String {
    let one = |identity: &Identity| {
        let comment = treering_token::escape::bytes(identity.comment.as_bytes());
        format!("{} ({comment})", identity.fingerprint())
    };
    if identities.is_empty() {
        "none".to_owned()
    } else {
        identities.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(unix)]
fn connect() -> Result<Stream, AgentError> {
    let socket =
        std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).ok_or(AgentError::None)?;
    Stream::connect(&socket).map_err(|error| AgentError::Connect {
        socket: crate::paths::shown(std::path::Path::new(&socket)),
        error,
    })
}

/// Elsewhere agents are reached by other ways, which aren't built.
#[cfg(not(unix))]
fn connect() -> Result<Stream, AgentError> {
    Err(AgentError::None)
}

fn identities(stream: &mut Stream) -> Result<Vec<Identity>, AgentError> {
    let answer = ask(stream, &[REQUEST_IDENTITIES])?;
    let rest = answer.strip_prefix(&[IDENTITIES_ANSWER]).ok_or(AgentError::Protocol)?;
    let (count, rest) = rest.split_first_chunk().ok_or(AgentError::Protocol)?;
    let mut strings = Strings(rest);
    let mut identities = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let blob = strings.next().ok_or(AgentError::Protocol)?.to_vec();
        let comment = String::from_utf8_lossy(strings.next().ok_or(AgentError::Protocol)?).into_owned();
        identities.push(Identity { blob, comment });
    }
    Ok(identities)
}

/// The 64 bytes that a claim has, out of an answer to a request to sign.
fn signature(answer: &[u8], key: &HolderKey) -> Result<[u8; 64], AgentError> {
    if answer.first() == Some(&FAILURE) {
        return Err(AgentError::Refused);
    }
    let rest = answer.strip_prefix(&[SIGN_RESPONSE]).ok_or(AgentError::Protocol)?;
    let whole = Strings(rest).next().ok_or(AgentError::Protocol)?;
    let mut strings = Strings(whole);
    let (kind, signature) = (strings.next(), strings.next().ok_or(AgentError::Protocol)?);
    match (kind, key) {
        (Some(b"ssh-ed25519"), HolderKey::Ed25519(_)) => {
            signature.try_into().map_err(|_| AgentError::Protocol)
        }
        (Some(b"ecdsa-sha2-nistp256"), HolderKey::P256 { .. }) => {
            let mut scalars = Strings(signature);
            let (r, s) = (scalars.next().and_then(scalar), scalars.next().and_then(scalar));
            let (Some(r), Some(s)) = (r, s) else { return Err(AgentError::Protocol) };
            let signature = p256::ecdsa::Signature::from_scalars(r, s).map_err(|_| AgentError::Protocol)?;
            // SPEC: tokens section 2: only the lower s.
            Ok(signature.normalize_s().to_bytes().into())
        }
        _ => Err(AgentError::Protocol),
    }
}

/// SPEC: RFC 4251 section 5, mpint: a leading zero byte where the first bit would be 1, no other.
fn scalar(mpint: &[u8]) -> Option<[u8; 32]> {
    let digits = mpint.strip_prefix(&[0]).unwrap_or(mpint);
    let mut scalar = [0; 32];
    let begin = 32usize.checked_sub(digits.len())?;
    scalar[begin..].copy_from_slice(digits);
    Some(scalar)
}

fn ask(stream: &mut (impl std::io::Read + std::io::Write), message: &[u8]) -> Result<Vec<u8>, AgentError> {
    let mut request = Vec::with_capacity(4 + message.len());
    put(&mut request, message);
    stream.write_all(&request)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| AgentError::Protocol)?;
    if length > MAX_MESSAGE {
        return Err(AgentError::Protocol);
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// Appends a string with its length.
fn put(out: &mut Vec<u8>, string: &[u8]) {
    let length = u32::try_from(string.len()).expect("a key or a claim has some thousand bytes at most");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(string);
}

/// One string after the other; none where there is no whole one.
struct Strings<'a>(&'a [u8]);

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (string, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::{super::p256_key, *};
    use p256::ecdsa::signature::Signer as _;

    fn string(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, bytes);
        out
    }

    /// An agent's answer with this ECDSA signature.
    fn answer(r: &[u8], s: &[u8]) -> Vec<u8> {
        let scalars = [string(r), string(s)].concat();
        let whole = [string(b"ecdsa-sha2-nistp256"), string(&scalars)].concat();
        [vec![SIGN_RESPONSE], string(&whole)].concat()
    }

    fn mpint(scalar: &[u8]) -> Vec<u8> {
        let digits = &scalar[scalar.iter().take_while(|byte| **byte == 0).count()..];
        if digits[0] & 0x80 == 0 { digits.to_vec() } else { [&[0], digits].concat() }
    }

    #[test]
    fn a_high_s_becomes_the_low_one() {
        let signing = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let key = p256_key(signing.verifying_key());
        for message in 0..16u8 {
            let low: p256::ecdsa::Signature = signing.sign(&[message]);
            let low = low.normalize_s();
            let (r, s) = (low.r().to_bytes(), low.s().to_bytes());
            let high = (-low.s()).to_bytes();
            for s in [&s, &high] {
                let got = signature(&answer(&mpint(&r), &mpint(s)), &key).unwrap();
                assert!(key.verify(&[message], &got));
            }
        }
    }

    #[test]
    fn answers_that_are_none_are_refused() {
        let key = HolderKey::Ed25519([1; 32]);
        let told = |answer: &[u8]| signature(answer, &key).unwrap_err().to_string();
        insta::assert_snapshot!(told(&[FAILURE]), @"the ssh-agent didn't sign: is it locked, or was it not confirmed?");
        let protocol = told(&[]);
        insta::assert_snapshot!(protocol, @"what the ssh-agent says is not the agent protocol");
        for answer in [
            &[SIGN_RESPONSE][..],
            &[SIGN_RESPONSE, 0, 0, 0, 9, 1],
            &[IDENTITIES_ANSWER],
            &answer(&[1; 33], &[1]),
            &answer(&[0; 32], &[1]),
        ] {
            assert_eq!(told(answer), protocol);
        }
        assert!(scalar(&[1; 33]).is_none() && scalar(&[0; 33]).is_some());
    }

    /// The attack: an agent that claims to say 4 GiB.
    #[test]
    fn a_message_is_bounded() {
        let (mut ours, mut theirs) = Stream::pair().unwrap();
        std::io::Write::write_all(&mut theirs, &u32::MAX.to_be_bytes()).unwrap();
        assert!(matches!(identities(&mut ours), Err(AgentError::Protocol)));
    }
}
