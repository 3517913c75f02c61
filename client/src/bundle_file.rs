//! Bundles as files: items in, items out, a stream both ways, compressed with zstd or not.
//!
//! A reader holds little more than one item, and follows the order of items with `treering_token::bundle::Walker`, which
//! recomputes the submission roots. That each receipt holds for its root is for the caller to verify.

mod writer;

pub(crate) use writer::Writer;

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};
use treering_token::bundle::{AtItem, BundleError, Item, ItemReader, Step, Walker};

/// The first bytes of a zstd frame (RFC 8878 section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// 128 MiB, and the specification's: whoever made the file says how much memory it takes to read it. It is what zstd takes by
/// itself, and stands here so that another version of it does not take more.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Bytes read, or written, at once.
const PIECE: usize = 256 * 1024;

/// Why a bundle could not be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleFileError {
    #[error("the bundle {path} can't be read: {error}")]
    Io { path: String, error: io::Error },
    #[error("the bundle {path} is not whole: {error}; get a whole copy of it")]
    CutOff { path: String, error: AtItem },
    #[error(
        "the bundle {path} is refused: its compressed form is damaged, or takes more memory than it may ({error})"
    )]
    Compression { path: String, error: io::Error },
    #[error("the bundle {path} is not whole: {error}; get a whole copy of it")]
    NotWhole { path: String, error: BundleError },
    #[error(
        "the bundle {path} is refused: a submission in it has more than {max} records, more than any log takes"
    )]
    TooManyRecords { path: String, max: usize },
    #[error("the bundle {path} is refused: {error}")]
    Refused { path: String, error: AtItem },
}

impl BundleFileError {
    /// Could the bundle not be read (rather than: it was read, and isn't right)?
    pub(crate) fn is_io(&self) -> bool {
        matches!(self, BundleFileError::Io { .. })
    }
}

/// Reads items from a file and follows their order.
pub(crate) struct Reader {
    from: Box<dyn Read + Send>,
    path: String,
    compressed: bool,
    items: ItemReader,
    walker: Walker,
    ended: bool,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Reader, BundleFileError> {
        let shown = crate::paths::shown(path);
        let io = |error| BundleFileError::Io { path: shown.clone(), error };
        let mut file = File::open(path).map_err(io)?;
        let mut magic = Vec::new();
        Read::by_ref(&mut file).take(4).read_to_end(&mut magic).map_err(io)?;
        let compressed = magic == ZSTD_MAGIC;
        let from = io::Cursor::new(magic).chain(file);
        let from: Box<dyn Read + Send> = if compressed {
            let mut decoder = zstd::Decoder::new(from).map_err(io)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(io)?;
            Box::new(decoder)
        } else {
            Box::new(from)
        };
        let (items, walker) = (ItemReader::new(), Walker::new());
        Ok(Reader { from, path: shown, compressed, items, walker, ended: false })
    }

    /// The next item and what it is at its place, or `None` at the end of a bundle that is whole.
    pub(crate) fn step(&mut self) -> Result<Option<(Item, Step)>, BundleFileError> {
        match self.item()? {
            Some(item) => match self.walker.step(&item) {
                Ok(step) => Ok(Some((item, step))),
                Err(error) => {
                    let error = self.items.locate(error);
                    Err(BundleFileError::Refused { path: self.path.clone(), error })
                }
            },
            None => match std::mem::take(&mut self.walker).finish() {
                Ok(()) => Ok(None),
                Err(error) => Err(BundleFileError::NotWhole { path: self.path.clone(), error }),
            },
        }
    }

    /// Where the item that was handed out last begins, in bytes.
    pub(crate) fn begin_of_last(&self) -> u64 {
        self.items.locate(BundleError::CutOff).offset
    }

    /// The next item, wherever it stands: half the work of [`Reader::step`], for a second pass.
    pub(crate) fn item(&mut self) -> Result<Option<Item>, BundleFileError> {
        loop {
            match self.items.next_item() {
                Ok(Some(item)) => return Ok(Some(item)),
                Ok(None) if self.ended => {
                    return match self.items.finish() {
                        Ok(()) => Ok(None),
                        Err(error) => Err(BundleFileError::CutOff { path: self.path.clone(), error }),
                    };
                }
                Ok(None) => self.fill()?,
                Err(error) => return Err(BundleFileError::Refused { path: self.path.clone(), error }),
            }
        }
    }

    fn fill(&mut self) -> Result<(), BundleFileError> {
        let mut piece = Vec::with_capacity(PIECE);
        match Read::by_ref(&mut self.from).take(PIECE as u64).read_to_end(&mut piece) {
            Ok(count) => {
                self.ended = count < PIECE;
                self.items.push(&piece);
                Ok(())
            }
            Err(error) if self.compressed && error.kind() == io::ErrorKind::UnexpectedEof => {
                let error = self.items.locate(BundleError::CutOff);
                Err(BundleFileError::CutOff { path: self.path.clone(), error })
            }
            Err(error) if self.compressed && error.raw_os_error().is_none() => {
                Err(BundleFileError::Compression { path: self.path.clone(), error })
            }
            Err(error) => Err(BundleFileError::Io { path: self.path.clone(), error }),
        }
    }
}

