//! The command line as it was typed, so that it can be called again: with what the environment and the configuration file
//! said, since they may say something else next time. The API key itself is not among them.

use crate::{job::Call, settings::Known};
use std::{collections::HashMap, ffi::OsString};

/// What it takes to call this again; the first argument is the program's name.
pub(super) fn call(args: &[OsString], known: &HashMap<&'static str, Known>) -> Call {
    let mut args = args.get(1..).unwrap_or_default().to_vec();
    // Behind the subcommand's name: a path that begins with a dash may stand behind `--`.
    let at = args.iter().position(|arg| arg == "stamp").map_or(args.len(), |at| at + 1);
    args.splice(at..at, standing(known));
    Call { args, dir: std::env::current_dir().unwrap_or_default() }
}

/// Standing wishes, as options.
fn standing(known: &HashMap<&'static str, Known>) -> Vec<OsString> {
    let mut out = Vec::new();
    for (key, known) in known.iter().filter(|(_, known)| known.source.is_standing()) {
        for value in &known.values {
            let mut text = OsString::from(format!("--{}=", key.replace('_', "-")));
            text.push(value);
            out.push(text);
        }
    }
    out.sort_unstable();
    out
}
