//! Commands to a running witness, over a Unix socket in its directory that only its owner can open.
//!
//! One command a connection: a line, `reload`. The answer is one line that begins with `ok ` or `refused `, and the
//! end of the stream.
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

use crate::serve::Reloader;

/// A command, its newline included.
const MAX_COMMAND: usize = 64;
/// An answer, its newline included: the longest refusal names a path and shows a line of a file.
const MAX_ANSWER: u64 = 16 * 1024;
/// For the whole exchange.
const DEADLINE: Duration = Duration::from_secs(10);
/// The system's limit for the path of a Unix socket.
const MAX_PATH: usize = 107;

/// What a running witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did it.
    Ok(String),
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
    let mut stream = match BlockingStream::connect(socket) {
        // A socket file without a listener is left over from a witness that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(Answer::NotRunning);
        }
        stream => stream?,
    };
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(b"reload\n")?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_ANSWER)).read_line(&mut line)?;
    let line = line.trim_end_matches('\n');
    if let Some(done) = line.strip_prefix("ok ") {
        Ok(Answer::Ok(done.to_owned()))
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
    let line = match command.as_slice() {
        b"reload\n" => match tokio::task::spawn_blocking(move || reloader.reload()).await {
            Ok(Ok(logs)) => format!("ok {logs} logs in force"),
            Ok(Err(error)) => format!("refused {error}"),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        },
        _ => "refused the commands are: reload".to_owned(),
    };
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    stream.write_all(line.as_bytes()).await?;
    stream.write_all(b"\n").await
}
