//! A key that the target's start-up files bind to a text or a command: it is judged before it is sent, for with it a
//! line may run that nobody typed.
//!
//! What a text does is followed key by key, from what stands in the line, and each line that it accepts is judged like a
//! typed one. What may not run, or cannot be followed, is not sent. What is allowed goes on, and the gate believes none
//! of it: the bindings are told by the target, so from there on the line is what the screen says.
//!
//! **Invariant:** no answer makes the gate milder than none.
//!
//! **Limits:** asked is the shell of the login, when it starts. Another shell, what is bound later, and the widgets and
//! functions behind a name are not known.

use config::rules::RuleEffect;
use policy::verdict::Verdict;
use shell::completeness::is_incomplete_in;

use super::{Act, Cx, Decided, Gate, Reader, judging};
use crate::{
    bindings::{Bindings, Does},
    foreground::Foreground,
    key::{Key, KeyPress, KeyReader},
    line::{LineTracker, Pressed},
    screen::Reading,
};

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// As with any other.
    Free,
    /// It goes on, and nobody knows what the line is after it.
    Edits,
    /// It was looked after: it was refused, or it was sent and a line ran.
    Taken,
}

/// What comes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    /// The line is another, and nothing runs but these commands, if any.
    Edits { commands: Vec<String> },
    /// These lines run, and the commands with them.
    Runs { lines: Vec<String>, commands: Vec<String> },
    /// Nobody can tell.
    Unknown,
}

/// A key of a text, or what it runs.
enum Step {
    Key(KeyPress),
    Command(String),
}

impl Gate {
    /// What the keys of the login shell are bound to.
    pub fn bindings(&mut self, bindings: Bindings) {
        self.bindings = bindings;
        self.awaits_bindings = false;
    }

    /// Whether [`Gate::bindings`] is still to be told: the first keys wait for it, but not for long.
    pub fn awaits_bindings(&mut self, awaits: bool) {
        self.awaits_bindings = awaits;
    }

    /// Judges a key that is bound.
    pub(super) fn bound(&mut self, press: &KeyPress, cx: &mut Cx<'_>) -> Bound {
        if self.bindings.is_empty() {
            return Bound::Free;
        }
        let does = self.bindings.completed_by(&press.bytes, !self.line.takes_text());
        let does: Vec<Does> = does.into_iter().cloned().collect();
        let pressed = self.line.clone().press(&press.key);
        if pressed == Pressed::Refuse {
            return Bound::Free;
        }
        let reader = self.reader();
        let (mut bound, mut ran) = (Bound::Free, Vec::new());
        let is_for_others = !self.may_be_for_a_shell(reader);
        for does in does.iter().filter(|_| !is_for_others) {
            let meaning = self.meaning(does, reader == Reader::Shell);
            let verdict = self.judge_meaning(&meaning, cx);
            if verdict.as_ref().is_some_and(|verdict| verdict.effect != RuleEffect::Allow) {
                self.refuse_bound(does, verdict, cx);
                return Bound::Taken;
            }
            match meaning {
                Meaning::Edits { .. } => bound = Bound::Edits,
                // Another program reads, or Enter itself is bound: then what was typed is judged as ever.
                _ if reader != Reader::Shell || pressed == Pressed::Submit => {}
                Meaning::Runs { lines, .. } if self.can_be_followed(&lines) => ran.extend(lines),
                Meaning::Runs { .. } | Meaning::Unknown => {
                    self.refuse_bound(does, None, cx);
                    return Bound::Taken;
                }
            }
        }
        self.bindings.went_on(&press.bytes);
        if !ran.is_empty() {
            self.bound_ran(&ran, press, cx);
            return Bound::Taken;
        }
        bound
    }

