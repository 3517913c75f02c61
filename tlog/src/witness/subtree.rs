//! `sign-subtree`: a subtree, and a checkpoint that the witness cosigned and that holds it.

use std::fmt;

use super::{WitnessMessageError, refuse_long};
use crate::{
    hash::Hash,
    note::Note,
    proof::{HashLinesError, hash_lines, split_line},
    text,
    tree::Subtree,
};

/// Body of `POST <submission prefix>/sign-subtree`. Display writes exactly the bytes that were parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignSubtree {
    /// The subtree.
    pub subtree: Subtree,
    /// Its hash.
    pub hash: Hash,
    /// The subtree consistency proof from it to the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint, with the witness's cosignature among its signatures.
    pub checkpoint: Note,
}

impl SignSubtree {
    /// As for add-checkpoint, which leaves a checkpoint 62,607 bytes here: the range line is 48 at most, the hash line 45.
    pub const MAX_BYTES: usize = super::AddCheckpoint::MAX_BYTES;
    /// SPEC: tlog-witness, sign-subtree: no more than 63 consistency proof lines.
    pub const MAX_PROOF: usize = 63;

    /// Parses a request's body.
    ///
    /// # Errors
    /// Each rule of the format has its own [`WitnessMessageError`].
    pub fn parse(bytes: &[u8]) -> Result<SignSubtree, WitnessMessageError> {
        refuse_long(bytes)?;
        let (line, rest) = split_line(bytes).ok_or(WitnessMessageError::Range)?;
        let (start, end) = range(line).ok_or(WitnessMessageError::Range)?;
        let subtree = Subtree::new(start, end).ok_or(WitnessMessageError::NoSubtree { start, end })?;
        let (line, rest) = split_line(rest).ok_or(WitnessMessageError::SubtreeHash)?;
        let hash = std::str::from_utf8(line).ok().and_then(Hash::from_base64);
        let hash = hash.ok_or(WitnessMessageError::SubtreeHash)?;
        let (proof, rest) = hash_lines(rest, Self::MAX_PROOF).map_err(|error| match error {
            HashLinesError::Hash { line } => WitnessMessageError::Proof { line },
            HashLinesError::TooMany => WitnessMessageError::TooManyHashes,
            HashLinesError::NoEnd => WitnessMessageError::NoCheckpoint,
        })?;
        Ok(SignSubtree { subtree, hash, proof, checkpoint: Note::parse(rest)? })
    }
}

impl fmt::Display for SignSubtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "subtree {} {}", self.subtree.start(), self.subtree.end())?;
        writeln!(f, "{}", self.hash.to_base64())?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// `subtree <start> <end>`, canonical decimals below 2^63.
