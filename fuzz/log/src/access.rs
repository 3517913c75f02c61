//! API keys: as they come in a header, and as the log's file lists them.

pub mod api_key;
pub mod key_list;

pub use key_list::Scope;
