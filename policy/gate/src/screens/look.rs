//! [`Look`]: all that an Enter in a program with a screen may give to a shell, as keys and rows tell, judged.

use policy::verdict::{CommandInput, Verdict};

use super::{
    class::Class,
    ex::{self, Run},
    multiplexer,
    prompts::Likeness,
    stricter,
    vi::Mode,
};
use crate::{Cx, Gate, Reader, folders::Folders, foreground::Foreground, judging, screen::PaneLine, submit::Kind};

/// What Enter would do.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The text that is judged strictest, if it may not go on by itself.
    pub(super) worst: Option<(String, Verdict)>,
    /// Whether it gives anything to a shell, be it allowed.
    pub(super) is_command: bool,
    /// Whether what was typed stands before the cursor, or nothing was typed.
    pub(super) is_shown: bool,
    pub(super) next: super::Next,
}

/// A judgement under way.
struct Judged<'a, 'b> {
    look: Look,
    folders: &'a Folders,
    cx: &'a Cx<'b>,
    /// The lines before that belong to it.
    earlier: String,
    /// What was judged already, and whether all of it counted.
    done: Vec<(String, bool)>,
    /// How much that was.
    bytes: usize,
}

impl Gate {
    pub(super) fn look(&mut self, kind: Kind, cx: &Cx<'_>) -> Look {
        let line = self.screen.pane_line();
        let readings: Vec<String> = line.readings().take(MAX_READINGS).collect();
        let folders = self.folders.clone();
        let mut earlier = self.earlier.join("\n");
        if !earlier.is_empty() {
            earlier.push('\n');
        }
        let mut judged = Judged { look: Look::default(), folders: &folders, cx, earlier, done: Vec::new(), bytes: 0 };
        let typed = self.escape.typed.trim();
        judged.look.is_shown = typed.is_empty() || line.to_cursor.trim_end().ends_with(typed);
        if self.escape.unknown || !typed.is_empty() {
            self.look_at_prompts(&line, &readings, kind, &mut judged);
            self.look_at_command_lines(&line, &readings, kind, &mut judged);
            self.look_at_keys(kind, &mut judged);
            self.look_at_questions(&line, &readings, &mut judged);
        }
        let inserts = self.escape.vi.mode() == Mode::Insert;
        let is_text = self.escape.pasted && (kind == Kind::Screen || self.programs.editors);
        if !judged.look.is_shown && !inserts && !is_text {
            // It may be a shell that echoes nothing.
            judged.line(typed, false);
        }
        if kind == Kind::Panes {
            self.look_at_own_line(&line, &readings, &mut judged);
        }
        judged.look
    }

