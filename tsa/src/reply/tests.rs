use super::*;
use crate::status::Rejection;

fn failing(bits: &[u8]) -> Result<Reply, ReplyError> {
    let info = tlv::element(tlv::SEQUENCE, &[&[tlv::INTEGER, 1, 2], &tlv::element(tlv::BIT_STRING, &[bits])]);
    Reply::parse(&tlv::element(tlv::SEQUENCE, &[&info]))
}

#[test]
fn every_rejection_comes_back() {
    for rejection in Rejection::ALL {
        let reply = Reply::parse(&rejection.encode()).unwrap();
        assert!(reply.token().is_none());
        let status = reply.status().unwrap();
        assert_eq!(status.code, StatusCode::Rejection);
        assert_eq!(status.text, [rejection.text()]);
        assert_eq!(status.fail_info, [FailInfo(u32::from(rejection.bit()))]);
        assert!(status.fail_info[0].name().is_some());
    }
}

#[test]
fn bits_that_nobody_knows_are_read_too() {
    let bits = |reply: Result<Reply, ReplyError>| {
        reply.map(|reply| reply.status().unwrap().fail_info.iter().map(|bit| bit.bit()).collect::<Vec<_>>())
    };
    assert_eq!(bits(failing(&[6, 0xc0])), Ok(vec![0, 1]));
    assert_eq!(bits(failing(&[0])), Ok(vec![]));
    assert_eq!(bits(failing(&[0, 0, 0, 0, 1])), Ok(vec![31]));
    for malformed in [&[][..], &[8, 0], &[1], &[0, 0, 0, 0, 0, 1]] {
        assert_eq!(bits(failing(malformed)), Err(ReplyError::FailInfo), "{malformed:02x?}");
    }
    assert_eq!((FailInfo(1).name(), FailInfo(14).name()), (None, Some("timeNotAvailable")));
}

#[test]
fn a_status_that_contradicts_the_token_is_refused() {
    let with_status = |status: u8| {
        let info = tlv::element(tlv::SEQUENCE, &[&[tlv::INTEGER, 1, status]]);
        Reply::parse(&tlv::element(tlv::SEQUENCE, &[&info])).map(|reply| reply.token().is_some())
    };
    assert_eq!(with_status(0), Err(ReplyError::NoToken));
    assert_eq!(with_status(1), Err(ReplyError::NoToken));
    assert_eq!(with_status(3), Ok(false));
    assert_eq!(with_status(6), Err(ReplyError::Status(6)));
    assert_eq!(with_status(0x80), Err(ReplyError::Der(DerError::Value(tlv::INTEGER))));
}

/// Whatever it costs to refuse them, it is not more than reading them once.
#[test]
fn hostile_input_is_refused() {
    let nested = {
        // A megabyte of SEQUENCEs, each in the one before, all with lengths that fit.
        let (mut lengths, mut inside) = (Vec::new(), 0);
        while inside < Reply::MAX_BYTES - 8 {
            lengths.push(inside);
            inside = tlv::whole_len(inside);
        }
        let mut bytes = Vec::new();
        lengths.iter().rev().for_each(|length| tlv::push_header(&mut bytes, tlv::SEQUENCE, *length));
        bytes
    };
    for bytes in [
        &nested[..],
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x83, 0xff, 0xff, 0xff, 0x30],
        &[0x30, 0x80, 0, 0],
        &[0xff; 1000],
        &[],
    ] {
        assert!(matches!(Reply::parse(bytes), Err(ReplyError::Der(_))));
        assert!(matches!(Reply::parse_file(bytes), Err(ReplyError::Der(_))));
    }
    let found = Reply::MAX_BYTES + 1;
    assert_eq!(Reply::parse_file(&vec![0x30; found]).err(), Some(ReplyError::TooLong { found }));
}
