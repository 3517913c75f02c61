//! End to end: the real programs, real disks, real kills. What each file shows stands at its beginning.

mod check;
mod curl;
mod damage;
mod durable;
mod graceful;
mod idempotent;
mod kill;
mod load;
mod openapi;
mod oracle;
mod power;
mod problems;
mod reader;
mod rollback;
mod soak;
mod space;
mod stamp;
mod startup;
mod tiles;
mod tsa;
mod window;
mod witnesses;
mod words;
