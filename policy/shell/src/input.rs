//! What becomes of the input that a session sends: which of the programs in a text may read it, and as what.
//!
//! A program that is known to read data gets it unread, and so does one that reads nothing. Every other program may be
//! a shell: what it reads is judged before it is sent, and for that it must be what was sent. So each program says what
//! of its input is in its output ([`Carries`]), for the next one in a pipeline; and where input is kept in variables
//! or descriptors, any program may get it later.

use std::sync::Arc;

use super::{
    OpaqueKind, Word,
    client::Client,
    parse::{RUNS_INPUT, Stdin, Walker},
};

mod readers;

/// How the input of a session reaches a program that may do anything with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Live {
    /// As it is sent, so that it can be judged before.
    AsSent,
    /// Changed by another program: nobody can say what arrives.
    Changed,
}

/// A program of which it is not known what it does with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveReader {
    /// Its index in [`Parsed::commands`](super::Parsed::commands); none for a text that cannot be read.
    pub command: Option<usize>,
    /// What it gets.
    pub live: Live,
    /// Whether it is an interpreter of a language that is no shell's: read as lines of a shell, its code says nothing.
    pub is_foreign: bool,
}

/// What a program does with its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It keeps some of it in variables.
    Captured,
    /// It is data. Where `to_end`, nothing is left of it once the program has succeeded.
    Data { output: Carries, to_end: bool },
    /// It does not read it.
    Nothing,
    /// It is not known.
    Unknown,
}

/// What of its input is in the output of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Carries {
    /// None of it, or what nobody could choose.
    Nothing,
    /// All of it, unchanged, and nothing else.
    Same,
    /// Something made of it.
    Changed,
}

/// What is known of the input while a text is walked.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// All of it, where it is known.
    sent: Option<Arc<str>>,
    /// The same, while it is read as the commands of a shell.
    pub(super) script: Option<Arc<str>>,
    /// What the command at hand makes of it, and whether it has read all of it.
    passed: Option<(Carries, bool)>,
    /// Whether the program at hand has handed it on to one that was looked at.
    pub(super) handed_on: bool,
    /// Whether some of it may be in variables or at other descriptors.
    pub(super) captured: Option<Live>,
    /// How many substitutions this is inside of: what is printed there becomes words. And how many functions: what they
    /// print goes anywhere.
    pub(super) substitutions: usize,
    /// The functions that were read.
    pub(super) functions: Vec<String>,
    /// Whether all of the input has been read, if the pipeline before has succeeded.
    pub(super) read_to_end: bool,
    /// Whether names of programs may mean something else than they say.
    pub(super) redefined: bool,
    /// The interpreters of languages that are no shells'.
    foreign: Vec<usize>,
    /// All programs that may do anything with what they read, and what they get.
    unknown: Vec<(usize, Option<Live>)>,
}

