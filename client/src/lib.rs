//! Stamps files with a Treering log and verifies the evidence: the `treering` command, and a library for programs that stamp
//! in their own flow.
//!
//! | | |
//! |---|---|
//! | [`Client`] | the log's HTTP API, retried and paced; what comes back is parsed, and not believed |
//! | [`stamp`] | digests or files in, verified tokens, receipts or a bundle out; whole trees in, a bundle out |
//! | [`verify`] | a file against its token, offline |
//! | [`rebuild`] | receipts made again from a mirror |
//!
//! Calls that wait are `async` and block no runtime (tokio); what reads files without being `async` says so. There is no global
//! state: every value stands for itself. Formats are `treering_token`'s and `treering_tlog`'s.
//!
//! A hash, its receipt, and what that shows:
//!
//! ```
//! # mod fake { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/support/fake_log.rs")); }
//! # let log = fake::FakeLog::start(fake::Manner { pending: 1, ..fake::Manner::default() });
//! # let (url, policy) = (log.url().to_owned(), log.policy());
//! # let policy = treering_tlog::policy::Policy::parse(policy.as_bytes()).unwrap();
//! # let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
//! # let now = treering_tlog::time::UnixSeconds::new(now).unwrap();
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! use std::time::Duration;
//! use treering::{Answer, Client};
//! use treering_token::{commitment::Commitment, verify::Verifier};
//!
//! let client = Client::new(&url)?;
//! let commitment = [7; 32]; // the SHA-256 of a file, say
//! let (root, mut answer) = client.submit_all(&[commitment], Duration::from_secs(10)).await?;
//! let receipt = loop {
//!     match answer {
//!         Answer::Ready(receipt) => break receipt,
//!         Answer::Pending { retry_after } => tokio::time::sleep(retry_after).await,
//!     }
//!     answer = client.receipt(&root, None).await?;
//! };
//! let attested = Verifier { policy: &policy, now }.receipt(&receipt, &Commitment(root))?;
//! println!("{}", treering_token::describe::attested(&attested));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! [`stamp::Stamper`] does all of that, and makes tokens of it.
//!
//! # How it is made
//! The way of a stamping: [`walk`] → `ordered` ([`hash`]) → `stamp` (claims, submissions, [`bundle_file`]) → [`http`] →
//! receipts, verified by `treering_token::verify` → the bundle, whole, or tokens cut out of it ([`cut`]).
//! The way of a verification: `locate` (which evidence?) → `verify`, or `timestamp` for those of RFC 3161 → `report`.
//!
//! The way of a receipt that is made again, from a mirror: [`rebuild`].
//!
//! Formats and their rules live in `treering_token` and `treering_tlog`; files, the network, clocks and words for people
//! live here.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![expect(rustdoc::private_intra_doc_links, reason = "the overview names rooms that are not public yet")]

pub mod http;
pub mod stamp;
pub mod verify;

mod answers;
mod args;
mod audit;
mod bundle_file;
mod clock;
mod commands;
mod cut;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hash;
mod job;
mod journal;
mod judges;
mod keys;
mod library;
mod lists;
mod locate;
mod ordered;
mod output;
mod page;
mod partial;
mod paths;
mod pins;
mod places;
mod policy_file;
mod progress;
pub mod rebuild;
mod renew;
mod report;
mod rewrite;
mod seen;
mod sent;
mod settings;
mod signer;
mod tag;
mod timestamp;
mod walk;

pub use commands::run;
pub use http::{Answer, Client, ClientError, Credentials, Limits, LogInfo, Proxy, RateLimits};
