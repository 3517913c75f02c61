//! One log, followed: what is done in a round.
//!
//! ```text
//! look (log, witnesses) ─▶ compare heads ─▶ walk entries ─▶ freshness ─▶ report ─▶ save state
//! ```
//! A head that contradicts an earlier one is never taken over. Findings are on disk before the state is: a monitor that
//! dies between the two finds them again, and knows them by their names.

mod compare;

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use treering_tlog::{time::UnixMillis, tree::TreeHead};

use super::{
    config::LogConfig,
    report::{Finding, Reported, Reporter},
    state::{Baseline, Kept, State, StateError},
    views::{self, Look, View, blank},
    walk::Walk,
};
use crate::{
    clock::Clock,
    evidence::{Evidence, Kind, Served},
    read::{
        fetch::{FetchError, Fetcher},
        source::Source,
        tiles::{Tiles, Trouble},
    },
};

/// Heads that were compared already and needn't be again.
const MAX_COMPARED: usize = 1_024;

/// What a round has brought.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// What is wrong with the log, found now or still so.
    pub findings: Vec<Reported>,
    /// Findings beyond those for which evidence is gathered.
    pub more: usize,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
    /// Size of the newest head that is consistent with all before it.
    pub size: u64,
    /// So many entries were checked.
    pub checked: u64,
    /// When the policy's quorum had last cosigned, in seconds since the epoch.
    pub fresh_at: Option<u64>,
}

/// Follows a log.
#[derive(Debug)]
pub(super) struct Follower {
    log: LogConfig,
    fetcher: Fetcher,
    source: Source,
    clock: Arc<dyn Clock>,
    concurrency: usize,
    reporter: Reporter,
    states: PathBuf,
    state: State,
    compared: HashSet<TreeHead>,
}

/// What a round has found so far.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    more: usize,
    unchecked: Vec<String>,
}

impl Follower {
    pub(super) fn open(
        log: LogConfig,
        fetcher: Fetcher,
        clock: Arc<dyn Clock>,
        (concurrency, retry_pause): (usize, std::time::Duration),
        (states, reporter): (PathBuf, Reporter),
    ) -> Result<Follower, StateError> {
        let state = State::load(&states, &log.origin)?;
        let state = state.unwrap_or_else(|| State::new(&log.origin, clock.now().get()));
        let source = Source::new(fetcher.clone(), &log.urls, retry_pause);
        let compared = HashSet::new();
        Ok(Follower { log, fetcher, source, clock, concurrency, reporter, states, state, compared })
    }

    pub(super) fn log(&self) -> &LogConfig {
        &self.log
    }

    /// Looks at the log once, and reports.
    ///
    /// # Errors
    /// An evidence or state file can't be written.
    pub(super) async fn round(&mut self) -> Result<Round, StateError> {
        let now = self.clock.now();
        let urls = self.source.checkpoint_urls().collect();
        let look = views::look(&self.log, urls, &self.fetcher, now).await;
        let Look { mut views, findings, unchecked } = look;
        let mut found = Found { findings, more: 0, unchecked };
        self.cosignatures(&views, now, &mut found);
        // The smallest first, so that each one that is taken over is held against the one before it.
        views.sort_by_key(|view| (!view.published, view.head().size));
        let mut forked = false;
        for view in &views {
            forked |= self.view(view, now, &mut found).await;
        }
        self.ahead(now, &mut found).await;
        // A log that shows another history has no tiles of this one.
        if !forked {
            self.walk(now, views.iter().any(|view| view.published), &mut found).await?;
        }
        self.freshness(&views, now, &mut found);
        let mut reported = Vec::new();
        self.report(found.findings, &mut reported).await?;
        self.save()?;
        Ok(Round {
            findings: reported,
            more: found.more,
            unchecked: found.unchecked,
            size: self.state.head.as_ref().map_or(0, |head| head.head().size.get()),
            checked: self.state.checked,
            fresh_at: self.state.fresh_at,
        })
    }

    /// Every cosignature, wherever it was seen, against the witness's others.
    fn cosignatures(&mut self, views: &[View], now: UnixMillis, found: &mut Found) {
        for view in views {
            for by in &view.cosigned {
                let witness = &self.log.policy.witnesses()[by.witness];
                let pair = self.state.cosigners.observe(&witness.key, by.time, view.note());
                if let Some((small, large)) = pair {
                    let about = format!("witness {}", witness.name);
                    let evidence = Evidence {
                        notes: vec![small, large],
                        ..blank(Kind::CosignerContradiction, now, &view.from)
                    };
                    found.findings.push(Finding { evidence, about });
                }
            }
        }
    }