    /// Lines behind what may be a shell's prompt.
    fn look_at_prompts(&self, line: &PaneLine, readings: &[String], kind: Kind, judged: &mut Judged<'_, '_>) {
        let typed = self.escape.typed.trim();
        let is_known = !self.escape.unknown;
        let in_panes = kind == Kind::Panes;
        let edits = !in_panes || self.programs.editors;
        let mut found = None;
        let mut in_language = false;
        for reading in readings {
            let places = self.programs.prompts.places(reading);
            let is_seen = places.iter().any(|(_, likeness)| *likeness >= Likeness::SeenWeak);
            let is_certain = places.iter().any(|(_, likeness)| *likeness == Likeness::Seen);
            let unsure = places.iter().filter(|(_, likeness)| *likeness < Likeness::Seen).map(|(at, _)| *at);
            // That of a statement's next line may end in no sign that a shell's prompt ends in: `... `, `irb(main):002* `.
            let others = ends_of_words(reading).filter(|_| !is_certain);
            if unsure.chain(others).any(|at| self.look_at_language(reading, at, judged)) {
                in_language = true;
                continue;
            }
            for (at, likeness) in places {
                let text = reading.get(at..).unwrap_or_default().trim();
                let inserts = self.programs.class != Class::Pager && self.escape.inserts(text);
                // Keys from before the prompt may be among those that were typed.
                let ends = is_known && (text.ends_with(typed) || typed.ends_with(text));
                // What looks like a prompt was typed itself.
                if is_known && with_sign(reading, at).is_some_and(|line| typed.ends_with(line)) {
                    continue;
                }
                let counts_all = match likeness {
                    Likeness::Seen => true,
                    // It is a part of the prompt that was seen, or of what stands behind it.
                    Likeness::Strong | Likeness::Weak if is_seen => false,
                    Likeness::SeenWeak => !(edits && inserts),
                    Likeness::Strong if edits => ends && !inserts,
                    Likeness::Strong => true,
                    // A line that goes on from the one before has a sign for its prompt.
                    Likeness::Weak if !edits || !judged.earlier.is_empty() => true,
                    Likeness::Weak => {
                        // Comments and quotations begin so.
                        let is_dollar = reading.get(..at).is_some_and(|prompt| prompt.trim_end().ends_with('$'));
                        if !(in_panes || is_dollar) || !ends || inserts {
                            continue;
                        }
                        false
                    }
                };
                let is_prompt = counts_all && likeness >= Likeness::Strong;
                judged.line(text, counts_all);
                if !judged.earlier.is_empty() {
                    let whole = format!("{}{text}", judged.earlier);
                    judged.line(&whole, counts_all);
                }
                if counts_all && found.as_ref().is_none_or(|(_, before, _)| likeness > *before) {
                    let continues = !judged.earlier.is_empty() && likeness < Likeness::Seen;
                    let text = if continues { format!("{}{text}", judged.earlier) } else { text.to_owned() };
                    found = Some((text, likeness, is_prompt));
                }
            }
        }
        if let Some((text, likeness, is_prompt)) = found {
            judged.look.is_command = true;
            // The echo may not be there yet.
            let is_begun = line.to_cursor.trim_end().ends_with(typed) || typed.starts_with(&text);
            let is_begun = is_known && is_prompt && !typed.is_empty() && (!edits || is_begun);
            if is_begun {
                judged.line(typed, true);
            }
            let text = if is_begun && typed.starts_with(&text) { typed.to_owned() } else { text };
            judged.look.next.shell = Some((text, is_prompt && likeness != Likeness::SeenWeak));
        }
        if in_panes && !edits && !in_language {
            self.look_at_pane(readings, judged);
        }
    }

    /// A language that was started in a pane, at its own prompt.
    fn look_at_language(&self, reading: &str, at: usize, judged: &mut Judged<'_, '_>) -> bool {
        let prompt = reading.get(..at).unwrap_or_default();
        let text = reading.get(at..).unwrap_or_default().trim_end();
        let languages = self.programs.languages.iter().filter_map(|foreground| match foreground {
            Foreground::Repl(repl) => Some(*repl),
            Foreground::Data
            | Foreground::Multiplexer
            | Foreground::Program
            | Foreground::Screen
            | Foreground::Shell => None,
        });
        let Some(repl) = languages.into_iter().find(|repl| repl.has_prompt(prompt)) else { return false };
        judged.look.is_command = true;
        let judge = |input: CommandInput<'_>| judged.folders.judge(input, judged.cx.judge);
        let verdict = judging::judge(text, Reader::Repl(repl), &judge);
        stricter(&mut judged.look.worst, text, verdict);
        true
    }

    /// A pane in which no editor was started: it cannot be told from a shell with a prompt that nobody knows.
    fn look_at_pane(&self, readings: &[String], judged: &mut Judged<'_, '_>) {
        let typed = self.escape.typed.trim();
        if !self.escape.unknown {
            let is_shown = judged.look.is_shown;
            judged.line(typed, is_shown);
            let whole = format!("{}{typed}", judged.earlier);
            judged.line(&whole, is_shown);
            judged.look.next.shell.get_or_insert((whole, false));
            return;
        }
        for reading in readings.iter().take(MAX_GUESSED_ROWS) {
            let words = reading.match_indices(' ').map(|(at, _)| at + 1);
            for at in std::iter::once(0).chain(words).take(MAX_WORDS) {
                let text = reading.get(at..).unwrap_or_default();
                if !text.starts_with(' ') {
                    judged.line(text, false);
                    let whole = format!("{}{text}", judged.earlier);
                    judged.line(&whole, false);
                }
            }
        }
    }

