//! `bastion names ls|release`: whose names are. A role with `console: [names]` may use it.

use api::names::NameItem;
use clap::{Args, Subcommand};
use config::UserName;
use serde_json::Value;

use super::exit::CommandError;
use super::home::BastionHome;
use super::output::{Format, OutputOptions, Table, local_time, print, print_json};
use super::shown::visible;

/// The commands below `bastion names`.
#[derive(Debug, Subcommand)]
pub enum NamesCommand {
    /// List names, and whose they are.
    Ls(ListOptions),
    /// Make a name nobody's: it will be that of the next who logs in with it. The logins of whoever had it end.
    Release(ReleaseOptions),
}

/// Arguments of `bastion names ls`.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// At most this many.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Arguments of `bastion names release`.
#[derive(Debug, Args)]
pub struct ReleaseOptions {
    /// The name.
    #[arg(value_name = "NAME")]
    pub name: UserName,
}

/// Runs one of the commands.
///
/// # Errors
///
/// When there is no login, or the server refuses.
pub async fn run(home: &BastionHome, command: &NamesCommand) -> Result<(), CommandError> {
    let api = home.client()?;
    match command {
        NamesCommand::Ls(options) => {
            let items = api.list("names", &[], options.limit as usize).await?;
            match options.output.output {
                Format::Json => print_json(&Value::Array(items)),
                Format::Table => print(&table(items)?),
            }
        }
        NamesCommand::Release(options) => {
            let name: NameItem = api.delete(&format!("names/{}", options.name)).await?;
            let whose = format!("{}#{}", name.person.issuer, name.person.subject);
            print(&format!("{} was the name of {}\n", visible(&name.name), visible(&whose)))
        }
    }
}

/// A name, as the server has it.
fn table(items: Vec<Value>) -> Result<String, CommandError> {
    let mut table = Table::new(["NAME", "SINCE", "SUBJECT", "ISSUER"]);
    for item in items {
        let name: NameItem = serde_json::from_value(item).map_err(anyhow::Error::new)?;
        table.row([name.name, local_time(name.bound_at), name.person.subject, name.person.issuer]);
    }
    Ok(table.render())
}
