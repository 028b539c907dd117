//! What `bastion run` shows: the command's bytes as they are and the bastion's words on stderr, or
//! everything as events on stdout.

use api::events::Event;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::events::{OutputEncoder, RunEvent, Stream};
use crate::exit::CommandError;
use crate::output::local_time;
use crate::shown::visible;

/// For whom it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// Programs: one JSON object on each line.
    Json,
    /// People, and programs that want the output alone.
    Plain,
}

pub(super) struct Printer<O, E> {
    words: Words,
    stdout: O,
    stderr: E,
    encoders: [OutputEncoder; 2],
}

impl<O: AsyncWrite + Unpin, E: AsyncWrite + Unpin> Printer<O, E> {
    pub(super) fn new(words: Words, stdout: O, stderr: E) -> Self {
        let encoders = [Stream::Stdout, Stream::Stderr].map(OutputEncoder::new);
        Self { words, stdout, stderr, encoders }
    }

    /// Something that the command wrote.
    pub(super) async fn output(&mut self, stream: Stream, data: &[u8]) -> Result<(), CommandError> {
        let [out, err] = &mut self.encoders;
        match (self.words, stream) {
            (Words::Plain, Stream::Stdout) => write(&mut self.stdout, data).await,
            (Words::Plain, Stream::Stderr) => write(&mut self.stderr, data).await,
            (Words::Json, stream) => {
                let encoder = if stream == Stream::Stdout { out } else { err };
                let line = encoder.feed(data).unwrap_or_default();
                write(&mut self.stdout, line.as_bytes()).await
            }
        }
    }

    /// Something that the bastion said.
    pub(super) async fn notice(&mut self, notice: &Event) -> Result<(), CommandError> {
        match self.words {
            Words::Json => write(&mut self.stdout, RunEvent::of(notice).line().as_bytes()).await,
            Words::Plain => write(&mut self.stderr, in_words(notice).as_bytes()).await,
        }
    }

    /// Nothing follows.
    pub(super) async fn finish(&mut self) -> Result<(), CommandError> {
        let lines: String = self.encoders.iter_mut().filter_map(OutputEncoder::finish).collect();
        // A plain stream was written as it came, so its encoder holds nothing.
        write(&mut self.stdout, lines.as_bytes()).await
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), data: &[u8]) -> Result<(), CommandError> {
    to.write_all(data).await?;
    Ok(to.flush().await?)
}

fn in_words(notice: &Event) -> String {
    let text = match notice {
        Event::Approved { by } => format!("bastion: approved by {}", by.join(", ")),
        // The message names the rule.
        Event::Blocked { message, .. } => format!("bastion: {message}"),
        // The output of the command says as much.
        Event::Started { .. } => return String::new(),
        Event::WaitingApproval { approval, rule, message, expires_at } => {
            let by = rule.as_ref().map(|rule| format!(" by rule {rule}")).unwrap_or_default();
            let held = format!("bastion: held{by}: {message}");
            let until = expires_at.map(|until| format!(" until {}", local_time(until))).unwrap_or_default();
            let next = format!(
                "bastion: waiting for approval{until}; an approver types: bastion approvals approve {approval}"
            );
            return format!("{}\n{next}\n", visible(&held));
        }
    };
    visible(&text).into_owned() + "\n"
}
