//! Replies that grant nothing: PKIStatusInfo with its failure (RFC 3161 section 2.4.2).
//!
//! `TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken OPTIONAL }` and `PKIStatusInfo ::= SEQUENCE {
//! status INTEGER, statusString SEQUENCE OF UTF8String OPTIONAL, failInfo BIT STRING OPTIONAL }`. A refusal has status
//! rejection (2), one sentence, one bit of failInfo, and no token. It is sent with HTTP status 200, as section 3.4 has
//! it: the transport has worked.

use crate::tlv;

/// Why no token is given, as RFC 3161 names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rejection {
    bit: u8,
    name: &'static str,
    text: &'static str,
}

impl Rejection {
    /// The imprint's hash is not known here.
    pub const BAD_ALG: Rejection = Rejection {
        bit: 0,
        name: "bad_alg",
        text: "the hash algorithm is not accepted; use SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-384 or SHA3-512",
    };
    /// A query that RFC 3161 doesn't allow, such as one of another version.
    pub const BAD_REQUEST: Rejection = Rejection {
        bit: 2,
        name: "bad_request",
        text: "the query is not one of version 1, or its nonce is longer than 64 bytes",
    };
    /// The digest has another length than its algorithm's.
    pub const BAD_DATA_FORMAT: Rejection = Rejection {
        bit: 5,
        name: "bad_data_format",
        text: "the digest has another length than the hash algorithm gives",
    };
    /// The clock can't be relied on at the moment.
    pub const TIME_NOT_AVAILABLE: Rejection = Rejection {
        bit: 14,
        name: "time_not_available",
        text: "this authority can't vouch for its clock at the moment; try again later",
    };
    /// The query asks for a policy that isn't configured.
    pub const UNACCEPTED_POLICY: Rejection = Rejection {
        bit: 15,
        name: "unaccepted_policy",
        text: "this authority does not issue tokens under the requested policy; ask without one for its own",
    };
    /// The query has an extension. There are none that are known here.
    pub const UNACCEPTED_EXTENSION: Rejection = Rejection {
        bit: 16,
        name: "unaccepted_extension",
        text: "this authority knows no extensions; ask without them",
    };
    /// What was asked for beside the timestamp can't be given, such as the log's proof within the reply.
    pub const ADD_INFO_NOT_AVAILABLE: Rejection = Rejection {
        bit: 17,
        name: "add_info_not_available",
        text: "the additional information is not available; ask without it, or try again later",
    };
    /// Something here doesn't work.
    pub const SYSTEM_FAILURE: Rejection = Rejection {
        bit: 25,
        name: "system_failure",
        text: "this authority can't issue tokens at the moment; its operator has to see to it",
    };

    /// All of them.
    pub const ALL: [Rejection; 8] = [
        Rejection::BAD_ALG,
        Rejection::BAD_REQUEST,
        Rejection::BAD_DATA_FORMAT,
        Rejection::TIME_NOT_AVAILABLE,
        Rejection::UNACCEPTED_POLICY,
        Rejection::UNACCEPTED_EXTENSION,
        Rejection::ADD_INFO_NOT_AVAILABLE,
        Rejection::SYSTEM_FAILURE,
    ];

    /// The bit of PKIFailureInfo, counted from the first.
    pub fn bit(self) -> u8 {
        self.bit
    }

    /// The rejection of a bit of PKIFailureInfo; `None` for a bit that RFC 3161 doesn't name.
    pub fn from_bit(bit: u8) -> Option<Rejection> {
        Rejection::ALL.into_iter().find(|rejection| rejection.bit == bit)
    }

    /// A stable name: `bad_alg`, `unaccepted_policy`, ….
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The sentence that the reply carries.
    pub fn text(self) -> &'static str {
        self.text
    }

    /// The whole DER TimeStampResp.
    pub fn encode(self) -> Vec<u8> {
        let text = tlv::element(tlv::UTF8_STRING, &[self.text.as_bytes()]);
        // SPEC: X.690 section 11.2.2: a BIT STRING of named bits ends with the last one that is set.
        let mut bits = vec![0; usize::from(self.bit / 8) + 2];
        bits[0] = 7 - self.bit % 8;
        bits[usize::from(self.bit / 8) + 1] = 0x80 >> (self.bit % 8);
        let info = tlv::element(
            tlv::SEQUENCE,
            &[
                &[tlv::INTEGER, 1, REJECTION],
                &tlv::element(tlv::SEQUENCE, &[&text]),
                &tlv::element(tlv::BIT_STRING, &[&bits]),
            ],
        );
        tlv::element(tlv::SEQUENCE, &[&info])
    }
}

/// The sentence.
impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl std::fmt::Debug for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rejection({})", self.name)
    }
}

/// PKIStatus: no token.
const REJECTION: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::Elements;

    #[test]
    fn every_rejection_is_a_reply_without_a_token() {
        for rejection in Rejection::ALL {
            let bytes = rejection.encode();
            let mut reply = Elements::new(Elements::only(&bytes, tlv::SEQUENCE).unwrap().content);
            let mut info = Elements::new(reply.take(tlv::SEQUENCE).unwrap().content);
            assert!(reply.is_empty());
            assert_eq!(info.take(tlv::INTEGER).unwrap().content, [2]);
            let text = info.take(tlv::SEQUENCE).unwrap().content;
            assert_eq!(text, tlv::element(tlv::UTF8_STRING, &[rejection.text().as_bytes()]));
            let [unused, bits @ ..] = info.take(tlv::BIT_STRING).unwrap().content else { panic!("no bits") };
            assert!(info.is_empty());
            let set = (0..8 * bits.len()).filter(|bit| bits[bit / 8] & (0x80 >> (bit % 8)) != 0);
            assert_eq!(set.collect::<Vec<_>>(), [usize::from(rejection.bit())]);
            assert_eq!(8 * bits.len() - usize::from(*unused), usize::from(rejection.bit()) + 1);
            assert_eq!(Rejection::from_bit(rejection.bit()), Some(rejection));
        }
        assert_eq!(Rejection::from_bit(1), None);
    }

    #[test]
    fn the_failure_is_one_bit() {
        let failure = |rejection: Rejection| hex::encode(&rejection.encode()[rejection.encode().len() - 7..]);
        assert_eq!(&failure(Rejection::SYSTEM_FAILURE)[..], "03050600000040");
        assert!(failure(Rejection::BAD_ALG).ends_with("03020780"));
        assert!(failure(Rejection::TIME_NOT_AVAILABLE).ends_with("0303010002"));
    }
}
