//! A bundle written anew: fewer records, other paths, or salts of their own, so that a part can be split off for
//! somebody else, and several bundles become one.
//!
//! It takes two passes over the items: an [`Outline`] learns which submissions have records that are kept, a
//! [`Rewriter`] writes. A record that isn't kept becomes a bare one, which holds its place in the submission's tree; a
//! submission without kept records is left out with its receipt, and so is a run. No proof changes: submission roots and
//! receipts are those of the source.

use super::{
    item::Item,
    opener::Opened,
    path::RelativePath,
    record::{Own, Record},
    run::{Blinding, RunHeader},
    walker::Step,
};
use crate::{commitment::Commitment, token::Token};
use std::collections::{HashMap, HashSet};

/// Where the salts of the records come from in what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Salts {
    /// As in the source: whoever gets the bundle gets the run secrets, and with them every salt of their runs.
    Kept,
    /// Each kept record carries its own salts. What is written then has no run secret, nothing of a record that isn't
    /// kept but its commitment, and no name or title that only such a record has. (A plain commitment *is* the digest.)
    Own,
}

/// What of each run is kept: the first pass.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    runs: Vec<Part>,
}

/// What is kept of one run.
#[derive(Clone, Debug, Default)]
struct Part {
    /// By submission: does it have a kept record?
    submissions: Vec<bool>,
    /// Does the submission that is not yet marked have one?
    open: bool,
    /// Does a kept record have the holder, the agent, the title of the run's header?
    inherits: [bool; 3],
}

impl Outline {
    /// Before the first item.
    pub fn new() -> Outline {
        Outline::default()
    }

    /// Takes the next item; of a record, whether it is kept (a bare one can't be).
    pub fn note(&mut self, item: &Item, kept: bool) {
        if matches!(item, Item::Run(_)) {
            self.runs.push(Part::default());
        }
        let Some(part) = self.runs.last_mut() else { return };
        match item {
            Item::Record(Record::Path { own, .. }) if kept => {
                part.open = true;
                for (inherits, text) in part.inherits.iter_mut().zip([&own.holder, &own.agent, &own.title]) {
                    *inherits |= text.is_none();
                }
            }
            Item::Mark(_) => part.submissions.push(std::mem::take(&mut part.open)),
            _ => {}
        }
    }

    /// Is nothing kept? Then there is nothing to write: a bundle has a run, and a run has records.
    pub fn is_empty(&self) -> bool {
        self.runs.iter().all(Part::is_empty)
    }
}

impl Part {
    fn is_empty(&self) -> bool {
        !self.submissions.contains(&true)
    }
}

/// Writes the runs anew: the second pass. The header is the caller's to write, before all else.
#[derive(Debug)]
pub struct Rewriter {
    parts: std::vec::IntoIter<Part>,
    salts: Salts,
    /// `None` where nothing of the run is kept.
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    part: Part,
    /// From the source.
    blinding: Blinding,
    salts: Salts,
    /// Submissions that are marked.
    submissions: usize,
    /// INVARIANT: the distinct roots of what was written, in the order of first appearance; `known` has the same.
    roots: Vec<Commitment>,
    known: HashSet<Commitment>,
    /// Receipts so far: those of the first so many of `roots`.
    receipts: usize,
    /// Receipts whose turn is still to come: without the submissions that are left out, roots may first appear in
    /// another order.
    waiting: HashMap<Commitment, Box<Token>>,
}

impl Rewriter {
    /// `outline` is that of the same items.
    pub fn new(outline: Outline, salts: Salts) -> Rewriter {
        Rewriter { parts: outline.runs.into_iter(), salts, run: None }
    }

    /// Takes the next item of the source with its step, and a record's path in what is written, if it is kept; adds
    /// what it becomes to `out`.
    pub fn take(&mut self, item: Item, step: Step, kept: Option<RelativePath>, out: &mut Vec<Item>) {
        match (item, step, &mut self.run) {
            (Item::Run(header), ..) => self.run(*header, out),
            (Item::Record(record), Step::Record { opened, .. }, Some(run)) if run.keeps_submission() => {
                out.push(Item::Record(run.record(record, &opened, kept)));
            }
            (Item::Mark(records), Step::Mark { root, .. }, Some(run)) => {
                if run.keeps_submission() {
                    out.push(Item::Mark(records));
                    if run.known.insert(root) {
                        run.roots.push(root);
                    }
                }
                run.submissions += 1;
            }
            (Item::Receipt(receipt), Step::Receipt { root, .. }, Some(run)) if run.known.contains(&root) => {
                run.receipt(receipt, root, out);
            }
            _ => {}
        }
    }

    fn run(&mut self, header: RunHeader, out: &mut Vec<Item>) {
        let part = self.parts.next().unwrap_or_default();
        if part.is_empty() {
            self.run = None;
            return;
        }
        let run = Run {
            blinding: header.blinding.clone(),
            salts: self.salts,
            submissions: 0,
            roots: Vec::new(),
            known: HashSet::new(),
            receipts: 0,
            waiting: HashMap::new(),
            part,
        };
        out.push(Item::Run(Box::new(run.header(header))));
        self.run = Some(run);
    }
}

impl Run {
    /// Is the submission that the next record is in part of what is written?
    fn keeps_submission(&self) -> bool {
        // The salts of all that follows hang on how many records came before.
        let places_matter = self.salts == Salts::Kept && matches!(self.blinding, Blinding::Secret(_));
        places_matter || self.part.submissions.get(self.submissions) == Some(&true)
    }

    /// Do the records get salts of their own?
    fn reblinds(&self) -> bool {
        self.salts == Salts::Own && self.blinding != Blinding::Plain
    }

    fn header(&self, mut header: RunHeader) -> RunHeader {
        if self.reblinds() {
            let [holder, agent, title] = self.part.inherits;
            header.blinding = Blinding::Own;
            header.holder = header.holder.filter(|_| holder);
            header.agent = header.agent.filter(|_| agent);
            header.title = header.title.filter(|_| title);
        }
        header
    }

    fn record(&self, record: Record, opened: &Opened, kept: Option<RelativePath>) -> Record {
        match (record, kept) {
            (Record::Path { kind, size, digests, own, .. }, Some(path)) => {
                let own = if self.reblinds() { self.own(own, opened) } else { own };
                Record::Path { kind, path, size, digests, own }
            }
            _ => Record::Bare(opened.commitment),
        }
    }

    fn own(&self, own: Own, opened: &Opened) -> Own {
        let [holder, agent, title] = self.part.inherits;
        // The empty text takes a header's away, and may not stand where there is none.
        let text = |text: Option<String>, in_header: bool| text.filter(|text| in_header || !text.is_empty());
        let opening = opened.opening.as_ref();
        Own {
            holder: text(own.holder, holder),
            agent: text(own.agent, agent),
            title: text(own.title, title),
            signature: own.signature,
            salt: opening.map(|opening| opening.salt),
            holder_salt: opening.and_then(|opening| opening.holder.as_ref()).map(|name| name.salt),
            agent_salt: opening.and_then(|opening| opening.agent.as_ref()).map(|name| name.salt),
        }
    }

    fn receipt(&mut self, receipt: Box<Token>, root: Commitment, out: &mut Vec<Item>) {
        self.waiting.insert(root, receipt);
        while let Some(receipt) = self.roots.get(self.receipts).and_then(|root| self.waiting.remove(root)) {
            out.push(Item::Receipt(receipt));
            self.receipts += 1;
        }
    }
}
