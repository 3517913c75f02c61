use super::*;
use std::{collections::VecDeque, time::Duration};

/// Hands out prepared pieces, whatever the size of the buffer, and has an end after them.
struct Pieces(VecDeque<io::Result<Vec<u8>>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.0.pop_front().unwrap_or(Ok(Vec::new()))?;
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

fn pieces(pieces: &[&[u8]]) -> Pieces {
    Pieces(pieces.iter().map(|piece| Ok(piece.to_vec())).collect())
}

fn sha256(digests: &Digests) -> String {
    hex::encode(digests.sha256())
}

const ABCDEF: &str = "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721";

#[test]
fn however_the_bytes_come_the_digest_is_the_same() {
    for read in [pieces(&[b"abcdef"]), pieces(&[b"abc", b"def"]), pieces(&[b"a", b"bcde", b"f"])] {
        let mut read = read;
        assert_eq!(sha256(&digest(&mut read, 6, &[], &mut [0; 8]).unwrap()), ABCDEF);
    }
    let mut interrupted = pieces(&[b"abc", b"def"]);
    interrupted.0.insert(1, Err(io::ErrorKind::Interrupted.into()));
    assert_eq!(sha256(&digest(&mut interrupted, 6, &[], &mut [0; 8]).unwrap()), ABCDEF);
}

#[test]
fn more_or_fewer_bytes_than_the_size_are_a_change() {
    let changed =
        |size, read: &mut Pieces| matches!(digest(read, size, &[], &mut [0; 8]), Err(HashError::Changed));
    assert!(changed(7, &mut pieces(&[b"abcdef"])), "it has shrunk");
    assert!(changed(1, &mut pieces(&[])), "it was emptied");
    assert!(changed(5, &mut pieces(&[b"abcdef"])), "it has grown");
    assert!(changed(0, &mut pieces(&[b"a"])), "something was written into an empty file");
    assert!(changed(8, &mut pieces(&[b"abcdefgh", b"i"])), "it has grown behind a full buffer");
    let mut endless = io::repeat(0);
    assert!(matches!(digest(&mut endless, 100, &[], &mut [0; 8]), Err(HashError::Changed)));
}

#[test]
fn an_error_of_the_disk_is_told() {
    let mut broken = pieces(&[b"abc"]);
    broken.0.push_back(Err(io::Error::other("the disk")));
    assert!(matches!(digest(&mut broken, 6, &[], &mut [0; 8]), Err(HashError::Io(_))));
}

#[test]
fn files_of_every_size_about_the_buffers_are_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut buffer = vec![0; 64];
    for size in [0, 1, 63, 64, 65, 127, 128, 129, 1000] {
        let content: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        fs::write(&path, &content).unwrap();
        let (read, digests) = file(&path, &[], &mut buffer).unwrap();
        assert_eq!(read, size);
        assert_eq!(digests.sha256(), treering_tlog::hash::sha256(&content).as_bytes(), "{size}");
    }
}

#[test]
fn each_sign_of_change_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "abcdef").unwrap();
    let write = || fs::OpenOptions::new().write(true).open(&path).unwrap();
    let opened = || Open::at(&path).unwrap();

    let open = opened();
    assert!(open.is_unchanged().is_ok());

    let time = write().metadata().unwrap().modified().unwrap();
    write().set_modified(time + Duration::from_nanos(1000)).unwrap();
    assert!(matches!(open.is_unchanged(), Err(HashError::Changed)), "its time");

    let open = opened();
    let time = write().metadata().unwrap().modified().unwrap();
    write().set_len(7).unwrap();
    write().set_modified(time).unwrap();
    assert!(matches!(open.is_unchanged(), Err(HashError::Changed)), "its size alone");
}

#[cfg(unix)]
#[test]
fn what_has_become_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("file");
    fs::write(&target, "x").unwrap();
    let link_path = dir.path().join("link");
    std::os::unix::fs::symlink("file", &link_path).unwrap();
    assert!(matches!(file(&link_path, &[], &mut buffer()), Err(HashError::NotAFile)));
    assert!(matches!(file(dir.path(), &[], &mut buffer()), Err(HashError::NotAFile)));
    assert!(matches!(link(&target, &[]), Err(HashError::NotALink)));
    assert!(matches!(file(&dir.path().join("gone"), &[], &mut buffer()), Err(HashError::Missing)));
    assert_eq!(link(&link_path, &[]).unwrap().0, 4);
}

#[cfg(unix)]
#[test]
fn nothing_is_waited_for_or_read_that_is_no_file() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody writes to the pipe: to open it for reading would wait for ever.
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(matches!(file(&pipe, &[], &mut buffer()), Err(HashError::NotAFile)));
    let socket = dir.path().join("socket");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(matches!(file(&socket, &[], &mut buffer()), Err(HashError::NotAFile)));
    assert!(matches!(file(Path::new("/dev/zero"), &[], &mut buffer()), Err(HashError::NotAFile)));
}