    /// The rows at the bottom: vi's command line, and what pagers ask.
    fn look_at_command_lines(&self, line: &PaneLine, readings: &[String], kind: Kind, judged: &mut Judged<'_, '_>) {
        let is_bottom = line.below <= MAX_BELOW;
        let class = self.programs.class;
        let edits = kind == Kind::Screen || self.programs.editors;
        for reading in readings {
            let reading = reading.trim_start();
            let mut chars = reading.chars();
            let sign = chars.next();
            let rest = chars.as_str();
            if rest.trim().is_empty() && sign != Some('!') {
                continue;
            }
            let is_window = self.escape.vi.has_window();
            match sign {
                Some(':') if is_bottom || is_window => judged.runs(ex::runs(rest), true),
                // vi has a window for command lines, in which they stand like this.
                Some(':') if class == Class::Vi && self.escape.vi.mode() != Mode::Insert => {
                    judged.runs(ex::runs(rest), false);
                }
                // Some show no sign before the lines of that window.
                _ if is_window => judged.runs(ex::runs(reading), true),
                Some('=') if is_bottom => judged.runs(ex::expression_runs(rest), true),
                Some('!' | '|') if is_bottom && edits => judged.runs(ex::runs(&format!("!{rest}")), true),
                Some('#') if is_bottom && class == Class::Pager => judged.runs(vec![Run::Shell(rest.to_owned())], true),
                _ => {}
            }
        }
    }

    /// What the keys alone tell.
    fn look_at_keys(&self, kind: Kind, judged: &mut Judged<'_, '_>) {
        let typed = self.escape.typed.as_str();
        let class = self.programs.class;
        if kind == Kind::Screen && self.foreground != Foreground::Screen {
            // The shell may read it, once the program has ended.
            judged.line(typed, judging::may_run_something(typed));
        }
        if class.inserts_always() || (kind == Kind::Panes && !self.programs.editors) {
            return;
        }
        let vi = &self.escape.vi;
        if class != Class::Pager {
            if let Some(text) = vi.command_line() {
                let runs = if vi.mode() == Mode::Expression { ex::expression_runs(text) } else { ex::runs(text) };
                judged.runs(runs, class == Class::Vi);
            }
            if vi.mode() == Mode::Insert || class == Class::Vi {
                return;
            }
        }
        let shell = typed.trim_start();
        if let Some(command) = shell.strip_prefix('!').filter(|_| class == Class::Pager) {
            judged.runs(ex::runs(&format!("!{command}")), true);
        }
        // `|`, a mark, and the command that reads the text from there on.
        let piped = shell.strip_prefix('|').map(|rest| rest.chars().skip(1).collect::<String>());
        if let Some(command) = piped.filter(|_| class == Class::Pager) {
            judged.runs(vec![Run::Shell(command)], true);
        }
        for command in judging::after_marks(typed) {
            judged.line(command, false);
        }
        for (at, _) in typed.match_indices(':').take(MAX_PROMPTS) {
            judged.runs(ex::runs(typed.get(at..).unwrap_or_default()), false);
        }
    }

    /// What nano and emacs ask for in the rows at the bottom.
    fn look_at_questions(&self, line: &PaneLine, readings: &[String], judged: &mut Judged<'_, '_>) {
        if line.below > MAX_QUESTION_BELOW {
            return;
        }
        let asked = self.escape.asked;
        for reading in readings {
            let Some((label, answer)) = reading.split_once(": ") else { continue };
            if asked.is_some() || QUESTIONS.iter().any(|question| label.contains(question)) {
                judged.look.is_command = true;
                judged.line(answer.trim(), true);
            }
        }
        let Some(answer) = asked.and_then(|from| self.escape.typed.get(from..)) else { return };
        judged.look.is_command = true;
        judged.line(answer.trim(), true);
        let shown = readings.first().and_then(|row| row.split_once(' ')).map(|(_, answer)| answer.trim());
        if [Some(answer), shown].into_iter().flatten().any(|answer| self.programs.class.opens_a_shell(answer)) {
            judged.look.next.opens = Some(Foreground::Multiplexer);
        }
    }

    /// The command line of the multiplexer itself.
    fn look_at_own_line(&self, line: &PaneLine, readings: &[String], judged: &mut Judged<'_, '_>) {
        if line.at_edge
            && let Some(text) = readings.first().and_then(|row| row.strip_prefix(':'))
        {
            judged.runs(multiplexer::runs(text), true);
        }
        let typed = self.escape.own_line.and_then(|from| self.escape.typed.get(from..));
        if let Some(text) = typed {
            judged.runs(multiplexer::runs(text), true);
        }
    }
}