/// Is this how a bundle's file begins?
pub(crate) fn looks_like_bundle(start: &[u8]) -> bool {
    // array(2), text(17): the deterministic encoding of the header's first bytes.
    const HEADER: &[u8] = b"\x82\x71treering.bundle/";
    start.starts_with(&ZSTD_MAGIC) || start.starts_with(HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use treering_token::bundle::{Blinding, Header, RunHeader};

    fn items() -> Vec<Item> {
        let header = Item::Header(Header { policy: vec![b'#'; 700_000] });
        let run = RunHeader::new(Blinding::Plain);
        vec![header, Item::Run(Box::new(run)), Item::Mark(3)]
    }

    fn written(compress: bool) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Writer::new(file.reopen().unwrap(), compress).unwrap();
        for item in items() {
            writer.write(&item).unwrap();
        }
        writer.finish().unwrap();
        file
    }

    fn read(path: &Path) -> Result<Vec<Item>, BundleFileError> {
        let mut reader = Reader::open(path)?;
        let mut items = Vec::new();
        while let Some(item) = reader.item()? {
            items.push(item);
        }
        Ok(items)
    }

    #[test]
    fn what_is_written_is_read_back_compressed_or_not() {
        for compress in [false, true] {
            let file = written(compress);
            assert_eq!(read(file.path()).unwrap(), items());
            let start = std::fs::read(file.path()).unwrap();
            assert!(looks_like_bundle(&start[..32]));
        }
    }

    #[test]
    fn a_bundle_cut_off_inside_an_item_is_noticed() {
        for compress in [false, true] {
            let file = written(compress);
            let whole = std::fs::read(file.path()).unwrap();
            std::fs::write(file.path(), &whole[..whole.len() / 2]).unwrap();
            assert!(matches!(read(file.path()), Err(BundleFileError::CutOff { .. })), "{compress}");
        }
    }

    #[test]
    fn a_bundle_that_ends_between_items_is_not_whole() {
        let file = written(false);
        let mut reader = Reader::open(file.path()).unwrap();
        assert!(matches!(reader.step(), Ok(Some((_, Step::Header)))));
        assert!(matches!(reader.step(), Ok(Some((_, Step::Run { run: 0 })))));
        let error = reader.step().unwrap_err();
        assert!(matches!(error, BundleFileError::Refused { error: AtItem { item: 3, .. }, .. }), "{error}");
    }

    #[test]
    fn a_damaged_frame_is_told_from_an_unreadable_file() {
        let file = written(true);
        let mut bytes = std::fs::read(file.path()).unwrap();
        bytes[5] ^= 0xff;
        std::fs::write(file.path(), &bytes).unwrap();
        let error = read(file.path()).unwrap_err();
        assert!(!error.is_io(), "{error}");
        assert!(Reader::open(Path::new("/nonexistent/x.treering")).unwrap_err().is_io());
    }

    /// A frame (RFC 8878 section 3.1.1) with a window of `1 << log` bytes; each block has its kind, its size and its content.
    fn frame<'a>(log: u8, blocks: impl IntoIterator<Item = (u32, usize, &'a [u8])>) -> Vec<u8> {
        let mut bytes = [&ZSTD_MAGIC[..], &[0, (log - 10) << 3]].concat();
        for (kind, size, content) in blocks {
            let header = u32::try_from(size).unwrap() << 3 | kind << 1;
            bytes.extend_from_slice(&header.to_le_bytes()[..3]);
            bytes.extend_from_slice(content);
        }
        // The last block, which is empty.
        bytes.extend_from_slice(&[1, 0, 0]);
        bytes
    }

    fn refused(bytes: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let error = read(file.path()).unwrap_err();
        assert!(!error.is_io(), "{error}");
        error.to_string().replace(&*file.path().to_string_lossy(), "FILE")
    }

    /// Of a frame.
    const RAW: u32 = 0;
    const REPEATED: u32 = 1;

    fn header() -> (Item, Vec<u8>) {
        let header = Item::Header(Header { policy: b"quorum none\n".to_vec() });
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        (header, bytes)
    }

    /// Half a megabyte says sixteen gigabytes: only their beginning is unpacked.
    #[test]
    fn gigabytes_of_zeros_are_refused_at_their_beginning() {
        let zeros = vec![(REPEATED, 1 << 17, &[0][..]); 1 << 17];
        insta::assert_snapshot!(refused(&frame(21, zeros.clone())), @r#"the bundle FILE is refused: item 1, at byte 0: this is not a Treering bundle: a bundle begins with the text "treering.bundle/1""#);
        let (_, header) = header();
        let behind = [(RAW, header.len(), &header[..])].into_iter().chain(zeros);
        insta::assert_snapshot!(refused(&frame(21, behind)), @"the bundle FILE is refused: item 2, at byte 32: a mark says 0 records, and a submission has at least one");
    }

    #[test]
    fn a_frame_says_how_much_memory_it_takes_and_that_is_bounded() {
        let (header, bytes) = header();
        let with_window = |log| frame(log, [(RAW, bytes.len(), &bytes[..])]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), with_window(27)).unwrap();
        assert_eq!(read(file.path()).unwrap(), [header]);
        insta::assert_snapshot!(refused(&with_window(28)), @"the bundle FILE is refused: its compressed form is damaged, or takes more memory than it may (Frame requires too much memory for decoding)");
        insta::assert_snapshot!(refused(&with_window(41)), @"the bundle FILE is refused: its compressed form is damaged, or takes more memory than it may (Frame requires too much memory for decoding)");
    }
}
