//! A text as each of the shells reads it that may be the one at hand.
//!
//! The first reading is followed in place; the others apart, with the same budget, and what they find besides is added.

use std::collections::BTreeMap;

use brush_parser::{ParseError, TokenizerError, ast, parse_tokens, uncached_tokenize_str};

use super::{MAX_CODE_DEPTH, RUNS_OUTPUT, Walker, compound, grammar, guess::MAX_GUESSES, limits, program_within};
use crate::{
    Command, Opaque, OpaqueKind, Shell, Variables,
    dialect::{self, ShellReading},
    fish::{self, Ampersand, Trouble},
};

impl Walker<'_> {
    /// Reads `text` as code of `shell` in which some variables are known.
    pub(in super::super) fn code_with(&mut self, text: &str, shell: Shell, variables: Variables) {
        self.flow.handed_on = true;
        if self.depth == MAX_CODE_DEPTH || self.has_read_enough(text) {
            return self.opaque("code is nested in code too deeply");
        }
        let at_prompt = self.cx.interactive && self.depth == 0;
        let others = dialect::others(text, shell, at_prompt);
        let apart = (!others.is_empty()).then(|| (self.stdin.clone(), self.folder.clone(), self.out.commands.len()));
        self.read_first(text, shell, variables.clone());
        let Some((stdin, folder, start)) = apart else { return };
        for reading in others {
            let mut apart = self.apart(reading.shell);
            apart.stdin = stdin.clone();
            apart.folder = folder.clone();
            let adds = apart.read_other(text, reading, variables.clone(), at_prompt);
            self.join(apart, start, adds);
        }
    }

    fn read_first(&mut self, text: &str, shell: Shell, variables: Variables) {
        let reading = dialect::first(text, shell);
        let read = if shell == Shell::Fish {
            self.read_fish(text, variables)
        } else {
            let text = reading.text.as_deref().unwrap_or(text);
            let read = program_within(text, self.cx.interactive);
            let flattened = (shell == Shell::Zsh && read.is_err()).then(|| dialect::flattened(text)).flatten();
            match flattened.map(|list| program_within(&list, self.cx.interactive).map(|program| (list, program))) {
                Some(Ok((list, program))) => {
                    self.enter(&list, shell, variables, &program);
                    Ok(())
                }
                _ => read.map(|program| self.enter(text, shell, variables, &program)),
            }
        };
        if let Err(why) = read {
            self.out.code.push(text.to_owned());
            self.opaque(why);
            self.salvage(text, shell);
        }
    }

    fn read_fish(&mut self, text: &str, variables: Variables) -> Result<(), String> {
        if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(format!("it has the control character {control:?}"));
        }
        let mut read = Ok(false);
        self.inside(text, Shell::Fish, variables, |walker| read = walker.fish(text, Ampersand::InWord));
        if fish::versions_differ(text) {
            let variables = self.variables.clone();
            let mut apart = self.apart(Shell::Fish);
            let mut read = Ok(false);
            apart.inside(text, Shell::Fish, variables, |walker| read = walker.fish(text, Ampersand::Separates));
            self.join(apart, 0, read.is_ok());
        }
        match read {
            Ok(_) => Ok(()),
            Err(Trouble::Unclear(why)) => Err(why.to_owned()),
            Err(Trouble::Open | Trouble::Rejected) => Err("it cannot be read as fish code".to_owned()),
        }
    }

    /// Follows one more reading, of which nothing may be known yet; whether what was found counts.
    fn read_other(&mut self, text: &str, reading: ShellReading, variables: Variables, at_prompt: bool) -> bool {
        const OPEN: &str = "another shell would wait for the end of a quote";
        if reading.shell == Shell::Fish {
            let mut read = Ok(false);
            self.inside(text, Shell::Fish, variables, |walker| read = walker.fish(text, Ampersand::InWord));
            match read {
                // Alone, what is only begun is refused.
                Ok(is_begun) => return at_prompt || !is_begun,
                Err(Trouble::Rejected) => return false,
                Err(Trouble::Open) if at_prompt => self.opaque(OPEN),
                Err(Trouble::Open) => return false,
                // As bash does, or not at all.
                Err(Trouble::Unclear(why)) if fish::is_group(why) => return false,
                Err(Trouble::Unclear(why)) => self.opaque(why),
            }
            return true;
        }
        let text = reading.text.as_deref().unwrap_or(text);
        match whole(text, self.cx.interactive) {
            Ok(program) => self.enter(text, reading.shell, variables, &program),
            Err(is_open) => {
                if is_open && at_prompt {
                    self.opaque(OPEN);
                }
                // What stands before the mistake may have run when the shell comes to it.
                self.salvage(text, reading.shell);
            }
        }
        true
    }

    fn enter(&mut self, text: &str, shell: Shell, variables: Variables, program: &ast::Program) {
        self.inside(text, shell, variables, |walker| walker.program(program));
    }

    /// Goes into a text, and out again.
    fn inside(&mut self, text: &str, shell: Shell, variables: Variables, walk: impl FnOnce(&mut Self)) {
        let outer = (
            std::mem::replace(&mut self.variables, variables),
            std::mem::replace(&mut self.source, text.to_owned()),
            self.set_once.take(),
            std::mem::replace(&mut self.shell, shell),
            self.folder.clone(),
        );
        self.depth += 1;
        walk(self);
        self.depth -= 1;
        if self.depth == 0 {
            self.out.folder = self.folder.clone();
        }
        (self.variables, self.source, self.set_once, self.shell, self.folder) = outer;
    }

    /// A walker with the same place and budget, and nothing found.
    pub(in super::super) fn apart(&self, shell: Shell) -> Self {
        let mut apart = Self::new(self.cx, None);
        apart.shell = shell;
        apart.flow = self.flow.apart();
        apart.stdin = self.stdin.clone();
        apart.folder = self.folder.clone();
        (apart.wrappers, apart.depth) = (self.wrappers, self.depth);
        (apart.steps, apart.read, apart.pieces, apart.words) = (self.steps, self.read, self.pieces, self.words);
        (apart.work, apart.braced, apart.guessed) = (self.work, self.braced, self.guessed);
        apart
    }

    /// Takes over what another reading found besides the commands from `start` on.
    fn join(&mut self, apart: Self, start: usize, adds: bool) {
        (self.steps, self.read, self.pieces, self.words) = (apart.steps, apart.read, apart.pieces, apart.words);
        (self.work, self.braced, self.guessed) = (apart.work, apart.braced, apart.guessed);
        if !adds {
            return;
        }
        let found = apart.out;
        let is_same = self.out.commands.get(start..) == Some(found.commands.as_slice());
        let mut places = BTreeMap::new();
        let known = self.out.commands.len();
        for (index, command) in found.commands.into_iter().enumerate() {
            let same = if is_same {
                Some(index)
            } else {
                let known = self.out.commands.get(start..known).unwrap_or_default();
                known.iter().take(MAX_COMPARED).position(|other| *other == command)
            };
            places.insert(index, same.map_or(self.out.commands.len(), |same| start + same));
            if same.is_none() {
                self.out.commands.push(command);
            }
        }
        let place = |index: usize| places.get(&index).copied();
        for opaque in found.opaque {
            let command = opaque.command.and_then(place);
            let program = |index: Option<usize>| self.out.commands.get(index?).and_then(Command::program);
            let reads_code = matches!(program(command), Some("eval" | "source" | "."));
            let reads_output = command.is_none() && opaque.why == RUNS_OUTPUT;
            let is_same = |known: &Opaque| {
                let sets_up = reads_code && program(known.command) == program(command);
                let sources = reads_output && matches!(program(known.command), Some("source" | "."));
                known.kind == OpaqueKind::Script && (known.command == command || sets_up || sources)
            };
            // What sets up a shell is named in the text, whichever shell reads it.
            if (command.is_none() && !reads_output) || !self.out.opaque.iter().any(is_same) {
                self.note(opaque.why, command, opaque.kind);
            }
        }
        for tampering in found.tampering {
            if !self.out.tampering.contains(&tampering) {
                self.out.tampering.push(tampering);
            }
        }
        for code in found.code {
            if !self.out.code.contains(&code) {
                self.out.code.push(code);
            }
        }
        for guess in found.guesses {
            if self.out.guesses.len() < 2 * MAX_GUESSES && !self.out.guesses.contains(&guess) {
                self.out.guesses.push(guess);
            }
        }
        self.out.stdin_is_code |= found.stdin_is_code;
        self.out.stdin_is_text |= found.stdin_is_text;
        for index in found.foreign_code.into_iter().filter_map(place) {
            if !self.out.foreign_code.contains(&index) {
                self.out.foreign_code.push(index);
            }
        }
        if self.depth == 0 && found.folder != self.out.folder {
            self.out.folder = crate::Folder::Computed;
        }
        self.flow.join(apart.flow, &place);
    }

    /// Whether `name` is set in one place of the text at hand, and by nothing else.
    pub(in super::super) fn is_set_once(&mut self, name: &str) -> bool {
        self.set_once.get_or_insert_with(|| compound::SetOnce::of(&self.source)).is_set_once(name)
    }
}

/// The program that a text is; else whether a quote or the like is open at its end.
fn whole(text: &str, is_typed: bool) -> Result<ast::Program, bool> {
    limits::check(text).map_err(|_| false)?;
    let (tokenizer, parser) = grammar();
    let tokens = uncached_tokenize_str(text, &tokenizer).map_err(|error: TokenizerError| error.is_incomplete())?;
    limits::check_tokens(&tokens, is_typed).map_err(|_| false)?;
    parse_tokens(&tokens, &parser).map_err(|error| match error {
        ParseError::Tokenizing { inner, .. } => inner.is_incomplete(),
        ParseError::ParsingAtEndOfInput | ParseError::ParsingNear(_) => false,
    })
}

/// As many commands are compared to see which of them another reading has as well.
const MAX_COMPARED: usize = 64;
