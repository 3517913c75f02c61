//! A C2SP tlog-witness: cross-signs the checkpoints of logs that it does not run, after checking that each log only
//! grew.
//!
//! | module | what it is |
//! |---|---|
//! | [`serve`] | the HTTP server: `add-checkpoint`, `sign-subtree`, the monitoring endpoint, metrics and health |
//! | [`bastion`] | the connection to an https-bastion, for a witness that nobody can connect to |
//! | [`cosigner`] | decides whether a checkpoint is cosigned, or a subtree signed |
//! | [`store`] | the record of what was cosigned, which never goes back |
//! | [`restored`] | finds out at the start whether the store is an old one |
//! | [`logs`] | which logs are cosigned, read from files |
//! | [`key`] | the witness's keys |
//! | [`clock`] | timestamps that never go back |
//! | [`config`] | `witness.toml` |
//! | [`core_dumps`] | none of them, since memory holds keys |
//! | [`control`] | commands to a running witness |
//! | [`metrics`] | what operators watch |
//! | [`monitor`] | follows logs, and keeps evidence of what is wrong with them |
//! | [`mirror`] | keeps and serves verified copies of logs |
//! | [`read`] | reads logs that others run, and believes nothing |
//! | `admin` | metrics and health: the calls, and a listener for what has no other |
//! | `name` | makes the names of files durable |
//! | `problem` | how a refusal is answered |
//! | `seldom` | lines of the operator's log that strangers can bring about |
//! | [`evidence`] | what a monitor found, for a third party to check |
//! | [`commands`] | the program's subcommands |
#![forbid(unsafe_code)]

mod admin;
pub mod bastion;
pub mod clock;
pub mod commands;
pub mod config;
pub mod control;
pub mod core_dumps;
pub mod cosigner;
pub mod evidence;
pub mod key;
pub mod logs;
pub mod metrics;
pub mod mirror;
pub mod monitor;
mod name;
mod problem;
pub mod read;
pub mod restored;
mod seldom;
pub mod serve;
pub mod store;
