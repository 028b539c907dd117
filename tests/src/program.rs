//! A child process: where its log goes, how much memory and CPU time it takes, how it ends.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::patience::within;

/// Log lines shown when a test fails.
const SHOWN_LOG_LINES: usize = 60;

/// Unit of the times in `/proc/PID/stat`: `USER_HZ`, which is 100 on the machines that the product runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Whether programs keep their logs to themselves at their end.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, programs that end do not print their logs: for commands whose output is read by others.
pub fn keep_logs_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// A running program that ends with this value.
pub struct Program {
    name: String,
    child: Child,
    pid: Pid,
    log: PathBuf,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    /// Kept open: some programs end when their input does.
    _stdin: Option<ChildStdin>,
}

impl Program {
    /// Starts `command`; its standard error goes to `FOLDER/NAME.log`.
    ///
    /// # Errors
    /// Fails when the program cannot be started.
    pub fn start(name: &str, command: Command, folder: &Path) -> Result<Self> {
        Self::start_logging(name, command, folder, None)
    }

    /// The same, with its standard error somewhere else than in the log, if that is given.
    ///
    /// # Errors
    /// Fails when the program cannot be started.
    pub fn start_logging(name: &str, mut command: Command, folder: &Path, stderr: Option<Stdio>) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr.unwrap_or_else(|| file.into()))
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("a process without an id")?;
        let stdout = child.stdout.take().map(|pipe| BufReader::new(pipe).lines());
        let stdin = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, pid, log, stdout, _stdin: stdin })
    }

    /// The next line of its standard output.
    ///
    /// # Errors
    /// Fails with the log when the program ends first or takes longer than `limit`.
    pub async fn line(&mut self, limit: Duration) -> Result<String> {
        let stdout = self.stdout.as_mut().context("standard output is not captured")?;
        let line = within("the next line", limit, async { Ok(stdout.next_line().await?) }).await;
        match line {
            Ok(Some(line)) => Ok(line),
            Ok(None) => bail!("{} ended: {}", self.name, self.log_tail()),
            Err(error) => Err(error.context(format!("{}: {}", self.name, self.log_tail()))),
        }
    }

    /// Fails with the log when the program has ended.
    ///
    /// # Errors
    /// See above.
    pub fn ensure_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}: {}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Errors
    /// Fails when the process cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Sends `signal`.
    ///
    /// # Errors
    /// Fails when the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(rustix::process::kill_process(self.pid, signal)?)
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// Fails when the program goes on for longer than `limit`.
    pub async fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        within(&format!("the end of {}", self.name), limit, async { Ok(self.child.wait().await?) }).await
    }

    /// Waits for the end, without asking for it.
    ///
    /// # Errors
    /// Fails when the program goes on for longer than `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        within(&format!("the end of {}", self.name), limit, async { Ok(self.child.wait().await?) }).await
    }

    /// Memory now in RAM, in bytes.
    ///
    /// # Errors
    /// Fails when the process is gone.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.status_kib("VmRSS:").map(|kib| kib * 1024)
    }

    /// The most memory that was ever in RAM since the start or [`Self::forget_peak`], in bytes.
    ///
    /// # Errors
    /// Fails when the process is gone.
    pub fn peak_resident_bytes(&self) -> Result<u64> {
        self.status_kib("VmHWM:").map(|kib| kib * 1024)
    }

    /// Starts the count of [`Self::peak_resident_bytes`] anew (`proc(5)`, `clear_refs`, value 5).
    ///
    /// # Errors
    /// Fails when the process is gone or belongs to somebody else.
    pub fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.pid.as_raw_nonzero()), "5")?)
    }

    /// CPU time used so far by the program itself (user and system).
    ///
    /// # Errors
    /// Fails when the process is gone.
    pub fn cpu_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid.as_raw_nonzero()))?;
        // The second field is the program's name in brackets and may hold blanks: count from the last bracket.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
        let (user, system) = ticks(11).zip(ticks(12)).context("an odd /proc/PID/stat")?;
        Ok(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let skipped = log.lines().count().saturating_sub(SHOWN_LOG_LINES);
        log.lines().skip(skipped).fold(String::new(), |tail, line| tail + "\n    " + line)
    }

    fn status_kib(&self, key: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)).context("an odd /proc/PID/status")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Program {
    /// Prints the end of the log; the test harness shows it only when the test fails.
    fn drop(&mut self) {
        if !QUIET.load(Ordering::Relaxed) {
            eprintln!("--- log of {}:{}", self.name, self.log_tail());
        }
    }
}

/// What a program that has ended left behind.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; 128 + n when signal n ended it, as a shell has it.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Whether `line` is one of standard error's lines. kubectl 1.32 may write others before it: it begins to read
    /// before it knows its streams, and then logs the server's first message, an empty one, as one of an unknown stream.
    pub fn complains(&self, line: &str) -> bool {
        self.stderr.lines().any(|complaint| complaint == line)
    }

    /// The outcome itself when the program succeeded.
    ///
    /// # Errors
    /// Fails with what it printed when the exit code is not 0.
    pub fn ok(self) -> Result<Self> {
        ensure!(self.code == 0, "exit code {}, stdout: {}, stderr: {}", self.code, self.text(), self.stderr);
        Ok(self)
    }
}

/// Runs `command` to its end, with `input` as its standard input.
///
/// # Errors
/// Fails when it cannot be started or takes longer than `limit`.
pub async fn run(mut command: Command, input: &[u8], limit: Duration) -> Result<Outcome> {
    use std::os::unix::process::ExitStatusExt;
    use tokio::io::AsyncWriteExt;

    let name = format!("{:?}", command.as_std());
    command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program may end without having read everything.
            let _ = stdin.write_all(input).await;
        }
        Ok(())
    };
    let end =
        async { Ok(tokio::try_join!(feed, async { Ok::<_, anyhow::Error>(child.wait_with_output().await?) })?.1) };
    let output = within(&name, limit, end).await?;
    let status = output.status;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
    Ok(Outcome { code, stdout: output.stdout, stderr: String::from_utf8_lossy(&output.stderr).into_owned() })
}
