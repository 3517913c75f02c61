//! `--claims`: a table of who and what each file is, for those who stamp for many clients.
//!
//! UTF-8 CSV (RFC 4180) with a header row that names its columns: `path`, and any of `holder`, `agent` and `title`, in any
//! order. A path is that of the file as the command line leads to it, `d/a.txt` for `treering stamp d`, or absolute; nothing
//! but `.` parts is taken out of it. An empty cell, a column that isn't there and a file without a row mean what the command
//! line says (`--holder` and so on, or nothing). The whole table is held in memory; equal names are held once.

use crate::paths;
use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use treering_token::{
    bundle::{Own, RunHeader},
    claim::MAX_TEXT,
};

/// Why a table can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimsError {
    #[error("the table {file} can't be read: {error}")]
    Read { file: String, error: io::Error },
    #[error("the table {file} is empty: its first row names its columns, such as path,holder,title")]
    Empty { file: String },
    #[error("the table {file}, line 1: {name:?} is no column: there are path, holder, agent and title")]
    Column { file: String, name: String },
    #[error("the table {file}, line 1: the column {name} is there twice")]
    ColumnTwice { file: String, name: &'static str },
    #[error(
        "the table {file}, line 1: there is no column path; the first row names the columns, such as path,holder,title"
    )]
    NoPath { file: String },
    #[error("the table {file}, line {line}, column {column}: not valid UTF-8")]
    Utf8 { file: String, line: u64, column: usize },
    #[error("the table {file}, line {line}: it has {got} columns, and the first row has {want}")]
    Width { file: String, line: u64, got: u64, want: u64 },
    #[error("the table {file}, line {line}, column {column}: the path is empty")]
    EmptyPath { file: String, line: u64, column: usize },
    #[error(
        "the table {file}, line {line}, column {column}: {what} has {got} bytes, and a claim has room for 1,024"
    )]
    Long { file: String, line: u64, column: usize, what: &'static str, got: usize },
    #[error("the table {file}, line {line}: {path} has a row already, in line {first}")]
    Twice { file: String, line: u64, path: String, first: u64 },
    #[error("the table {file} can't be read as CSV: {error}")]
    Csv { file: String, error: csv::Error },
}

/// The table.
#[derive(Debug)]
pub(crate) struct Claims {
    file: String,
    /// Refuse a file without a row?
    strict: bool,
    here: PathBuf,
    rows: HashMap<PathBuf, Row>,
}

#[derive(Debug)]
struct Row {
    line: u64,
    holder: Option<Arc<str>>,
    agent: Option<Arc<str>>,
    title: Option<Arc<str>>,
    used: AtomicBool,
}

/// A path that no file had.
#[derive(Debug, thiserror::Error)]
#[error("the table {file}, line {line}: no file that was stamped has the path {path}")]
pub(crate) struct Unused {
    file: String,
    line: u64,
    path: String,
}

impl Claims {
    /// Reads the table. `here` is what its relative paths are relative to.
    pub(crate) fn read(file: &Path, strict: bool, here: &Path) -> Result<Claims, ClaimsError> {
        let shown = paths::shown(file);
        let bytes = std::fs::read(file).map_err(|error| ClaimsError::Read { file: shown.clone(), error })?;
        Claims::parse(shown, &bytes, strict, here)
    }

    /// The table with these bytes; `file` is what it is called.
    pub(crate) fn parse(
        file: String,
        bytes: &[u8],
        strict: bool,
        here: &Path,
    ) -> Result<Claims, ClaimsError> {
        Table::new(file, bytes, here).claims(strict)
    }

    /// What the file's claim says that the run's header doesn't; `None` if the file has no row and must have one.
    pub(super) fn own(&self, file: &Path, header: &RunHeader) -> Option<Own> {
        let Some(row) = self.rows.get(&paths::without_dots(&self.here.join(file))) else {
            return (!self.strict).then(Own::default);
        };
        row.used.store(true, Ordering::Relaxed);
        let differs = |own: &Option<Arc<str>>, all: &Option<String>| {
            own.as_deref().filter(|own| Some(*own) != all.as_deref()).map(str::to_owned)
        };
        Some(Own {
            holder: differs(&row.holder, &header.holder),
            agent: differs(&row.agent, &header.agent),
            title: differs(&row.title, &header.title),
            ..Own::default()
        })
    }

    /// The rows that no file has asked for, in the order of the table.
    pub(crate) fn unused(&self) -> Vec<Unused> {
        let mut unused: Vec<_> =
            self.rows.iter().filter(|(_, row)| !row.used.load(Ordering::Relaxed)).collect();
        unused.sort_unstable_by_key(|(_, row)| row.line);
        let told = |(path, row): (&PathBuf, &Row)| Unused {
            file: self.file.clone(),
            line: row.line,
            path: paths::shown(path.strip_prefix(&self.here).unwrap_or(path)),
        };
        unused.into_iter().map(told).collect()
    }
}

/// Columns, by their places in the header row.
#[derive(Debug, Default)]
struct Columns {
    path: Option<usize>,
    holder: Option<usize>,
    agent: Option<usize>,
    title: Option<usize>,
}

