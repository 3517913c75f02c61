//! Bundles.

use super::{ShowError, Shown};
use crate::{bundle_file::Reader, clock};
use indicatif::{HumanBytes, HumanCount};
use serde_json::json;
use std::path::Path;
use treering_tlog::policy::Policy;
use treering_token::{
    bundle::{Blinding, Item, Kind, Record, RunHeader, Step},
    commitment::Commitment,
    describe, escape,
    token::Token,
    verify::{After, Attested, Verifier, VerifyError},
};

/// What is counted in one pass.
#[derive(Default)]
struct Counts {
    runs: u64,
    files: u64,
    links: u64,
    bare: u64,
    bytes: u64,
    submissions: u64,
    receipts: u64,
}

/// What the receipts come to under a policy.
#[derive(Default)]
struct Judgement {
    latest: Option<Attested>,
    earliest_after: Option<After>,
}

pub(super) fn shown(path: &Path, policy: Option<&Policy>) -> Result<Shown, ShowError> {
    let mut reader = Reader::open(path)?;
    let (mut counts, mut lines, mut runs) = (Counts::default(), Vec::new(), Vec::new());
    let mut judged = policy.map(|_| Ok(Judgement::default()));
    let mut note = None;
    while let Some((item, step)) = reader.step()? {
        counts.add(&item);
        match (item, step) {
            (Item::Run(run), _) => {
                lines.extend(about(&run));
                runs.push(json!({ "holder": run.holder, "agent": run.agent, "title": run.title, "blinding": blinding(&run) }));
                note = run.after;
            }
            (Item::Receipt(receipt), Step::Receipt { root, .. }) => {
                if let (Some(policy), Some(Ok(so_far))) = (policy, &mut judged)
                    && let Err(error) = so_far.add(policy, &root, &receipt, note.as_deref())
                {
                    judged = Some(Err(format!("the receipt for submission {}: {error}", root.0)));
                }
            }
            _ => {}
        }
    }
    lines.insert(0, counts.sum());
    Ok(Shown {
        kind: "bundle",
        judged: judged.map(|judged| judged.map(|judgement: Judgement| judgement.lines())),
        lines,
        fields: json!({
            "runs": runs,
            "files": counts.files,
            "links": counts.links,
            "bare": counts.bare,
            "bytes": counts.bytes,
            "submissions": counts.submissions,
            "receipts": counts.receipts,
        }),
    })
}

impl Counts {
    fn add(&mut self, item: &Item) {
        match item {
            Item::Header(_) => {}
            Item::Run(_) => self.runs += 1,
            Item::Record(Record::Bare(_)) => self.bare += 1,
            Item::Record(Record::Path { kind, size, .. }) => {
                match kind {
                    Kind::File => self.files += 1,
                    Kind::Link => self.links += 1,
                }
                self.bytes = self.bytes.saturating_add(size.unwrap_or(0));
            }
            Item::Mark(_) => self.submissions += 1,
            Item::Receipt(_) => self.receipts += 1,
        }
    }

    fn sum(&self) -> String {
        let bare = if self.bare == 0 {
            String::new()
        } else {
            format!(", {} no longer covered", HumanCount(self.bare))
        };
        format!(
            "whole; {} files and {} links ({}){bare}; runs: {}, submissions: {}, receipts: {}",
            HumanCount(self.files),
            HumanCount(self.links),
            HumanBytes(self.bytes),
            self.runs,
            self.submissions,
            self.receipts
        )
    }
}

impl Judgement {
    fn add(
        &mut self,
        policy: &Policy,
        root: &Commitment,
        receipt: &Token,
        note: Option<&[u8]>,
    ) -> Result<(), VerifyError> {
        let verifier = Verifier { policy, now: clock::now() };
        let attested = verifier.receipt(receipt, root)?;
        if let Some(note) = note.filter(|_| !policy.needs_no_witness()) {
            let after = verifier.after(note, &attested)?;
            if self.earliest_after.as_ref().is_none_or(|before| before.not_before > after.not_before) {
                self.earliest_after = Some(after);
            }
        }
        if self.latest.as_ref().is_none_or(|before| before.before() < attested.before()) {
            self.latest = Some(attested);
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec!["what its records say (the files were not looked at):".to_owned()];
        lines.extend(self.latest.as_ref().map(|attested| format!("each {}", describe::attested(attested))));
        lines.extend(self.earliest_after.as_ref().map(|after| format!("each {}", describe::after(after))));
        lines
    }
}

fn about(run: &RunHeader) -> Vec<String> {
    let mut lines = vec![format!("commitments: {}", blinding(run))];
    for (what, name) in [("holder", &run.holder), ("agent", &run.agent), ("title", &run.title)] {
        lines.extend(name.as_ref().map(|name| format!("{what}: {} (claimed)", escape::text(name))));
    }
    lines
}

fn blinding(run: &RunHeader) -> &'static str {
    match run.blinding {
        Blinding::Plain => "plain",
        Blinding::Secret(_) => "blinded by a secret in the bundle: keep it private",
        Blinding::Own => "blinded, each by its own salts",
    }
}
