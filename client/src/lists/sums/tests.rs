use super::*;
use crate::lists::{Holds, List};

/// What the list says: `path: algorithm…`, or why not.
fn read(text: impl AsRef<[u8]>, nul: bool) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("SUMS");
    std::fs::write(&file, text).unwrap();
    let list = List { file, holds: Holds::Digests, nul, copy: None };
    Sums::new(Entries::open(&list).unwrap(), "/home/ada".into(), nul)
        .map(|given| match given {
            Ok(Given { path, digests }) => {
                assert_eq!(digests.sha256(), &[0xab; 32]);
                let ids: Vec<_> = digests.iter().map(|(id, _)| id.to_string()).collect();
                format!("{}: {}", crate::paths::shown_relative(&path), ids.join(" "))
            }
            Err(error) => error.to_string(),
        })
        .collect()
}

fn hex(bytes: usize) -> String {
    "ab".repeat(bytes)
}

#[test]
fn each_form_says_the_same() {
    let hash = hex(32);
    let colons = vec!["AB"; 32].join(":");
    for line in [
        format!("{hash}  a/b"),
        format!("{hash} *a/b"),
        format!("{}  ./a/b", hash.to_uppercase()),
        format!("{hash}  /home/ada/a/b"),
        format!("SHA256 (a/b) = {hash}"),
        format!("SHA2-256(a/b)= {hash}"),
        format!("SHA256(a/b)= {hash}"),
        format!("SHA2-256(a/b)= {colons}"),
        format!("# a comment\n\n{hash}  a/b\n{hash}  a/b"),
    ] {
        assert_eq!(read(&line, false), ["a/b: sha-256"], "{line}");
    }
    assert_eq!(read(format!("{hash}  a\nb\0{hash}  \\c\0"), true), ["a\\u{a}b: sha-256", "\\\\c: sha-256"]);
}

#[test]
fn names_may_have_anything_in_them() {
    let hash = hex(32);
    assert_eq!(read(format!("\\{hash}  a\\nb\\\\c\\rd"), false), ["a\\u{a}b\\\\c\\u{d}d: sha-256"]);
    assert_eq!(read(format!("\\SHA256 (a\\n) = b) = {hash}"), false), ["a\\u{a}) = b: sha-256"]);
    assert_eq!(read(format!("SHA2-256(x)= y (1))= {hash}"), false), ["x)= y (1): sha-256"]);
    assert_eq!(read(format!("{hash}  SHA256 (a) = b"), false), ["SHA256 (a) = b: sha-256"]);
    assert_eq!(read([hash.as_bytes(), b"  \xff"].concat(), false), ["\\xff: sha-256"]);
}

#[test]
fn lines_of_one_file_are_one_record() {
    let (hash, other) = (hex(32), hex(64));
    let lines = format!("SHA3-512 (a) = {other}\nSHA256 (a) = {hash}\nSHA512 (./a) = {other}\n{hash}  b\n");
    assert_eq!(read(lines, false), ["a: sha-256 sha-512 sha3-512", "b: sha-256"]);
}

#[test]
fn each_refusal_says_where_and_what() {
    let hash = hex(32);
    let lines = [
        "hello".to_owned(),
        format!("{hash} a"),
        format!("{hash}  "),
        format!("\\{hash}  a\\tb"),
        format!("{hash}  a\r"),
        format!("{}  a", hex(64)),
        format!("HMAC-SHA2-256(a)= {hash}"),
        format!("SHA3-512 (a) = {hash}"),
        format!("{hash}  /etc/passwd"),
        format!("{hash}  ../a"),
        format!("{hash}  -"),
        format!("{hash}  good"),
        format!("{}  good", "cd".repeat(32)),
        format!("SHA512 (only) = {}", hex(64)),
    ];
    insta::assert_snapshot!(read(lines.join("\n"), false).join("\n"), @r"
    line 1 is no digest of a file as sha256sum or openssl dgst writes it (64 hex digits, two spaces, the name)
    line 2 is no digest of a file as sha256sum or openssl dgst writes it (64 hex digits, two spaces, the name)
    line 3 is no digest of a file as sha256sum or openssl dgst writes it (64 hex digits, two spaces, the name)
    line 4 is no digest of a file as sha256sum or openssl dgst writes it (64 hex digits, two spaces, the name)
    line 5 ends in a carriage return: if the list comes from Windows, take them out with tr -d '\r'
    line 6 has 128 hex digits and doesn't say by which algorithm: sha256sum's have 64; for another one, the line needs its name (sha512sum --tag, openssl dgst without -r)
    line 7 has a digest by HMAC-SHA2-256: known are SHA256, SHA384, SHA512, SHA3-224, SHA3-256, SHA3-384 and SHA3-512
    line 8 has a digest by sha3-512 of the wrong length
    line 9: /etc/passwd: it lies outside of the current directory, which the bundle's paths are relative to: make the list, and stamp, in a directory above
    line 10: ../a: it has a `..` part, which a bundle's paths can't have: make the list, and stamp, in a directory above
    line 11: -: it names standard input or the directory itself, not a file in it
    line 13 has a second digest by sha-256 of good, and another one: which is right?
    good: sha-256
    line 14: of only the list has no SHA-256, without which there is no record: a file's lines must follow each other
    ");
}

#[test]
fn what_is_no_list_is_given_up() {
    let told = read("no digest\n".repeat(1000), false);
    assert_eq!(told.len(), 20);
    insta::assert_snapshot!(told[19], @"20 lines of it are no digests of files: the rest was not read; is it the right file?");
}

#[test]
fn what_no_digest_can_be_counts_as_no_list() {
    for line in ["00  a\n", "MD5 (a) = 00\n", "a\r\n"] {
        assert_eq!(read(line.repeat(1000), false).len(), 20, "{line:?}");
    }
    assert_eq!(
        read(format!("{}  a\n", hex(16)).repeat(1000), false).len(),
        1000,
        "MD5's, beside which there may be others"
    );
}
