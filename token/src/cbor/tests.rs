use super::{CborError, Kind, Reader, Writer, same};

#[test]
fn reads_what_was_written() {
    let mut writer = Writer::new();
    writer.array(6).uint(u64::MAX).int(-3).bytes(b"abc").text("ä").map(1).uint(7).uint(8).array(0);
    let bytes = writer.finish();
    let mut reader = Reader::new(&bytes);
    reader.array_of(6).unwrap();
    assert_eq!(reader.uint(), Ok(u64::MAX));
    assert_eq!(reader.int(), Ok(-3));
    assert_eq!(reader.exact(), Ok(*b"abc"));
    assert_eq!(reader.text(), Ok("ä"));
    let mut keys = reader.map().unwrap();
    assert_eq!(keys.next(&mut reader), Ok(Some(7)));
    assert_eq!(reader.uint(), Ok(8));
    assert_eq!(keys.next(&mut reader), Ok(None));
    assert_eq!(reader.kind(), Ok(Kind::Array));
    assert_eq!(reader.array(), Ok(0));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn refuses_other_types() {
    for (bytes, got) in [
        (&[0x20][..], "a negative integer"),
        (&[0x40], "a byte string"),
        (&[0x60], "a text string"),
        (&[0x80], "an array"),
        (&[0xa0], "a map"),
        (&[0xc0, 0x00], "a tag, float or simple value"),
        (&[0xf6], "a tag, float or simple value"),
        (&[0xf9, 0, 0], "a tag, float or simple value"),
        (&[0xff], "a tag, float or simple value"),
    ] {
        let want = "an unsigned integer";
        assert_eq!(Reader::new(bytes).uint(), Err(CborError::Type { want, got }), "{bytes:x?}");
    }
}

#[test]
fn refuses_indefinite_lengths() {
    assert_eq!(Reader::new(&[0x5f, 0xff]).bytes(), Err(CborError::Indefinite("a byte string")));
    assert_eq!(Reader::new(&[0x7f, 0xff]).text(), Err(CborError::Indefinite("a text string")));
    assert_eq!(Reader::new(&[0x9f, 0xff]).array(), Err(CborError::Indefinite("an array")));
    assert_eq!(Reader::new(&[0xbf, 0xff]).map_len(), Err(CborError::Indefinite("a map")));
}

#[test]
fn refuses_what_is_cut_off() {
    // The lengths are 2^64−1: believing one would end the process.
    let huge = [0xff; 8];
    for head in [0x5b, 0x7b] {
        let bytes = [&[head][..], &huge].concat();
        let mut reader = Reader::new(&bytes);
        assert_eq!(
            if head == 0x5b { reader.bytes().err() } else { reader.text().err() },
            Some(CborError::Truncated)
        );
    }
    assert_eq!(Reader::new(&[]).uint(), Err(CborError::Truncated));
    assert_eq!(Reader::new(&[0x19, 0x01]).uint(), Err(CborError::Truncated));
    assert_eq!(Reader::new(&[0x62, 0xc3]).text(), Err(CborError::Truncated));
}

#[test]
fn refuses_text_that_is_not_utf8() {
    assert_eq!(Reader::new(&[0x61, 0xc3]).text(), Err(CborError::Utf8));
}

#[test]
fn refuses_reserved_heads() {
    for head in [0x1c_u8, 0x1d, 0x1e, 0x5c, 0x7d, 0x9e] {
        let bytes = [head, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut reader = Reader::new(&bytes);
        assert!(reader.clone().uint().is_err() && reader.bytes().is_err(), "{head:x}");
    }
}

#[test]
fn refuses_integers_beyond_64_bits() {
    let bytes = [&[0x3b][..], &[0xff; 8]].concat();
    assert_eq!(Reader::new(&bytes).int(), Err(CborError::Range));
}

#[test]
fn refuses_keys_out_of_order_and_twice() {
    for bytes in [[0xa2, 2, 0, 1, 0], [0xa2, 2, 0, 2, 0]] {
        let mut reader = Reader::new(&bytes);
        let mut keys = reader.map().unwrap();
        assert_eq!(keys.next(&mut reader), Ok(Some(2)));
        reader.uint().unwrap();
        assert_eq!(keys.next(&mut reader), Err(CborError::KeyOrder(u64::from(bytes[3]))));
    }
}

#[test]
fn refuses_wrong_lengths_and_trailing_bytes() {
    assert_eq!(Reader::new(&[0x41, 0]).exact::<2>(), Err(CborError::Length { want: 2, got: 1 }));
    assert_eq!(Reader::new(&[0x81]).array_of(2), Err(CborError::Items { want: 2, got: 1 }));
    assert_eq!(Reader::new(&[0x00]).finish(), Err(CborError::Trailing));
}

#[test]
fn refuses_longer_forms_of_the_same_value() {
    let mut reader = Reader::new(&[0x18, 0x01]);
    let mut writer = Writer::new();
    writer.uint(reader.uint().unwrap());
    assert_eq!(same(&[0x18, 0x01], &writer.finish()), Err(CborError::NotDeterministic));
}

#[test]
fn messages() {
    let errors = [
        CborError::Truncated,
        CborError::Trailing,
        CborError::Type { want: "a map", got: "an array" },
        CborError::Indefinite("a map"),
        CborError::NotDeterministic,
        CborError::Utf8,
        CborError::KeyOrder(3),
        CborError::UnknownKey(6),
        CborError::MissingKey(1),
        CborError::Length { want: 32, got: 31 },
        CborError::Items { want: 4, got: 5 },
        CborError::Range,
    ];
    let lines: Vec<_> = errors.iter().map(|error| format!("{}: {error}", error.name())).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    cbor_truncated: the CBOR ends in the middle of a value
    cbor_trailing_bytes: there are bytes after the end of the CBOR value
    cbor_type: a map is wanted where there is an array
    cbor_indefinite_length: a map of indefinite length: deterministic CBOR says every length beforehand
    cbor_not_deterministic: this is not the deterministic encoding: integers and lengths take their shortest form
    cbor_utf8: a text string is not valid UTF-8
    cbor_key_order: the keys of a map must ascend, each once; key 3 is out of place
    cbor_unknown_key: key 6 is not known in this map
    cbor_missing_key: key 1 is missing in this map
    cbor_length: 32 bytes are wanted where there are 31
    cbor_items: an array of 4 items is wanted where there is one of 5
    cbor_range: an integer is beyond 64 bits
    ");
}
