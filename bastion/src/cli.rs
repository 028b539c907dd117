//! The command line: every command, its arguments, and the file that runs it. In reading order:
//!
//! [`exit`] (errors and exit codes) · [`home`] (files of a login) · [`api_client`] · [`login`] ·
//! [`ssh_config`] · [`kubeconfig`] · [`credential`] · [`targets`] · [`mod@run`] · [`approvals`] · [`access`] ·
//! [`sessions`] · [`play`] · [`names`] · [`whoami`] · [`output`] · [`duration`] · [`check`] · [`rules`] · [`serve`] · [`store`] · [`demo`].

pub mod access;
pub mod agent;
pub mod api_client;
pub mod approvals;
pub mod check;
pub mod credential;
pub mod demo;
pub mod duration;
pub mod exit;
pub mod home;
pub mod key;
pub mod kubeconfig;
mod log;
pub mod login;
pub mod names;
pub mod output;
pub mod play;
pub mod rules;
pub mod run;
pub mod serve;
pub mod sessions;
pub mod shown;
pub mod ssh_config;
pub mod store;
pub mod targets;
pub mod whoami;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::CommandError;
use self::home::BastionHome;

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    // Fails only when a provider is there already, which is just as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Arguments::parse().command.run() {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}

/// Certificates that live for minutes, and recordings, between people and the hosts they work on.
#[derive(Debug, Parser)]
#[command(name = "bastion", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, people's own first.
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
    /// Check the configuration and the rules without starting anything.
    Check(check::CheckOptions),
    /// Test rules, or see which one decides about a command.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Run the bastion.
    Serve(serve::ServeOptions),
    /// Copy everything that the bastion remembers into another database.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Run everything on this machine to try it: issuer, target, rules and bastion.
    Demo(demo::DemoOptions),
}

impl Command {
    fn run(self) -> Result<ExitCode, CommandError> {
        match self {
            Self::Access(command) => client(access::run(&BastionHome::open()?, &command)),
            Self::Approvals(command) => client(approvals::run(&BastionHome::open()?, &command)),
            Self::Check(options) => check::run(&options),
            Self::Credential(command) => credential::run(&BastionHome::open()?, command),
            Self::Demo(options) => demo::run(options),
            Self::Export(options) => client(sessions::export(&BastionHome::open()?, &options)),
            Self::Kubeconfig(options) => client(kubeconfig::run(&BastionHome::open()?, &options)),
            Self::Login(options) => login::run(&BastionHome::open()?, &options),
            Self::Logout => client(whoami::logout(&BastionHome::open()?)),
            Self::Names(command) => client(names::run(&BastionHome::open()?, &command)),
            Self::Play(options) => client(play::run(&BastionHome::open()?, &options)),
            Self::Rules(command) => rules::run(&command),
            Self::Run(options) => return run::run(&BastionHome::open()?, &options),
            Self::Serve(options) => serve::run(&options),
            Self::Sessions(command) => client(sessions::run(&BastionHome::open()?, &command)),
            Self::SshConfig(options) => client(ssh_config::run(&BastionHome::open()?, &options)),
            Self::Store(command) => client(store::run(&command)),
            Self::Targets(options) => client(targets::run(&BastionHome::open()?, &options)),
            Self::Whoami(options) => client(whoami::run(&BastionHome::open()?, &options)),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

/// Runs a command that waits for one server: one thread is enough, and starts fastest.
fn client<F, T>(command: F) -> Result<T, CommandError>
where
    F: Future<Output = Result<T, CommandError>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    // A read of standard input cannot be called back, and would be waited for.
    runtime.shutdown_background();
    result
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 refused or failed; 2 usage; 3 not logged in; 4 nobody approved in time; 5 blocked by a rule; 255 connection failed.
Environment: BASTION_HOME is the folder of the login (default ~/.bastion).";

#[cfg(test)]
mod tests;
