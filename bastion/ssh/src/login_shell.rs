//! Asks a target which shell a login gets, so that lines are read as that shell reads them, and what its keys are bound to.
//!
//! The question is one `exec` request on a channel of its own, beside the user's: the login shell itself answers it
//! (RFC 4254 §6.5 leaves to the server what runs a command; sshd gives it to the login shell). A target that does not
//! answer, or whose answer is another, is read as every shell would read.
//!
//! Only the start-up files say what keys are bound to. So the question starts the shell once more, as a session does
//! (`-l -i`), with no terminal and no input. Files that start something else there give no answer to that part.

use std::{sync::Arc, time::Duration};

use russh::{Channel, ChannelMsg, client};
use session::{
    line_gate::{Bindings, LoginShell},
    start::PreparedTarget,
};
use shell::Shell;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{
    target_connection::TargetConnection,
    target_error::TargetError,
    target_leg::{PreparedChannel, SshTargetReader, SshTargetWriter},
};

/// What the shells in question answer with their version, at the place of their name. In others it is empty, or an error.
/// Then the shell is started anew, and says what its keys are bound to. All of it is written as each of them reads it.
const QUESTION: &str = concat!(
    r#"echo "bastion-asks:$BASH_VERSION:$ZSH_VERSION:$FISH_VERSION:""#,
    r#"; sh -c 'case "$1:$2:$3" in ?*::) q=$4;; :?*:) q=$5;; ::?*) q=$6;; *) exit;; esac; "#,
    r#"TERM="${TERM:-xterm}"; export TERM; exec "$SHELL" -l -i -c "$q"' "#,
    r#"sh "$BASH_VERSION" "$ZSH_VERSION" "$FISH_VERSION""#,
);

/// The question, with what each shell is asked in its own language behind it.
fn question() -> String {
    let asked = [Shell::Bash, Shell::Zsh, Shell::Fish]
        .map(|shell| format!("'{}'", Bindings::question(shell).unwrap_or_default()));
    format!("{QUESTION} {} </dev/null 2>/dev/null", asked.join(" "))
}

/// How the answer begins, whatever start-up files print before it.
const ANSWER: &str = "bastion-asks:";

/// How long an answer is waited for.
const DEADLINE: Duration = Duration::from_secs(10);

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 128 * 1024;

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
        let bindings = self.bindings().await;
        self.told.tell_bindings(bindings);
    }

    /// Tells the shell as soon as it is known, and returns what its keys are bound to.
    async fn bindings(&self) -> Option<Bindings> {
        let mut channel = self.target.open().await.ok()?.into_inner();
        let mut answer = Answer::default();
        let asked = timeout(DEADLINE, self.hear(&mut channel, &mut answer)).await;
        // The target may be gone.
        let _ = channel.close().await;
        asked.ok()?;
        Some(Bindings::of_answer(&answer.text(), answer.shell?))
    }

    async fn hear(&self, channel: &mut Channel<client::Msg>, answer: &mut Answer) {
        if ask(channel, &self.env).await.is_none() {
            return;
        }
        while answer.bytes.len() < MAX_ANSWER_BYTES {
            match channel.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    if let Some(shell) = answer.goes_on(&data) {
                        self.told.tell(shell);
                    }
                }
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => break,
                Some(_) => {}
            }
        }
    }
}

/// What has come of an answer.
#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
    /// Where the lines begin in which the shell was not looked for yet.
    looked: usize,
    shell: Option<Shell>,
}

impl Answer {
    /// Takes what comes next, and returns the shell when a line of it says which one that is. Each line is read once, in
    /// however many pieces a target sends them.
    fn goes_on(&mut self, data: &[u8]) -> Option<Shell> {
        self.bytes.extend_from_slice(data);
        if self.shell.is_some() || !data.contains(&b'\n') {
            return None;
        }
        self.shell = of_answer(&String::from_utf8_lossy(self.bytes.get(self.looked..)?));
        self.looked = self.bytes.iter().rposition(|byte| *byte == b'\n')? + 1;
        self.shell
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
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

async fn ask(channel: &mut Channel<client::Msg>, env: &[(String, String)]) -> Option<()> {
    for (name, value) in env {
        channel.set_env(false, name, value).await.ok()?;
    }
    channel.exec(false, question()).await.ok()?;
    channel.eof().await.ok()
}

fn of_answer(text: &str) -> Option<Shell> {
    // What start-up files print stands before it, and what keys are bound to behind it. A line is whole with its end.
    let versions = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let versions = versions.filter_map(|line| line.trim_end().split_once(ANSWER)).next_back()?.1;
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

    #[test]
    fn a_question_is_written_as_each_shell_reads_it() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let asked = Bindings::question(shell).unwrap();
            assert!(!asked.contains(['\'', '\\', '\n']), "{asked}");
            assert!(question().contains(asked));
        }
    }

    #[test]
    fn a_shell_is_told_before_its_keys_are() {
        assert_eq!(of_answer("bastion-asks:5.2"), None, "the line is not whole yet");
        assert_eq!(of_answer("bastion-asks::5.9::\nbastion-keys:main\nbindk"), Some(Shell::Zsh));
    }

    #[test]
    fn an_answer_may_come_in_any_pieces() {
        let whole = b"hello\nbastion-asks:\nbastion-asks:5.2.15(1)-release:::\nbastion-keys:emacs\n";
        for size in 1..=whole.len() {
            let mut answer = Answer::default();
            let told: Vec<Shell> = whole.chunks(size).filter_map(|piece| answer.goes_on(piece)).collect();
            assert_eq!(told, [Shell::Bash], "in pieces of {size}");
            assert_eq!(answer.text().as_bytes(), whole);
        }
    }
}
