//! `treering key`.

use super::JsonPath;
use crate::{
    args::{self, KeyAction, Output},
    keys::{self, KeyFileError, WordsError},
    paths, places,
    report::{Report, Verdict},
};
use serde::Serialize;
use std::{
    fmt::Display,
    fs,
    io::{self, IsTerminal as _, Read, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};
use treering_token::salt::MasterKey;
use zeroize::Zeroizing;

pub(super) fn run(args: &args::Key) -> ExitCode {
    match &args.action {
        KeyAction::New { output_form } => told(output_form, new),
        KeyAction::Show { output_form } => told(output_form, show),
        KeyAction::Import { from, output_form } => {
            told(output_form, |report| import(report, from.as_deref()))
        }
        KeyAction::Export { output, words, yes } => told(&Output { json: false, quiet: false }, |report| {
            export(report, output.as_deref(), *words, *yes)
        }),
    }
}

/// Why it isn't done.
#[derive(Debug, thiserror::Error)]
enum KeyError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error(transparent)]
    NoPlace(#[from] places::NoPlace),
    #[error(
        "there is no master key, {path}: treering key new makes one, and so does the first treering stamp"
    )]
    None { path: String },
    #[error(
        "there is a master key already, {path}, with the fingerprint {fingerprint}: nothing is replaced, since lost bundles \
         could not be made again without it. To work with another key, move it away first"
    )]
    Exists { path: String, fingerprint: String },
    #[error(
        "there is another master key already, {path}, with the fingerprint {fingerprint}; that of the one to import is \
         {other}. Nothing is replaced: move the key that is there away first, and keep it for the bundles made with it"
    )]
    Other { path: String, fingerprint: String, other: String },
    #[error("{path} can't be read: {error}")]
    Read { path: String, error: io::Error },
    #[error("{path}: {error}; nothing was imported")]
    Words { path: String, error: WordsError },
    #[error("{path} is too long to be a key: 24 words or 64 hex digits are wanted")]
    TooLong { path: String },
    #[error("{path} is there already: give another name, nothing is replaced")]
    OutputExists { path: String },
    #[error("{path} can't be written: {error}")]
    Write { path: String, error: io::Error },
    #[error(
        "standard output is a file that others can read (mode {mode:04o}): write the key with -o FILE, which makes one for you \
         alone"
    )]
    Readable { mode: u32 },
    #[error("the key was not shown: to show it on a terminal without being asked, give --yes")]
    NotAsked,
    #[error("the key was not shown")]
    Declined,
}

fn told(output: &Output, act: impl FnOnce(&mut Report) -> Result<(), KeyError>) -> ExitCode {
    let mut report = Report::new(output, "");
    if let Err(error) = act(&mut report) {
        report.problem(Verdict::Unchecked, error);
    }
    report.finish()
}

/// `--json`: one of these.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object {
    Key {
        #[serde(flatten)]
        path: JsonPath,
        fingerprint: String,
        /// Was it made or imported by this call?
        new: bool,
    },
}

fn tell(report: &mut Report, path: &Path, key: &MasterKey, new: bool, what: impl Display) {
    let fingerprint = keys::fingerprint(key);
    let text = format!("{}: {what}, fingerprint {fingerprint}", paths::shown(path));
    report.result(Verdict::Good, &Object::Key { path: JsonPath::of(path), fingerprint, new }, text);
}

fn new(report: &mut Report) -> Result<(), KeyError> {
    let made = keys::create()?;
    let (path, key) = there()?;
    if made.is_none() {
        return Err(KeyError::Exists { path: paths::shown(&path), fingerprint: keys::fingerprint(&key) });
    }
    tell(report, &path, &key, true, "a new master key");
    report.remark("keep a copy of it somewhere safe: treering key export --words is for paper");
    Ok(())
}

fn show(report: &mut Report) -> Result<(), KeyError> {
    let (path, key) = there()?;
    tell(report, &path, &key, false, "the master key");
    Ok(())
}

