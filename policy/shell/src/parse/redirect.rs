//! Redirections and here-documents: which files they touch, and what becomes standard input.

use brush_parser::ast;

use super::{Stdin, Walker};
use crate::{
    Redirect, input,
    word::{self, Mode},
};

impl Walker<'_> {
    /// Reads a redirection, and sets standard input.
    pub(super) fn redirect(&mut self, redirect: &ast::IoRedirect) -> Vec<Redirect> {
        let redirects = self.redirected_files(redirect);
        match redirect {
            // What is put into the text from a program or a variable is taken for a number, as in an assignment.
            ast::IoRedirect::HereString(None | Some(0), word) => {
                self.input_is_numbers = self.stdin == Stdin::Unknown && !self.has_taken(&word.value);
            }
            ast::IoRedirect::File(
                None | Some(0),
                ast::IoFileRedirectKind::Read,
                ast::IoFileRedirectTarget::ProcessSubstitution(_, subshell),
            ) => {
                let scan = |raw: &str| self.scan_only(raw);
                self.input_is_numbers = super::arithmetic::list_prints_numbers(&subshell.list, &scan);
            }
            ast::IoRedirect::File(None | Some(0), ast::IoFileRedirectKind::Read, _)
            | ast::IoRedirect::File(Some(0), ..)
            | ast::IoRedirect::File(
                None,
                ast::IoFileRedirectKind::DuplicateInput | ast::IoFileRedirectKind::ReadAndWrite,
                _,
            )
            | ast::IoRedirect::HereDocument(None | Some(0), _) => self.input_is_numbers = false,
            ast::IoRedirect::File(..)
            | ast::IoRedirect::HereDocument(..)
            | ast::IoRedirect::HereString(..)
            | ast::IoRedirect::OutputAndError(..) => {}
        }
        redirects
    }

    fn redirected_files(&mut self, redirect: &ast::IoRedirect) -> Vec<Redirect> {
        match redirect {
            ast::IoRedirect::File(fd, kind, target) => {
                let (writes, input) = match kind {
                    ast::IoFileRedirectKind::Read | ast::IoFileRedirectKind::DuplicateInput => (false, true),
                    ast::IoFileRedirectKind::Write
                    | ast::IoFileRedirectKind::Append
                    | ast::IoFileRedirectKind::Clobber
                    | ast::IoFileRedirectKind::DuplicateOutput => (true, false),
                    ast::IoFileRedirectKind::ReadAndWrite => (true, true),
                };
                let is_copy =
                    matches!(kind, ast::IoFileRedirectKind::DuplicateInput | ast::IoFileRedirectKind::DuplicateOutput);
                if input && fd.is_none_or(|fd| fd == 0) {
                    self.stdin = self.redirected(target);
                } else if is_copy && fd.is_some_and(|fd| fd > 2) {
                    self.input_is_copied();
                }
                match target {
                    ast::IoFileRedirectTarget::Filename(word) => {
                        self.words(word).into_iter().map(|file| Redirect { writes, file }).collect()
                    }
                    ast::IoFileRedirectTarget::Fd(_) => Vec::new(),
                    ast::IoFileRedirectTarget::ProcessSubstitution(_, subshell) => {
                        self.detached(&subshell.list);
                        Vec::new()
                    }
                    ast::IoFileRedirectTarget::Duplicate(word) => {
                        let file = self.word(word);
                        let is_descriptor =
                            file.known().is_some_and(|text| text.chars().all(|c| c.is_ascii_digit() || c == '-'));
                        (!is_descriptor).then_some(Redirect { writes, file }).into_iter().collect()
                    }
                }
            }
            ast::IoRedirect::HereDocument(fd, document) => {
                let text = self.here_document(document);
                if fd.is_none_or(|fd| fd == 0) {
                    self.stdin = text.map_or(Stdin::Unknown, |text| Stdin::Text(text.into()));
                }
                Vec::new()
            }
            ast::IoRedirect::HereString(fd, word) => {
                let word = self.word(word);
                if fd.is_none_or(|fd| fd == 0) {
                    self.stdin = word.known().map_or(Stdin::Unknown, |text| Stdin::Text(format!("{text}\n").into()));
                }
                Vec::new()
            }
            ast::IoRedirect::OutputAndError(word, _append) => {
                self.words(word).into_iter().map(|file| Redirect { writes: true, file }).collect()
            }
        }
    }

    /// What is read from there.
    fn redirected(&self, target: &ast::IoFileRedirectTarget) -> Stdin {
        let is_session = matches!(self.stdin, Stdin::Session | Stdin::Made);
        let file = match target {
            ast::IoFileRedirectTarget::Filename(word) => Some(self.scan_only(&word.value)),
            ast::IoFileRedirectTarget::Duplicate(word) => match self.scan_only(&word.value).known() {
                Some("0") => return self.stdin.clone(),
                Some("-") => return Stdin::Text("".into()),
                _ => None,
            },
            ast::IoFileRedirectTarget::Fd(0) => return self.stdin.clone(),
            ast::IoFileRedirectTarget::Fd(_) | ast::IoFileRedirectTarget::ProcessSubstitution(..) => None,
        };
        match file {
            Some(file) if input::is_input(&file) && is_session => self.stdin.clone(),
            Some(file) if !input::may_be_input(&file) => Stdin::Unknown,
            _ if is_session && !self.cx.interactive => Stdin::Made,
            _ => Stdin::Unknown,
        }
    }

    /// The text of a here-document, if it is known.
    fn here_document(&mut self, document: &ast::IoHereDocument) -> Option<String> {
        let tag = document.here_end.value.as_str();
        let unquoted = tag.trim_matches(['\'', '"']).trim_start_matches('\\');
        if unquoted.is_empty() || !unquoted.chars().all(|c| c.is_alphanumeric() || "_-.!".contains(c)) {
            self.opaque("a here-document ends at an unusual word");
        }
        let text = document.doc.value.as_str();
        if text.lines().any(|line| line.trim_start_matches('\t') == unquoted) {
            self.opaque("it is not clear where a here-document ends");
        }
        let text: String = if document.remove_tabs {
            text.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
        } else {
            text.to_owned()
        };
        if !document.requires_expansion {
            return Some(text);
        }
        if word::may_have_code(&text) && self.has_read_enough(&text) {
            self.opaque("code is nested in code too deeply");
            return None;
        }
        let scanned = word::scan(&text, Mode::HereDocument, self.shell, &self.variables);
        let known = scanned.word.known().map(str::to_owned);
        self.found(scanned);
        known
    }
}
