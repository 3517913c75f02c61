//! The log server's own files, by links in this folder: those that read what comes from somebody else, or from a disk. As a
//! crate it would bring RocksDB with it, which takes a quarter of an hour to compile.
//!
//! Each module stands where the server has it; what its links need beside them, and is no parser, is here in short.

pub mod access;
#[expect(dead_code, reason = "the server edits and judges configurations as well")]
pub mod config;
pub mod http;
pub mod record;
mod witnesses;
