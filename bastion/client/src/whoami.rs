//! `bastion whoami` and `bastion logout`.

use api::login::WhoAmI;
use clap::Args;
use serde_json::Value;

use super::exit::CommandError;
use super::home::{BastionHome, remove};
use super::key;
use super::output::{Format, OutputOptions, local_time, print, print_json};
use super::shown::visible;

/// Arguments of `bastion whoami`.
#[derive(Debug, Args)]
pub struct WhoamiOptions {
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Tells who is logged in, as the server sees it.
///
/// # Errors
///
/// When there is no login, or the server ended it.
pub async fn run(home: &BastionHome, options: &WhoamiOptions) -> Result<(), CommandError> {
    let mut answer: Value = home.client()?.get("whoami", &[]).await?;
    if options.output.output == Format::Json {
        return print_json(&answer);
    }
    let whoami: WhoAmI = serde_json::from_value(answer.take()).map_err(anyhow::Error::new)?;
    let groups = whoami.user.groups.join(" ");
    // As rules write it in `users`.
    let subject = whoami.user.person.map(|person| format!("{}#{}", person.issuer, person.subject));
    print(&format!(
        "{} (groups: {}), until {}\nsubject: {}\n",
        visible(&whoami.user.name),
        visible(if groups.is_empty() { "none" } else { &groups }),
        local_time(whoami.expires_at),
        visible(subject.as_deref().unwrap_or("unknown")),
    ))
}

/// Ends the login on the server and removes its key, certificate and token.
///
/// # Errors
///
/// When the server cannot be told: the files are removed all the same.
pub async fn logout(home: &BastionHome) -> Result<(), CommandError> {
    let Some(login) = home.saved_login()? else {
        return Ok(());
    };
    let lock = home.lock()?;
    let ended = match home.client_of(&login) {
        Ok(api) => api.end_login().await,
        Err(error) => Err(error),
    };
    key::forget(home, &lock)?;
    remove(&home.login())?;
    remove(&home.ca())?;
    match ended {
        // It had ended before.
        Ok(()) | Err(CommandError::NotLoggedIn { .. }) => Ok(()),
        Err(error) => {
            eprintln!(
                "bastion: the key is removed here; the server was not told, so the login lasts there until {}",
                local_time(login.expires_at)
            );
            Err(error)
        }
    }
}
