//! `treering man`.

use super::completions::printed;
use crate::{args, paths, settings};
use std::{fs, process::ExitCode};

pub(super) fn run(args: &args::Man) -> ExitCode {
    let command = settings::command();
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut page);
        rendered.expect("memory takes every byte");
        return printed(&page);
    };
    match fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("treering: the manual pages can't be written to {}: {error}", paths::shown(dir));
            ExitCode::from(2)
        }
    }
}
