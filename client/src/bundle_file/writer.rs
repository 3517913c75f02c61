//! Items on their way into a file: a thread of its own compresses and writes, so that whoever hashes never waits for the
//! disk, unless it is [`AHEAD`] pieces behind. It writes when a piece is full, and when none has been for [`PATIENCE`]: so that
//! little is lost if the process is killed, however long the next file takes.

use super::PIECE;
use crate::seen::Entry;
use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};
use treering_token::bundle::Item;

/// Pieces that wait to be written: 2 MB.
const AHEAD: usize = 8;
/// How long a piece may grow before what there is of it is written.
const PATIENCE: Duration = Duration::from_millis(250);
/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// Writes items to a file.
#[derive(Debug)]
pub(crate) struct Writer {
    /// INVARIANT: pieces are sent while this is locked, so that whoever holds the lock and finds no order knows that what is
    /// here comes next.
    growing: Arc<Mutex<Piece>>,
    to: SyncSender<Order>,
    /// `None` once its error was told.
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug, Default)]
struct Piece {
    items: Vec<u8>,
    /// What was seen of the files behind its records.
    seen: Vec<u8>,
}

#[derive(Debug)]
enum Order {
    Write(Piece),
    /// Tells when all before is written.
    Settle(SyncSender<()>),
    Finish,
}

