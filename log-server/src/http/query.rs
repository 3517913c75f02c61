//! Query strings and path parts, read strictly: each parameter at most once, none that the call doesn't have, one
//! spelling of each value (no percent-encoding, no sign, no leading zeroes).

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use treering_tlog::{hash::Hash, tree::TreeSize};

use super::refusal::Refusal;

const NUMBER: &str = "a decimal number below 2^63 without sign or leading zeroes";
const HEX: &str = "64 lowercase hex digits";

/// What `POST /v1/submissions` may be asked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SubmitQuery {
    pub(super) tokens: bool,
    pub(super) min_entry: Option<u64>,
}

impl SubmitQuery {
    pub(super) fn parse(query: Option<&str>) -> Result<SubmitQuery, Refusal> {
        let [tokens, min_entry] = parameters(query, &["tokens", "min_entry"])?;
        let tokens = match tokens {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Refusal::ParameterValue { name: "tokens", want: "true or false" }),
        };
        Ok(SubmitQuery { tokens, min_entry: number("min_entry", min_entry)? })
    }
}

/// What `GET /v1/receipts/{root}` may be asked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReceiptQuery {
    pub(super) size: Option<u64>,
    pub(super) min_entry: Option<u64>,
}

impl ReceiptQuery {
    pub(super) fn parse(query: Option<&str>) -> Result<ReceiptQuery, Refusal> {
        let [size, min_entry] = parameters(query, &["size", "min_entry"])?;
        Ok(ReceiptQuery { size: number("size", size)?, min_entry: number("min_entry", min_entry)? })
    }
}

/// What `POST /tsa` may be asked with: is the proof to be embedded?
pub(super) fn embeds(query: Option<&str>) -> Result<bool, Refusal> {
    match parameters(query, &["proof"])? {
        [None] => Ok(false),
        [Some("embed")] => Ok(true),
        [Some(_)] => Err(Refusal::ParameterValue { name: "proof", want: "embed" }),
    }
}

/// For calls without parameters: a query string would make caches keep one thing under many names.
pub(super) fn none(query: Option<&str>) -> Result<(), Refusal> {
    parameters::<0>(query, &[]).map(|_| ())
}

/// The variable parts of a path; one that percent-encodes no text is refused as a problem too.
#[derive(Debug)]
pub(super) struct InPath<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<InPath<T>, Refusal> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(values)| InPath(values))
            .map_err(|_| Refusal::PathValue { name: "value", want: "UTF-8 text" })
    }
}

/// A hash in the path.
pub(super) fn hash_in_path(name: &'static str, text: &str) -> Result<Hash, Refusal> {
    Hash::from_hex(text).ok_or(Refusal::PathValue { name, want: HEX })
}

/// The serial number of one of our timestamps in the path.
pub(super) fn serial_in_path(text: &str) -> Result<[u8; 16], Refusal> {
    let wrong = Refusal::PathValue { name: "serial", want: "32 lowercase hex digits" };
    let mut serial = [0; 16];
    let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    match hex::decode_to_slice(text, &mut serial) {
        Ok(()) if lower => Ok(serial),
        _ => Err(wrong),
    }
}

/// A number in the path.
pub(super) fn number_in_path(name: &'static str, text: &str) -> Result<u64, Refusal> {
    TreeSize::parse(text).map(TreeSize::get).ok_or(Refusal::PathValue { name, want: NUMBER })
}

fn number(name: &'static str, value: Option<&str>) -> Result<Option<u64>, Refusal> {
    let wrong = Refusal::ParameterValue { name, want: NUMBER };
    value.map(|text| TreeSize::parse(text).map(TreeSize::get).ok_or(wrong)).transpose()
}

/// The values of `known`, in that order.
fn parameters<'q, const N: usize>(
    query: Option<&'q str>,
    known: &'static [&'static str; N],
) -> Result<[Option<&'q str>; N], Refusal> {
    let mut values = [None; N];
    for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = known
            .iter()
            .position(|one| *one == name)
            .ok_or_else(|| Refusal::UnknownParameter { name: shortened(name), known })?;
        if values[place].replace(value).is_some() {
            return Err(Refusal::RepeatedParameter { name: known[place] });
        }
    }
    Ok(values)
}

/// Foreign text in an answer, bounded.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_submission() {
        let parse = |text| SubmitQuery::parse(Some(text));
        assert_eq!(SubmitQuery::parse(None), Ok(SubmitQuery::default()));
        assert_eq!(parse(""), Ok(SubmitQuery::default()));
        assert_eq!(parse("min_entry=7&tokens=true"), Ok(SubmitQuery { tokens: true, min_entry: Some(7) }));
        for bad in ["tokens", "tokens=1", "tokens=True", "min_entry=", "min_entry=07", "min_entry=%37"] {
            assert_eq!(parse(bad).unwrap_err().name(), "parameter_value", "{bad}");
        }
        assert_eq!(parse("token=true").unwrap_err().name(), "unknown_parameter");
        assert_eq!(parse("min_entry=1&min_entry=1"), Err(Refusal::RepeatedParameter { name: "min_entry" }));
    }

    #[test]
    fn the_parameters_of_a_receipt() {
        let want = ReceiptQuery { size: Some(9), min_entry: Some(0) };
        assert_eq!(ReceiptQuery::parse(Some("size=9&min_entry=0")), Ok(want));
        assert_eq!(ReceiptQuery::parse(Some("size=+9")).unwrap_err().name(), "parameter_value");
        assert_eq!(
            ReceiptQuery::parse(Some("tokens=true")).unwrap_err().to_string(),
            "this call has no query parameter \"tokens\"; it has size and min_entry"
        );
    }

    #[test]
    fn a_timestamp_may_embed_its_proof() {
        assert_eq!(embeds(None), Ok(false));
        assert_eq!(embeds(Some("proof=embed")), Ok(true));
        assert_eq!(embeds(Some("proof=yes")).unwrap_err().name(), "parameter_value");
        assert_eq!(embeds(Some("embed")).unwrap_err().name(), "unknown_parameter");
    }

    #[test]
    fn a_serial_number_has_one_spelling() {
        assert_eq!(serial_in_path(&"0f".repeat(16)), Ok([0x0f; 16]));
        for bad in ["", "0f", &"0F".repeat(16), &"0f".repeat(17), &"0g".repeat(16)] {
            assert_eq!(serial_in_path(bad).unwrap_err().name(), "path_value", "{bad}");
        }
    }

    #[test]
    fn a_call_without_parameters_says_so() {
        assert_eq!(none(Some("")), Ok(()));
        assert_eq!(
            none(Some("t=5")).unwrap_err().to_string(),
            "this call has no query parameter \"t\"; it has none"
        );
    }

    #[test]
    fn hashes_and_numbers_in_paths_have_one_spelling() {
        assert_eq!(hash_in_path("root", &"0f".repeat(32)), Ok(Hash::new([0x0f; 32])));
        for bad in ["", "0F", &"0F".repeat(32), &"0f".repeat(33)] {
            assert_eq!(hash_in_path("root", bad).unwrap_err().name(), "path_value", "{bad}");
        }
        assert_eq!(number_in_path("entry", "10"), Ok(10));
        for bad in ["", "+1", "01", "-1", "9223372036854775808", "1 "] {
            assert_eq!(number_in_path("entry", bad).unwrap_err().name(), "path_value", "{bad}");
        }
    }
}
