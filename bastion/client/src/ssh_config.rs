//! `bastion ssh-config`: the block with which plain `ssh TARGET` goes through the bastion.
//!
//! One `Host` for the bastion and one for each target, so that `ssh -F FILE TARGET` works with
//! this file alone. `Match exec` renews the certificate before ssh reads it.

mod block;
mod install;

use api::info::BastionInfo;
use api::page::Page;
use api::targets::{TargetItem, TargetKind};
use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use self::block::{Block, TargetHost};
use super::api_client::ApiClient;
use super::exit::CommandError;
use super::home::{BastionHome, PUBLIC, SavedLogin, write_atomically};
use super::output::print;

/// Arguments of `bastion ssh-config`.
#[derive(Debug, Args)]
pub struct SshConfigOptions {
    /// Put the block into the login's folder, and one Include line into ~/.ssh/config.
    #[arg(long)]
    pub install: bool,
}

/// Prints or installs the block.
///
/// # Errors
///
/// When there is no login, or a file cannot be written.
pub async fn run(home: &BastionHome, options: &SshConfigOptions) -> Result<(), CommandError> {
    let login = home.login_at(Timestamp::now())?;
    let api = home.client_of(&login)?;
    let text = text(home, &api, &login).await?;
    if !options.install {
        return print(&text);
    }
    let lock = home.lock()?;
    write_atomically(&home.ssh_config(), text.as_bytes(), PUBLIC)?;
    let user_config = install::user_config_path()?;
    let changed = install::include(&user_config, &home.ssh_config())?;
    drop(lock);
    let done = if changed { "now includes" } else { "includes" };
    eprintln!("{} {done} {}", user_config.display(), home.ssh_config().display());
    Ok(())
}

/// Writes an installed block anew, because targets or addresses may have changed since.
///
/// # Errors
///
/// When the server cannot be asked or the file not be written.
pub async fn refresh(home: &BastionHome, api: &ApiClient, login: &SavedLogin) -> Result<(), CommandError> {
    if !home.ssh_config().exists() {
        return Ok(());
    }
    let text = text(home, api, login).await?;
    let _lock = home.lock()?;
    write_atomically(&home.ssh_config(), text.as_bytes(), PUBLIC)
}

async fn text(home: &BastionHome, api: &ApiClient, login: &SavedLogin) -> Result<String, CommandError> {
    let info: BastionInfo = api.get("info", &[]).await?;
    let page: Page<Value> = api.get("targets", &[]).await?;
    let targets = page
        .items
        .into_iter()
        .filter_map(|item| serde_json::from_value(item).ok())
        .filter(|target: &TargetItem| target.kind == TargetKind::Host)
        .filter_map(|target| TargetHost::of(&target))
        .collect();
    let program = std::env::current_exe()?;
    Block { home, program: &program, user: &login.user.name, info: &info, targets }.render()
}
