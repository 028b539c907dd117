//! `bastion check`: every error in the configuration and the rules, before anything starts.

use std::fmt::Display;
use std::path::PathBuf;

use clap::Args;
use client::exit::CommandError;
use client::output::print;
use client::shown::visible;
use config::Config;
use policy::RuleSet;

/// Arguments of `bastion check`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// The configuration file; the rules that it names are checked too.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Loads and compiles; prints each error on its own line, or a summary.
///
/// # Errors
///
/// When there is anything to mend.
pub fn run(options: &CheckOptions) -> Result<(), CommandError> {
    let config = Config::load(&options.config).map_err(|errors| refused(errors.iter()))?;
    RuleSet::compile(&config.rules).map_err(|errors| refused(errors.iter()))?;
    let file = options.config.display();
    print(&format!(
        "{file}: ok ({}, {})\n",
        counted(config.targets.len(), "target"),
        counted(config.rules.len(), "rule file")
    ))
}

fn refused<E: Display>(errors: impl Iterator<Item = E>) -> CommandError {
    let mut count = 0;
    for error in errors {
        eprintln!("{}", visible(&error.to_string()));
        count += 1;
    }
    CommandError::Refused(format!("{} to mend", counted(count, "error")))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_errors_is_refused_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bastion.yaml");
        std::fs::write(&file, "no_such_key: 1\n").unwrap();
        let error = run(&CheckOptions { config: file }).unwrap_err();
        assert_eq!(error.code(), 1);
        assert!(error.to_string().ends_with("errors to mend"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_refused() {
        let error = run(&CheckOptions { config: "/nonexistent/bastion.yaml".into() }).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (1, "1 error to mend"));
    }
}