fn range(line: &[u8]) -> Option<(u64, u64)> {
    let (start, end) = std::str::from_utf8(line).ok()?.strip_prefix("subtree ")?.split_once(' ')?;
    Some((text::decimal(start)?, text::decimal(end)?))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::{SignSubtree, WitnessMessageError};
    use crate::hash::Hash;

    const HASH: &str = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=";
    const NOTE: &str = "a\n14\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\n— a AAAAAQI=\n";

    fn parse(text: &str) -> Result<SignSubtree, WitnessMessageError> {
        SignSubtree::parse(text.as_bytes())
    }

    fn refusal(text: &str) -> WitnessMessageError {
        parse(text).unwrap_err()
    }

    #[test]
    fn a_request_is_read_and_printed() {
        for proof in [String::new(), format!("{HASH}\n{HASH}\n")] {
            let text = format!("subtree 8 13\n{HASH}\n{proof}\n{NOTE}");
            let request = parse(&text).unwrap();
            assert_eq!((request.subtree.start(), request.subtree.end()), (8, 13));
            assert_eq!(request.hash, Hash::from_base64(HASH).unwrap());
            assert_eq!(request.proof.len(), proof.lines().count());
            assert_eq!(request.checkpoint.to_string(), NOTE);
            assert_eq!(request.to_string(), text);
        }
    }

    #[test]
    fn refuses_other_ranges() {
        assert_snapshot!(
            refusal(&format!("subtree 08 13\n{HASH}\n\n{NOTE}")),
            @r#"the first line is not "subtree", a start and an end, canonical decimal numbers below 2^63"#
        );
        for line in [
            "",
            "subtree",
            "subtree 8",
            "subtree 8 ",
            "subtree  8 13",
            "subtree 8 13 ",
            "subtree 8 13 14",
            "Subtree 8 13",
            "subtree +8 13",
            "subtree 8 -13",
            "subtree 0 9223372036854775808",
            "8 13",
        ] {
            assert_eq!(refusal(&format!("{line}\n{HASH}\n\n{NOTE}")), WitnessMessageError::Range, "{line:?}");
        }
        assert_eq!(refusal("subtree 8 13"), WitnessMessageError::Range);
        assert_eq!(SignSubtree::parse(b"\xff\n\n"), Err(WitnessMessageError::Range));
    }

    #[test]
    fn refuses_ranges_that_are_no_subtrees() {
        assert_snapshot!(
            refusal(&format!("subtree 1 3\n{HASH}\n\n{NOTE}")),
            @"the leaves from 1 up to 3 are no subtree: a start is below its end, and a multiple of the power of two at or above the number of leaves"
        );
        for (start, end) in [(0, 0), (3, 3), (4, 3), (4, 9)] {
            let text = format!("subtree {start} {end}\n{HASH}\n\n{NOTE}");
            assert_eq!(refusal(&text), WitnessMessageError::NoSubtree { start, end });
        }
    }

    #[test]
    fn refuses_what_is_no_hash() {
        assert_snapshot!(
            refusal(&format!("subtree 8 13\n\n{NOTE}")),
            @"the second line is not the canonical base64 of the subtree's hash"
        );
        assert_eq!(refusal("subtree 8 13\n"), WitnessMessageError::SubtreeHash);
        assert_eq!(refusal(&format!("subtree 8 13\n{HASH}")), WitnessMessageError::SubtreeHash);
        let text = format!("subtree 8 13\n{HASH}\n{HASH}\nAAAA\n\n{NOTE}");
        assert_eq!(refusal(&text), WitnessMessageError::Proof { line: 2 });
    }

    #[test]
    fn refuses_what_has_no_checkpoint_or_too_much() {
        assert_eq!(refusal(&format!("subtree 8 13\n{HASH}\n")), WitnessMessageError::NoCheckpoint);
        let note = refusal(&format!("subtree 8 13\n{HASH}\n\na\n"));
        assert!(matches!(note, WitnessMessageError::Note(_)));
        let text =
            |count: usize| format!("subtree 8 13\n{HASH}\n{}\n{NOTE}", format!("{HASH}\n").repeat(count));
        assert_eq!(parse(&text(63)).unwrap().proof.len(), 63);
        assert_eq!(refusal(&text(64)), WitnessMessageError::TooManyHashes);
        let bytes = vec![b'a'; SignSubtree::MAX_BYTES + 1];
        let too_long = WitnessMessageError::TooLong { max: SignSubtree::MAX_BYTES };
        assert_eq!(SignSubtree::parse(&bytes), Err(too_long));
    }

    proptest! {
        #[test]
        fn what_is_accepted_prints_the_same(
            pieces in vec(select(vec!["subtree 8 13", "subtree 0 1", "\n", HASH, NOTE, " ", "8", "subtree "]), 0..9)
        ) {
            let text = pieces.concat();
            if let Ok(request) = parse(&text) {
                prop_assert_eq!(request.to_string(), text);
            }
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in vec(any::<u8>(), 0..200)) {
            let _ = SignSubtree::parse(&bytes);
        }
    }
}
