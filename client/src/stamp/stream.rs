//! A target in one go, with nothing kept beside its bundle: for programs that have their own way of beginning again.

use super::{
    Event, StampError, Stamped, Target, Wish,
    index::Index,
    pipeline::{Bench, Looked, Part, Side, Thing, counted},
    plan::settled_output,
    run::{Frame, Run},
    source::Sources,
    submit::Log,
};
use crate::{
    hash, ordered,
    partial::{self, Partial},
    paths,
    seen::Entry,
    walk::Rules,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use treering_token::bundle::{Opener, Record};

/// Stamps a target into its bundle, which appears when it is whole: neither master key nor journal are looked at, and what a
/// run leaves that doesn't come to its end is of no use to another. `limit`: the most records of a submission.
pub(crate) fn stream(
    log: &Log,
    wish: &Wish,
    target: &Target,
    output: &Path,
    opener: &Opener,
    limit: u64,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Stamped, StampError> {
    let output = settled_output(output)?;
    let path = partial::of_output(&output);
    let failed = |error| StampError::Partial { path: paths::shown(&path), error };
    let held = || StampError::Held { output: target.shown(), who: "another run".to_owned() };
    let lock = Partial::lock(&path).map_err(failed)?.ok_or_else(held)?;
    if lock.is_begun() {
        let reason = "an unfinished run has left it: `treering resume` goes on with that; else remove it";
        return Err(failed(io::Error::other(reason)));
    }
    // CRASH: what grows here is of no use to anybody else, and so has another name than what can be gone on with. What an
    // earlier process left never became a bundle.
    let growing = paths::with_suffix(&path, partial::NEW);
    let mut partial = Partial::lock(&growing).map_err(failed)?.ok_or_else(held)?;
    partial.cut(0).map_err(failed)?;
    let ids = hash::ids(wish.digests.iter().copied());
    let frame = Frame { log, wish, target, opener, kept_as: None, ids: &ids, limit };
    let skip = vec![path.clone(), growing.clone(), output.clone()];
    let stamped = records(frame, &partial, skip, observe)
        .and_then(|stamped| partial.appear(&output, wish.force).map(|()| stamped).map_err(StampError::from));
    if stamped.is_err() {
        // Whatever this says, the first error is the news.
        let _ = fs::remove_file(&growing);
    }
    // It is empty: were it to stay, it would be in nobody's way.
    let _ = lock.remove();
    stamped
}

fn records(
    frame: Frame<'_>,
    partial: &Partial,
    skip: Vec<PathBuf>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Stamped, StampError> {
    let index = Index::default();
    let Frame { target, opener, .. } = frame;
    let side =
        Side { target, opener, index: &index, lost: AtomicU64::new(0), is_over: AtomicBool::new(false) };
    let bench = Bench {
        sides: vec![side],
        ids: frame.ids,
        claims: None,
        signer: None,
        force: frame.wish.force,
        checksum: true,
    };
    let side = &bench.sides[0];
    let rules = Rules { skip, links: true, ..frame.wish.rules.clone() };
    let sources = Sources::new(frame.target, rules).map_err(StampError::Here)?;
    let mut stamped = Stamped::default();
    let mut run = Run::begin(frame, partial)?;
    ordered::map(
        ordered::workers(),
        counted(sources),
        hash::buffer,
        |buffer, found| bench.look(found, buffer),
        |looked| {
            match looked {
                Looked::Thing(Thing {
                    kind, path, size, digests: Some(digests), key, stamp, parts, ..
                }) => {
                    for part in parts {
                        // Nothing is known before.
                        let Part::Record { own, guess, .. } = part else { continue };
                        let (commitment, own) = bench.settle(side, guess, run.len(), &digests, own)?;
                        stamped.records += 1;
                        stamped.bytes += size.unwrap_or(0);
                        let seen = Entry::new(key, &digests, stamp);
                        let (path, digests) = (path.clone(), digests.clone());
                        let record = Record::Path { kind, path, size, digests, own };
                        run.push(record, commitment, &seen, observe)?;
                    }
                }
                Looked::Failed { source, error, counted, .. } => {
                    side.lost.fetch_add(u64::from(counted), Ordering::Relaxed);
                    observe(Event::Failed { source: &source, error: &error });
                }
                Looked::LeftOut { source, why } => observe(Event::LeftOut { source: &source, why }),
                // Everything is hashed.
                Looked::Thing(_) => {}
            }
            frame.log.check()
        },
    )?;
    if stamped.records == 0 {
        return Err(StampError::Nothing);
    }
    run.end(observe)?;
    run.finish(observe)??;
    Ok(stamped)
}
