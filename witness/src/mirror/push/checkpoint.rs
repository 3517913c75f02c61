//! `POST /add-checkpoint`: as a witness takes it (C2SP tlog-witness), but nothing is signed: the checkpoint becomes the
//! pending one.

use axum::{body::Body, response::Response};
use http_body_util::{BodyExt as _, Limited};
use tokio::time::timeout;
use treering_tlog::{
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    note::Note,
    tree::TreeHead,
    witness::AddCheckpoint,
};

use crate::{
    cosigner::{Refusal, check},
    mirror::{
        copy::verified,
        problem::Problem,
        pull::Puller,
        serve::{App, ok},
    },
    monitor::Kept,
};

/// Races lost in a row before a request is told to come again.
const MAX_RACES: usize = 32;

pub(in crate::mirror) async fn add_checkpoint(app: &App, body: Body) -> Result<Response, Problem> {
    let limited = Limited::new(body, AddCheckpoint::MAX_BYTES).collect();
    let body = match timeout(app.pushes.timeout, limited).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(Problem::TooLarge),
        Ok(Err(_)) => return Err(Problem::CutOff),
        Err(_) => return Err(Problem::TooSlow),
    };
    let request = AddCheckpoint::parse(&body).map_err(Refusal::Malformed)?;
    let origin = Checkpoint::parse(request.checkpoint.text()).map_err(Refusal::Checkpoint)?.origin;
    // SPEC: tlog-witness, add-checkpoint: 404 if the checkpoint origin is unknown.
    let puller = app.of_origin(origin.as_str().as_bytes());
    let puller = puller.ok_or_else(|| Refusal::UnknownLog { origin: origin.clone() })?;
    let _turn = app.pushes.turn(puller)?;
    let checkpoint = opened(puller, request.checkpoint.clone())?;
    let new = checkpoint.head();
    if request.old > new.size {
        return Err(Refusal::OldAboveNew { old: request.old, new: new.size }.into());
    }
    for _ in 0..MAX_RACES {
        let before = puller.copy.seen().pending_head();
        check(&request, &new, before.as_ref())?;
        if is_known(before, new) || puller.copy.lock_on(checkpoint.clone(), before).await? {
            // SPEC: tlog-mirror, add-checkpoint: the mirror cosigner must not sign here; the answer may be empty.
            return Ok(ok("text/plain; charset=utf-8", "no-store", ""));
        }
    }
    Err(Refusal::Contended.into())
}

fn is_known(before: Option<TreeHead>, new: TreeHead) -> bool {
    before == Some(new)
}

/// The checkpoint, with the log's verified signatures, and the cosignatures by witnesses of the policy if all of those
/// verify.
fn opened(puller: &Puller, note: Note) -> Result<Kept, Refusal> {
    let log = &puller.copy.log;
    let keys = log.policy.log_keys(&log.origin);
    let opened = VerifiedCheckpoint::open(note.clone(), &log.origin, &keys);
    let opened = opened.map_err(|error| match error {
        // SPEC: tlog-witness, add-checkpoint: 403 if no trusted key of the origin signed.
        CheckpointError::Unsigned | CheckpointError::Forged { .. } => Refusal::NotSigned(error),
        CheckpointError::EmptyRoot => Refusal::EmptyRoot,
        other => Refusal::Checkpoint(other),
    })?;
    if let Ok((kept, _)) = verified(log, note.to_string().as_bytes()) {
        return Ok(kept);
    }
    // SPEC: tlog-mirror, add-checkpoint: the log's signature must be retained.
    let own = Note::new(opened.note().text(), opened.log_signatures().to_vec()).ok().and_then(Kept::new);
    own.ok_or(Refusal::NotSigned(CheckpointError::Unsigned))
}
