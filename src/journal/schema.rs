//! The tables, and how an older file becomes one of today.
//!
//! Law: a file of an older schema is copied whole before it is changed, and changed in one
//! transaction; one of a newer schema is not touched.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::trouble::{self, Trouble};
use super::{FILE, dated};

/// What marks a database as ours: `Vigi`.
const APPLICATION: i64 = 0x5669_6769;

/// One step from a schema to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The least version of Vigie that reads what comes of it.
    pub(super) needs: &'static str,
    /// What it does.
    pub(super) sql: &'static str,
}

/// All steps: the first makes an empty file, and the schema's number is that of the steps taken.
pub(super) const STEPS: &[Step] = &[Step {
    needs: "0.1.0",
    sql: "
        -- What is told of the file: by whom it was written, who can read it.
        CREATE TABLE note (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;
        -- Acts and deployments, each as one JSON object with its digest, since SQLite notices no
        -- byte that flips within a text; `at` in Unix seconds.
        CREATE TABLE record (
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            at INTEGER NOT NULL,
            json TEXT NOT NULL,
            digest BLOB NOT NULL,
            PRIMARY KEY (kind, id)
        ) STRICT;
        -- Items, by the digest of their configuration; `seen` in Unix seconds, when last configured.
        CREATE TABLE item (
            id TEXT NOT NULL PRIMARY KEY,
            fingerprint BLOB NOT NULL,
            seen INTEGER NOT NULL
        ) STRICT;
        -- What is known of them, in parts that change at different times.
        CREATE TABLE part (
            item TEXT NOT NULL REFERENCES item (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            json TEXT NOT NULL,
            digest BLOB NOT NULL,
            PRIMARY KEY (item, name)
        ) STRICT;
        -- What their checks remember; labels as a JSON array, `at` in Unix nanoseconds, NaN as NULL.
        CREATE TABLE series (
            id INTEGER NOT NULL PRIMARY KEY,
            item TEXT NOT NULL REFERENCES item (id) ON DELETE CASCADE,
            measure TEXT NOT NULL,
            labels TEXT NOT NULL,
            UNIQUE (item, measure, labels)
        ) STRICT;
        CREATE TABLE point (
            series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            at INTEGER NOT NULL,
            value REAL,
            PRIMARY KEY (series, at)
        ) STRICT, WITHOUT ROWID;
    ",
}];

/// Brings the file to the schema of `steps`, keeping a copy of an older one; says where it lies.
///
/// # Errors
/// The file is of a newer schema, or can't be changed: then it is as it was.
pub(super) fn migrate(
    connection: &mut Connection,
    steps: &[Step],
    folder: &Path,
    now: Timestamp,
) -> Result<Option<PathBuf>, Trouble> {
    let schema = readable(connection, steps)?;
    let wanted = steps.len();
    if schema == wanted {
        return Ok(None);
    }
    let copy = if schema == 0 { None } else { Some(keep_copy(connection, schema, folder, now)?) };
    let transaction = connection.transaction()?;
    for step in &steps[schema..] {
        transaction.execute_batch(step.sql)?;
    }
    if let Some(last) = steps.last() {
        set_note(&transaction, "needs", last.needs)?;
    }
    set_note(&transaction, "migrated_by", env!("CARGO_PKG_VERSION"))?;
    set_note(&transaction, "migrated_at", &now.to_string())?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i64::try_from(wanted).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    if let Some(copy) = &copy {
        let kept = copy.display();
        tracing::info!(
            "the journal was brought from schema {schema} to {wanted}; {kept} is a copy of it as it was"
        );
    }
    Ok(copy)
}

/// The number of the file's schema, which is not beyond these steps.
///
/// # Errors
/// It is, or the file is none of ours.
pub(super) fn readable(connection: &Connection, steps: &[Step]) -> Result<usize, Trouble> {
    let schema = schema(connection)?;
    if schema > steps.len() {
        return Err(Trouble::newer(schema, steps.len(), note(connection, "needs")?));
    }
    Ok(schema)
}

/// The number of the file's schema: 0 where it is empty.
fn schema(connection: &Connection) -> Result<usize, Trouble> {
    let ask = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let schema = ask("PRAGMA user_version")?;
    let is_empty = schema == 0 && ask("SELECT count(*) FROM sqlite_schema")? == 0;
    if !is_empty && ask("PRAGMA application_id")? != APPLICATION {
        return Err(Trouble::stranger());
    }
    Ok(usize::try_from(schema).unwrap_or(usize::MAX))
}

/// Copies the file through SQLite itself: what stands in its log is in the copy, too.
fn keep_copy(
    connection: &Connection,
    schema: usize,
    folder: &Path,
    now: Timestamp,
) -> Result<PathBuf, Trouble> {
    let copy = dated(folder, &format!("{FILE}.schema-{schema}"), now);
    connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    Ok(copy)
}

/// What is noted of the file under a name. A file that is no journal has no notes.
fn note(connection: &Connection, name: &str) -> Result<Option<String>, Trouble> {
    let read = connection
        .query_row("SELECT value FROM note WHERE name = ?1", [name], |row| row.get(0))
        .optional();
    match read {
        Err(error) if trouble::lacks_tables(&error) => Ok(None),
        read => Ok(read?),
    }
}

fn set_note(transaction: &Transaction<'_>, name: &str, value: &str) -> Result<(), Trouble> {
    let sql = "INSERT INTO note VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
    transaction.execute(sql, [name, value])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: Step = Step { needs: "9.1.0", sql: "ALTER TABLE record ADD COLUMN more TEXT;" };

    fn later() -> Vec<Step> {
        STEPS.iter().copied().chain([NEXT]).collect()
    }

    fn now() -> Timestamp {
        "2026-11-23T14:30:00Z".parse().unwrap()
    }

    fn filled(folder: &Path) -> Connection {
        let mut connection = Connection::open(folder.join(FILE)).unwrap();
        assert_eq!(
            migrate(&mut connection, STEPS, folder, now()).unwrap(),
            None,
            "nothing to keep"
        );
        connection
            .execute("INSERT INTO record VALUES ('waiver', 'a', 7, '{}', x'00')", [])
            .unwrap();
        connection
    }

    #[test]
    fn a_copy_is_kept_before_an_older_file_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = filled(folder.path());
        let copy = migrate(&mut connection, &later(), folder.path(), now()).unwrap().unwrap();
        assert_eq!(copy.file_name().unwrap(), "vigie.db.schema-1-20261123T143000Z");
        let copy = Connection::open(copy).unwrap();
        let columns = |connection: &Connection| {
            connection.prepare("SELECT * FROM record").unwrap().column_count()
        };
        assert_eq!((columns(&copy), columns(&connection)), (5, 6));
        let id: String = copy.query_row("SELECT id FROM record", [], |row| row.get(0)).unwrap();
        assert_eq!(id, "a");
    }

    #[test]
    fn a_step_that_breaks_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = filled(folder.path());
        let broken = Step { needs: "9.1.0", sql: "DROP TABLE record; CREATE TABLE note (x);" };
        let steps: Vec<_> = STEPS.iter().copied().chain([broken]).collect();
        assert!(migrate(&mut connection, &steps, folder.path(), now()).is_err());
        assert_eq!(schema(&connection).unwrap(), 1);
        let records: i64 =
            connection.query_row("SELECT count(*) FROM record", [], |row| row.get(0)).unwrap();
        assert_eq!(records, 1);
        assert_eq!(migrate(&mut connection, STEPS, folder.path(), now()).unwrap(), None);
    }

    #[test]
    fn a_newer_file_is_refused_with_the_version_that_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = filled(folder.path());
        migrate(&mut connection, &later(), folder.path(), now()).unwrap();
        let refused = migrate(&mut connection, STEPS, folder.path(), now()).unwrap_err();
        let told = refused.to_string();
        assert!(told.contains("schema 2") && told.contains("Vigie 9.1.0"), "{told}");
        assert!(refused.is_final());
    }

    #[test]
    fn a_database_of_somebody_else_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(folder.path().join(FILE)).unwrap();
        connection.execute("CREATE TABLE mine (x)", []).unwrap();
        assert!(migrate(&mut connection, STEPS, folder.path(), now()).unwrap_err().is_final());
    }
}
