use proptest::prelude::*;

use super::{AddEntries, MirrorInfo, MirrorMessageError, Package};
use crate::{hash::Hash, tree::TreeSize};

fn header(start: u64, end: u64) -> AddEntries {
    let end = TreeSize::new(end).unwrap();
    AddEntries { origin: b"log.example".to_vec(), start, end, ticket: b"t".to_vec() }
}

fn packages(start: u64, end: u64) -> Vec<(u64, u64)> {
    header(start, end).packages().map(|range| (range.start, range.end)).collect()
}

#[test]
fn packages_are_cut_at_multiples_of_256() {
    assert_eq!(packages(5, 5), []);
    assert_eq!(packages(256, 256), []);
    assert_eq!(packages(0, 1), [(0, 1)]);
    assert_eq!(packages(3, 700), [(3, 256), (256, 512), (512, 700)]);
    assert_eq!(packages(256, 512), [(256, 512)]);
    assert_eq!(packages(300, 310), [(300, 310)]);
}

#[test]
fn a_header_is_read_once_it_is_whole() {
    let bytes = header(3, 700).encode().unwrap();
    for end in 0..bytes.len() {
        assert_eq!(AddEntries::parse(&bytes[..end]), Ok(None));
    }
    let longer = [&bytes[..], b"rest"].concat();
    assert_eq!(AddEntries::parse(&longer), Ok(Some((header(3, 700), bytes.len()))));
}

#[test]
fn an_origin_is_read_before_the_rest_of_its_header() {
    let bytes = header(3, 700).encode().unwrap();
    for end in 0..bytes.len() {
        assert_eq!(AddEntries::origin_length(&bytes[..end]), (end >= 2).then_some(11));
        assert_eq!(AddEntries::origin(&bytes[..end]), (end >= 2 + 11).then_some(&b"log.example"[..]));
    }
}

#[test]
fn ranges_that_go_back_are_refused() {
    let mut bytes = header(3, 3).encode().unwrap();
    // The last byte of upload_start.
    bytes[2 + 11 + 7] = 4;
    assert_eq!(AddEntries::parse(&bytes), Err(MirrorMessageError::Range));
    bytes[2 + 11 + 8] = 0xff;
    assert_eq!(AddEntries::parse(&bytes), Err(MirrorMessageError::Range));
    let long = AddEntries { ticket: vec![0; 65_536], ..header(0, 0) };
    assert_eq!(long.encode(), Err(MirrorMessageError::TooLong));
}

#[test]
fn a_package_is_read_once_it_is_whole() {
    let package = Package { entries: vec![b"one", b"", b"three"], proof: vec![Hash::new([7; 32]); 63] };
    let bytes = package.encode().unwrap();
    for end in 0..bytes.len() {
        assert_eq!(Package::parse(&bytes[..end], 3), Ok(None));
    }
    let longer = [&bytes[..], b"rest"].concat();
    assert_eq!(Package::parse(&longer, 3), Ok(Some((package.clone(), bytes.len()))));
    let too_many = Package { proof: vec![Hash::new([7; 32]); 64], ..package };
    assert_eq!(too_many.encode(), Err(MirrorMessageError::TooManyHashes));
    assert_eq!(Package::parse(&[0, 0, 64], 1), Err(MirrorMessageError::TooManyHashes));
}

#[test]
fn where_to_go_on_has_one_spelling() {
    let info = MirrorInfo { size: TreeSize::new(700).unwrap(), next: 256, ticket: b"ticket".to_vec() };
    assert_eq!(info.to_string(), "700\n256\ndGlja2V0\n");
    assert_eq!(MirrorInfo::parse(b"700\n256\ndGlja2V0\n"), Ok(info));
    assert_eq!(MirrorInfo::parse(b"0\n0\n\n").unwrap().ticket, b"");
    for body in
        ["", "700\n256\n", "700\n256\n\n\n", "0700\n256\n\n", "700\n+2\n\n", "700\n256\nd\n", "700\n256\n"]
    {
        assert_eq!(MirrorInfo::parse(body.as_bytes()), Err(MirrorMessageError::Info), "{body:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), count in 0_u64..300) {
        let _ = AddEntries::parse(&bytes);
        let _ = Package::parse(&bytes, count);
        let _ = MirrorInfo::parse(&bytes);
    }
}
