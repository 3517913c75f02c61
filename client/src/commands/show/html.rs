//! `treering show --html`.

use crate::{
    args,
    commands::JsonPath,
    hash,
    judges::Judges,
    output,
    output::OutputError,
    page::{self, Evidence, Link},
    paths, pins,
    policy_file::PolicyFileError,
    report::{Report, Verdict},
    verify::{self, Fault, TokensError},
};
use serde_json::json;
use std::path::{Path, PathBuf};
use treering_token::{digest::Digests, token::Token};

pub(super) fn run(report: &mut Report, args: &args::Show, page: &Path) {
    match write(args, page) {
        Ok(()) => {
            let object = json!({ "type": "page", "page": JsonPath::of(page) });
            report.result(Verdict::Good, &object, paths::shown(page));
        }
        Err(error) => {
            let verdict = if error.is_invalid() { Verdict::Invalid } else { Verdict::Unchecked };
            report.problem(verdict, error);
        }
    }
}

/// Why there is no page. One that explains false evidence is never made.
#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error("a page explains the evidence for one file: give one, or its token")]
    OneFile,
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error("no page: {path}: {fault}")]
    Fault { path: String, fault: Fault },
    #[error(
        "no page: {path} is not here, and its token is plain, so only the file itself tells what it is of"
    )]
    PlainAlone { path: String },
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl PageError {
    fn is_invalid(&self) -> bool {
        match self {
            PageError::Fault { fault, .. } => fault.is_invalid(),
            PageError::Tokens(error) => error.is_invalid(),
            _ => false,
        }
    }
}

fn write(args: &args::Show, page: &Path) -> Result<(), PageError> {
    let [given] = args.files.as_slice() else { return Err(PageError::OneFile) };
    output::refuse_existing(page, args.force)?;
    let policy = args.policy.clone().or_else(|| std::env::var_os("TREERING_POLICY").map(PathBuf::from));
    let judges = Judges::new(policy.as_ref(), std::env::var("TREERING_LOG").ok().as_deref())?;
    let (file, tokens) = verify::tokens_of(given, args.evidence.as_deref())?;
    let oldest = tokens.last().and_then(|bytes| Token::parse(bytes).ok());
    let (size, digests) = at_hand(&file, oldest.as_ref())?;
    let chain: Vec<_> = tokens.iter().map(Vec::as_slice).collect();
    let fault = |fault: Fault| PageError::Fault { path: paths::shown(&file), fault };
    let judged = judges.chain(&chain, &digests).map_err(|error| fault(error.into()))?;
    let links = judged.into_iter().zip(&tokens).filter_map(|(by, bytes)| {
        let token = Token::parse(bytes).ok()?;
        Some(Link { bytes: bytes.clone(), token, verified: by.shown, judge: by.judge })
    });
    let name = file.file_name().map(paths::name_bytes).unwrap_or_default();
    let evidence = Evidence {
        file: String::from_utf8_lossy(name).into_owned(),
        size,
        tokens: links.collect(),
        judges: &judges,
        made_at: pins::now().to_string(),
    };
    output::write(page, page::page(&evidence).as_bytes(), args.force)?;
    Ok(())
}

/// The file's size and digests; those of the claim, where the file isn't here.
fn at_hand(file: &Path, oldest: Option<&Token>) -> Result<(Option<u64>, Digests), PageError> {
    let ids = oldest.map(Token::digest_ids).unwrap_or_default();
    match hash::file(file, &ids, &mut hash::buffer()) {
        Ok((size, digests)) => Ok((Some(size), digests)),
        Err(hash::HashError::Missing) => match oldest.and_then(verify::lone) {
            Some(digests) => Ok((None, digests)),
            None => Err(PageError::PlainAlone { path: paths::shown(file) }),
        },
        Err(error) => Err(PageError::Fault { path: paths::shown(file), fault: error.into() }),
    }
}
