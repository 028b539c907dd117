//! What runs on a laptop, beside an agent or in a job: the commands that speak to a bastion. In reading order:
//!
//! [`exit`] (errors and exit codes) · [`home`] (files of a login) · [`api_client`] · [`login`] ·
//! [`ssh_config`] · [`kubeconfig`] · [`credential`] · [`targets`] · [`mod@run`] · [`approvals`] · [`access`] ·
//! [`sessions`] · [`play`] · [`names`] · [`whoami`] · [`output`] · [`duration`].
//!
//! It knows nothing of stores, rules and recorders.

pub mod access;
pub mod agent;
pub mod api_client;
pub mod approvals;
pub mod credential;
pub mod duration;
pub mod exit;
pub mod home;
pub mod key;
pub mod kubeconfig;
pub mod login;
pub mod names;
pub mod output;
pub mod play;
pub mod run;
pub mod sessions;
pub mod shown;
pub mod ssh_config;
pub mod targets;
pub mod whoami;

use std::process::ExitCode;

use clap::Subcommand;

use self::{exit::CommandError, home::BastionHome};

/// The commands that speak to a bastion.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Log in, and get a certificate that renews itself while the login lasts.
    Login(login::LoginOptions),
    /// Print or install the ssh_config block with which plain `ssh TARGET` works.
    SshConfig(ssh_config::SshConfigOptions),
    /// Print or install the context with which plain `kubectl` reaches a cluster.
    Kubeconfig(kubeconfig::KubeconfigOptions),
    /// Credentials for other programs, which call this by themselves.
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// List the targets and clusters that you may reach.
    Targets(targets::TargetsOptions),
    /// Run one command on a target: for programs and AI agents.
    Run(run::RunOptions),
    /// List, show and decide what waits for approval.
    #[command(subcommand)]
    Approvals(approvals::ApprovalsCommand),
    /// Ask for access to a target or cluster for a time.
    #[command(subcommand)]
    Access(access::AccessCommand),
    /// List and show recorded sessions.
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Play a recording in this terminal.
    Play(play::PlayOptions),
    /// Write a recording as asciicast to stdout or a file.
    Export(sessions::ExportOptions),
    /// List whose names are, and release them.
    #[command(subcommand)]
    Names(names::NamesCommand),
    /// Show who is logged in, and until when.
    Whoami(whoami::WhoamiOptions),
    /// End the login, and remove its key and certificate.
    Logout,
}

impl Command {
    /// Runs it.
    ///
    /// # Errors
    ///
    /// What its user is to be told, with the exit code.
    pub fn run(self) -> Result<ExitCode, CommandError> {
        let home = BastionHome::open()?;
        match self {
            Self::Access(command) => in_runtime(access::run(&home, &command)),
            Self::Approvals(command) => in_runtime(approvals::run(&home, &command)),
            Self::Credential(command) => credential::run(&home, command),
            Self::Export(options) => in_runtime(sessions::export(&home, &options)),
            Self::Kubeconfig(options) => in_runtime(kubeconfig::run(&home, &options)),
            Self::Login(options) => login::run(&home, &options),
            Self::Logout => in_runtime(whoami::logout(&home)),
            Self::Names(command) => in_runtime(names::run(&home, &command)),
            Self::Play(options) => in_runtime(play::run(&home, &options)),
            Self::Run(options) => return run::run(&home, &options),
            Self::Sessions(command) => in_runtime(sessions::run(&home, &command)),
            Self::SshConfig(options) => in_runtime(ssh_config::run(&home, &options)),
            Self::Targets(options) => in_runtime(targets::run(&home, &options)),
            Self::Whoami(options) => in_runtime(whoami::run(&home, &options)),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

/// Runs a command that waits for one server: one thread is enough, and starts fastest.
///
/// # Errors
///
/// Those of the command, and when no runtime can be made.
pub fn in_runtime<F, T>(command: F) -> Result<T, CommandError>
where
    F: Future<Output = Result<T, CommandError>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    // A read of standard input cannot be called back, and would be waited for.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests;