impl Walker<'_> {
    /// What of the session's input comes in here. What is typed at a terminal is judged line by line, whatever reads it.
    fn live(&self) -> Option<Live> {
        match self.stdin {
            _ if self.cx.interactive => None,
            Stdin::Session => Some(Live::AsSent),
            Stdin::Made => Some(Live::Changed),
            Stdin::Text(ref text) => self.is_sent(text).then_some(Live::AsSent),
            Stdin::Unknown => None,
        }
    }

    /// Whether it is what the session has sent.
    pub(super) fn is_sent(&self, text: &Arc<str>) -> bool {
        self.flow.sent.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, text)) && !text.trim().is_empty()
    }

    /// Notes what the command `index` does with its input, after it was followed.
    pub(super) fn reads_input(&mut self, index: usize, name: Option<&str>, arguments: &[Word]) {
        let is_opaque = self.out.opaque.iter().any(|opaque| opaque.command == Some(index));
        let reads = match name {
            // What is known of its statements was read where it was followed.
            Some(name) if Client::of_program(name).is_some() && matches!(self.stdin, Stdin::Text(_)) => {
                Use::Data { output: Carries::Changed, to_end: false }
            }
            Some(name) if !is_opaque => readers::of(name, arguments),
            _ => Use::Unknown,
        };
        self.out.stdin_is_data |= matches!(reads, Use::Captured | Use::Data { .. }) && self.live().is_some();
        let hands_on = name.is_some_and(readers::hands_on);
        if matches!(name, Some("alias" | "enable" | "hash")) {
            self.flow.redefined = true;
        }
        if name.is_some_and(|name| self.flow.functions.iter().any(|function| function == name)) {
            // What is in it was looked at where it stands.
            self.flow.captured = self.flow.captured.max(self.live().filter(|live| *live == Live::Changed));
            return self.flow.pass(Carries::Nothing, false);
        }
        match reads {
            Use::Unknown if hands_on && self.flow.handed_on && !is_opaque => {
                // Others may leave what they run in the background, where it goes on reading.
                let waits = matches!(name, Some("command" | "env" | "ionice" | "nice" | "stdbuf" | "time"))
                    || (name == Some("sudo") && arguments.iter().all(|word| !word.start().starts_with('-')));
                if !waits {
                    self.flow.leaves_some();
                }
            }
            Use::Unknown => {
                if let Stdin::Text(text) = self.stdin.clone()
                    && !self.is_sent(&text)
                {
                    self.guess_input(&text);
                }
                // Of a script on standard input it may read what follows it.
                if let (Stdin::Unknown, Some(script)) = (&self.stdin, self.flow.script.clone()) {
                    self.guess_input(&script);
                }
                let live = self.live().or_else(|| names_a_descriptor(arguments).then_some(Live::AsSent));
                self.flow.unknown.push((index, live));
                self.flow.pass(Carries::Nothing, false);
            }
            Use::Captured => {
                self.flow.captured = self.flow.captured.max(self.live());
                self.flow.pass(Carries::Nothing, false);
            }
            Use::Data { output, to_end } => match (self.live(), output) {
                (None, _) => self.flow.pass(Carries::Nothing, false),
                (Some(_), Carries::Nothing) => self.flow.pass(output, to_end),
                (Some(live), _) => {
                    let live = if output == Carries::Same { live } else { Live::Changed };
                    if self.flow.substitutions > 0 {
                        self.flow.captured = self.flow.captured.max(Some(live));
                    }
                    let output = if live == Live::AsSent { Carries::Same } else { Carries::Changed };
                    self.flow.pass(output, to_end);
                }
            },
            Use::Nothing => self.flow.pass(Carries::Nothing, false),
        }
    }

    /// Notes that the command at hand is an interpreter of a language that is no shell's.
    pub(super) fn is_foreign(&mut self) {
        self.flow.foreign.extend(self.out.commands.len().checked_sub(1));
    }

    /// Notes that the command `index` gets its input changed, in whatever way.
    pub(super) fn reads_changed_input(&mut self, index: usize) {
        if self.live().is_some() {
            self.flow.unknown.push((index, Some(Live::Changed)));
        }
    }

    /// What the next command of a pipeline reads, after one that was reading `stdin`.
    pub(super) fn piped(&mut self, stdin: Stdin) -> Stdin {
        let is_live = self.live().is_some();
        match self.flow.passed.take() {
            Some((Carries::Same, _)) if is_live => stdin,
            Some((Carries::Changed, _)) if is_live => Stdin::Made,
            _ => Stdin::Unknown,
        }
    }

    /// Notes that the input may be read at another descriptor.
    pub(super) fn input_is_copied(&mut self) {
        if !self.cx.interactive {
            self.flow.captured = self.flow.captured.max(Some(Live::AsSent));
        }
    }

    /// Says which programs may do anything with the session's input, or what they would do with it where it is known.
    pub(super) fn settle_input(&mut self) {
        if self.cx.interactive {
            return;
        }
        let captured = self.flow.captured;
        let unknown = std::mem::take(&mut self.flow.unknown).into_iter();
        let unknown = unknown.filter_map(|(index, live)| Some((index, live.max(captured)?)));
        let Some(sent) = self.flow.sent.clone() else {
            let foreign = &self.flow.foreign;
            let readers = unknown.map(|(index, live)| LiveReader {
                command: Some(index),
                live,
                is_foreign: foreign.contains(&index),
            });
            self.out.live = readers.collect();
            // What a shell reads is commands, and judged as such.
            if self.out.opaque.iter().any(|opaque| opaque.command.is_none() && opaque.why != RUNS_INPUT) {
                let live = captured.unwrap_or(Live::AsSent);
                self.out.live.push(LiveReader { command: None, live, is_foreign: false });
            }
            return;
        };
        let unknown: Vec<(usize, Live)> = unknown.collect();
        let as_code = unknown.iter().any(|(_, live)| *live == Live::AsSent).then(|| self.read_apart(&sent));
        for (index, live) in unknown {
            let why = match (live, &as_code) {
                (Live::AsSent, Some(read)) => read.opaque.first().map(|opaque| opaque.why.as_str()),
                (Live::AsSent, None) => None,
                (Live::Changed, _) => Some("another program changes it before"),
            };
            if let Some(why) = why {
                let why = format!("it may run what comes on standard input: {why}");
                self.note(why, Some(index), OpaqueKind::Hidden);
            }
        }
        if let Some(read) = as_code {
            self.out.code.push(sent.to_string());
            self.out.guesses.extend(read.commands);
            self.out.guesses.extend(read.guesses);
        }
    }

    /// What a program that may be anything could make of its input, where that is known.
    fn guess_input(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()).take(MAX_GUESSED_LINES) {
            self.guess_code(line);
            for piece in line.split(['!', '(', ')', '|', '`', '"', '\'', ';', ',']).map(str::trim) {
                if piece.contains(' ') && piece != line {
                    self.guess_code(piece);
                }
            }
        }
    }
}

