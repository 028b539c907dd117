//! Somebody in a terminal that echoes, and somebody whose session ends when it is told to.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::{
    patience::{SOON, within},
    person::Person,
    site::Site,
};

/// What a program says once it runs; the key is not in it.
const READY: &[u8] = b"ready";

/// The key that is typed.
pub(super) const KEY: char = 'k';

/// Somebody in a terminal that echoes.
pub(super) struct Typist {
    ssh: Running,
    typed: usize,
}

/// A session that ends with a code of its own.
pub(super) struct Witness {
    ssh: Running,
    pub(super) code: u8,
}

/// `ssh` with a program that has said that it runs.
struct Running {
    ssh: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Typist {
    pub(super) async fn start(person: &Person) -> Result<Self> {
        let echoing = "stty -opost -icanon echo; printf ready; exec cat >/dev/null";
        Ok(Self { ssh: Running::start(person, &["-tt"], echoing).await?, typed: 0 })
    }

    /// From a key to its echo.
    pub(super) async fn key(&mut self) -> Result<Duration> {
        let began = Instant::now();
        let Running { input, output, .. } = &mut self.ssh;
        let echo = within("an echo", SOON, async {
            let typed = input.write_all(&[KEY as u8]).await;
            Ok(match typed {
                Ok(()) => output.read_u8().await,
                Err(error) => Err(error),
            })
        })
        .await?;
        let took = began.elapsed();
        if echo.as_ref().ok() != Some(&(KEY as u8)) {
            bail!("{echo:?} and not the key; {}", self.ssh.last_words().await?);
        }
        self.typed += 1;
        Ok(took)
    }

    /// Interrupts the program; how many keys were typed.
    pub(super) async fn end(mut self) -> Result<usize> {
        self.ssh.input.write_all(b"\x03").await?;
        self.ssh.end().await?;
        Ok(self.typed)
    }
}

impl Witness {
    pub(super) async fn start(person: &Person, code: u8) -> Result<Self> {
        let waiting = format!("printf ready; read line; echo $line; exit {code}");
        Ok(Self { ssh: Running::start(person, &[], &waiting).await?, code })
    }

    /// Has the session end, and sees that it does as it should.
    pub(super) async fn end(mut self) -> Result<()> {
        let word = Self::word(self.code);
        self.ssh.input.write_all(format!("{word}\n").as_bytes()).await?;
        let (code, said) = self.ssh.end().await?;
        ensure!(code == Some(self.code.into()) && said == format!("{word}\n"), "a session ended with {code:?}: {said}");
        Ok(())
    }

    /// What the session shows at its end.
    pub(super) fn word(code: u8) -> String {
        format!("the last word of {code}")
    }
}

impl Running {
    async fn start(person: &Person, options: &[&str], program: &str) -> Result<Self> {
        let destination = Site::destination();
        let arguments = [options, &[&destination, program]].concat();
        let mut ssh = person.stock("ssh", &arguments)?;
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut ssh = ssh.spawn()?;
        let (input, output) =
            (ssh.stdin.take().context("standard input")?, ssh.stdout.take().context("standard output")?);
        let mut running = Self { ssh, input, output };
        let mut ready = [0; READY.len()];
        within("a program", SOON, async { Ok(running.output.read_exact(&mut ready).await?) }).await?;
        ensure!(ready == READY, "{:?}", String::from_utf8_lossy(&ready));
        Ok(running)
    }

    /// The code and the rest of the output.
    async fn end(&mut self) -> Result<(Option<i32>, String)> {
        within("the end of a session", SOON, async {
            let mut said = String::new();
            self.output.read_to_string(&mut said).await?;
            Ok((self.ssh.wait().await?.code(), said))
        })
        .await
    }

    /// Whatever else it said.
    async fn last_words(&mut self) -> Result<String> {
        let mut errors = self.ssh.stderr.take().context("standard error")?;
        let mut said = String::new();
        within("the last words", SOON, async {
            self.output.read_to_string(&mut said).await?;
            Ok(errors.read_to_string(&mut said).await?)
        })
        .await?;
        Ok(said)
    }
}
