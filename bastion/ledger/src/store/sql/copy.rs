//! `bastion store copy`: everything from one store into another, table by table in the order of their keys.
//!
//! Each batch is one transaction of the target, so that the rows that are there tell how far a copy has come: one that
//! was interrupted goes on after the greatest key. The target says whose copy it is (`store_copy`) until both
//! sides were read again and are the same; a bastion does not start on it before.

use super::{
    SqlStore, StoreError,
    row::Columns,
    statement::{Connection, Row, Value, sql, without_nul},
    writer::Transaction,
};

mod rows_hash;
pub(super) mod tables;

use rows_hash::RowsHash;
use tables::{Column, ColumnKind, CopyTable, TABLES};

/// Why a copy was not made, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the stores failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The target has something in it.
    #[error(
        "the target is not empty: its table {table} has rows, and no copy from {source_url} was begun there. \
         Copy into a database that was just made"
    )]
    NotEmpty {
        /// A table with rows.
        table: &'static str,
        /// Where the copy is from.
        source_url: String,
    },
}

/// What came of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub table: &'static str,
    /// How many rows this run brought over.
    pub copied: u64,
    /// Rows, and a hash of them, in the source.
    pub source: (u64, String),
    /// The same in the target.
    pub target: (u64, String),
}

impl CopiedTable {
    /// Whether both sides have the same rows.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.source == self.target
    }
}

/// Copies everything from `source` into `target`, and tells `progress` how many rows of which table are there. Returns
/// what is on both sides then; where that is not the same, the target stays marked as incomplete.
///
/// # Errors
///
/// When the target has something else in it, or a store fails.
pub async fn copy(
    source: &SqlStore,
    target: &SqlStore,
    source_url: &str,
    mut progress: impl FnMut(&str, u64),
) -> Result<Vec<CopiedTable>, CopyError> {
    begin(target, source_url).await?;
    let mut copied = Vec::new();
    for table in TABLES {
        let mut rows = 0;
        loop {
            let batch = copy_batch(source, target, table).await?;
            rows += batch;
            progress(table.name, rows);
            if batch < BATCH {
                break;
            }
        }
        copied.push(rows);
    }
    let mut tables = Vec::new();
    for (table, copied) in TABLES.iter().zip(copied) {
        let source = hash(source, table).await?;
        let target = hash(target, table).await?;
        tables.push(CopiedTable { table: table.name, copied, source, target });
    }
    if tables.iter().all(CopiedTable::is_same) {
        let mut transaction = target.writer.begin().await?;
        sql("DELETE FROM store_copy").execute(&mut transaction).await?;
        transaction.commit().await?;
    }
    Ok(tables)
}

