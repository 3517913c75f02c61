//! Makes one bundle of several: what still holds is copied, what doesn't leaves a bare record in its place, and what holds
//! nothing any more is left out.
//!
//! A run whose salts come from its secret must keep the places of its records, and submissions must keep their roots; so only
//! submissions at a run's end, and whole runs, can go.

use super::{
    StampError,
    earlier::{Earlier, Run},
    index::Fate,
};
use crate::bundle_file::{Reader, Writer};
use std::{collections::HashSet, path::Path};
use treering_token::bundle::{Item, Opener, Record};

/// Copies the runs of a bundle; those that `earlier` doesn't speak of as they are. How many runs were written.
pub(super) fn copy(from: &Path, earlier: &Earlier, fate: &Fate, to: &mut Writer) -> Result<u64, StampError> {
    let mut reader = Reader::open(from)?;
    let mut runs = earlier.runs.iter();
    let (mut copying, mut written) = (Copying::Nothing, 0);
    while let Some(item) = reader.item()? {
        let item = match item {
            Item::Header(_) => continue,
            Item::Run(header) => {
                copying = match runs.next() {
                    None => Copying::All,
                    Some(run) => match Part::of(run, fate) {
                        None => Copying::Nothing,
                        Some(part) => {
                            let opener = Opener::new((*header).clone()).map_err(StampError::Claim)?;
                            Copying::Part(part, Box::new(opener))
                        }
                    },
                };
                Item::Run(header)
            }
            other => other,
        };
        let item = match &mut copying {
            Copying::Nothing => continue,
            Copying::All => Some(item),
            Copying::Part(part, opener) => part.take(item, opener, fate)?,
        };
        if let Some(item) = item {
            written += u64::from(matches!(item, Item::Run(_)));
            to.write(&item).map_err(StampError::Write)?;
        }
    }
    Ok(written)
}

enum Copying {
    Nothing,
    All,
    Part(Part, Box<Opener>),
}

/// The part of a run that is copied.
pub(super) struct Part {
    /// So many submissions, and so many receipts.
    submissions: usize,
    receipts: usize,
    /// The number of the record that comes next, and its place in the run.
    number: u32,
    place: u64,
}

impl Part {
    /// `None` if nothing of the run holds.
    pub(super) fn of(run: &Run, fate: &Fate) -> Option<Part> {
        let (mut number, mut submissions) = (run.first, 0);
        for (at, submission) in run.submissions.iter().enumerate() {
            let end = number + submission.records;
            if fate.any_kept(number..end) {
                submissions = at + 1;
            }
            number = end;
        }
        let roots: HashSet<_> = run.submissions[..submissions].iter().map(|some| some.root).collect();
        (submissions > 0).then_some(Part { submissions, receipts: roots.len(), number: run.first, place: 0 })
    }

    fn take(&mut self, item: Item, opener: &Opener, fate: &Fate) -> Result<Option<Item>, StampError> {
        Ok(match item {
            Item::Record(record) if self.submissions > 0 => {
                let record = match record {
                    Record::Path { .. } if !fate.is_kept(self.number) => {
                        let opened = opener.open(self.place, &record).map_err(StampError::Claim)?;
                        Record::Bare(opened.commitment)
                    }
                    record => record,
                };
                self.number += 1;
                self.place += 1;
                Some(Item::Record(record))
            }
            Item::Mark(records) if self.submissions > 0 => {
                self.submissions -= 1;
                Some(Item::Mark(records))
            }
            Item::Receipt(receipt) if self.receipts > 0 => {
                self.receipts -= 1;
                Some(Item::Receipt(receipt))
            }
            Item::Run(header) => Some(Item::Run(header)),
            _ => None,
        })
    }
}
