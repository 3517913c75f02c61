//! Commands to a running log, over a Unix socket beside its store (`<store>.control`) that only its owner can open.
//!
//! One command a connection, one line: `backup <absolute path>`. The answer is one line that begins with `ok ` or
//! `refused `, and the end of the stream.
//!
//! What this does not do: it has no commands that read or change a key or a record.

use crate::{beside, log::Log};
use std::{
    fs::{self, DirBuilder},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::{DirBuilderExt as _, PermissionsExt as _},
        net::UnixStream as BlockingStream,
    },
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    time::timeout,
};

/// A command, its newline included: a path has at most 4,095 bytes.
const MAX_COMMAND: usize = 8 * 1024;
/// An answer, its newline included.
const MAX_ANSWER: u64 = 16 * 1024;
/// For a command to arrive, and for an answer to leave.
const DEADLINE: Duration = Duration::from_secs(10);
/// For doing it: a backup onto another file system is a copy.
const WORK: Duration = Duration::from_secs(6 * 60 * 60);
/// The system's limit for the path of a Unix socket.
const MAX_PATH: usize = 107;

/// What a log can be told while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Copy the store to a directory that does not exist yet.
    Backup(PathBuf),
}

/// What a running log answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did it.
    Ok(String),
    /// It didn't, and why.
    Refused(String),
    /// No log runs on this store.
    NotRunning,
}

impl Command {
    /// Its line, without the newline.
    fn line(&self) -> String {
        match self {
            Command::Backup(path) => format!("backup {}", path.display()),
        }
    }

    fn parse(line: &str) -> Option<Command> {
        let path = Path::new(line.strip_prefix("backup ")?);
        path.is_absolute().then(|| Command::Backup(path.to_owned()))
    }
}

/// The socket that belongs to a store.
pub fn beside(store: &Path) -> PathBuf {
    beside::path(store, ".control")
}

/// Tells the log that runs on this socket's store, if one does.
///
/// # Errors
/// The socket is there and can't be used, or what came back is not an answer.
pub fn tell(socket: &Path, command: &Command) -> io::Result<Answer> {
    let line = command.line();
    if line.contains('\n') || line.contains('\u{fffd}') || line.len() >= MAX_COMMAND {
        let what = "the path must be UTF-8 text of at most 4,095 bytes without a line break";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let mut stream = match BlockingStream::connect(socket) {
        // A socket file without a listener is left over from a log that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(Answer::NotRunning);
        }
        stream => stream?,
    };
    stream.set_read_timeout(Some(WORK))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_ANSWER)).read_line(&mut answer)?;
    let answer = answer.trim_end_matches('\n');
    if let Some(done) = answer.strip_prefix("ok ") {
        Ok(Answer::Ok(done.to_owned()))
    } else if let Some(why) = answer.strip_prefix("refused ") {
        Ok(Answer::Refused(why.to_owned()))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the log ended before it answered"))
    }
}

/// A socket that waits for commands; its file goes when this does.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

/// Makes the socket. Only for the process that has the store: a file that is in the way is left over from one that was
/// killed.
///
/// # Errors
/// It can't be made; the commonest reason is named.
pub fn listen(path: &Path) -> io::Result<Control> {
    // Made in a directory of its owner alone, and moved: there is no moment in which others could connect.
    let private = path.with_extension("control.new");
    let made = remove_left_over(&private)
        .and_then(|()| DirBuilder::new().mode(0o700).create(&private))
        .and_then(|()| {
            let inside = private.join("s");
            let listener = UnixListener::bind(&inside)?;
            fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
            fs::rename(&inside, path)?;
            fs::remove_dir(&private)?;
            Ok(Control { listener, path: path.to_owned() })
        });
    made.map_err(|error| {
        let hint = if private.as_os_str().len() + 2 > MAX_PATH {
            " (the path of a Unix socket has at most 107 bytes: use a directory with a shorter path)"
        } else {
            ""
        };
        io::Error::new(error.kind(), format!("{}: {error}{hint}", path.display()))
    })
}

fn remove_left_over(private: &Path) -> io::Result<()> {
    match fs::remove_dir_all(private) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

impl Control {
    /// Answers commands until it is dropped.
    pub async fn run(self, log: Log) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(answer(stream, log.clone()));
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

async fn answer(mut stream: UnixStream, log: Log) {
    let Ok(Ok(line)) = timeout(DEADLINE, command(&mut stream)).await else {
        tracing::debug!("a control connection ended early");
        return;
    };
    let line = match std::str::from_utf8(&line).ok().and_then(|line| Command::parse(line.strip_suffix('\n')?))
    {
        Some(command) => match execute(&log, command.clone()).await {
            Ok(done) => {
                tracing::info!(?command, done, "told over the control socket");
                format!("ok {done}")
            }
            Err(why) => {
                tracing::warn!(?command, why, "refused over the control socket");
                format!("refused {why}")
            }
        },
        None => "refused the commands are: backup <absolute path>".to_owned(),
    };
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = timeout(DEADLINE, stream.write_all(format!("{line}\n").as_bytes())).await;
}

async fn command(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut command = Vec::with_capacity(256);
    while command.len() < MAX_COMMAND && !command.ends_with(b"\n") {
        if stream.read_buf(&mut command).await? == 0 {
            break;
        }
    }
    Ok(command)
}

async fn execute(log: &Log, command: Command) -> Result<String, String> {
    match command {
        Command::Backup(path) => {
            log.backup(path.clone()).await.map_err(|error| error.to_string())?;
            Ok(format!("the store is copied to {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line_with_an_absolute_path() {
        let command = Command::Backup("/a folder/b".into());
        assert_eq!(Command::parse(&command.line()), Some(command));
        for bad in ["", "backup", "backup ", "backup relative/path", "Backup /a", "reload"] {
            assert_eq!(Command::parse(bad), None, "{bad:?}");
        }
        let refused = tell(Path::new("/nowhere"), &Command::Backup("/a\nb".into())).unwrap_err().to_string();
        assert!(refused.contains("without a line break"), "{refused}");
    }

    #[tokio::test]
    async fn the_socket_is_its_owners_and_takes_the_place_of_one_left_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = beside(&dir.path().join("store"));
        assert_eq!(path, dir.path().join("store.control"));
        let command = Command::Backup("/a".into());
        assert_eq!(tell(&path, &command).unwrap(), Answer::NotRunning);
        // As a kill leaves it.
        std::mem::forget(listen(&path).unwrap());
        let control = listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!dir.path().join("store.control.new").exists());
        drop(control);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(120));
        let refused = listen(&beside(&long)).unwrap_err().to_string();
        assert!(refused.contains("at most 107 bytes"), "{refused}");
    }
}
