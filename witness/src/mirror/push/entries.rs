//! `POST /add-entries` (C2SP tlog-mirror): packages of entries, each authenticated by a pending checkpoint before it is
//! kept; the last one makes that the mirror checkpoint.
//!
//! Memory: one package at a time, and what of the next has arrived.

use std::{ops::Range, sync::Arc};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use treering_tlog::{
    hash::{Hash, leaf_hash},
    mirror::{AddEntries, INFO_CONTENT_TYPE, MirrorInfo, Package},
    tree::root,
    witness::print_signatures,
};

use super::{body::Upload, subtree};
use crate::{
    mirror::{
        copy::WIDTH,
        problem::Problem,
        pull::{Halt, Puller, Round},
        serve::{App, ok},
    },
    monitor::Kept,
};

/// Packages between two flushes.
const STEP: usize = 256;
/// Entries that are here already may be sent again up to this number: what the standard lets a request have.
const MAX_EXCESS: u64 = 32 * WIDTH;

pub(in crate::mirror) async fn add_entries(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mut upload = Upload::new(headers, body, app.pushes.timeout)?;
    let puller = read_origin(app, &mut upload).await?;
    // Before the rest of the header, which has up to 65,535 bytes: whoever has no place makes nobody keep anything.
    let turn = app.pushes.turn(puller)?;
    let header = read_header(&mut upload).await?;
    let pending = match judge(puller, &header)? {
        Ok(pending) => pending,
        Err(info) => return Ok(informed(StatusCode::CONFLICT, &info)),
    };
    let (mut saved, mut ended) = (0_usize, None);
    for range in header.packages() {
        match package((app, puller), &pending, range, &mut upload).await {
            Ok(Came::Whole) => saved += 1,
            Ok(came) => {
                ended = Some(came);
                break;
            }
            Err(problem) => {
                // What was authenticated before stays.
                puller.copy.flush().await?;
                return Err(problem);
            }
        }
        if saved.is_multiple_of(STEP) {
            puller.copy.flush().await?;
        }
    }
    if ended == Some(Came::CutOff) && saved == 0 {
        // SPEC: tlog-mirror, Processing: 400 if no package was authenticated before the body ended.
        return Err(Problem::NoPackage);
    }
    let next = puller.copy.flush().await?.size.get();
    if ended.is_some() {
        let info = MirrorInfo { size: header.end, next, ticket: Vec::new() };
        return Ok(informed(StatusCode::ACCEPTED, &info));
    }
    // A task of its own: a client that goes away must not cut it in two. A stop waits for it.
    let finish = finish(Arc::clone(puller), pending);
    let finishing = app.pushes.tasks.spawn(async move {
        let answer = finish.await;
        // Not before: a client that goes away would have the next one's work begin beside this.
        drop(turn);
        answer
    });
    match finishing.await {
        Ok(answer) => answer,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// The log that this is for.
///
/// SPEC: tlog-mirror, Processing: 404 if the origin is not that of a known log, without waiting for the body. One that is longer
/// than all that are known isn't waited for either.
async fn read_origin<'a>(app: &'a App, upload: &mut Upload) -> Result<&'a Arc<Puller>, Problem> {
    loop {
        let here = upload.here();
        if AddEntries::origin_length(here).is_some_and(|length| length > app.longest_origin) {
            return Err(Problem::UnknownPath);
        }
        if let Some(origin) = AddEntries::origin(here) {
            return app.of_origin(origin).ok_or(Problem::UnknownPath);
        }
        if !upload.more().await {
            return Err(Problem::NoPackage);
        }
    }
}

async fn read_header(upload: &mut Upload) -> Result<AddEntries, Problem> {
    loop {
        if let Some((header, length)) = AddEntries::parse(upload.here())? {
            upload.take(length);
            return Ok(header);
        }
        if !upload.more().await {
            return Err(Problem::NoPackage);
        }
    }
}

