//! Reading a bundle as a verifier does, and what it shows.

use crate::{build, log::Log};
use std::collections::HashMap;
use treering_token::{
    bundle::{Item, ItemReader, Opened, Opener, Record, RunHeader, Step, Walker},
    commitment::Commitment,
    token::Token,
    verify::{After, Attested, Verifier},
};

/// What is shown of one record.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) run: RunHeader,
    /// Number of the run, then the submission's in it.
    pub(crate) submission: (u64, u64),
    pub(crate) index: u64,
    pub(crate) record: Record,
    pub(crate) opened: Opened,
    pub(crate) root: Commitment,
    pub(crate) receipt: Token,
    pub(crate) attested: Attested,
    pub(crate) after: Option<After>,
}

/// All that a bundle shows, in the order of its records.
pub(crate) fn verify(bytes: &[u8], verifier: Verifier<'_>) -> Result<Vec<Evidence>, String> {
    let mut reader = ItemReader::new();
    reader.push(bytes);
    let mut reading = Reading { verifier, run: None, number: 0, waiting: HashMap::new(), shown: Vec::new() };
    let mut walker = Walker::new();
    while let Some(item) = reader.next_item().map_err(|e| e.to_string())? {
        let step = walker.step(&item).map_err(|e| reader.locate(e).to_string())?;
        reading.take(item, step)?;
    }
    reader.finish().map_err(|e| e.to_string())?;
    walker.finish().map_err(|e| e.to_string())?;
    assert!(reading.waiting.is_empty(), "the bundle is whole, and a record has no receipt");
    Ok(reading.shown)
}

struct Reading<'a> {
    verifier: Verifier<'a>,
    run: Option<RunHeader>,
    number: u64,
    /// Records by submission, until their receipt comes.
    waiting: HashMap<u64, Vec<(u64, Record, Opened)>>,
    shown: Vec<Evidence>,
}

impl Reading<'_> {
    fn take(&mut self, item: Item, step: Step) -> Result<(), String> {
        match (item, step) {
            (Item::Header(_), Step::Header) | (Item::Mark(_), Step::Mark { .. }) => {}
            (Item::Run(header), Step::Run { run }) => (self.run, self.number) = (Some(*header), run),
            (Item::Record(record), Step::Record { submission, index, opened, .. }) => {
                self.waiting.entry(submission).or_default().push((index, record, *opened));
            }
            (Item::Receipt(receipt), Step::Receipt { root, submissions }) => {
                self.receipt(&receipt, root, &submissions)?;
            }
            (item, step) => panic!("{} was taken for {step:?}", item.name()),
        }
        Ok(())
    }

    fn receipt(&mut self, receipt: &Token, root: Commitment, submissions: &[u64]) -> Result<(), String> {
        let attested = self.verifier.receipt(receipt, &root).map_err(|e| e.to_string())?;
        let run = self.run.clone().unwrap();
        let after = match &run.after {
            Some(note) => Some(self.verifier.after(note, &attested).map_err(|e| e.to_string())?),
            None => None,
        };
        for submission in submissions {
            for (index, record, opened) in self.waiting.remove(submission).unwrap() {
                self.shown.push(Evidence {
                    run: run.clone(),
                    submission: (self.number, *submission),
                    index,
                    record,
                    opened,
                    root,
                    receipt: receipt.clone(),
                    attested: attested.clone(),
                    after: after.clone(),
                });
            }
        }
        Ok(())
    }
}

#[test]
fn a_records_commitment_is_what_its_opening_leads_to() {
    let log = Log::new();
    for (header, submissions) in [build::plain_run(), build::secret_run(&log), build::own_run()] {
        let opener = Opener::new(header).unwrap();
        for (place, record) in (0..).zip(submissions.iter().flatten()) {
            if let Record::Path { digests, own, .. } = record {
                let opened = opener.open(place, record).unwrap();
                assert_eq!(opener.commitment(place, digests, own).unwrap(), opened.commitment);
            }
        }
    }
}

#[test]
fn a_bundle_shows_every_record_of_every_run() {
    let log = Log::new();
    let items = build::everything(&log);
    let records = items.iter().filter(|item| matches!(item, Item::Record(_))).count();
    let shown = verify(&build::bytes(&items), log.verifier()).unwrap();
    assert_eq!((shown.len(), records), (18, 18));
    for evidence in &shown {
        assert_eq!(evidence.attested.index, 2);
        assert_eq!(evidence.attested.witnesses.len(), 2);
        let speaks_of_after = evidence.opened.claim.as_ref().is_some_and(|claim| claim.after.is_some());
        assert!(evidence.after.is_some() || !speaks_of_after);
    }
}

/// A receipt is for the root whose turn it is: two receipts of one run changed places.
#[test]
fn receipts_in_another_order_do_not_verify() {
    let log = Log::new();
    let mut items = build::assemble(&log, vec![build::plain_run()]);
    let last = items.len() - 1;
    items.swap(last - 1, last);
    insta::assert_snapshot!(verify(&build::bytes(&items), log.verifier()).unwrap_err(), @"the layers do not lead to the batch root in the entry: the token was changed, or put together from two");
}

/// A record that was added, with its mark counted up, has no receipt.
#[test]
fn a_record_that_was_not_stamped_does_not_verify() {
    let log = Log::new();
    let mut items = build::assemble(&log, vec![(build::plain(), vec![vec![build::file("a")]])]);
    items.insert(2, Item::Record(build::file("forged")));
    items[4] = Item::Mark(2);
    insta::assert_snapshot!(verify(&build::bytes(&items), log.verifier()).unwrap_err(), @"the layers do not lead to the batch root in the entry: the token was changed, or put together from two");
}

/// Records belong to their place: with the salts of another place the commitments are others.
#[test]
fn blinded_records_in_another_order_do_not_verify() {
    let log = Log::new();
    let header = RunHeader { holder: Some("Ada".to_owned()), ..build::secret() };
    let mut items = build::assemble(&log, vec![(header, vec![vec![build::file("a"), build::file("b")]])]);
    items.swap(2, 3);
    insta::assert_snapshot!(verify(&build::bytes(&items), log.verifier()).unwrap_err(), @"the layers do not lead to the batch root in the entry: the token was changed, or put together from two");
}