    /// Reads what wasn't read yet of the tree of the known head, and keeps each step.
    async fn walk(&mut self, now: UnixMillis, seen: bool, found: &mut Found) -> Result<(), StateError> {
        let Some(head) = self.state.head.clone() else { return Ok(()) };
        if !seen {
            return Ok(());
        }
        let source = self.source.clone();
        let log = self.log.clone();
        let mut walk = Walk {
            log: &log,
            source: &source,
            concurrency: self.concurrency,
            now,
            tiles: Tiles::new(&source, head.head()),
            findings: Vec::new(),
            more: 0,
        };
        loop {
            let mut stepped = walk.step(&mut self.state).await;
            if let Ok(false) = stepped {
                stepped = walk.recheck(&mut self.state).await.map(|()| false);
            }
            for mut finding in walk.findings.drain(..) {
                finding.evidence.notes.push(head.note().clone());
                found.findings.push(finding);
            }
            found.more += std::mem::take(&mut walk.more);
            match stepped {
                Ok(true) => {
                    // CRASH: what was found is on disk before the step counts as done.
                    let findings = std::mem::take(&mut found.findings);
                    let mut reported = Vec::new();
                    self.report(findings.clone(), &mut reported).await?;
                    found.findings = findings;
                    self.save()?;
                }
                Ok(false) => {
                    self.state.baseline = Some(Baseline { at_ms: now.get(), note: head });
                    return Ok(());
                }
                Err(trouble) => {
                    found.trouble(trouble, &head, now);
                    return Ok(());
                }
            }
        }
    }

    /// How old are the newest cosignatures that meet the policy?
    fn freshness(&mut self, views: &[View], now: UnixMillis, found: &mut Found) {
        let published = views.iter().filter(|view| view.published);
        let newest = if self.log.policy.needs_no_witness() {
            // Nobody says how fresh it is; that it answers is all that can be asked.
            published.map(|_| now.seconds().get()).max()
        } else {
            published.filter_map(|view| self.log.policy.lower_bound(&view.cosigned)).map(|at| at.get()).max()
        };
        self.state.fresh_at = self.state.fresh_at.max(newest);
        let since_ms = self.state.fresh_at.map_or(self.state.since_ms, |at| at.saturating_mul(1000));
        if now.get().saturating_sub(since_ms) > self.log.silence_ms {
            let about = format!("since {since_ms} ms");
            let evidence = Evidence {
                notes: self.state.head.iter().map(|head| head.note().clone()).collect(),
                number: self.log.silence_ms,
                ..blank(Kind::Stopped, now, &about)
            };
            found.findings.push(Finding { evidence, about });
        }
    }

    async fn report(&self, findings: Vec<Finding>, into: &mut Vec<Reported>) -> Result<(), StateError> {
        for finding in findings {
            let reported = self.reporter.report(&self.log.origin, &finding).await;
            let path = || self.reporter.directory.clone();
            let reported = reported.map_err(|source| StateError::Io { path: path(), source })?;
            if !into.contains(&reported) {
                into.push(reported);
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<(), StateError> {
        self.state.save(&self.states, &self.log.origin)
    }
}

impl Found {
    /// A tile that is wrong or missing is a finding; what doesn't answer is unchecked.
    fn trouble(&mut self, trouble: Trouble, head: &Kept, now: UnixMillis) {
        match trouble {
            Trouble::Wrong { tile, served, hashes } => {
                let notes = vec![head.note().clone()];
                let evidence = Evidence { notes, served, hashes, ..blank(Kind::WrongTile, now, &tile) };
                self.findings.push(Finding { evidence, about: tile });
            }
            Trouble::Fetch { path, error: FetchError::Missing(status) } => {
                let evidence = Evidence {
                    notes: vec![head.note().clone()],
                    served: vec![Served { path: path.clone(), bytes: Vec::new() }],
                    number: u64::from(status),
                    ..blank(Kind::Unavailable, now, &path)
                };
                self.findings.push(Finding { evidence, about: path });
            }
            Trouble::Fetch { path, error } => self.unchecked.push(format!("{path}: {error}")),
        }
    }
}