    /// The same for a gate that only observes: what the key would have met is reported.
    pub(super) fn observe_bound(&mut self, press: &KeyPress, cx: &mut Cx<'_>) {
        let does = self.bindings.completed_by(&press.bytes, !self.line.takes_text());
        let does: Vec<Does> = does.into_iter().cloned().collect();
        self.bindings.went_on(&press.bytes);
        for does in &does {
            let meaning = self.meaning(does, true);
            let Some(verdict) = self.judge_meaning(&meaning, cx) else { continue };
            if verdict.effect != RuleEffect::Allow {
                let reason = format!("{}; {}", verdict.message, why(does));
                self.report(Decided::Observed, shown(does), Some(verdict), &reason, cx);
            }
        }
    }

    /// Whether a shell may read what is typed: it may be the next reader of what a program leaves. A secret is for the
    /// program.
    fn may_be_for_a_shell(&self, reader: Reader) -> bool {
        let prompt = self.start.as_ref().map(|start| start.prompt.as_str()).unwrap_or_default();
        match reader {
            Reader::Shell => true,
            Reader::Answer | Reader::Program => !judging::names_a_secret(prompt),
            Reader::Data | Reader::Panes | Reader::Repl(_) | Reader::Screen => false,
        }
    }

    fn meaning(&mut self, does: &Does, is_at_shell: bool) -> Meaning {
        let text = match does {
            Does::Runs(command) => return self.meaning_of_command(command, is_at_shell),
            Does::Types(text) => text,
        };
        if is_of_fzf(text) {
            return Meaning::Edits { commands: Vec::new() };
        }
        let mut steps = Vec::new();
        if !self.steps(text, MAX_DEPTH, &mut steps) {
            return Meaning::Unknown;
        }
        let line = if is_at_shell { self.line_at_hand(&steps) } else { LineTracker::new() };
        self.follow(line, steps)
    }

    /// The keys that a text types, with those of the bindings in it. `false` if there is no end to them.
    fn steps(&self, text: &[u8], depth: usize, steps: &mut Vec<Step>) -> bool {
        let (mut keys, mut presses) = (KeyReader::default(), Vec::new());
        keys.feed(text, &mut presses);
        keys.flush(&mut presses);
        let mut before: Vec<u8> = Vec::new();
        for press in presses {
            match self.bindings.behind(&before, &press.bytes, false).as_slice() {
                [] => steps.push(Step::Key(press.clone())),
                [_, ..] if depth == 0 => return false,
                inner => {
                    for does in inner {
                        match does {
                            Does::Types(text) if !self.steps(text, depth - 1, steps) => return false,
                            Does::Types(_) => {}
                            Does::Runs(command) => steps.push(Step::Command(command.clone())),
                        }
                    }
                }
            }
            before.extend_from_slice(&press.bytes);
            if steps.len() > MAX_STEPS {
                return false;
            }
        }
        true
    }

    /// What the line is that a text goes into, of which the first keys may erase it.
    fn line_at_hand(&mut self, steps: &[Step]) -> LineTracker {
        let start = self.start.clone().unwrap_or_default();
        if let (Some(text), Some(cursor)) = (self.line.text().map(str::to_owned), self.line.cursor())
            && (self.line.is_only_typed() || self.screen.shows(&start, &text, cursor) == Reading::Agrees)
        {
            return self.line.clone();
        }
        let mut unknown = self.line.clone();
        unknown.forget();
        let is_settled = self.settled().is_none_or(|settled| self.times.looked >= Some(settled));
        let read = self.screen.read(&start).filter(|text| is_settled && !text.contains('\n'));
        let Some(text) = read.filter(|_| self.line.takes_text()) else { return unknown };
        let mut line = LineTracker::new();
        let is_erased = matches!(steps, [Step::Key(one), Step::Key(two), ..]
            if matches!((one.key, two.key), (Key::Ctrl('a'), Key::Ctrl('k')) | (Key::Ctrl('e'), Key::Ctrl('u'))));
        if is_erased {
            return line;
        }
        if !self.screen.line_start().right.is_empty() {
            return unknown;
        }
        line.paste(&text);
        line
    }