/// Where a prompt may end: before a blank, or with the row.
fn ends_of_words(reading: &str) -> impl Iterator<Item = usize> {
    let blanks = reading.match_indices(' ').map(|(at, _)| at).take_while(|at| *at <= MAX_PROMPT_BYTES);
    blanks.chain(std::iter::once(reading.len()).filter(|at| *at <= MAX_PROMPT_BYTES))
}

/// The line with the last word of the prompt before it.
fn with_sign(reading: &str, at: usize) -> Option<&str> {
    let prompt = reading.get(..at)?.trim_end();
    let from = prompt.rfind(' ').map_or(0, |blank| blank + 1);
    reading.get(from..).map(str::trim_end)
}

impl Judged<'_, '_> {
    /// A line as a shell would read it; where not all counts, only what a rule surely matches.
    fn line(&mut self, text: &str, counts_all: bool) {
        let text = text.trim_end();
        let is_done = self.done.iter().any(|(done, all)| done == text && (*all || !counts_all));
        if text.trim().is_empty() || is_done {
            return;
        }
        self.bytes += text.len();
        if self.done.len() >= MAX_JUDGED || self.bytes > MAX_JUDGED_BYTES {
            // What is too much to be read is not known.
            if counts_all {
                self.unknown();
            }
            return;
        }
        self.done.push((text.to_owned(), counts_all));
        let judge = |input: CommandInput<'_>| self.folders.judge(input, self.cx.judge);
        let verdict = judging::shell(text, &judge);
        let verdict = if counts_all { verdict } else { judging::surely(verdict) };
        stricter(&mut self.look.worst, text, verdict);
    }

    /// What a command line runs.
    fn runs(&mut self, runs: Vec<Run>, counts_all: bool) {
        for run in runs {
            self.look.is_command = true;
            match run {
                Run::Shell(text) => self.line(&text, counts_all),
                Run::Like(text) => self.line(&text, false),
                Run::Code(program, option, code) => self.code(program, option, code, counts_all),
                Run::Opaque if counts_all => self.unknown(),
                Run::Opaque => {}
                Run::ShellOpens if counts_all => self.look.next.opens = Some(Foreground::Shell),
                Run::WindowOpens if counts_all => self.look.next.opens = Some(Foreground::Multiplexer),
                Run::ShellOpens | Run::WindowOpens => {}
            }
        }
    }

    /// Something that nobody can know.
    fn unknown(&mut self) {
        let judge = |input: CommandInput<'_>| self.folders.judge(input, self.cx.judge);
        let verdict = judging::shell("$_", &judge);
        stricter(&mut self.look.worst, "what cannot be read", verdict);
    }

    fn code(&mut self, program: &str, option: &str, code: String, counts_all: bool) {
        for text in judging::quoted(&code) {
            self.line(&text, false);
        }
        let argv = [program.to_owned(), option.to_owned(), code];
        let verdict = self.folders.judge(CommandInput::Argv(&argv, None), self.cx.judge);
        let verdict = if counts_all { verdict } else { judging::surely(verdict) };
        let [_, _, code] = argv;
        stricter(&mut self.look.worst, &code, verdict);
    }
}

/// As many rows above the cursor as a line may have.
const MAX_READINGS: usize = 24;

/// As many texts of one Enter as are judged.
const MAX_JUDGED: usize = 32;

/// As much of them.
const MAX_JUDGED_BYTES: usize = 16 * 1024;

/// As many rows of a pane in which any word may begin a line, and as many words of each.
const MAX_GUESSED_ROWS: usize = 3;
const MAX_WORDS: usize = 10;

/// The longest prompt of a language.
const MAX_PROMPT_BYTES: usize = 64;

/// As many colons as are looked at.
const MAX_PROMPTS: usize = 4;

/// As many rows as are below a command line: the line of a multiplexer.
const MAX_BELOW: usize = 1;

/// As many rows as are below a question: nano shows its keys there.
const MAX_QUESTION_BELOW: usize = 3;

/// How nano and emacs ask for a command.
const QUESTIONS: [&str; 4] = ["Command to execute", "hell command", "Compile command", "Run grep"];
