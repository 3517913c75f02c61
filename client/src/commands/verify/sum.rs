//! What holds for each of several files, and how many came to what.

use crate::{commands::verify::files, judges::Judges};
use indicatif::HumanCount;
use std::collections::BTreeSet;
use treering_tlog::time::UnixSeconds;
use treering_token::{
    describe,
    verify::{After, Attested},
};

/// Sentences that hold for every bundle.
const NOT_SHOWN: &str = "not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock";

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) verified: u64,
    pub(super) invalid: u64,
    pub(super) unchecked: u64,
    pub(super) uncovered: u64,
    /// Files that agree with their records, before the receipt for these has come.
    pub(super) matching: u64,
    /// Those whose receipt was refused.
    pub(super) unshown: u64,
}

impl Counts {
    pub(super) fn is_none(self) -> bool {
        self.verified + self.invalid + self.unchecked + self.uncovered + self.unshown == 0
    }

    /// `3 files verified, 1 failed: see above, 1 not covered by any token`
    pub(super) fn sum(self) -> String {
        let mut parts = vec![format!("{} verified", files(self.verified))];
        for (count, what) in [
            (self.unshown, "agree with records that are not shown to have been stamped"),
            (self.invalid, "failed: see above"),
            (self.unchecked, "could not be checked"),
            (self.uncovered, "not covered by any token"),
        ] {
            if count > 0 {
                parts.push(format!("{} {what}", HumanCount(count)));
            }
        }
        parts.join(", ")
    }
}

/// The bounds that hold for all.
#[derive(Debug)]
pub(super) struct Bounds {
    /// The latest upper bound; none at all, of whatever a policy without witnesses judged, is later than any.
    attested: Option<Attested>,
    /// There are several, and seal, entry and witnesses of the latest are not those of each.
    several: bool,
    /// The fewest that would have to lie for one of them.
    liars: usize,
    /// The earliest lower bound.
    after: Option<After>,
    /// Something verified has no lower bound: then there is none that holds for each.
    unbounded: bool,
    /// The places of the policies that judged.
    judges: BTreeSet<usize>,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            attested: None,
            several: false,
            liars: usize::MAX,
            after: None,
            unbounded: false,
            judges: BTreeSet::new(),
        }
    }
}

impl Bounds {
    pub(super) fn add(&mut self, judge: usize, attested: &Attested, after: Option<&After>) {
        self.judges.insert(judge);
        let same = |known: &Attested| {
            (&known.origin, known.index, known.upper) == (&attested.origin, attested.index, attested.upper)
        };
        self.several |= self.attested.as_ref().is_some_and(|known| !same(known));
        self.liars = self.liars.min(attested.upper.map_or(0, |upper| upper.would_have_to_lie));
        let rank = |of: &Attested| of.before().map_or((true, UnixSeconds::ZERO), |before| (false, before));
        if self.attested.as_ref().is_none_or(|known| rank(known) < rank(attested)) {
            self.attested = Some(attested.clone());
        }
        self.unbounded |= after.is_none();
        // Of those of one second, the one of the smaller tree: which comes first says nothing.
        let rank = |after: &After| (after.not_before, after.tree_size);
        if let Some(after) = after
            && self.after.as_ref().is_none_or(|before| rank(before) > rank(after))
        {
            self.after = Some(after.clone());
        }
    }

    /// A line each; none if nothing was verified.
    pub(super) fn lines(&self, judges: &Judges) -> Vec<String> {
        let Some(attested) = &self.attested else { return Vec::new() };
        let words = if self.several {
            describe::attested_of_several(attested, self.liars)
        } else {
            describe::attested(attested)
        };
        let mut lines = vec![format!("  each {words}")];
        let after = self.after.as_ref().filter(|_| !self.unbounded);
        lines.extend(after.map(|after| format!("  each {}", describe::after(after))));
        let by = self.judges.iter().filter_map(|judge| judges.described(*judge));
        lines.extend(by.map(|policy| format!("  judged by {policy}")));
        lines.push(format!("  {NOT_SHOWN}"));
        lines
    }
}
