//! [`Jobs`]: the programs that C-z may have stopped, for `fg`.
//!
//! What is written down here is only who would read: whether a program was stopped, whether it still is, and which
//! number the shell gave it is not known. So what `fg` names is believed no more than a line that starts the program
//! again: an editor reads while its screen is shown, a language at its own prompt.

use shell::{Command, Parsed};

use super::Foreground;

/// What may be stopped, the first first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jobs(Vec<Foreground>);

impl Jobs {
    /// C-z was typed while this read.
    pub(crate) fn stopped(&mut self, reader: Foreground) {
        if reader == Foreground::Shell {
            return;
        }
        if self.0.len() == MAX_JOBS {
            self.0.remove(0);
        }
        self.0.push(reader);
    }

    /// The reader after a line that runs this, if it continues a job.
    pub(crate) fn continued(&mut self, parsed: &Parsed) -> Option<Foreground> {
        let [only] = parsed.commands.as_slice() else { return None };
        let job = job_of(only)?;
        let last = self.0.len().checked_sub(1)?;
        let number = job.trim_start_matches('%').parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let at = match (job, number) {
            ("%-", _) => last.saturating_sub(1),
            (_, Some(at)) if at < last => at,
            _ => last,
        };
        Some(self.0.remove(at))
    }
}

/// What a command continues: `fg`, `fg %1`, `%1`, `%`; `%` for the last one.
fn job_of(command: &Command) -> Option<&str> {
    let words: Option<Vec<&str>> = command.argv.iter().map(|word| word.known()).collect();
    match words?.as_slice() {
        ["fg"] => Some("%"),
        ["fg", job] => Some(job),
        [job] if job.starts_with('%') => Some(job),
        _ => None,
    }
}

/// As many as are told apart.
const MAX_JOBS: usize = 16;
