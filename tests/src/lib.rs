//! What the end-to-end tests stand on: the real programs as processes, on loopback, in temporary directories.
//!
//! | module | what it is |
//! |---|---|
//! | [`counts`] | how much of a test is asked for |
//! | [`programs`] | where the built programs are |
//! | [`process`] | one running program: its streams, its end |
//! | [`net`] | a log, its witnesses and a policy, ready to be used |
//! | [`log`], [`witness`], [`client`] | one of the three programs |
//! | [`tsa`] | the log's timestamp authority, asked by openssl |
//! | [`liar`] | a witness inside the test, which can be told to lie |
//! | [`mirror`] | a mirror |
//! | [`connect`] | a proxy that passes bytes on |
//! | [`clock`] | a wall clock that is moved under a running log |
//! | [`crowd`], [`resets`] | clients that are slow, silent, or worse |
//! | [`disk`] | a file system whose power can be cut |
//! | [`group`] | a limit to a process's memory, by the kernel |
//! | [`flood`] | far more requests than a server can take |
//! | [`http`] | requests, and bytes straight to a socket |
//! | [`memory`] | how much memory a program holds, and whether that is flat |
//! | [`journal`] | what an oracle was ever given, synced |
//! | [`preload`] | faults at single system calls |
//! | [`view`] | what a reader of the log has seen, held against what it shows now |
//! | [`metrics`] | what `/metrics` shows |
//! | [`trace`] | a program's system calls in order (strace) |
//! | [`wait`] | bounded waiting for an event |
//!
//! Nothing here sleeps to let something happen: every wait is for the event itself, and is bounded. Each process is
//! ended by its own handle when that is dropped; if the test has failed, its streams are printed then.
#![forbid(unsafe_code)]

pub mod certificates;
pub mod client;
pub mod clock;
pub mod connect;
pub mod counts;
pub mod crowd;
pub mod disk;
pub mod files;
pub mod flood;
pub mod group;
pub mod http;
pub mod journal;
pub mod liar;
pub mod log;
pub mod memory;
pub mod metrics;
pub mod mirror;
pub mod needles;
pub mod net;
pub mod preload;
pub mod process;
pub mod programs;
pub mod random;
pub mod resets;
pub mod trace;
pub mod tsa;
pub mod view;
pub mod wait;
pub mod witness;
