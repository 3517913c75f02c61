//! Items on their way into a file: a thread of its own compresses and writes, so that whoever hashes never waits for the
//! disk, unless it is [`AHEAD`] pieces behind.

use super::PIECE;
use std::{
    fs::File,
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
};
use treering_token::bundle::Item;

/// Pieces that wait to be written: 2 MB.
const AHEAD: usize = 8;
/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// Writes items to a file.
#[derive(Debug)]
pub(crate) struct Writer {
    piece: Vec<u8>,
    to: SyncSender<Order>,
    /// `None` once its error was told.
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug)]
enum Order {
    Write(Vec<u8>),
    Settle,
    Finish,
}

impl Writer {
    pub(crate) fn new(file: File, compress: bool) -> io::Result<Writer> {
        let sink =
            if compress { Sink::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?) } else { Sink::Plain(file) };
        let (to, orders) = sync_channel(AHEAD);
        let thread = std::thread::Builder::new().spawn(move || follow(sink, &orders))?;
        Ok(Writer { piece: Vec::new(), to, thread: Some(thread) })
    }

    /// # Errors
    /// This item or an earlier one could not be written.
    pub(crate) fn write(&mut self, item: &Item) -> io::Result<()> {
        item.encode(&mut self.piece);
        if self.piece.len() < PIECE { Ok(()) } else { self.hand_over() }
    }

    /// Begins to bring to disk what was written so far, and doesn't wait for it.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.order(Order::Settle)
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
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.order(Order::Write(piece))
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

/// The thread. Without an order to finish, the file is left as it is: nobody wants it.
fn follow(mut sink: Sink, orders: &Receiver<Order>) -> io::Result<()> {
    for order in orders {
        match order {
            Order::Write(piece) => sink.write(&piece)?,
            Order::Settle => sink.settle()?,
            Order::Finish => return sink.finish(),
        }
    }
    Ok(())
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
    fn what_was_settled_is_there_before_the_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Writer::new(file.reopen().unwrap(), false).unwrap();
        writer.write(&Item::Mark(7)).unwrap();
        writer.settle().unwrap();
        let begun = std::time::Instant::now();
        while std::fs::read(file.path()).unwrap() != [7] {
            assert!(begun.elapsed().as_secs() < 60, "it never came");
            std::thread::yield_now();
        }
    }
}
