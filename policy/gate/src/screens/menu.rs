//! Menus that a shell shows below its line: fish's pager, zsh's `menu select`, and fzf as its picker. There Enter chooses,
//! and the line is judged at its own Enter, when it stands at the prompt.
//!
//! That a menu is shown is told by output. So Enter goes on there only if the line, as it stands, may run as well: should
//! the shell run it after all, it was judged.

use policy::verdict::CommandInput;

use crate::{
    Cx, Gate,
    foreground::Foreground,
    judging,
    key::{Key, KeyPress},
    submit::Kind,
};
use config::rules::RuleEffect;

/// What was pressed in the line at hand.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Menu {
    /// The last key walks through a menu.
    walked: bool,
    /// A key opened a picker, as far as a shell has one.
    asked: bool,
    /// The line that stood there when Enter chose.
    chosen: Option<String>,
}

impl Menu {
    /// A key in a line that is empty or not.
    pub(in super::super) fn press(&mut self, key: &Key, line_is_empty: bool) {
        if matches!(key, Key::Enter | Key::LineFeed) {
            return;
        }
        self.chosen = None;
        self.walked = WALKS.contains(key);
        let opens = matches!(key, Key::Tab | Key::Ctrl('r' | 't') | Key::Alt('c'));
        self.asked = opens || (self.asked && !line_is_empty);
    }
}

impl Gate {
    /// Whether Enter chooses in a menu below the line.
    pub(in super::super) fn is_menu_shown(&mut self, kind: Kind) -> bool {
        self.programs.menu.walked && kind == Kind::Accepts && self.owned.is_none() && self.screen.shows_menu()
    }

    /// Whether Enter chooses in a picker, into which nothing was typed that could not be run.
    pub(in super::super) fn is_picker_shown(&mut self, kind: Kind, cx: &Cx<'_>) -> bool {
        if !self.programs.menu.asked || kind != Kind::Accepts || self.owned.is_some() {
            return false;
        }
        let Some(query) = self.screen.picker_query() else { return false };
        let judge = |input: CommandInput<'_>| self.folders.judge(input, cx.judge);
        judging::shell(&query, &judge).effect == RuleEffect::Allow
    }

    /// Enter goes to the menu; what the line is then only the screen tells. `text` was judged: it may run.
    pub(in super::super) fn choose(&mut self, text: Option<String>, submit: &KeyPress, cx: &mut Cx<'_>) {
        self.forward(submit, cx);
        self.line.forget();
        self.programs.menu.walked = false;
        self.programs.menu.chosen = text;
    }

    /// The shell ran a line although Enter was to choose. Whether that was the line that was judged.
    pub(in super::super) fn ran_instead_of_choosing(&mut self) -> bool {
        let Some(text) = self.programs.menu.chosen.take() else { return false };
        let parsed = shell::parse(&text, &self.folders.place());
        self.folders.line_ran(&text, &parsed);
        self.past.forget();
        self.foreground = Foreground::after(&parsed);
        self.shell_ran(&parsed);
        self.earlier.clear();
        self.trust.submitted(true, self.foreground);
        self.new_line();
        true
    }
}

/// Keys that walk through a menu.
const WALKS: [Key; 10] = [
    Key::Tab,
    Key::BackTab,
    Key::Up,
    Key::Down,
    Key::Left,
    Key::Right,
    Key::Ctrl('n'),
    Key::Ctrl('p'),
    Key::Ctrl('f'),
    Key::Ctrl('b'),
];
