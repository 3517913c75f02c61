//! From what was typed to what is wanted.

use crate::{
    args,
    job::Call,
    lists::{Holds, List},
    signer::Signer,
    stamp::{Claims, StampError, Wish},
    walk::{Ignored, Rules},
};
use std::{sync::Arc, time::Duration};

/// # Errors
/// A rule, table or key that can't be used.
pub(super) fn wish(args: &args::Stamp, call: Call) -> Result<Wish, StampError> {
    let claims = match &args.claims.claims {
        Some(file) => {
            let here = std::env::current_dir().map_err(StampError::Here)?;
            Some(Arc::new(Claims::read(file, args.claims.claims_strict, &here)?))
        }
        None => None,
    };
    let signer = args.claims.sign.as_deref().map(Signer::open).transpose()?;
    Ok(Wish {
        holder: args.holder.clone(),
        agent: args.agent.clone(),
        title: args.title.clone(),
        claims,
        signer: signer.map(Arc::new),
        plain: args.plain,
        after: !args.no_after,
        digests: args.digest.clone(),
        rules: rules(&args.inputs)?,
        zstd: args.zstd,
        force: args.force,
        wait: Duration::from_secs(args.wait),
        checksum: args.checksum,
        is_watched: false,
        restart: args.restart,
        goes_on: false,
        call,
    })
}

/// # Errors
/// Standard input is to be two of them.
pub(super) fn lists(args: &args::Inputs) -> Result<Vec<List>, StampError> {
    let list = |holds| {
        move |file: &std::path::PathBuf| List { file: file.clone(), holds, nul: args.null, copy: None }
    };
    let names = args.files_from.iter().map(list(Holds::Names));
    let lists: Vec<_> = names.chain(args.digests.iter().map(list(Holds::Digests))).collect();
    match lists.iter().filter(|list| list.is_stdin()).count() {
        0 | 1 => Ok(lists),
        _ => Err(StampError::StdinTwice),
    }
}

fn rules(args: &args::Inputs) -> Result<Rules, StampError> {
    if args.one_file_system && !cfg!(unix) {
        return Err(StampError::NoFileSystems);
    }
    Ok(Rules {
        follow: args.follow,
        one_file_system: args.one_file_system,
        ignored: Ignored::of(&args.ignore_file, &args.exclude)?.map(Arc::new),
        ..Rules::default()
    })
}