impl Writer {
    pub(crate) fn new(file: File, compress: bool) -> io::Result<Writer> {
        let sink =
            if compress { Sink::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?) } else { Sink::Plain(file) };
        Writer::start(sink, None)
    }

    /// Writes a run, and to `seen` what [`Writer::seen`] is given.
    pub(crate) fn of_run(file: File, seen: File) -> io::Result<Writer> {
        Writer::start(Sink::Plain(file), Some(seen))
    }

    fn start(sink: Sink, seen: Option<File>) -> io::Result<Writer> {
        let (to, orders) = sync_channel(AHEAD);
        let growing = Arc::new(Mutex::new(Piece::default()));
        let thread = Thread { sink, seen, growing: Arc::clone(&growing) };
        let thread = std::thread::Builder::new().spawn(move || thread.follow(&orders))?;
        Ok(Writer { growing, to, thread: Some(thread) })
    }

    /// What was seen of the file behind the record that is written next.
    ///
    /// CRASH: it reaches the file before the record does, so that each record that is found there has its entry.
    pub(crate) fn seen(&mut self, entry: &Entry) {
        lock(&self.growing).seen.extend_from_slice(&entry.encode());
    }

    /// # Errors
    /// This item or an earlier one could not be written.
    pub(crate) fn write(&mut self, item: &Item) -> io::Result<()> {
        let growing = Arc::clone(&self.growing);
        let mut piece = lock(&growing);
        item.encode(&mut piece.items);
        if piece.items.len() < PIECE { Ok(()) } else { self.send(&mut piece) }
    }

    /// When this returns, everything is in the file, where it survives the process; it begins to go to disk, which is not
    /// waited for.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        self.hand_over()?;
        let (tell, told) = sync_channel(1);
        self.order(Order::Settle(tell))?;
        // Whoever ends without telling has an error to tell.
        told.recv().or_else(|_| self.outcome().and(Err(io::ErrorKind::BrokenPipe.into())))
    }

    /// Everything is on disk when this returns.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.hand_over()?;
        self.order(Order::Finish)?;
        self.outcome()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let growing = Arc::clone(&self.growing);
        let mut piece = lock(&growing);
        self.send(&mut piece)
    }

    fn send(&mut self, piece: &mut Piece) -> io::Result<()> {
        let next = Piece { items: Vec::with_capacity(PIECE + PIECE / 8), seen: Vec::new() };
        self.order(Order::Write(std::mem::replace(piece, next)))
    }

    fn order(&mut self, order: Order) -> io::Result<()> {
        match self.to.send(order) {
            Ok(()) => Ok(()),
            // The thread ends early only with an error.
            Err(_) => self.outcome().and(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn outcome(&mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Nothing that can panic runs under the lock but an encoder into memory.
fn lock(piece: &Mutex<Piece>) -> MutexGuard<'_, Piece> {
    piece.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The other side.
struct Thread {
    sink: Sink,
    seen: Option<File>,
    growing: Arc<Mutex<Piece>>,
}

impl Thread {
    /// Without an order to finish, the file is left as it is: nobody wants it.
    fn follow(mut self, orders: &Receiver<Order>) -> io::Result<()> {
        loop {
            let order = match orders.recv_timeout(PATIENCE) {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => self.catch_up(orders)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            match order {
                None => {}
                Some(Order::Write(piece)) => self.write(&piece)?,
                Some(Order::Settle(tell)) => {
                    // Nobody waits any more if the run has failed.
                    let _ = tell.send(());
                    self.sink.settle()?;
                }
                Some(Order::Finish) => return self.sink.finish(),
            }
        }
    }

    /// Writes what there is of the piece that grows; or gives the order that has come meanwhile, which is first.
    fn catch_up(&mut self, orders: &Receiver<Order>) -> io::Result<Option<Order>> {
        // Whoever holds it may be sending, and waiting for us.
        let Ok(mut growing) = self.growing.try_lock() else { return Ok(None) };
        if let Ok(order) = orders.try_recv() {
            return Ok(Some(order));
        }
        let piece = std::mem::take(&mut *growing);
        drop(growing);
        self.write(&piece)?;
        Ok(None)
    }

    fn write(&mut self, piece: &Piece) -> io::Result<()> {
        if let Some(file) = &mut self.seen {
            file.write_all(&piece.seen)?;
        }
        self.sink.write(&piece.items)
    }
}

enum Sink {
    Plain(File),
    Zstd(zstd::Encoder<'static, File>),
}

impl Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Sink::Plain(to) => to.write_all(piece),
            Sink::Zstd(to) => to.write_all(piece),
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        match self {
            Sink::Plain(to) => to.sync_data(),
            // What the encoder still holds is little, and its blocks stay as they would be.
            Sink::Zstd(to) => to.get_ref().sync_data(),
        }
    }

    fn finish(self) -> io::Result<()> {
        let file = match self {
            Sink::Plain(to) => to,
            Sink::Zstd(to) => to.finish()?,
        };
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Key;
    use treering_token::{
        bundle::{Kind, RelativePath},
        digest::Digests,
    };

    fn marks(writer: &mut Writer, count: u64) -> io::Result<()> {
        (0..count).try_for_each(|n| writer.write(&Item::Mark(n)))
    }

    #[test]
    fn every_item_is_in_the_file_in_order_however_many_pieces_it_takes() {
        let count = (AHEAD * PIECE) as u64;
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Writer::new(file.reopen().unwrap(), false).unwrap();
        marks(&mut writer, count).unwrap();
        writer.settle().unwrap();
        writer.write(&Item::Mark(7)).unwrap();
        writer.finish().unwrap();
        let mut want = Vec::new();
        (0..count).chain([7]).for_each(|n| Item::Mark(n).encode(&mut want));
        assert!(want.len() > AHEAD * PIECE);
        assert!(std::fs::read(file.path()).unwrap() == want);
    }

    #[test]
    fn what_grows_slowly_is_written_all_the_same() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Writer::new(file.reopen().unwrap(), false).unwrap();
        writer.write(&Item::Mark(7)).unwrap();
        let begun = std::time::Instant::now();
        while std::fs::read(file.path()).unwrap() != [7] {
            assert!(begun.elapsed().as_secs() < 60, "it never came");
            std::thread::yield_now();
        }
        writer.write(&Item::Mark(8)).unwrap();
        writer.finish().unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), [7, 8]);
    }

    #[test]
    fn an_error_of_the_disk_is_told_at_the_latest_in_the_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let unwritable = || Writer::new(File::open(file.path()).unwrap(), false).unwrap();
        let mut writer = unwritable();
        writer.write(&Item::Mark(7)).unwrap();
        assert_eq!(writer.finish().unwrap_err().raw_os_error(), Some(libc::EBADF));
        let mut writer = unwritable();
        let error = marks(&mut writer, u64::MAX).expect_err("the bound is reached, and the thread has ended");
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        assert!(writer.finish().is_err(), "it stays so");
    }

    #[test]
    fn what_was_settled_is_in_the_files() {
        let (file, seen) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let mut writer = Writer::of_run(file.reopen().unwrap(), seen.reopen().unwrap()).unwrap();
        let path = RelativePath::new(b"a".to_vec()).unwrap();
        let entry = Entry::new(Key::of(Kind::File, &path), &Digests::new([3; 32]), None);
        writer.seen(&entry);
        writer.write(&Item::Mark(7)).unwrap();
        writer.settle().unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), [7]);
        assert_eq!(std::fs::read(seen.path()).unwrap(), entry.encode());
        let mut unwritable = Writer::new(File::open(file.path()).unwrap(), false).unwrap();
        unwritable.write(&Item::Mark(7)).unwrap();
        assert_eq!(unwritable.settle().unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
