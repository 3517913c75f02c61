//! `key`: the API keys of those who may submit, and the change of the log's own key.

mod api;
mod signing;

use clap::Subcommand;

use super::{Outcome, Place};

/// Keys of a log.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make an API key and print it, once: the log keeps a hash of it
    ///
    /// The key is all that goes to standard output. A running log takes it within seconds.
    Add(api::Add),
    /// List the API keys: name, ID, what each is for, when it was made and when it ends
    List(api::List),
    /// Take an API key away: a running log refuses it within seconds
    Revoke(api::Revoke),
    /// Make a second signing key, which signs beside the first from the next start on
    Rotate(Place),
    /// End the overlap: from the next start on only the second key signs
    ///
    /// Exit code 0 if it is done, 1 if witnesses don't know the second key yet, 2 if it was not tried.
    Retire(Place),
}

impl Key {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Key::Add(add) => add.run(),
            Key::List(list) => list.run(),
            Key::Revoke(revoke) => revoke.run(),
            Key::Rotate(place) => signing::rotate(&place),
            Key::Retire(place) => signing::retire(&place),
        }
    }
}
