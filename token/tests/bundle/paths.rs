//! Paths: what stays inside the directory it is joined to, and what is refused.

use proptest::prelude::*;
use treering_token::bundle::{BundleError, RelativePath};

fn refused(bytes: &[u8]) -> String {
    RelativePath::new(bytes.to_vec()).unwrap_err().to_string()
}

#[test]
fn ordinary_and_odd_names_are_paths() {
    for path in
        [&b"a"[..], b"a/b", b"...", b"..a/.b", b" ", b"a\\b", b"C:", b"\xff\xfe", b"new\nline", b"-rf"]
    {
        assert_eq!(RelativePath::new(path.to_vec()).unwrap().as_bytes(), path);
    }
    assert!(RelativePath::new(vec![b'a'; RelativePath::MAX_BYTES]).is_ok());
}

#[test]
fn an_empty_path_is_refused() {
    insta::assert_snapshot!(refused(b""), @"the path is empty");
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    insta::assert_snapshot!(refused(&[b'a'; RelativePath::MAX_BYTES + 1]), @"the path has 32769 bytes where at most 32768 are allowed");
}

#[test]
fn an_absolute_path_is_refused() {
    insta::assert_snapshot!(refused(b"/etc/passwd"), @"the path is absolute, where it must be relative");
}

#[test]
fn an_empty_part_is_refused() {
    insta::assert_snapshot!(refused(b"a//b"), @"the path has an empty part");
    assert_eq!(refused(b"a/"), refused(b"a//b"));
}

#[test]
fn dots_are_refused_wherever_they_stand() {
    insta::assert_snapshot!(refused(b"../a"), @r#"the path has a part "." or "..""#);
    for path in [&b".."[..], b".", b"a/..", b"a/../b", b"./a", b"a/."] {
        assert_eq!(refused(path), refused(b"../a"));
    }
}

#[test]
fn a_zero_byte_is_refused() {
    insta::assert_snapshot!(refused(b"a\0b"), @"the path holds a zero byte");
}

#[test]
fn parts_are_joined() {
    let path = RelativePath::from_parts(["a", "b", "c"]).unwrap();
    assert_eq!(path.as_bytes(), b"a/b/c");
    assert_eq!(path.parts().collect::<Vec<_>>(), [b"a", b"b", b"c"]);
}

#[test]
fn a_part_that_would_be_two_is_refused() {
    insta::assert_snapshot!(RelativePath::from_parts(["a", "b/c"]).unwrap_err(), @"a part of the path holds a slash");
}

#[test]
fn parts_obey_the_rules_of_paths() {
    let refused = |parts: &[&str]| RelativePath::from_parts(parts).unwrap_err();
    assert_eq!(refused(&["a", ""]), BundleError::PathEmptyPart);
    assert_eq!(refused(&["", "a"]), BundleError::PathEmptyPart);
    assert_eq!(refused(&["..", "a"]), BundleError::PathDots);
    assert_eq!(refused(&["a\0"]), BundleError::PathNul);
    assert_eq!(refused(&[]), RelativePath::new(Vec::new()).unwrap_err());
}

proptest! {
    /// The attack: a bundle from somebody else names a file outside the directory that is verified.
    #[test]
    fn no_path_leads_out(bytes in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'/'), any::<u8>()], 0..12)) {
        if let Ok(path) = RelativePath::new(bytes.clone()) {
            prop_assert_eq!(path.as_bytes(), &bytes);
            prop_assert!(!path.as_bytes().starts_with(b"/") && !path.as_bytes().contains(&0));
            for part in path.parts() {
                prop_assert!(!matches!(part, b"" | b"." | b".."));
            }
            prop_assert_eq!(RelativePath::from_parts(path.parts()).unwrap(), path);
        }
    }
}
