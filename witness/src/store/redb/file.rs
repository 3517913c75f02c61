//! The file itself: made once, by `init`, and never again by anything else.
//!
//! A store that was lost must not look like a new one: its witness would cosign a second history. So a new file says that
//! it is one, and whose, in two tables that are written when it is made:
//!
//! ```text
//! about  "format" ─▶ "treering-witness/1"
//! keys   the verifier key of each key that ever signed with this store ─▶ nothing
//! ```
//! A file without them is taken only if it holds records: such ones were made before there was a mark. One that is empty
//! (a copy that met a full disk), has no table, or was made for other keys is refused.
//!
//! What was written is read whole at each start, and held against its checksums: accidents are found there, whereas what
//! somebody changed on purpose shows in the records' signatures.

use std::{fs, io, path::Path, sync::Arc};

use ::redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase as _, ReadableTableMetadata as _,
    StorageError, TableDefinition, TableError, WriteTransaction, backends::FileBackend,
};
use treering_tlog::note::VerifierKey;

use super::{RECORDS, failed};
use crate::{name, store::StoreError};

const ABOUT: TableDefinition<'_, &str, &str> = TableDefinition::new("about");
const KEYS: TableDefinition<'_, &str, ()> = TableDefinition::new("keys");
const FORMAT: &str = "format";
const FORMAT_1: &str = "treering-witness/1";
/// A witness's whole store is a few megabytes; redb's own default is 1 GiB.
const CACHE_BYTES: usize = 32 << 20;

/// Makes a new file for these keys, whole and durable when this returns.
pub(super) fn create(path: &Path, keys: &[VerifierKey]) -> Result<(), StoreError> {
    let io = |source: io::Error| io_error(path, source);
    // INVARIANT: what is there is never taken for a new one.
    let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(path).map_err(io)?;
    let database =
        Builder::new().create_with_backend(FileBackend::new(file).map_err(failed)?).map_err(failed)?;
    mark(&database, keys)?;
    drop(database);
    name::sync(path).map_err(io)
}

/// Opens the file that `create` has made; one of these keys must be one that it was made for.
pub(super) fn open(path: &Path, keys: &[VerifierKey]) -> Result<Database, StoreError> {
    let lost = |how| StoreError::Lost { path: path.to_owned(), how };
    match fs::metadata(path) {
        Ok(file) if file.len() == 0 => return Err(lost("is empty")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(lost("is missing")),
        Err(error) => return Err(io_error(path, error)),
    }
    let database = builder().open(path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() != io::ErrorKind::InvalidData => {
            io_error(path, error)
        }
        error => StoreError::Damaged { path: path.to_owned(), source: Arc::new(error.into()) },
    })?;
    claim(&database, path, keys)?;
    Ok(database)
}

/// Refuses what isn't the store of one of these keys, and makes it that of all.
pub(super) fn claim(database: &Database, path: &Path, keys: &[VerifierKey]) -> Result<(), StoreError> {
    match owner(database, keys)? {
        Owner::All => Ok(()),
        Owner::Some => mark(database, keys),
        Owner::Others => Err(StoreError::OtherKeys { path: path.to_owned() }),
        Owner::Nobody => {
            let how = "holds nothing, not even the mark of `init`";
            Err(StoreError::Lost { path: path.to_owned(), how })
        }
    }
}

/// Every page of the file is held against its checksum when it is opened: whatever was changed is an error.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

/// Writes whose store this is, beside those whose it was before: a key that goes may come back.
pub(super) fn mark(database: &Database, keys: &[VerifierKey]) -> Result<(), StoreError> {
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_durability(Durability::Immediate).map_err(failed)?;
    transaction.set_two_phase_commit(true);
    write_mark(&transaction, keys)?;
    transaction.commit().map_err(failed)
}

fn write_mark(transaction: &WriteTransaction, keys: &[VerifierKey]) -> Result<(), StoreError> {
    transaction.open_table(RECORDS).map_err(failed)?;
    transaction.open_table(ABOUT).map_err(failed)?.insert(FORMAT, FORMAT_1).map_err(failed)?;
    let mut table = transaction.open_table(KEYS).map_err(failed)?;
    for key in keys {
        table.insert(key.to_string().as_str(), ()).map_err(failed)?;
    }
    Ok(())
}

/// Whose store it is.
enum Owner {
    /// That of all these keys.
    All,
    /// That of one of them; or of nobody by its marks, but it holds records.
    Some,
    /// That of other keys.
    Others,
    /// It doesn't say, and nothing is in it.
    Nobody,
}

fn owner(database: &Database, keys: &[VerifierKey]) -> Result<Owner, StoreError> {
    let transaction = database.begin_read().map_err(failed)?;
    let records = match transaction.open_table(RECORDS) {
        Ok(table) => Some(table.len().map_err(failed)?),
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(failed(error)),
    };
    let about = match transaction.open_table(ABOUT) {
        Ok(about) => about,
        // A store that was made before there was a mark: nothing but a record has ever made a table in it.
        Err(TableError::TableDoesNotExist(_)) => {
            return Ok(if records.is_some_and(|count| count > 0) { Owner::Some } else { Owner::Nobody });
        }
        Err(error) => return Err(failed(error)),
    };
    let format = about.get(FORMAT).map_err(failed)?.map(|format| format.value().to_owned());
    if format.as_deref() != Some(FORMAT_1) {
        return Err(StoreError::Format { got: format.unwrap_or_default() });
    }
    if records.is_none() {
        return Ok(Owner::Nobody);
    }
    let table = transaction.open_table(KEYS).map_err(failed)?;
    let mut known = 0;
    for key in keys {
        known += usize::from(table.get(key.to_string().as_str()).map_err(failed)?.is_some());
    }
    Ok(match known {
        0 => Owner::Others,
        known if known == keys.len() => Owner::All,
        _ => Owner::Some,
    })
}

fn io_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), source: Arc::new(source) }
}