impl Flow {
    /// Of a session that has sent this, where that is known.
    pub(super) fn of(sent: Option<Arc<str>>) -> Self {
        Self { sent, ..Self::default() }
    }

    /// All that the session sends, where it is known.
    pub(super) fn sent(&self) -> Option<Arc<str>> {
        self.sent.clone()
    }

    /// What is known of the input where a text is read once more, in another way.
    pub(super) fn apart(&self) -> Self {
        let (sent, functions) = (self.sent.clone(), self.functions.clone());
        let (substitutions, redefined) = (self.substitutions, self.redefined);
        Self { sent, functions, substitutions, redefined, ..Self::default() }
    }

    /// Takes over who may read the input in that other way; `place` says which command is which.
    pub(super) fn join(&mut self, apart: Self, place: &dyn Fn(usize) -> Option<usize>) {
        self.captured = self.captured.max(apart.captured);
        self.redefined |= apart.redefined;
        self.foreign.extend(apart.foreign.into_iter().filter_map(place));
        let unknown = apart.unknown.into_iter().filter_map(|(index, live)| Some((place(index)?, live)));
        let unknown: Vec<_> = unknown.filter(|reader| !self.unknown.contains(reader)).collect();
        self.unknown.extend(unknown);
    }

    /// A pipeline begins: what the commands before it have printed.
    pub(super) fn begin(&mut self) -> Option<(Carries, bool)> {
        self.passed.take()
    }

    /// A pipeline ends whose last command alone says what it prints; where it is `simple`, also what it has read.
    pub(super) fn end(&mut self, earlier: Option<(Carries, bool)>, simple: bool) {
        let own = self.passed.take().map(|(output, to_end)| (output, to_end && simple));
        self.read_to_end = !self.redefined && matches!(own, Some((_, true)));
        self.passed = earlier;
        if let Some((output, to_end)) = own {
            self.pass(output, to_end);
        }
    }

    /// What was begun may go on reading.
    fn leaves_some(&mut self) {
        if let Some((_, to_end)) = &mut self.passed {
            *to_end = false;
        }
    }

    /// Notes what a program prints. What two print is mixed.
    fn pass(&mut self, output: Carries, to_end: bool) {
        self.passed = Some(match self.passed {
            None => (output, to_end),
            Some((Carries::Nothing, _)) if output == Carries::Nothing => (output, false),
            Some(_) => (Carries::Changed, false),
        });
    }
}

/// Whether a redirection from `file` may be one from what the session sends.
pub(super) fn may_be_input(file: &Word) -> bool {
    match file.known() {
        Some("/dev/null" | "/dev/zero" | "/dev/urandom" | "/dev/random") => false,
        Some(path) => path.starts_with("/dev/") || path.contains("/fd/") || path.starts_with("/proc/"),
        None => file.start().is_empty() || file.start().starts_with("/dev") || file.start().starts_with("/proc"),
    }
}

/// Whether `file` is the standard input itself.
pub(super) fn is_input(file: &Word) -> bool {
    matches!(file.known(), Some("/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" | "/proc/thread-self/fd/0"))
}

/// Whether an argument names an open descriptor, which may be that of the session's input.
fn names_a_descriptor(arguments: &[Word]) -> bool {
    let names = |text: &str| text.contains("/dev/fd/") || text.contains("/dev/stdin") || text.contains("/proc/");
    arguments.iter().any(|word| names(word.known().unwrap_or(word.start())))
}

/// As many lines of a known input are looked at for what a program that may be anything would run.
const MAX_GUESSED_LINES: usize = 16;
