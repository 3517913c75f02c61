//! The head of an HTTP/1.1 answer (RFC 9112): status and length are all that the generator needs.

use anyhow::{Context as _, bail, ensure};

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Bytes up to and with the empty line.
    pub length: usize,
    /// Bytes of the body that follows.
    pub body: usize,
}

/// More than any head of the servers that are measured.
const MAX_HEAD: usize = 16 * 1024;

impl Head {
    /// Reads the head at the beginning of `bytes`; `None` as long as it isn't whole.
    ///
    /// # Errors
    /// It is no head of HTTP/1.1, or its body has no length.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
        let Some(length) = end_of_head(bytes) else {
            ensure!(bytes.len() <= MAX_HEAD, "a head of more than {MAX_HEAD} bytes");
            return Ok(None);
        };
        let head = &bytes[..length];
        let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| number(rest.get(..3)?));
        let status = status.and_then(|status| u16::try_from(status).ok()).context("no HTTP/1.1 answer")?;
        let mut body = None;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            // The first byte decides for most lines.
            if !matches!(line.first(), Some(b'c' | b'C')) || line.len() < NAME.len() {
                continue;
            }
            let (name, value) = line.split_at(NAME.len());
            if name.eq_ignore_ascii_case(NAME) {
                body = Some(number(value.trim_ascii()).context("a content-length that is no number")?);
            }
        }
        let Some(body) = body else { bail!("an answer {status} without content-length") };
        Ok(Some(Head { status, length, body }))
    }
}

const NAME: &[u8] = b"content-length:";

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == b'\r')?;
        if bytes[at..].starts_with(b"\r\n\r\n") {
            return Some(at + 4);
        }
        from = at + 1;
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    let text = str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_length_are_read() {
        let bytes =
            b"HTTP/1.1 202 Accepted\r\nlocation: /x\r\nContent-Length: 17\r\ncache-control: a\r\n\r\nbody";
        let head = Head::parse(bytes).unwrap().unwrap();
        assert_eq!(head, Head { status: 202, length: bytes.len() - 4, body: 17 });
    }

    #[test]
    fn a_head_in_pieces_is_whole_only_with_its_last_byte() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(Head::parse(&bytes[..cut]).unwrap(), None, "{cut} bytes");
        }
        assert!(Head::parse(bytes).unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        for bad in [
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n",
            "SSH-2.0 nothing\r\n\r\n",
        ] {
            assert!(Head::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Head::parse(&[b'a'; MAX_HEAD + 1]).is_err());
    }
}
