//! Notes, keys and private texts: each refusal, and what is read is printed again.

mod edge_cases;
mod keys;
mod notes;
