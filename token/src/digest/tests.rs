use super::{DigestError, Digester, Digests, HashId};
use crate::cbor::{CborError, Reader, Writer};

// Python: hashlib.new(name, b"treering").hexdigest()
#[test]
fn computes_every_algorithm_that_it_names() {
    let names = ["sha-384", "sha-512", "sha3-224", "sha3-256", "sha3-384", "sha3-512"];
    let ids: Vec<_> = names.iter().map(|name| HashId::from_name(name).unwrap()).collect();
    let mut digester = Digester::new(&ids);
    digester.update(b"tree");
    digester.update(b"ring");
    let digests = digester.finish();
    let lines: Vec<_> =
        digests.iter().map(|(id, digest)| format!("{} {id} {}", id.get(), hex::encode(digest))).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    1 sha-256 deb889383959feb844f9dc4d8e6d38490e7c4fdcfa33c360e439a9de5067d16b
    7 sha-384 bf0ac88fdb1b6e708d54b37d8b2e4f5fb07a043a907dc4f8e725eb8e59a9c58e1e727a153361d9348c73509a0d684646
    8 sha-512 0f98f9a854245a8fac84e09a8baffa3c4219aad9f17fa0947bf9562249c99b33d08bebc73e9ffb02c024dba22d65fe24f5edc4b81cf908e9e5da09b93d568168
    9 sha3-224 a3dc76b1e3378b47ceb572a54860832e26c3d1540047f92ed2ef656d
    10 sha3-256 d51d01f4a69996c9b28d3e1c5dc04ce87584939a38d01835329af516ae252f4e
    11 sha3-384 776e4f0428034df1fae424060afeca9ac682035bc35845e7c5d7e5089e9046b9cabde0c0f698d3b44f36a8a974dedb4a
    12 sha3-512 ee3043b340f50e47fdf7378a3a34c78eecdb5aeaa56de197c5db0e8919d08b01172f7ac7f54313c3377c1c6a4897a91d90976bb2f167515dd64eece5ee1e1faa
    ");
}

#[test]
fn names_and_ids_go_both_ways() {
    for id in 1..40 {
        if let Some((id, name)) = HashId::new(id).and_then(|id| Some((id, id.name()?))) {
            assert_eq!(HashId::from_name(name), Some(id));
        }
    }
    assert_eq!(HashId::from_name("sha-256-128"), None);
    assert_eq!(HashId::new(99).unwrap().to_string(), "id 99");
}

#[test]
fn truncations_have_no_id() {
    for id in [0, 2, 3, 4, 5, 6] {
        assert_eq!(HashId::new(id), None);
    }
}

#[test]
fn unknown_algorithms_are_carried_and_not_computed() {
    let unknown = HashId::new(99).unwrap();
    assert_eq!(Digester::new(&[unknown]).finish().get(unknown), None);
    let mut digests = Digests::new([1; 32]);
    assert!(digests.insert(unknown, vec![7]));
    assert_eq!(digests.get(unknown), Some(&[7][..]));
}

#[test]
fn insert_refuses_wrong_lengths_and_changes_nothing() {
    let mut digests = Digests::new([1; 32]);
    let before = digests.clone();
    assert!(!digests.insert(HashId::SHA_256, vec![2; 31]));
    assert!(!digests.insert(HashId::SHA3_256, vec![2; 33]));
    assert!(!digests.insert(HashId::new(99).unwrap(), vec![]));
    assert_eq!(digests, before);
    assert!(digests.insert(HashId::SHA_256, vec![2; 32]));
    assert!(digests.insert(HashId::SHA3_256, vec![3; 32]));
    assert_eq!((digests.sha256(), digests.get(HashId::SHA3_256)), (&[2; 32], Some(&[3; 32][..])));
}

#[test]
fn round_trips() {
    let mut digests = Digests::new([1; 32]);
    assert!(
        digests.insert(HashId::SHA_512, vec![8; 64]) && digests.insert(HashId::new(99).unwrap(), vec![9])
    );
    let mut writer = Writer::new();
    digests.write(&mut writer);
    assert_eq!(Digests::read(&mut Reader::new(&writer.finish())), Ok(digests));
}

#[test]
fn refusals() {
    let read = |pairs: &[(u64, usize)]| {
        let mut writer = Writer::new();
        writer.map(pairs.len());
        for (id, length) in pairs {
            writer.uint(*id).bytes(&vec![0; *length]);
        }
        Digests::read(&mut Reader::new(&writer.finish())).unwrap_err()
    };
    assert_eq!(read(&[]), DigestError::NoSha256);
    assert_eq!(read(&[(8, 64)]), DigestError::NoSha256);
    assert_eq!(read(&[(1, 31)]), DigestError::Length { id: HashId::SHA_256, got: 31 });
    assert_eq!(read(&[(1, 32), (2, 16)]), DigestError::Truncated(2));
    assert_eq!(read(&[(1, 32), (6, 4)]), DigestError::Truncated(6));
    assert_eq!(read(&[(1, 32), (8, 63)]), DigestError::Length { id: HashId::SHA_512, got: 63 });
    assert_eq!(read(&[(1, 32), (99, 0)]), DigestError::Length { id: HashId::new(99).unwrap(), got: 0 });
    assert_eq!(read(&[(1, 32), (8, 64), (8, 64)]), DigestError::Cbor(CborError::KeyOrder(8)));
}

#[test]
fn messages() {
    insta::assert_snapshot!(DigestError::NoSha256, @"the digests lack SHA-256 (id 1)");
    insta::assert_snapshot!(DigestError::Truncated(3), @"hash id 3 is reserved or a truncated SHA-256, and says too little about a file");
    insta::assert_snapshot!(DigestError::Length { id: HashId::SHA_512, got: 63 }, @"63 bytes are no digest by sha-512");
}
