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

    /// Says why signing is held; loudly, once a reason.
    pub(crate) fn hold_signing(&self, reason: Option<String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &reason
            && held.signing.as_ref() != Some(reason)
        {
            tracing::error!(%reason, "signing is held; see docs/operating.md for the ways out");
        }
        held.signing = reason;
    }

    /// Says why nothing is taken; loudly when that begins and when it ends.
    pub(crate) fn hold_intake(&self, reason: Option<String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        turn(&mut held.intake, reason, ("no submissions are taken", "submissions are taken again"));
    }

    /// Says why sealing is held; loudly when it begins and when it ends.
    pub(crate) fn hold_sealing(&self, reason: Option<String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        turn(&mut held.sealing, reason, ("sealing has stopped", "sealing goes on"));
    }
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