fn there() -> Result<(PathBuf, MasterKey), KeyError> {
    match keys::find()? {
        (path, Some(key)) => Ok((path, key)),
        (path, None) => Err(KeyError::None { path: paths::shown(&path) }),
    }
}

fn export(report: &mut Report, to: Option<&Path>, words: bool, yes: bool) -> Result<(), KeyError> {
    let (_, key) = there()?;
    let text = if words {
        keys::to_words(&key)
    } else {
        let hex = keys::to_hex(&key);
        Zeroizing::new(std::str::from_utf8(&hex[..]).expect("digits are ASCII").to_owned())
    };
    let fingerprint = keys::fingerprint(&key);
    match to {
        Some(path) => {
            let shown = paths::shown(path);
            match keys::write_secret(path, text.as_bytes()) {
                Ok(true) => report.remark(format_args!(
                    "{shown}: the master key with the fingerprint {fingerprint}. Whoever reads it can tell what you have \
                     stamped"
                )),
                Ok(false) => return Err(KeyError::OutputExists { path: shown }),
                Err(error) => return Err(KeyError::Write { path: shown, error }),
            }
        }
        None => {
            may_be_shown(yes)?;
            let mut out = io::stdout().lock();
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            written.map_err(|error| KeyError::Write { path: "standard output".to_owned(), error })?;
            report.remark(format_args!("this is the master key with the fingerprint {fingerprint}"));
        }
    }
    Ok(())
}

/// A terminal's owner is asked; a file that others can read is refused.
fn may_be_shown(yes: bool) -> Result<(), KeyError> {
    if !io::stdout().is_terminal() {
        return refuse_readable();
    }
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(KeyError::NotAsked);
    }
    let _ = write!(
        io::stderr(),
        "The master key will stand on this terminal, and in its scrollback. Is nobody watching? Type yes: "
    );
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    if answer.trim() == "yes" { Ok(()) } else { Err(KeyError::Declined) }
}

#[cfg(unix)]
fn refuse_readable() -> Result<(), KeyError> {
    use std::os::fd::AsFd as _;
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(fs::File::from);
    let Ok(metadata) = stdout.and_then(|stdout| stdout.metadata()) else { return Ok(()) };
    match places::open_to_others(&metadata).filter(|_| metadata.is_file()) {
        Some(mode) => Err(KeyError::Readable { mode }),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn refuse_readable() -> Result<(), KeyError> {
    Ok(())
}

fn import(report: &mut Report, from: Option<&Path>) -> Result<(), KeyError> {
    let key = read(from)?;
    let new = keys::keep(&key)?;
    let (path, there) = there()?;
    if there.as_bytes() != key.as_bytes() {
        return Err(KeyError::Other {
            path: paths::shown(&path),
            fingerprint: keys::fingerprint(&there),
            other: keys::fingerprint(&key),
        });
    }
    tell(
        report,
        &path,
        &key,
        new,
        if new { "the master key, imported" } else { "the same key is there already" },
    );
    Ok(())
}

/// 24 words with spaces and numbers are shorter than this.
const MAX_INPUT: u64 = 4096;

fn read(from: Option<&Path>) -> Result<MasterKey, KeyError> {
    let shown = from.map_or_else(|| "standard input".to_owned(), paths::shown);
    if from.is_none() && io::stdin().is_terminal() {
        let _ = writeln!(io::stderr(), "Type the 24 words, or the 64 hex digits, and then Ctrl-D:");
    }
    let failed = |error| KeyError::Read { path: shown.clone(), error };
    // Room for all of it at once: a buffer that grows leaves its old self behind, not zeroed.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * 4096));
    let outcome = match from {
        Some(path) => fs::File::open(path).and_then(|file| file.take(MAX_INPUT + 1).read_to_end(&mut bytes)),
        None => io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut bytes),
    };
    outcome.map_err(failed)?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(KeyError::TooLong { path: shown });
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it is no text")))?;
    match keys::from_hex(text.trim().as_bytes()) {
        Some(key) => Ok(key),
        None => keys::from_words(text).map_err(|error| KeyError::Words { path: shown, error }),
    }
}
