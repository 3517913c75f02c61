//! `check`: re-verifies a stopped log's whole store.

use std::fmt::Write;

use super::{Outcome, Place};
use crate::{
    broken::{Promise, is_broken},
    check::{self, Report},
    keys::LogKeys,
    record::Record,
};

pub(super) fn run(place: &Place) -> anyhow::Result<Outcome> {
    let config = place.load()?;
    let settings = config.settings(&LogKeys::load(&config)?)?;
    let record = Record::beside(&settings.store);
    let report = check::check_store(&settings.store, Some(&record), (&settings.origin, &settings.policy))?;
    print!("{}", printed(&report));
    Ok(if report.is_clean() || is_broken(Promise::Check) { Outcome::Well } else { Outcome::NotWell })
}

/// What was gone through, what is worth knowing, what is broken, and the verdict last.
fn printed(report: &Report) -> String {
    let Report {
        entries,
        batches,
        submissions,
        tiles,
        grants,
        checkpoints,
        published,
        cosignatures,
        waiting,
        ..
    } = report;
    let mut text = format!(
        "{entries} entries, {tiles} tiles and entry bundles\n\
         {batches} batches with {submissions} submissions, {waiting} more waiting for their tick\n\
         {grants} timestamp tokens\n\
         {checkpoints} checkpoints, {published} of them published, {cosignatures} cosignatures\n"
    );
    let lines = report.remarks.iter().map(|remark| format!("note: {remark}"));
    let findings = report.findings.iter().map(|finding| format!("BROKEN {finding}"));
    for line in lines.chain(findings) {
        // Writing to a string never fails.
        let _ = writeln!(text, "{line}");
    }
    if report.unlisted > 0 {
        let _ = writeln!(text, "BROKEN and {} more", report.unlisted);
    }
    text + if report.is_clean() {
        "clean\n"
    } else {
        "NOT clean: keep this store as it is, and don't start the log\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Finding;

    #[test]
    fn the_report_of_a_clean_store() {
        let report =
            Report { entries: 3, tiles: 2, remarks: vec!["no witness".to_owned()], ..Report::default() };
        assert_eq!(
            printed(&report),
            "3 entries, 2 tiles and entry bundles\n\
             0 batches with 0 submissions, 0 more waiting for their tick\n\
             0 timestamp tokens\n\
             0 checkpoints, 0 of them published, 0 cosignatures\n\
             note: no witness\n\
             clean\n"
        );
    }

    #[test]
    fn the_report_of_a_damaged_store() {
        let finding = Finding { place: "entry 17".to_owned(), what: "is missing".to_owned() };
        let report = Report { findings: vec![finding], unlisted: 2, ..Report::default() };
        let text = printed(&report);
        assert!(text.contains("BROKEN entry 17: is missing\nBROKEN and 2 more\nNOT clean: "), "{text}");
    }
}
