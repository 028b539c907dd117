//! Asks a target which shell a login gets, so that lines are read as that shell reads them.
//!
//! The question is one `exec` request on a channel of its own, beside the user's: the login shell itself answers it
//! (RFC 4254 §6.5 leaves to the server what runs a command; sshd gives it to the login shell). A target that does not
//! answer, or whose answer is another, is read as every shell would read.

use std::{sync::Arc, time::Duration};

use russh::{Channel, ChannelMsg, client};
use session::{line_gate::LoginShell, start::PreparedTarget};
use shell::Shell;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{
    target_connection::TargetConnection,
    target_error::TargetError,
    target_leg::{PreparedChannel, SshTargetReader, SshTargetWriter},
};

/// What the shells in question answer with their version, at the place of their name. In others it is empty, or an error.
const QUESTION: &str = r#"echo "bastion-asks:$BASH_VERSION:$ZSH_VERSION:$FISH_VERSION:""#;

/// How the answer begins, whatever start-up files print before it.
const ANSWER: &str = "bastion-asks:";

/// How long an answer is waited for.
const DEADLINE: Duration = Duration::from_secs(10);

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// A question to a target.
pub(super) struct Question {
    pub(super) target: Arc<TargetConnection>,
    /// The environment of the session.
    pub(super) env: Vec<(String, String)>,
    /// Who is told, if there is an answer.
    pub(super) told: LoginShell,
}

impl Question {
    async fn ask(self) {
        let Ok(channel) = self.target.open().await else { return };
        let mut channel = channel.into_inner();
        let answer = timeout(DEADLINE, answer(&mut channel, &self.env)).await;
        // The target may be gone.
        let _ = channel.close().await;
        if let Ok(Some(shell)) = answer.map(|text| text.as_deref().and_then(of_answer)) {
            self.told.tell(shell);
        }
    }
}

/// A channel beside which the question is asked when its program starts, and not before: the login shell that answers
/// runs its start-up files.
pub(super) struct Asking {
    pub(super) channel: PreparedChannel,
    /// None where the program is no login shell at a terminal.
    pub(super) question: Option<Question>,
    pub(super) tasks: TaskTracker,
}

impl PreparedTarget for Asking {
    type Reader = SshTargetReader;
    type Writer = SshTargetWriter;
    type Error = TargetError;

    async fn launch(self) -> Result<(SshTargetReader, SshTargetWriter), TargetError> {
        if let Some(question) = self.question {
            self.tasks.spawn(question.ask());
        }
        self.channel.launch().await
    }

    async fn abandon(self) {
        self.channel.abandon().await;
    }
}

async fn answer(channel: &mut Channel<client::Msg>, env: &[(String, String)]) -> Option<String> {
    for (name, value) in env {
        channel.set_env(false, name, value).await.ok()?;
    }
    channel.exec(false, QUESTION).await.ok()?;
    channel.eof().await.ok()?;
    let mut text = Vec::new();
    while text.len() < MAX_ANSWER_BYTES {
        match channel.wait().await {
            Some(ChannelMsg::Data { data }) => text.extend_from_slice(&data),
            Some(ChannelMsg::Eof | ChannelMsg::Close) | None => break,
            Some(_) => {}
        }
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn of_answer(text: &str) -> Option<Shell> {
    let versions = text.lines().rev().find_map(|line| line.split_once(ANSWER))?.1;
    let versions: Vec<&str> = versions.split(':').collect();
    match *versions.as_slice() {
        [bash, "", "", _] if !bash.is_empty() => Some(Shell::Bash),
        ["", zsh, "", _] if !zsh.is_empty() => Some(Shell::Zsh),
        ["", "", fish, _] if !fish.is_empty() => Some(Shell::Fish),
        // Some other one that reads POSIX: dash, BusyBox ash.
        ["", "", "", _] => Some(Shell::Sh),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_known_by_its_version() {
        for (answer, shell) in [
            ("bastion-asks:5.2.15(1)-release:::\n", Some(Shell::Bash)),
            ("hello\r\nbastion-asks::5.9::\r\n", Some(Shell::Zsh)),
            ("bastion-asks:::3.6.0:\n", Some(Shell::Fish)),
            ("bastion-asks::::\n", Some(Shell::Sh)),
            ("bastion-asks:$BASH_VERSION:$ZSH_VERSION:$FISH_VERSION:\n", None),
            ("bastion-asks:1:2::\n", None),
            ("BASH_VERSION: Undefined variable.\n", None),
            ("", None),
        ] {
            assert_eq!(of_answer(answer), shell, "{answer:?}");
        }
    }
}
