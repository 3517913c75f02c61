//! A program that stamps what it writes, in its own flow: `cargo run --example stamp_in_flow -- URL POLICY FILE…`
//!
//! The token of each file is written beside it. `treering verify FILE` checks it, and so can anybody else.
#![forbid(unsafe_code)]

use std::{error::Error, path::PathBuf};
use treering::{Client, stamp::Stamper};
use treering_tlog::policy::Policy;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(policy)) = (args.next(), args.next()) else {
        return Err("usage: stamp_in_flow URL POLICY FILE…".into());
    };
    let files: Vec<PathBuf> = args.map(PathBuf::from).collect();
    let policy = Policy::parse(&std::fs::read(policy)?)?;
    let stamper = Stamper::new(Client::new(&url)?, policy).agent("stamp_in_flow");

    let evidence = stamper.files(files.iter().cloned()).await?;
    for (file, token) in files.iter().zip(evidence.tokens()?) {
        let mut name = file.clone().into_os_string();
        name.push(".tlog-proof");
        std::fs::write(&name, token.to_string())?;
    }
    for attested in evidence.attested() {
        println!("{}", treering_token::describe::attested(attested));
    }
    Ok(())
}