struct Table<'a> {
    file: String,
    here: PathBuf,
    bytes: &'a [u8],
    reader: csv::Reader<&'a [u8]>,
    /// Where the last row begins, and its line: the reader's own count leaves out empty lines before a row, and counts CR LF
    /// late.
    begin: usize,
    line: u64,
    columns: Columns,
    names: HashSet<Arc<str>>,
}

impl<'a> Table<'a> {
    fn new(file: String, bytes: &'a [u8], here: &Path) -> Table<'a> {
        // Rows of their own, header and all: so its errors have a line, too.
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        let (here, columns, names) = (paths::without_dots(here), Columns::default(), HashSet::new());
        Table { file, here, bytes, reader, begin: 0, line: 1, columns, names }
    }

    fn claims(mut self, strict: bool) -> Result<Claims, ClaimsError> {
        let mut record = csv::ByteRecord::new();
        if !self.next(&mut record)? {
            return Err(ClaimsError::Empty { file: self.file });
        }
        self.columns = self.header(&record)?;
        let mut rows = HashMap::<PathBuf, Row>::new();
        while self.next(&mut record)? {
            let (path, row) = self.row(&record)?;
            if let Some(first) = rows.get(&path) {
                let (line, first) = (row.line, first.line);
                let path = paths::shown(path.strip_prefix(&self.here).unwrap_or(&path));
                return Err(ClaimsError::Twice { file: self.file, line, path, first });
            }
            rows.insert(path, row);
        }
        Ok(Claims { file: self.file, strict, here: self.here, rows })
    }

    fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool, ClaimsError> {
        let read = self.reader.read_byte_record(record);
        let begin = match &read {
            Ok(_) => record.position(),
            Err(error) => error.position(),
        };
        self.count(begin.map_or(0, csv::Position::byte));
        read.map_err(|error| {
            let file = self.file.clone();
            match *error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len: want, len: got, .. } => {
                    ClaimsError::Width { file, line: self.line, got, want }
                }
                _ => ClaimsError::Csv { file, error },
            }
        })
    }

    /// Goes to the row behind this place.
    fn count(&mut self, byte: u64) {
        let from = usize::try_from(byte).unwrap_or(usize::MAX).min(self.bytes.len());
        let skipped = self.bytes[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let begin = from + skipped;
        if let Some(between) = self.bytes.get(self.begin..begin) {
            self.line += between.iter().filter(|byte| **byte == b'\n').count() as u64;
            self.begin = begin;
        }
    }

    fn header(&self, record: &csv::ByteRecord) -> Result<Columns, ClaimsError> {
        let mut columns = Columns::default();
        for (place, bytes) in record.iter().enumerate() {
            // Spreadsheets write a byte order mark, which the reader of CSV takes away.
            let name = self.text(place, bytes)?.trim();
            let (known, column) = match name {
                "path" => ("path", &mut columns.path),
                "holder" => ("holder", &mut columns.holder),
                "agent" => ("agent", &mut columns.agent),
                "title" => ("title", &mut columns.title),
                _ => return Err(ClaimsError::Column { file: self.file.clone(), name: name.to_owned() }),
            };
            if column.replace(place).is_some() {
                return Err(ClaimsError::ColumnTwice { file: self.file.clone(), name: known });
            }
        }
        if columns.path.is_none() {
            return Err(ClaimsError::NoPath { file: self.file.clone() });
        }
        Ok(columns)
    }

    fn row(&mut self, record: &csv::ByteRecord) -> Result<(PathBuf, Row), ClaimsError> {
        let line = self.line;
        let place = self.columns.path.expect("a header without it is refused");
        let path = &record[place];
        if path.is_empty() {
            return Err(ClaimsError::EmptyPath { file: self.file.clone(), line, column: place + 1 });
        }
        // As text: a table is UTF-8, and a name that isn't can't be in it.
        let path = paths::without_dots(&self.here.join(self.text(place, path)?));
        let (holder, agent, title) = (self.columns.holder, self.columns.agent, self.columns.title);
        let row = Row {
            line,
            holder: self.cell(record, holder, "the holder's name")?,
            agent: self.cell(record, agent, "the agent's name")?,
            title: self.cell(record, title, "the title")?,
            used: AtomicBool::new(false),
        };
        Ok((path, row))
    }

    fn cell(
        &mut self,
        record: &csv::ByteRecord,
        place: Option<usize>,
        what: &'static str,
    ) -> Result<Option<Arc<str>>, ClaimsError> {
        let Some(place) = place else { return Ok(None) };
        let text = self.text(place, &record[place])?;
        match text.len() {
            0 => return Ok(None),
            got if got > MAX_TEXT => {
                let (file, line, column) = (self.file.clone(), self.line, place + 1);
                return Err(ClaimsError::Long { file, line, column, what, got });
            }
            _ => {}
        }
        if let Some(known) = self.names.get(text) {
            return Ok(Some(Arc::clone(known)));
        }
        let text: Arc<str> = text.into();
        self.names.insert(Arc::clone(&text));
        Ok(Some(text))
    }

    fn text<'b>(&self, place: usize, bytes: &'b [u8]) -> Result<&'b str, ClaimsError> {
        std::str::from_utf8(bytes).map_err(|_| ClaimsError::Utf8 {
            file: self.file.clone(),
            line: self.line,
            column: place + 1,
        })
    }
}

#[cfg(test)]
mod tests;
