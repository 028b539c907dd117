//! Programs with a screen of their own. Keys go on as they are; held is only an Enter that may give a
//! command to a shell: after `!` or `:!` in editors and pagers, and in each pane of a multiplexer.

use config::rules::RuleEffect;
use policy::verdict::{CommandInput, Verdict};

use super::{Act, Cx, Gate, State, judging, submit::Kind};
use crate::{
    foreground::Foreground,
    key::{Key, KeyPress},
    line::Pressed,
};

/// What was typed since the last Enter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Escape {
    typed: String,
    /// A key was pressed that may have put more there than was typed.
    unknown: bool,
    /// The next key belongs to a multiplexer itself.
    prefix: bool,
}

impl Gate {
    pub(super) fn screen_press(&mut self, press: KeyPress, cx: &mut Cx<'_>) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all other keys may put more there than was typed")]
        match press.key {
            Key::Char(character) if self.escape.typed.len() < MAX_TYPED => self.escape.typed.push(character),
            Key::Char(_) | Key::Report => {}
            Key::Backspace | Key::Ctrl('h') => {
                self.escape.typed.pop();
            }
            Key::Escape | Key::Ctrl('c') => self.escape = Escape::default(),
            Key::Enter | Key::LineFeed => {
                let judged = gives_commands(&self.escape.typed) || self.foreground == Foreground::Program;
                if self.escape.unknown || judged {
                    self.state = State::settling(press, Kind::Screen, cx.now);
                    return;
                }
                self.escape = Escape::default();
                // Who reads is asked again at the next key.
                self.start = None;
            }
            _ => self.escape.unknown = true,
        }
        self.forward(&press, cx);
    }

    pub(super) fn panes_press(&mut self, press: KeyPress, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.escape.prefix) {
            self.line.forget();
            return self.forward(&press, cx);
        }
        if matches!(press.key, Key::Ctrl('b' | 'a')) {
            self.escape.prefix = true;
            return self.forward(&press, cx);
        }
        match self.line.press(&press.key) {
            Pressed::Refuse => cx.acts.push(Act::Bell),
            Pressed::Submit => self.state = State::settling(press, Kind::Panes, cx.now),
            Pressed::Interrupt | Pressed::EndOfInput => {
                self.line.clear();
                self.forward(&press, cx);
            }
            Pressed::Edit
            | Pressed::PasteEnd
            | Pressed::PasteStart
            | Pressed::Report
            | Pressed::SubmitUnlessEditing
            | Pressed::Suspend => {
                self.forward(&press, cx);
            }
        }
    }

    /// Judges what Enter would give to a shell.
    pub(super) fn screen_submit(&mut self, submit: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        let folders = self.folders.clone();
        let judge = |input: CommandInput<'_>| folders.judge(input, cx.judge);
        let row = self.screen.cursor_row();
        let mut worst: Option<(String, Verdict)> = None;
        let mut consider = |text: &str, verdict: Verdict| {
            if worst.as_ref().is_none_or(|(_, before)| verdict.effect > before.effect) {
                worst = Some((text.to_owned(), verdict));
            }
        };
        if kind == Kind::Panes {
            let typed = self.line.text().unwrap_or_default().to_owned();
            let shown = row.trim_end().ends_with(typed.trim_end());
            let verdict = judging::shell(&typed, &judge);
            consider(&typed, if shown { verdict } else { judging::surely(verdict) });
            for text in behind_prompts(&row) {
                consider(text, judging::surely(judging::shell(text, &judge)));
            }
        } else {
            let typed = std::mem::take(&mut self.escape).typed;
            // A row that begins like a command line is one: then what is not known counts too.
            if self.foreground == Foreground::Program {
                consider(&typed, judging::answer(&typed, &judge));
            }
            let is_command = row.trim_start().starts_with([':', '!', '|']);
            for text in [typed.as_str(), row.as_str()].into_iter().filter(|text| gives_commands(text)) {
                for command in judging::after_marks(text) {
                    let verdict = judging::shell(command, &judge);
                    consider(command, if is_command { verdict } else { judging::surely(verdict) });
                }
                for command in judging::quoted(text) {
                    let verdict = judging::surely(judging::shell(&command, &judge));
                    consider(&command, verdict);
                }
            }
            if is_command && opens_a_shell(&row) {
                self.foreground = Foreground::Shell;
            }
        }
        match worst {
            Some((text, verdict)) if verdict.effect == RuleEffect::Block => self.block(text, verdict, cx),
            Some((text, verdict)) if verdict.effect == RuleEffect::Approve => {
                self.ask(text, true, verdict, submit, kind, cx);
            }
            _ => self.accept_unread(submit, cx),
        }
    }
}

/// Whether a line of an editor or a pager may give a command to a shell.
fn gives_commands(text: &str) -> bool {
    text.contains('!') || text.contains('|') || text.contains("system") || text.contains("exec") || opens_a_shell(text)
}

/// `:sh`, `:terminal`, and `!` alone.
fn opens_a_shell(text: &str) -> bool {
    let text = text.trim();
    text == "!"
        || text.ends_with(":!")
        || text.rsplit_once(':').is_some_and(|(_, command)| {
            let word = command.split([' ', '!']).next().unwrap_or_default();
            matches!(word, "sh" | "she" | "shel" | "shell" | "te" | "ter" | "term" | "termi" | "termin" | "terminal")
        })
}

/// The texts behind what may be a prompt.
fn behind_prompts(row: &str) -> impl Iterator<Item = &str> {
    ["$ ", "# ", "% ", "> ", "❯ "].into_iter().flat_map(move |sign| {
        row.match_indices(sign).take(MAX_PROMPTS).filter_map(move |(at, _)| row.get(at + sign.len()..))
    })
}

/// The most that is remembered of what was typed into such a program.
const MAX_TYPED: usize = 4096;

/// As many signs of a prompt as are looked at in one row.
const MAX_PROMPTS: usize = 4;