/// Marks the target as that of a copy, or sees that it is one.
async fn begin(target: &SqlStore, source_url: &str) -> Result<(), CopyError> {
    let mut transaction = target.writer.begin().await?;
    let marked = sql("SELECT source FROM store_copy").optional(&mut transaction).await?;
    let marked = marked.map(|row| Columns::of("store_copy", &row).plain::<String>("source")).transpose()?;
    if marked.as_deref() == Some(source_url) {
        return Ok(());
    }
    for table in TABLES {
        let mut count = sql("SELECT COUNT(*) FROM (SELECT 1 FROM ");
        count.push(table.name);
        // A new store has the counter at its start, and what `readyz` wrote.
        if table.name == "audit_counter" {
            count.push(" WHERE NOT (name = 'probe' OR value = 0)");
        }
        count.push(" LIMIT 1) AS found");
        if marked.is_some() || count.number(&mut transaction).await? > 0 {
            return Err(CopyError::NotEmpty { table: table.name, source_url: source_url.to_owned() });
        }
    }
    sql("DELETE FROM audit_counter").execute(&mut transaction).await?;
    sql("INSERT INTO store_copy (source) VALUES ($1)").bind(source_url).execute(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Copies the rows after the greatest key of the target; returns how many there were.
async fn copy_batch(source: &SqlStore, target: &SqlStore, table: &CopyTable) -> Result<u64, StoreError> {
    let mut transaction = target.writer.begin().await?;
    let last = last_key(&mut transaction, table).await?;
    let rows = source.read(async |connection| page(connection, table, last, BATCH).await).await?;
    if !rows.is_empty() {
        insert(&mut transaction, table, &rows).await?;
        transaction.commit().await?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

async fn last_key(transaction: &mut Transaction, table: &CopyTable) -> Result<Option<Vec<Value>>, StoreError> {
    let mut query = sql("SELECT * FROM ");
    query.push(table.name);
    query.push(" ORDER BY ");
    query.push(&table.keys.iter().map(|key| format!("{key} DESC")).collect::<Vec<_>>().join(", "));
    query.push(" LIMIT 1");
    let row = query.optional(transaction).await?;
    row.map(|row| key_of(table, &values(table, &row)?)).transpose()
}

/// The key among the values of a row.
fn key_of(table: &CopyTable, values: &[Value]) -> Result<Vec<Value>, StoreError> {
    let of_key = table.columns.iter().zip(values).filter(|(column, _)| table.keys.contains(&column.name));
    let named: Vec<_> = of_key.map(|(column, value)| (column.name, value.clone())).collect();
    let key = table.keys.iter().filter_map(|key| named.iter().find(|(name, _)| name == key));
    Ok(key.map(|(_, value)| value.clone()).collect())
}

/// Rows after a key.
async fn page(
    connection: &mut Connection,
    table: &CopyTable,
    after: Option<Vec<Value>>,
    limit: u64,
) -> Result<Vec<Vec<Value>>, StoreError> {
    let mut query = sql("SELECT * FROM ");
    query.push(table.name);
    let keys = table.keys.join(", ");
    for (place, value) in after.into_iter().flatten().enumerate() {
        let before = if place == 0 { format!(" WHERE ({keys}) > (") } else { ", ".to_owned() };
        query.push_bind(&before, value);
        if place + 1 == table.keys.len() {
            query.push(")");
        }
    }
    query.push(&format!(" ORDER BY {keys}"));
    query.push_bind(" LIMIT ", i64::try_from(limit).unwrap_or(i64::MAX));
    query.all(connection).await?.iter().map(|row| values(table, row)).collect()
}

/// The values of a row, as every store can keep them.
fn values(table: &CopyTable, row: &Row) -> Result<Vec<Value>, StoreError> {
    let columns = Columns::of(table.name, row);
    let value = |column: &Column| {
        Ok(match column.kind {
            ColumnKind::Integer => Value::Integer(columns.plain(column.name)?),
            ColumnKind::Text => Value::Text(columns.plain::<Option<String>>(column.name)?.map(without_nul)),
            ColumnKind::Flag => Value::Flag(columns.plain(column.name)?),
            ColumnKind::Bytes => Value::Bytes(columns.plain(column.name)?),
        })
    };
    table.columns.iter().map(value).collect()
}

async fn insert(transaction: &mut Transaction, table: &CopyTable, rows: &[Vec<Value>]) -> Result<(), StoreError> {
    let names = table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    for rows in rows.chunks(ROWS) {
        let mut statement = sql("INSERT INTO ");
        statement.push(&format!("{} ({names}) VALUES ", table.name));
        for (number, row) in rows.iter().enumerate() {
            statement.push(if number == 0 { "" } else { ", " });
            for (place, value) in row.iter().enumerate() {
                statement.push_bind(if place == 0 { "(" } else { ", " }, value.clone());
            }
            statement.push(")");
        }
        statement.once().execute(transaction).await?;
    }
    Ok(())
}

/// How many rows a table has, and the hash of all of them.
async fn hash(store: &SqlStore, table: &CopyTable) -> Result<(u64, String), StoreError> {
    let mut hash = RowsHash::default();
    let mut after = None;
    loop {
        let key = after.take();
        let rows = store.read(async |connection| page(connection, table, key, BATCH).await).await?;
        rows.iter().for_each(|row| hash.add(row));
        match rows.last() {
            Some(last) if u64::try_from(rows.len()).is_ok_and(|rows| rows == BATCH) => {
                after = Some(key_of(table, last)?);
            }
            _ => return Ok(hash.finish()),
        }
    }
}

/// Rows that are read at a time, and written in one transaction.
const BATCH: u64 = 500;

/// Rows in one statement: a database takes 32,766 values at most.
const ROWS: usize = 100;
