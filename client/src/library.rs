//! What other programs call: stamping and verifying as functions. Their public names are in `treering::stamp` and
//! `treering::verify`.

mod error;
mod evidence;
pub(crate) mod stamp;
pub(crate) mod tree;
pub(crate) mod verify;

pub use error::Error;
pub use evidence::Evidence;
