//! Is it valid HTML?

/// What a parser that follows the standard finds wrong.
pub(crate) fn errors(page: &str) -> Vec<String> {
    let parsed = scraper::Html::parse_document(page);
    parsed.errors.iter().map(ToString::to_string).collect()
}
