//! The room of the mirror's configuration, whose own file `mirror/config.rs` is.

#[expect(dead_code, reason = "the mirror does more with it")]
pub mod config;
