//! Secrets, in every form in which a program may give them away, and the files that hold one.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use crate::files;

/// What is searched for, by its first four bytes.
#[derive(Debug, Default)]
pub struct Needles {
    by_start: HashMap<[u8; 4], Vec<Vec<u8>>>,
}

impl Needles {
    /// Adds a secret of 32 bytes or more. Each half of it counts alone: raw, in hex, in base64 wherever in a text of that it
    /// begins, and as Rust prints bytes.
    ///
    /// # Panics
    /// If it is shorter: what is found might be chance.
    pub fn add(&mut self, secret: &[u8]) {
        assert!(secret.len() >= 32, "a secret of {} bytes", secret.len());
        let (first, second) = secret.split_at(secret.len() / 2);
        for half in [first, second] {
            self.put(half.to_vec());
            self.put(hex::encode(half).into_bytes());
            self.put(hex::encode_upper(half).into_bytes());
            let debug = format!("{half:?}");
            self.put(debug.trim_matches(['[', ']']).as_bytes().to_vec());
            for before in 0..3 {
                let text = [vec![0; before], half.to_vec()].concat();
                for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    // Without the characters that other bytes have a part in.
                    let from = (before * 8).div_ceil(6);
                    self.put(encoded.as_bytes()[from..text.len() * 8 / 6].to_vec());
                }
            }
        }
    }

    fn put(&mut self, needle: Vec<u8>) {
        let start = needle[..4].try_into().expect("four bytes");
        let needles: &mut Vec<Vec<u8>> = self.by_start.entry(start).or_default();
        if !needles.contains(&needle) {
            needles.push(needle);
        }
    }

    /// Is any of them in here?
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        (0..bytes.len().saturating_sub(3)).any(|at| {
            let start: [u8; 4] = bytes[at..at + 4].try_into().expect("four bytes");
            self.by_start
                .get(&start)
                .is_some_and(|needles| needles.iter().any(|n| bytes[at..].starts_with(n)))
        })
    }

    /// The files below a directory that hold one, by their paths in it. Files that vanish while it looks hold nothing.
    ///
    /// # Panics
    /// If a file can't be read.
    pub fn holding(&self, dir: &Path) -> HashSet<PathBuf> {
        let holds = |path: &PathBuf| match fs::read(path) {
            Ok(bytes) => self.are_in(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => panic!("{}: {error}", path.display()),
        };
        let found = files::below(dir).into_iter().filter(holds);
        found.map(|path| path.strip_prefix(dir).expect("it is below").to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn a_secret_is_found_in_every_form_and_another_one_is_not() {
        let secret = random::commitment();
        let mut needles = Needles::default();
        needles.add(&secret);
        for before in 0..4 {
            let text = [vec![7; before], secret.to_vec(), vec![7; 2]].concat();
            for form in [
                text.clone(),
                hex::encode(&text).into_bytes(),
                hex::encode_upper(&text).into_bytes(),
                STANDARD_NO_PAD.encode(&text).into_bytes(),
                URL_SAFE_NO_PAD.encode(&text).into_bytes(),
                format!("{text:?}").into_bytes(),
                secret[16..].to_vec(),
            ] {
                assert!(needles.are_in(&form), "{before}: {}", String::from_utf8_lossy(&form));
            }
        }
        assert!(!needles.are_in(&random::commitment()));
        assert!(!needles.are_in(hex::encode(random::commitment()).as_bytes()));
    }
}
