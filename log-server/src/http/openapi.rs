//! The API's description, made from the registrations of its routes. `spec/openapi.json` is this text; a test fails
//! where they differ, and writes it anew with `TREERING_WRITE_OPENAPI=1`.

use utoipa::{OpenApi, ToSchema};

/// The whole description, indented, with a newline at its end.
pub fn description() -> String {
    let api = super::routes_and_description().into_openapi();
    let mut text = api.to_pretty_json().expect("a description is always JSON");
    text.push('\n');
    text
}

/// A refusal (RFC 9457, `application/problem+json`).
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `problem` writes")]
pub(super) struct Problem {
    /// `urn:treering:problem:<name>`: stable, for programs.
    r#type: String,
    /// What kind of problem, for people.
    title: String,
    /// The HTTP status once more.
    status: u16,
    /// What was wrong and what would be right.
    detail: String,
    /// May the same request succeed later?
    retry: bool,
}

/// Bytes as they are.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes bodies that are no JSON")]
pub(super) struct Octets(Vec<u8>);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Treering log",
        description = "Takes hashes, gives evidence of when they existed. Refusals are application/problem+json.",
    ),
    tags(
        (name = "submissions", description = "Hashes in"),
        (name = "receipts", description = "Proofs out"),
        (name = "log", description = "The log itself, for verifiers, witnesses and mirrors (C2SP tlog-tiles and what it lacks)"),
    ),
    components(schemas(Problem)),
)]
struct Base;

/// What is said of the API as a whole.
pub(super) fn base() -> utoipa::openapi::OpenApi {
    let mut api = Base::openapi();
    // The crate's licence and authors are no part of the protocol.
    api.info.license = None;
    api.info.contact = None;
    api
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/openapi.json");

    #[test]
    fn the_written_description_is_the_codes() {
        let text = description();
        if std::env::var_os("TREERING_WRITE_OPENAPI").is_some() {
            std::fs::write(PATH, &text).unwrap();
        }
        let written = std::fs::read_to_string(PATH).unwrap_or_default();
        assert!(
            written == text,
            "spec/openapi.json differs from the code: run this test with TREERING_WRITE_OPENAPI=1 and read the diff"
        );
    }

    #[test]
    fn every_call_of_the_api_is_described() {
        let api: serde_json::Value = serde_json::from_str(&description()).unwrap();
        let paths: Vec<&String> = api["paths"].as_object().unwrap().keys().collect();
        assert_eq!(
            paths,
            [
                "/checkpoint",
                "/tile/{path}",
                "/tsa",
                "/v1/batches/{entry}",
                "/v1/checkpoints/{size}",
                "/v1/log",
                "/v1/policy",
                "/v1/receipts/{root}",
                "/v1/receipts/{root}/tokens/{commitment}",
                "/v1/submissions",
                "/v1/tsa/{serial}",
            ]
        );
    }

    #[test]
    fn every_schema_that_is_named_is_there() {
        let text = description();
        let api: serde_json::Value = serde_json::from_str(&text).unwrap();
        let schemas = api["components"]["schemas"].as_object().unwrap();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