    fn follow(&self, mut line: LineTracker, steps: Vec<Step>) -> Meaning {
        let (mut lines, mut commands) = (Vec::new(), Vec::new());
        for step in steps {
            let press = match step {
                Step::Key(press) => press,
                Step::Command(command) => {
                    commands.push(command);
                    line.forget();
                    continue;
                }
            };
            let edits = matches!(press.key, Key::Char(_) | Key::Enter | Key::LineFeed);
            match line.press(&press.key) {
                // In vi's insert mode control keys are text.
                Pressed::Edit if self.bindings.vi && !edits => line.forget(),
                Pressed::Edit | Pressed::Report => {}
                Pressed::Submit => {
                    let Some(text) = line.text() else { return Meaning::Unknown };
                    lines.push(text.to_owned());
                    line.clear();
                }
                // No terminal makes a signal of them here.
                Pressed::Interrupt | Pressed::Suspend => line.forget(),
                Pressed::EndOfInput
                | Pressed::PasteEnd
                | Pressed::PasteStart
                | Pressed::Refuse
                | Pressed::SubmitUnlessEditing => return Meaning::Unknown,
            }
        }
        match lines.is_empty() {
            // The next key would be another than it is.
            true if line.awaits_a_key() => Meaning::Unknown,
            true => Meaning::Edits { commands },
            false => Meaning::Runs { lines, commands },
        }
    }

    /// What a command does to the line: fish's `commandline` may set it, and accept it.
    fn meaning_of_command(&mut self, command: &str, is_at_shell: bool) -> Meaning {
        // As a typed command it is held for what it may do to lines; that is followed here.
        let commands = vec![command.replace("commandline", LINE_OF_FISH)];
        let parsed = shell::parse(command, &self.folders.place());
        let mut texts = Vec::new();
        let mut accepts = false;
        for command in parsed.commands.iter().filter(|command| command.program() == Some("commandline")) {
            let mut words = command.arguments().iter();
            while let Some(word) = words.next() {
                match word.known() {
                    Some("-f" | "--function") => {
                        accepts |= words.next().is_none_or(|name| name.known().is_none_or(|name| name == "execute"));
                    }
                    Some(option) if option.starts_with('-') => {}
                    text => texts.push(text.map(str::to_owned)),
                }
            }
        }
        if !accepts {
            return Meaning::Edits { commands };
        }
        let line = if is_at_shell { self.line_at_hand(&[]) } else { LineTracker::new() };
        let Some(typed) = line.text() else { return Meaning::Unknown };
        let Some(texts) = texts.into_iter().collect::<Option<Vec<String>>>() else { return Meaning::Unknown };
        // Whether a text replaces the line or goes into it: both are judged.
        let with_typed = texts.iter().map(|text| format!("{typed}{text}"));
        let mut lines: Vec<String> = texts.iter().cloned().chain(with_typed).collect();
        if lines.is_empty() {
            lines.push(typed.to_owned());
        }
        Meaning::Runs { lines, commands }
    }

    fn judge_meaning(&self, meaning: &Meaning, cx: &Cx<'_>) -> Option<Verdict> {
        let (lines, commands) = match meaning {
            Meaning::Edits { commands } => (&[][..], commands),
            Meaning::Runs { lines, commands } => (lines.as_slice(), commands),
            Meaning::Unknown => return None,
        };
        let whole = (lines.len() > 1).then(|| lines.join("\n"));
        let typed = lines.iter().chain(&whole).map(|line| self.whole(line));
        let texts = typed.chain(commands.iter().cloned()).filter(|text| !text.is_empty());
        texts.map(|text| judging::shell(&text, &|input| self.folders.judge(input, cx.judge))).reduce(judging::stricter)
    }

