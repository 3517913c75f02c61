//! Why a part of the pipeline does not go on; told when that begins and when it ends.

use super::Core;
use std::sync::PoisonError;

/// Reasons why a part of the pipeline does not go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) intake: Option<String>,
    pub(crate) sealing: Option<String>,
    pub(crate) signing: Option<String>,
}

impl Core {
    pub(crate) fn held(&self) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says why signing is held; loudly, once a reason. Why it is over is never taken back.
    pub(crate) fn hold_signing(&self, reason: Option<String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.signing_is_over() {
            turn_signing(&mut held, reason);
        }
    }

    /// Nothing is taken, sealed or signed after this, and this process doesn't take it back.
    pub(crate) fn end_signing(&self, reason: String) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // In this order: whoever sees the reason is refused already.
        self.signing_over.send_replace(true);
        turn_signing(&mut held, Some(reason));
    }

    /// Says why nothing is taken; loudly when that begins and when it ends.
    pub(crate) fn hold_intake(&self, reason: Option<String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        turn(&mut held.intake, reason, ("no submissions are taken", "submissions are taken again"));
    }

    /// Says why sealing is held; loudly when that begins.
    pub(crate) fn hold_sealing(&self, reason: String) {
        self.turn_sealing(Some(reason));
    }

    /// Sealing goes on.
    pub(crate) fn seal_again(&self) {
        self.turn_sealing(None);
    }

    /// Says what sealing waits for after a start, which is nothing to be alarmed about: mostly witnesses answer soon.
    pub(crate) fn wait_to_seal(&self, reason: String) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.sealing.is_none() {
            tracing::info!(%reason, "sealing waits");
        }
        held.sealing = Some(reason);
    }

    fn turn_sealing(&self, reason: Option<String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        turn(&mut held.sealing, reason, ("sealing has stopped", "sealing goes on"));
    }
}

fn turn_signing(held: &mut Held, reason: Option<String>) {
    if let Some(reason) = &reason
        && held.signing.as_ref() != Some(reason)
    {
        tracing::error!(%reason, "signing is held; see docs/operating.md for the ways out");
    }
    held.signing = reason;
}

/// Changes why something is held; what is told when that begins, and when it ends.
fn turn(held: &mut Option<String>, reason: Option<String>, (begins, ends): (&str, &str)) {
    match (&held, &reason) {
        (None, Some(reason)) => tracing::error!(%reason, "{begins}"),
        (Some(_), None) => tracing::info!("{ends}"),
        _ => {}
    }
    *held = reason;
}
