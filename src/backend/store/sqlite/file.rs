//! The file: opening it, its settings, and the steps that bring its schema up to date.
//!
//! `PRAGMA user_version` counts the steps taken; a file with more than this program knows is
//! refused and left alone.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{BUSY_TIMEOUT, problem::Problem};

/// Marks a file as this program's: the letters `RTst`.
const APPLICATION_ID: i64 = 0x5254_7374;

/// The newest schema of the file that this program knows.
const SCHEMA: u32 = 1;

/// What makes each schema of the file from the one before. Only ever appended to.
const MIGRATIONS: [&str; SCHEMA as usize] = ["
    CREATE TABLE items (
        pk TEXT NOT NULL,
        sk TEXT NOT NULL,
        doc TEXT NOT NULL CHECK (json_valid(doc)),
        gsi1pk TEXT GENERATED ALWAYS AS (json_extract(doc, '$.gsi1pk')) VIRTUAL,
        gsi1sk TEXT GENERATED ALWAYS AS (json_extract(doc, '$.gsi1sk')) VIRTUAL,
        gsi2pk TEXT GENERATED ALWAYS AS (json_extract(doc, '$.gsi2pk')) VIRTUAL,
        gsi2sk TEXT GENERATED ALWAYS AS (json_extract(doc, '$.gsi2sk')) VIRTUAL,
        PRIMARY KEY (pk, sk)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX items_gsi1 ON items (gsi1pk, gsi1sk, pk, sk) WHERE gsi1pk IS NOT NULL;
    CREATE INDEX items_gsi2 ON items (gsi2pk, gsi2sk, pk, sk) WHERE gsi2pk IS NOT NULL;
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON items WHEN old.pk GLOB '*#AUD'
    BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON items WHEN old.pk GLOB '*#AUD'
    BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
"];

/// Opens the file and makes it ready, with its folder where that is missing.
pub(super) fn open(path: &Path) -> Result<Connection, Problem> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Problem::Folder)?;
    }
    // Without SQLITE_OPEN_URI, so that a path is only ever a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepare(Connection::open_with_flags(path, flags)?)
}

/// Sets the connection up and brings the schema up to date.
pub(super) fn prepare(mut connection: Connection) -> Result<Connection, Problem> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // SQLite opens a file that it cannot write for reading only, without saying so.
    if connection.is_readonly("main")? {
        return Err(Problem::ReadOnly);
    }
    check_owner(&mut connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Problem::NoWriteAheadLog);
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Refuses a file that another program made, before anything in it is touched. Both facts are read
/// in one transaction, since another process may be preparing the file right now.
fn check_owner(connection: &mut Connection) -> Result<(), Problem> {
    let transaction = connection.transaction()?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i64 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application == APPLICATION_ID || (application == 0 && tables == 0) {
        return Ok(());
    }
    Err(Problem::OtherProgram)
}

/// Takes the steps that the file lacks, in one transaction.
fn migrate(connection: &mut Connection) -> Result<(), Problem> {
    if schema(connection)? == SCHEMA {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again under the lock: another process may have taken the steps meanwhile.
    let taken = schema(&transaction)?;
    for (_, step) in (0..).zip(MIGRATIONS).skip_while(|(number, _)| *number < taken) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()?;
    Ok(())
}

/// How many steps the file has taken.
fn schema(connection: &Connection) -> Result<u32, Problem> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > SCHEMA {
        return Err(Problem::NewerFile { found: found.into(), known: SCHEMA.into() });
    }
    Ok(found)
}