    /// Whether the gate can go on behind lines that it did not send: at the shell's own prompt, of which each is whole.
    fn can_be_followed(&self, lines: &[String]) -> bool {
        let is_whole = |line: &String| !is_incomplete_in(line, self.folders.shell());
        let is_at_first_prompt = self.earlier.is_empty() && self.ahead.is_empty() && self.is_primary_prompt();
        is_at_first_prompt && self.line.takes_text() && lines.iter().all(is_whole)
    }

    /// The key goes on, with which these lines run, if the target has told the truth. If it has not, what is typed still
    /// stands in the line, and the same program reads as before.
    fn bound_ran(&mut self, lines: &[String], press: &KeyPress, cx: &mut Cx<'_>) {
        self.forward(press, cx);
        for line in lines {
            let parsed = shell::parse(line, &self.folders.place());
            self.folders.key_may_have_run(line, &parsed);
        }
        self.foreground = Foreground::Shell;
        self.trust.submitted(self.screen.modes().bracketed_paste, self.foreground);
        self.line_ended(cx.now);
        let doubt = self.doubt;
        self.new_line();
        self.doubt = doubt;
        self.recall.press(&press.key);
        self.line.forget();
    }

    /// The key is not sent. What is typed so far stays.
    fn refuse_bound(&mut self, does: &Does, verdict: Option<Verdict>, cx: &mut Cx<'_>) {
        // A second such key in a line is not worth a second report.
        if std::mem::replace(&mut self.refused, true) {
            return cx.acts.push(Act::Bell);
        }
        let why = why(does);
        let advice = "type the command instead";
        match verdict {
            Some(verdict) => {
                let advice = if verdict.effect == RuleEffect::Block { String::new() } else { format!("; {advice}") };
                cx.acts.push(Act::Tell(format!("{}; {why}{advice}", verdict.refusal())));
                let reason = format!("{}; {why}", verdict.message);
                self.report(Decided::Blocked, shown(does), Some(verdict), &reason, cx);
            }
            None => {
                let reason = format!("{why}, and what that does to the line cannot be known");
                cx.acts.push(Act::Tell(format!("held: {reason}, so the key was not sent; {advice}")));
                self.report(Decided::Held, shown(does), None, &reason, cx);
            }
        }
    }
}

fn why(does: &Does) -> String {
    format!("the key is bound to \"{}\" by the target's start-up files", shown(does))
}

/// What people read of it.
fn shown(does: &Does) -> String {
    let text = match does {
        Does::Types(text) => String::from_utf8_lossy(text).into_owned(),
        Does::Runs(command) => command.clone(),
    };
    let visible: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    visible.trim().chars().take(MAX_SHOWN).collect()
}

/// Whether a text is one with which fzf's `key-bindings.bash` calls its own functions: nothing in it is typed but that.
fn is_of_fzf(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let Some(rest) = OF_FZF.iter().find_map(|call| {
        let (before, behind) = text.split_once(call)?;
        Some([before, behind].concat())
    }) else {
        return false;
    };
    let (mut keys, mut presses) = (KeyReader::default(), Vec::new());
    keys.feed(rest.as_bytes(), &mut presses);
    keys.flush(&mut presses);
    presses.iter().all(|press| !matches!(press.key, Key::Char(char) if char != ' '))
}

/// The calls of fzf's functions whose result it puts into the line.
const OF_FZF: [&str; 3] = ["`__fzf_cd__`", "`__fzf_select__`", "\"$(__fzf_history__)\""];

/// Stands for fish's `commandline`: a command of which nothing is known.
const LINE_OF_FISH: &str = "__fish_line";

/// As deep as a text may type keys that are bound themselves: readline stops there, too (its `MAX_MACRO_LEVEL` is 16).
const MAX_DEPTH: usize = 16;

/// As many keys as one key may type.
const MAX_STEPS: usize = 16 * 1024;

/// As much as people read of a binding, in characters.
const MAX_SHOWN: usize = 200;
