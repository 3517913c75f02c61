//! Notes, keys and private texts: each refusal, and what is read is printed again.

mod keys;
mod notes;
