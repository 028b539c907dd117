//! `bastion store copy`: from SQLite to PostgreSQL, and back.

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use client::{
    exit::CommandError,
    output::{Table, print},
};
use config::{Secret, Store};
use ledger::store::sql::{
    SqlStore,
    copy::{CopiedTable, copy},
};

use crate::instance::{Instance, InstanceError};

/// The commands below `bastion store`.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy everything from one store into another that is empty, then read both again and compare. No bastion may
    /// run on either. A copy that was interrupted goes on where it was when it is run again.
    Copy(CopyOptions),
}

/// Arguments of `bastion store copy`.
#[derive(Debug, Args)]
pub struct CopyOptions {
    /// Where everything is: sqlite:///PATH, or postgres://USER@HOST:PORT/DATABASE as in bastion.yaml.
    #[arg(value_name = "FROM")]
    pub from: String,
    /// The empty one, in the same form. A SQLite file is made.
    #[arg(value_name = "TO")]
    pub to: String,
    /// The password of the PostgreSQL user, as a reference: file:PATH or env:NAME.
    #[arg(long, value_name = "REFERENCE")]
    pub password: Option<String>,
}

/// Runs the command.
///
/// # Errors
///
/// When a store cannot be used or belongs to a bastion that runs, or when both are not the same afterwards.
pub async fn run(command: &StoreCommand) -> Result<(), CommandError> {
    let StoreCommand::Copy(options) = command;
    let password = options.password.as_deref().map(Secret::from_reference).transpose();
    let password = password.map_err(|why| CommandError::Usage(format!("--password: {why}")))?;
    let settings = |name: &str, url: &str| {
        let usage = |why| CommandError::Usage(format!("{name}: {why}"));
        match (Store::from_url(url).map_err(usage)?, &password) {
            (store @ Store::Postgres(_), Some(password)) => store.with_password(password.clone()).map_err(usage),
            (store, _) => Ok(store),
        }
    };
    let (from, to) = (settings("FROM", &options.from)?, settings("TO", &options.to)?);
    if from.to_string() == to.to_string() {
        return Err(CommandError::Usage("FROM and TO are the same store".to_owned()));
    }
    if let Store::Sqlite(path) = &from
        && !path.is_file()
    {
        return Err(CommandError::Refused(format!("there is no store at {}", path.display())));
    }
    let _claims = [claim(&from)?, claim(&to)?];
    let source = SqlStore::open_for_copy(&from, PURPOSE).await.map_err(refused)?;
    source.ensure_complete().await.map_err(refused)?;
    let target = SqlStore::open_for_copy(&to, PURPOSE).await.map_err(refused)?;

    let mut told = Instant::now();
    let tell = |table: &str, rows: u64| {
        if told.elapsed() >= Duration::from_secs(1) {
            told = Instant::now();
            eprintln!("{table}: {rows} rows");
        }
    };
    let tables = copy(&source, &target, &from.to_string(), tell).await.map_err(refused)?;
    target.close().await;
    source.close().await;
    print(&table(&tables))?;
    let different: Vec<_> = tables.iter().filter(|table| !table.is_same()).map(|table| table.table).collect();
    if different.is_empty() {
        return print("both are the same\n");
    }
    Err(CommandError::Refused(format!("not the same on both sides: {}. {DIFFERENT}", different.join(", "))))
}

/// Keeps a bastion off a file while it is copied. A database of a server is locked there.
fn claim(store: &Store) -> Result<Option<Instance>, CommandError> {
    let Store::Sqlite(path) = store else { return Ok(None) };
    Instance::claim_store(path, PURPOSE).map(Some).map_err(|error| match error {
        InstanceError::Io { path, source } => refused(format!("{} cannot be used: {source}", path.display())),
        taken @ InstanceError::Taken { .. } => refused(taken),
    })
}

fn refused(error: impl ToString) -> CommandError {
    CommandError::Refused(error.to_string())
}

fn table(tables: &[CopiedTable]) -> String {
    let mut shown = Table::new(["TABLE", "COPIED NOW", "ROWS FROM", "ROWS TO", "SHA-256 FROM", "SHA-256 TO"]);
    for CopiedTable { table, copied, source, target } in tables {
        let short = |hash: &str| hash.chars().take(SHOWN).collect::<String>();
        let (from, to) = (short(&source.1), short(&target.1));
        let counts = [copied, &source.0, &target.0].map(ToString::to_string);
        let [copied, rows_from, rows_to] = counts;
        shown.row([(*table).to_owned(), copied, rows_from, rows_to, from, to]);
    }
    shown.render()
}

/// What others read who find a store held.
const PURPOSE: &str = "bastion store copy";

const DIFFERENT: &str = "The source was changed since the copy was begun: \
     empty the target, and copy again while no bastion runs on the source";

/// Digits of a hash that people compare.
const SHOWN: usize = 16;
