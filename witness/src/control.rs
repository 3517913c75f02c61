//! Commands to a running witness, over a Unix socket in its directory that only its owner can open.
//!
//! One command a connection, a line:
//! - `reload` re-reads the files of logs. `add-log` and `remove-log` change those files and then send this, so that what a
//!   witness signs for is always what its files say.
//! - `list` gives the logs, one JSON object a line ([`crate::logs::Row`]).
//!
//! The answer is one line that begins with `ok ` or `refused `, then the lines of `list`, and the end of the stream.
//!
//! What this does not do: it has no commands that read or change a key or a record.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream as BlockingStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{logs::Row, serve::Reloader};

/// A command, its newline included.
const MAX_COMMAND: usize = 64;
/// A whole answer: 16,000 logs at 1 KiB each, a vkey being 100 bytes and an origin and a contact 255.
const MAX_ANSWER: u64 = 16 << 20;
/// For the whole exchange.
const DEADLINE: Duration = Duration::from_secs(10);
/// The system's limit for the path of a Unix socket.
const MAX_PATH: usize = 107;

/// What a running witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did it: what it says, and the lines after it.
    Ok(String, Vec<String>),
    /// It didn't, and why.
    Refused(String),
    /// No witness runs on this directory.
    NotRunning,
}

/// Has the witness that runs on this directory, if one does, re-read its files of logs.
///
/// # Errors
/// The socket is there and can't be used, or what came back is not an answer.
pub fn reload(socket: &Path) -> io::Result<Answer> {
    ask(socket, "reload")
}

/// Asks the witness that runs on this directory, if one does, for its logs: one JSON object a line.
///
/// # Errors
/// As [`reload`].
pub fn list(socket: &Path) -> io::Result<Answer> {
    ask(socket, "list")
}

fn ask(socket: &Path, command: &str) -> io::Result<Answer> {
    let mut stream = match BlockingStream::connect(socket) {
        // A socket file without a listener is left over from a witness that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(Answer::NotRunning);
        }
        stream => stream?,
    };
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(format!("{command}\n").as_bytes())?;
    let mut lines = BufReader::new(stream.take(MAX_ANSWER)).lines();
    let line = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    if let Some(done) = line.strip_prefix("ok ") {
        Ok(Answer::Ok(done.to_owned(), lines.collect::<io::Result<_>>()?))
    } else if let Some(why) = line.strip_prefix("refused ") {
        Ok(Answer::Refused(why.to_owned()))
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// A socket that waits for commands; its file goes when this does.
#[derive(Debug)]
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

/// Makes the socket. Only for the process that has the store: a file that is in the way is left over from one that
/// was killed.
pub(crate) fn listen(path: &Path) -> io::Result<Control> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The directory is its owner's alone (0700), so there is no moment in which others could connect.
    let control = Control { listener: UnixListener::bind(path)?, path: path.to_owned() };
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(control)
}

/// What may be wrong with the path.
pub(crate) fn hint(path: &Path) -> &'static str {
    if path.as_os_str().len() > MAX_PATH {
        " (the path of a Unix socket has at most 107 bytes: use a directory with a shorter path)"
    } else {
        ""
    }
}

impl Control {
    pub(crate) async fn run(self, reloader: Arc<Reloader>, stop: CancellationToken, tasks: TaskTracker) {
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, _)) => {
                    let reloader = Arc::clone(&reloader);
                    tasks.spawn(async move {
                        if !matches!(timeout(DEADLINE, answer(stream, reloader)).await, Ok(Ok(()))) {
                            tracing::debug!("a control connection ended early");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "can't accept a control connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, reloader: Arc<Reloader>) -> io::Result<()> {
    let mut command = Vec::with_capacity(MAX_COMMAND);
    while command.len() < MAX_COMMAND && !command.ends_with(b"\n") {
        if stream.read_buf(&mut command).await? == 0 {
            break;
        }
    }
    let mut lines = match command.as_slice() {
        b"reload\n" => match tokio::task::spawn_blocking(move || reloader.reload()).await {
            Ok(Ok(logs)) => vec![format!("ok {logs} logs in force")],
            Ok(Err(error)) => vec![format!("refused {error}")],
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        },
        b"list\n" => {
            let rows = reloader.cosigner().rows();
            let mut lines = vec![format!("ok {} logs", rows.len())];
            lines.extend(rows.iter().map(Row::to_json));
            lines
        }
        _ => vec!["refused the commands are: reload, list".to_owned()],
    };
    for line in &mut lines {
        *line = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        line.push('\n');
    }
    stream.write_all(lines.concat().as_bytes()).await
}
