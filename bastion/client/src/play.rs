//! `bastion play`: a recording in this terminal, with the pauses that it had.
//!
//! Of what was on the user's screen only that is written which shows something (`filter`): no clipboard, no title, no
//! question that this terminal would answer. The console shows recordings without handing them to a terminal.

mod filter;
mod pace;
mod terminal;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use recorder::SessionId;
use recorder::asciicast::reader::{CastEventKind, CastReader};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use self::pace::Pace;
use self::terminal::PlayerTerminal;
use super::api_client::ApiClient;
use super::exit::CommandError;
use super::home::{BastionHome, SECRET};

/// Arguments of `bastion play`.
#[derive(Debug, Args)]
pub struct PlayOptions {
    /// A session, or an asciicast file (v2 or v3).
    #[arg(value_name = "ID|FILE")]
    pub recording: String,
    /// How many times as fast.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = pace::speed)]
    pub speed: f64,
    /// Cut pauses to this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = pace::seconds)]
    pub idle_limit: Option<std::time::Duration>,
}

/// Plays to the end, or until Ctrl-C.
///
/// # Errors
///
/// When there is no such recording, or it cannot be read.
pub async fn run(home: &BastionHome, options: &PlayOptions) -> Result<(), CommandError> {
    let cast = open(home, &options.recording).await?;
    let mut cast = CastReader::new(BufReader::new(cast)).map_err(anyhow::Error::new)?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;

    let mut terminal = PlayerTerminal::take(cast.header().size);
    let mut pace = Pace::new(options.speed, options.idle_limit);
    let start = Instant::now();
    while let Some(event) = cast.next_event().map_err(anyhow::Error::new)? {
        let due = start + pace.due(event.at);
        tokio::select! {
            () = sleep_until(due) => {}
            _ = interrupted.recv() => break,
            _ = terminated.recv() => break,
        }
        match event.kind {
            CastEventKind::Output(text) | CastEventKind::Stderr(text) => terminal.show(&text)?,
            CastEventKind::Resize(size) => terminal.resized(size),
            CastEventKind::Exit(_) | CastEventKind::Input(_) | CastEventKind::Marker(_) | CastEventKind::Other(..) => {}
        }
    }
    Ok(())
}

/// The recording as a file: one that is there, or a download.
async fn open(home: &BastionHome, recording: &str) -> Result<File, CommandError> {
    let session = recording.parse::<SessionId>();
    match (File::open(recording), session) {
        (Ok(file), _) => Ok(file),
        (Err(_), Ok(session)) => download(&home.client()?, session).await,
        (Err(error), Err(_)) => Err(CommandError::Refused(format!(
            "{recording:?} is neither a session's id nor a file that can be read ({error}); \
             bastion sessions ls lists the sessions"
        ))),
    }
}

/// Downloads first, plays then: a connection need not last as long as the session did. The file
/// has no name while it is played, so that nothing of it stays.
async fn download(api: &ApiClient, session: SessionId) -> Result<File, CommandError> {
    let mut recording = api.recording(session).await?;
    let mut file = nameless_file(&std::env::temp_dir())?;
    while let Some(part) = recording.next().await? {
        file.write_all(&part).context("cannot keep the recording")?;
    }
    file.rewind()?;
    Ok(file)
}

fn nameless_file(folder: &Path) -> Result<File, CommandError> {
    let path = folder.join(format!("bastion-{}.cast", uuid::Uuid::now_v7()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(SECRET).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    fs::remove_file(&path)?;
    Ok(file)
}

/// Whether there is a person to look at it.
fn is_terminal() -> bool {
    use io::IsTerminal as _;
    io::stdout().is_terminal()
}
