//! The `treering` command from outside: real files, a log that fits in a test, exit codes and words.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod agents;
mod all_logs;
mod audit;
mod claims;
mod config;
mod inputs;
mod inputs_of_verify;
mod json;
mod key;
mod library;
mod manual;
mod network;
mod page;
mod rebuild;
mod refusals;
mod renew;
mod resume;
mod resume_inputs;
mod show;
mod sign;
mod since;
mod split;
mod stamp;
mod support;
mod timestamp;
mod token;
mod trust;
mod tsa;
mod unknown_digests;
mod verify;
