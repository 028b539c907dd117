//! Simple commands: their words, assignments and redirections, and the code in these.

use brush_parser::ast;

use super::{MAX_BRACED, MAX_CODE_DEPTH, Stdin, Walker, has_code};
use crate::{
    Command, OpaqueKind, Redirect, Word, settings, static_text, tables, unwrap,
    word::{self, Mode},
};

impl Walker<'_> {
    pub(super) fn simple(&mut self, simple: &ast::SimpleCommand) {
        let outer = self.stdin.clone();
        let numbers = self.input_is_numbers;
        let (mut assignments, mut redirects, mut argv) = (Vec::new(), Vec::new(), Vec::new());
        // The programs in its words read what the shell reads, wherever its redirections stand.
        let mut redirected = outer.clone();
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item, &mut assignments, &mut redirects, &mut argv, true);
            if self.stdin != outer {
                redirected = std::mem::replace(&mut self.stdin, outer.clone());
            }
        }
        if let Some(name) = &simple.word_or_name {
            let words = self.words(name);
            let is_known = words.first().is_some_and(|word| word.known().is_some());
            match settings::looked_up(&name.value).or_else(|| settings::in_variable(&name.value)) {
                Some(program) if !is_known => {
                    let why = format!("which {program} is used is not known before it runs");
                    self.note(why, None, OpaqueKind::Script);
                    argv.push(Word::of(program));
                }
                _ => argv.extend(words),
            }
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut assignments, &mut redirects, &mut argv, false);
            if self.stdin != outer {
                redirected = std::mem::replace(&mut self.stdin, outer.clone());
            }
        }
        self.stdin = redirected;
        let reads = matches!(argv.first().and_then(Word::known), Some("read" | "mapfile" | "readarray"));
        for (name, value) in &assignments {
            // How a line is split into the variables of this `read`, and nothing else.
            if !(reads && name == "IFS") {
                unwrap::assignment(self, name, value);
            }
        }
        // Where `#` begins no comment, it is a command that nobody has.
        if argv.first().is_some_and(|name| name.start().starts_with('#')) {
            argv.clear();
        }
        if argv.is_empty() {
            if !assignments.is_empty() || !redirects.is_empty() {
                self.push(Command { assignments, redirects, ..Command::default() });
            }
        } else {
            // `exec <FILE` makes the shell itself read from there.
            if argv == [Word::of("exec")] && self.stdin != outer {
                self.stdin_code(self.shell);
            }
            let writes = redirects.iter().any(|redirect| redirect.writes);
            let index = self.out.commands.len();
            self.prints_settings = prints_settings(simple);
            self.takes_values(&argv);
            let raw = simple.suffix.iter().flat_map(|suffix| &suffix.0).filter_map(|item| match item {
                ast::CommandPrefixOrSuffixItem::AssignmentWord(_, word)
                | ast::CommandPrefixOrSuffixItem::Word(word) => Some(word),
                ast::CommandPrefixOrSuffixItem::IoRedirect(_)
                | ast::CommandPrefixOrSuffixItem::ProcessSubstitution(..) => None,
            });
            self.evaluating_builtin(&argv, &raw.collect::<Vec<_>>());
            unwrap::run(self, argv, assignments, redirects);
            self.prints_settings = false;
            if writes {
                let text = self.printed(simple);
                unwrap::redirected(self, index, text.as_deref());
            }
        }
        self.input_is_numbers = numbers;
        self.stdin = outer;
    }

    /// What a command writes to where its output is redirected, if its text says so.
    fn printed(&self, simple: &ast::SimpleCommand) -> Option<String> {
        let is_cat = simple.word_or_name.as_ref().is_some_and(|name| name.value == "cat");
        let is_word = |item: &ast::CommandPrefixOrSuffixItem| {
            !matches!(item, ast::CommandPrefixOrSuffixItem::IoRedirect(ast::IoRedirect::File(..)))
        };
        let mut plain = simple.clone();
        if let Some(suffix) = &mut plain.suffix {
            suffix.0.retain(is_word);
            let has_words = suffix.0.iter().any(|item| matches!(item, ast::CommandPrefixOrSuffixItem::Word(_)));
            if let (true, false, Stdin::Text(text)) = (is_cat, has_words, &self.stdin) {
                return Some(text.to_string());
            }
        }
        static_text::output(&ast::Command::Simple(plain), &|raw| self.scan_only(raw))
    }

    fn item(
        &mut self,
        item: &ast::CommandPrefixOrSuffixItem,
        assignments: &mut Vec<(String, Word)>,
        redirects: &mut Vec<Redirect>,
        argv: &mut Vec<Word>,
        is_prefix: bool,
    ) {
        match item {
            ast::CommandPrefixOrSuffixItem::IoRedirect(redirect) => redirects.extend(self.redirect(redirect)),
            ast::CommandPrefixOrSuffixItem::Word(word) => argv.extend(self.words(word)),
            ast::CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                let (name, value) = self.assignment(assignment);
                if is_prefix {
                    assignments.push((name, value));
                } else if matches!(assignment.value, ast::AssignmentValue::Array(_)) {
                    argv.push(Word::of(format!("{name}=")));
                } else if is_declaration(argv) && self.shell.has_bash_grammar() {
                    // The value of a declaration is not split.
                    argv.push(Word::of(format!("{name}=")).followed_by(&value));
                } else {
                    argv.extend(self.words(word));
                }
            }
            ast::CommandPrefixOrSuffixItem::ProcessSubstitution(_, subshell) => {
                self.detached(&subshell.list);
                argv.push(Word::unknown(false));
            }
        }
    }

    fn assignment(&mut self, assignment: &ast::Assignment) -> (String, Word) {
        let name = match &assignment.name {
            ast::AssignmentName::VariableName(name) => name.clone(),
            ast::AssignmentName::ArrayElementName(name, index) => {
                self.evaluated(index);
                if has_code(index) && index.contains('\\') {
                    self.opaque("a subscript has quoted code in it");
                }
                if tables::is_table(name) { format!("{name}[{index}]") } else { name.clone() }
            }
        };
        let value = match &assignment.value {
            ast::AssignmentValue::Scalar(word) => {
                let before = self.flow.captured.take();
                let value = self.word(word);
                let captures = self.flow.captured.is_some();
                self.flow.captured = self.flow.captured.max(before);
                self.takes_value(&name, &word.value, captures);
                value
            }
            ast::AssignmentValue::Array(elements) => {
                let mut values = Vec::new();
                for (key, value) in elements {
                    if let Some(key) = key {
                        self.evaluated(&key.value);
                    }
                    self.takes_value(&name, &value.value, false);
                    values.extend(self.words(value));
                }
                if tables::is_table(&name) {
                    for value in values {
                        tables::entry(self, &name, &value);
                    }
                }
                Word::unknown(true)
            }
        };
        (name, value)
    }

    /// Process substitutions and the like: not on the way of standard input.
    pub(super) fn detached(&mut self, list: &ast::CompoundList) {
        let stdin = self.detach();
        self.flow.substitutions += 1;
        self.in_subshell(list);
        self.flow.substitutions -= 1;
        self.stdin = stdin;
    }

    /// Takes the text out of the way of standard input. What it reads may have come in all the same.
    pub(super) fn detach(&mut self) -> Stdin {
        let detached = match self.stdin {
            Stdin::Session | Stdin::Made if !self.cx.interactive => Stdin::Made,
            Stdin::Made | Stdin::Session | Stdin::Text(_) | Stdin::Unknown => Stdin::Unknown,
        };
        std::mem::replace(&mut self.stdin, detached)
    }

    pub(super) fn with_redirects(&mut self, redirects: Option<&ast::RedirectList>, body: impl FnOnce(&mut Self)) {
        let outer = self.stdin.clone();
        let numbers = self.input_is_numbers;
        let redirects: Vec<Redirect> =
            redirects.iter().flat_map(|list| &list.0).flat_map(|redirect| self.redirect(redirect)).collect();
        if !redirects.is_empty() {
            let index = self.out.commands.len();
            self.push(Command { redirects, ..Command::default() });
            unwrap::redirected(self, index, None);
        }
        body(self);
        self.input_is_numbers = numbers;
        self.stdin = outer;
    }

    /// One word where the shell makes no lists of it.
    pub(super) fn word(&mut self, raw: &ast::Word) -> Word {
        self.scan(&raw.value, Mode::Word)
    }

    /// The words that braces make of one.
    pub(super) fn words(&mut self, raw: &ast::Word) -> Vec<Word> {
        let most = if self.cx.interactive { MAX_BRACED.0 } else { MAX_BRACED.1 };
        let raws = (self.braced <= most || !raw.value.contains('{')).then(|| word::expand_braces(&raw.value)).flatten();
        self.braced += raws.as_ref().map_or(0, |raws| raws.len().saturating_sub(1));
        match raws {
            Some(raws) => raws
                .iter()
                .map(|raw| self.scan(raw, Mode::Word))
                // Braces make no empty words.
                .filter(|word| raws.len() == 1 || word.known() != Some(""))
                .collect(),
            None => {
                self.inner(&raw.value);
                vec![Word::unknown(true)]
            }
        }
    }

    pub(super) fn inner(&mut self, text: &str) {
        self.scan(text, Mode::Inner);
    }

    fn scan(&mut self, raw: &str, mode: Mode) -> Word {
        if word::may_have_code(raw) && self.has_read_enough(raw) {
            self.opaque("code is nested in code too deeply");
            return Word::unknown(true);
        }
        let scanned = word::scan(raw, mode, self.shell, &self.variables);
        self.read += scanned.read;
        self.found(scanned)
    }

    /// Follows the code in a word.
    pub(super) fn found(&mut self, scanned: word::Scanned) -> Word {
        if let Some(why) = scanned.strange {
            self.opaque(why);
        }
        if !scanned.programs.is_empty() {
            if self.depth == MAX_CODE_DEPTH {
                self.opaque("code is nested in code too deeply");
                return scanned.word;
            }
            let stdin = self.stdin.clone();
            let folder = self.folder.clone();
            self.depth += 1;
            self.flow.substitutions += 1;
            for program in scanned.programs {
                match program {
                    Ok(program) => self.program(&program),
                    Err(why) => self.opaque(why),
                }
            }
            self.flow.substitutions -= 1;
            self.depth -= 1;
            self.stdin = stdin;
            self.folder = folder;
        }
        for expression in scanned.evaluated {
            self.evaluates_names(&expression, false);
        }
        scanned.word
    }

    /// The word, without following the code in it.
    pub(super) fn scan_only(&self, raw: &str) -> Word {
        word::scan(raw, Mode::Word, self.shell, &self.variables).word
    }
}

/// Whether it is `eval` or `source` of what a program prints to set up a shell.
fn prints_settings(simple: &ast::SimpleCommand) -> bool {
    let is_reader =
        simple.word_or_name.as_ref().is_some_and(|name| matches!(name.value.as_str(), "eval" | "source" | "."));
    let items = simple.suffix.as_ref().map(|suffix| suffix.0.as_slice()).unwrap_or_default();
    is_reader
        && match items {
            [ast::CommandPrefixOrSuffixItem::Word(word)] => {
                settings::only_substitution(&word.value).is_some_and(settings::is_printed)
            }
            [ast::CommandPrefixOrSuffixItem::ProcessSubstitution(_, shell)] => {
                settings::is_printed(&shell.list.to_string())
            }
            _ => false,
        }
}

/// Whether the words so far are those of a command that sets variables.
fn is_declaration(argv: &[Word]) -> bool {
    matches!(argv.first().and_then(Word::known), Some("declare" | "export" | "local" | "readonly" | "typeset"))
}
