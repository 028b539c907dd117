//! What may run beside what is walked: commands and code in the words of programs that may be anything.

use super::{MAX_CODE_DEPTH, RUNS_OUTPUT, Walker, program};
use crate::{Command, Word, unwrap};

impl Walker<'_> {
    /// Whether more may be guessed.
    pub(crate) fn may_guess(&self) -> bool {
        self.out.guesses.len() < MAX_GUESSES && self.guessed <= MAX_GUESSES
    }

    /// Notes a command that may run, because it stands in the arguments of a program of which nothing is known.
    pub(crate) fn guess(&mut self, words: &[Word]) {
        if self.out.guesses.len() < MAX_GUESSES {
            let argv = words.iter().take(MAX_GUESSED_WORDS).cloned().collect();
            self.out.guesses.push(Command { argv, folder: self.folder.clone(), ..Command::default() });
        } else {
            self.doubtful_command("it has too many arguments to be looked at");
        }
    }

    /// The same for code.
    pub(crate) fn guess_code(&mut self, text: &str) {
        self.guessed += 1;
        if text.len() > MAX_GUESSED_BYTES || self.guessed > MAX_GUESSES || self.depth == MAX_CODE_DEPTH {
            return self.doubtful_command("it has arguments that are too long to be looked at");
        }
        if let Ok(program) = program(text) {
            let mut walker = Self::new(self.cx, None);
            walker.depth = MAX_CODE_DEPTH - 1;
            // What is guessed in a guess counts as well, and so do the words that braces make there.
            (walker.guessed, walker.braced) = (self.guessed, self.braced);
            walker.program(&program);
            (self.guessed, self.braced) = (walker.guessed, walker.braced);
            let guesses = walker.out.commands.into_iter().chain(walker.out.guesses);
            self.out.guesses.extend(guesses.take(MAX_GUESSES));
            if walker.out.opaque.iter().any(|opaque| opaque.why == RUNS_OUTPUT) {
                self.opaque_command("an argument may run the output of another program");
            }
        }
    }

    /// The same for a shell or another interpreter with its code, of which also what is not known counts.
    pub(crate) fn guess_argv(&mut self, words: &[Word]) {
        self.guessed += 1;
        if self.guessed > MAX_GUESSES || self.depth + 2 >= MAX_CODE_DEPTH {
            return;
        }
        let mut walker = Self::new(self.cx, Some(""));
        walker.depth = MAX_CODE_DEPTH - 2;
        (walker.guessed, walker.braced) = (self.guessed, self.braced);
        unwrap::run(&mut walker, words.to_vec(), Vec::new(), Vec::new());
        (self.guessed, self.braced) = (walker.guessed, walker.braced);
        let guesses = walker.out.commands.into_iter().chain(walker.out.guesses);
        self.out.guesses.extend(guesses.take(MAX_GUESSES));
        if let Some(opaque) = walker.out.opaque.into_iter().next() {
            self.opaque_command(format!("an argument may be run: {}", opaque.why));
        }
    }
}

/// The most commands that are guessed in one text, about.
pub(super) const MAX_GUESSES: usize = 64;

/// The most words of a guessed command.
const MAX_GUESSED_WORDS: usize = 32;

/// The longest argument that is guessed to be code, in bytes.
const MAX_GUESSED_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use crate::{ParseContext, Shell, parse};

    #[test]
    fn what_braces_make_in_guesses_is_bounded_for_the_line() {
        let line = format!("x {}", "{1..256} ".repeat(111));
        // To fish these are words as they stand, which another shell may be given.
        let parsed = parse(&line, &ParseContext { shell: Shell::Fish, ..ParseContext::typed() });
        let words: usize = parsed.guesses.iter().map(|guess| guess.argv.len()).sum();
        assert!(words < 4096, "{words} words in {} guesses", parsed.guesses.len());
    }
}
