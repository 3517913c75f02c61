//! The Treering log server. See the module list for the way of a submission.
#![forbid(unsafe_code)]
mod batch;
pub mod check;
pub mod clock;
pub mod commands;
pub mod config;
mod cosign;
mod entries;
mod grants;
pub mod http;
mod intake;
pub mod key;
pub mod log;
pub mod metrics;
mod publish;
mod receipts;
pub mod record;
pub mod recover;
mod sequencer;
mod sign;
pub mod signer;
mod space;
mod state;
pub mod store;
pub mod tsa;
mod window;
pub mod witness_client;
pub mod witnesses;
