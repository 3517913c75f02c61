//! What the log and its witnesses show, held against the head that is known.

use treering_tlog::{time::UnixMillis, tree::TreeHead};

use super::{Follower, Found, MAX_COMPARED};
use crate::{
    evidence::{Evidence, Kind},
    monitor::{
        heads::compare,
        report::Finding,
        state::{Ahead, Kept, MAX_AHEAD},
        views::{View, blank},
    },
    read::tiles::{Tiles, Trouble},
};

impl Follower {
    /// Compares a view with the head that is known, and takes it over if it is the log's and newer. True if the log's
    /// own view contradicts what it had shown.
    pub(super) async fn view(&mut self, view: &View, now: UnixMillis, found: &mut Found) -> bool {
        let Some(seen) = Kept::new(view.note().clone()) else { return false };
        let Some(known) = self.state.head.clone() else {
            if view.published {
                self.state.first_size.get_or_insert(view.head().size.get());
                self.adopt(seen);
            } else {
                self.keep_ahead(view, seen, now);
            }
            return false;
        };
        let grows = view.head().size > known.head().size;
        if grows && !view.published {
            self.keep_ahead(view, seen, now);
            return false;
        }
        if self.compared.contains(&view.head()) {
            if view.published && view.head() == known.head() && self.is_fresher(view, &known) {
                self.state.head = Some(seen);
            }
            return false;
        }
        let (large, small) = if grows { (&seen, &known) } else { (&known, &seen) };
        match self.compare(large, small, &view.from, now).await {
            Ok(None) if view.published && view.head().size >= known.head().size => self.adopt(seen),
            Ok(None) => self.remember(view.head()),
            Ok(Some(finding)) => {
                found.findings.push(finding);
                return view.published;
            }
            Err(trouble) => found.trouble(trouble, large, now),
        }
        false
    }

    /// Has the view newer cosignatures than the note that is kept of the same head?
    fn is_fresher(&self, view: &View, known: &Kept) -> bool {
        let policy = &self.log.policy;
        let kept = policy.open(known.note().clone()).ok();
        let kept = kept.and_then(|kept| policy.lower_bound(&kept.cosigned));
        policy.lower_bound(&view.cosigned) > kept
    }

    async fn compare(
        &self,
        large: &Kept,
        small: &Kept,
        from: &str,
        now: UnixMillis,
    ) -> Result<Option<Finding>, Trouble> {
        let mut tiles = Tiles::new(&self.source, large.head());
        compare(&mut tiles, large.note(), (small.head(), small.note()), from, now).await
    }

    fn adopt(&mut self, seen: Kept) {
        self.remember(seen.head());
        self.state.head = Some(seen);
    }

    fn remember(&mut self, head: TreeHead) {
        if self.compared.len() >= MAX_COMPARED {
            self.compared.clear();
        }
        self.compared.insert(head);
    }

    /// A witness may know a head before the log publishes it. It is compared once the log has caught up.
    fn keep_ahead(&mut self, view: &View, note: Kept, now: UnixMillis) {
        let known = self.state.ahead.iter().any(|ahead| ahead.from == view.from);
        if !known && self.state.ahead.len() < MAX_AHEAD {
            self.state.ahead.push(Ahead { from: view.from.clone(), since_ms: now.get(), note });
        }
    }

    /// Witnesses' heads that were larger than the log's: are they now its beginning?
    pub(super) async fn ahead(&mut self, now: UnixMillis, found: &mut Found) {
        let Some(head) = self.state.head.clone() else { return };
        for ahead in std::mem::take(&mut self.state.ahead) {
            if ahead.note.head().size > head.head().size {
                if now.get().saturating_sub(ahead.since_ms) > self.log.silence_ms {
                    let source = format!("{} shows a larger tree than the log publishes", ahead.from);
                    let evidence = Evidence {
                        notes: vec![head.note().clone(), ahead.note.note().clone()],
                        number: self.log.silence_ms,
                        ..blank(Kind::Stopped, now, &source)
                    };
                    let about = format!("withheld since {} ms: {}", ahead.since_ms, ahead.from);
                    found.findings.push(Finding { evidence, about });
                }
                self.state.ahead.push(ahead);
                continue;
            }
            match self.compare(&head, &ahead.note, &ahead.from, now).await {
                Ok(finding) => found.findings.extend(finding),
                Err(trouble) => {
                    found.trouble(trouble, &head, now);
                    self.state.ahead.push(ahead);
                }
            }
        }
    }
}
