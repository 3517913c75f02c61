//! Stamps files with a Treering log and verifies the evidence: the `treering` command, and the log's HTTP client as a
//! library for programs that stamp in their own flow.
//!
//! ```no_run
//! # async fn stamp() -> Result<(), treering::ClientError> {
//! use std::time::Duration;
//! let client = treering::Client::new("https://log.example/")?;
//! let commitment = [0u8; 32]; // the SHA-256 of a file, say
//! let (root, answer) = client.submit_all(&[commitment], Duration::from_secs(10)).await?;
//! if let treering::Answer::Pending { retry_after } = answer {
//!     tokio::time::sleep(retry_after).await;
//!     let _receipt = client.receipt(&root, None).await?; // verify it under a policy before you rely on it
//! }
//! # Ok(()) }
//! ```
//!
//! The way of a stamping: [`walk`] → `ordered` ([`hash`]) → `stamp` (claims, submissions, [`bundle_file`]) → [`http`] →
//! receipts, verified by `treering_token::verify` → the bundle, whole, or tokens cut out of it ([`cut`]).
//! The way of a verification: `locate` (which evidence?) → `verify`, or `timestamp` for those of RFC 3161 → `report`.
//!
//! The way of a receipt that is made again, from a mirror: [`rebuild`].
//!
//! Formats and their rules live in `treering_token` and `treering_tlog`; files, the network, clocks and words for people
//! live here.
#![forbid(unsafe_code)]
#![expect(rustdoc::private_intra_doc_links, reason = "the overview names rooms that are not public yet")]

pub mod http;

#[expect(rustdoc::invalid_html_tags, reason = "its docs are the help texts, which say <file>")]
mod args;
mod bundle_file;
mod clock;
mod commands;
mod cut;
mod hash;
mod journal;
mod keys;
mod lists;
mod locate;
mod ordered;
mod output;
mod paths;
mod places;
mod policy_file;
mod progress;
pub mod rebuild;
mod renew;
mod report;
mod rewrite;
mod sent;
mod settings;
mod signer;
mod stamp;
mod timestamp;
mod verify;
mod walk;

pub use commands::run;
pub use http::{Answer, Client, ClientError, Credentials, Limits, LogInfo, Proxy, RateLimits};