/// The checkpoint that the entries are to be authenticated by, or where to go on.
fn judge(puller: &Puller, header: &AddEntries) -> Result<Result<Kept, MirrorInfo>, Problem> {
    let seen = puller.copy.seen();
    // SPEC: tlog-mirror, Processing: 422 if there never was a pending checkpoint.
    let newest = seen.pending_head().ok_or(Problem::NoPending)?;
    let (next, mirrored) = (seen.grown().size.get(), puller.copy.size());
    let known = seen.pending.iter().rev().chain(&seen.mirror).find(|kept| kept.head().size == header.end);
    let conflict = |size| Ok(Err(MirrorInfo { size, next, ticket: Vec::new() }));
    // SPEC: tlog-mirror, Processing: 409 if upload_end is neither pending nor mirrored, or is below what is mirrored.
    let Some(known) = known.filter(|_| header.end >= mirrored) else { return conflict(newest.size) };
    // SPEC: tlog-mirror, Processing: 409 if upload_start is above the next entry, or too far below it.
    let excess = header.end.get().min(next).checked_sub(header.start);
    if header.start > next || excess.is_some_and(|excess| excess > MAX_EXCESS) {
        return conflict(header.end);
    }
    Ok(Ok(known.clone()))
}

/// What came of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Whole,
    /// The body ended in it.
    CutOff,
    /// Authenticated, and not taken: what stands before it is no longer here, since a write of somebody else's has failed meanwhile.
    TooEarly,
}

/// Reads a package, authenticates it and appends it.
async fn package(
    (app, puller): (&App, &Puller),
    pending: &Kept,
    range: Range<u64>,
    upload: &mut Upload,
) -> Result<Came, Problem> {
    let first = range.start - range.start % WIDTH;
    let (entries, proof) = loop {
        if let Some((package, length)) = Package::parse(upload.here(), range.end - range.start)? {
            let entries: Vec<Vec<u8>> = package.entries.iter().map(|entry| entry.to_vec()).collect();
            let proof = package.proof;
            upload.take(length);
            break (entries, proof);
        }
        if !upload.more().await {
            return Ok(Came::CutOff);
        }
    };
    // Entries before the first package that are here: the proof is for the whole bundle.
    let mut leaves: Vec<Hash> = Vec::new();
    if first < range.start {
        let copy = Arc::clone(&puller.copy);
        let before = app.reads.run(move || copy.entries_now(first / WIDTH)).await?;
        let wanted = usize::try_from(range.start - first).unwrap_or(usize::MAX);
        leaves.extend(before.iter().take(wanted).map(|entry| leaf_hash(entry)));
    }
    leaves.extend(entries.iter().map(|entry| leaf_hash(entry)));
    // SPEC: tlog-mirror, Processing: 422 if the subtree consistency proof doesn't verify.
    if !subtree::verify(first, range.end, root(&leaves), pending.head(), &proof) {
        return Err(Problem::NotInTree);
    }
    let next = puller.copy.append(range.start, entries).await?;
    Ok(if next < range.end { Came::TooEarly } else { Came::Whole })
}

/// Makes the pending checkpoint the mirror checkpoint: everything under it is durable.
async fn finish(puller: Arc<Puller>, pending: Kept) -> Result<Response, Problem> {
    let (size, mut round) = (pending.head().size, Round::default());
    // Of a Treering log, batches belong to what the cosignature speaks of; they are in no push.
    puller.complete(size, &mut round).await.map_err(|halt| match halt {
        Halt::Fault(fault) => Problem::Fault(fault),
        Halt::Wrong(what) | Halt::Unchecked(what) => Problem::NoBatches(what),
    })?;
    match puller.copy.sign(pending).await? {
        Some(own) => Ok(ok("text/plain; charset=utf-8", "no-store", print_signatures(&own))),
        // SPEC: tlog-mirror, Processing: 409 if the mirror checkpoint is beyond it by now.
        None => {
            let seen = puller.copy.seen();
            let size = seen.pending_head().map_or(size, |head| head.size);
            let info = MirrorInfo { size, next: seen.grown().size.get(), ticket: Vec::new() };
            Ok(informed(StatusCode::CONFLICT, &info))
        }
    }
}

fn informed(status: StatusCode, info: &MirrorInfo) -> Response {
    let headers = [(header::CONTENT_TYPE, INFO_CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    (status, headers, info.to_string()).into_response()
}
