//! The command line: every command and its arguments. Those that speak to a bastion are in the crate [`client`]; here
//! are [`check`], [`rules`], [`serve`], [`store`] and [`demo`].

pub mod check;
pub mod demo;
mod log;
pub mod rules;
pub mod serve;
pub mod store;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use client::exit::CommandError;

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
    /// Those that speak to a bastion.
    #[command(flatten)]
    Client(client::Command),
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
            Self::Client(command) => return command.run(),
            Self::Check(options) => check::run(&options),
            Self::Demo(options) => demo::run(options),
            Self::Rules(command) => rules::run(&command),
            Self::Serve(options) => serve::run(&options),
            Self::Store(command) => client::in_runtime(store::run(&command)),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 refused or failed; 2 usage; 3 not logged in; 4 nobody approved in time; 5 blocked by a rule; 255 connection failed.
Environment: BASTION_HOME is the folder of the login (default ~/.bastion).";

#[cfg(test)]
mod tests;
