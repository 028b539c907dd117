//! Compound commands: groups, loops, conditions, cases.

use brush_parser::ast;

use super::{Stdin, Walker};
use crate::command::Word;

impl Walker<'_> {
    pub(super) fn compound(&mut self, compound: &ast::CompoundCommand) {
        match compound {
            ast::CompoundCommand::Arithmetic(arithmetic) => {
                self.inner(&arithmetic.expr.value);
                self.not_arithmetic(&arithmetic.expr.value);
            }
            ast::CompoundCommand::ArithmeticForClause(clause) => {
                for expr in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.inner(&expr.value);
                }
                self.list(&clause.body.list);
            }
            ast::CompoundCommand::BraceGroup(group) => self.list(&group.list),
            ast::CompoundCommand::Subshell(subshell) => self.in_subshell(&subshell.list),
            ast::CompoundCommand::ForClause(clause) => self.for_clause(clause),
            ast::CompoundCommand::CaseClause(clause) => {
                self.word(&clause.value);
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.word(pattern);
                    }
                    if let Some(list) = &case.cmd {
                        self.list(list);
                    }
                }
            }
            ast::CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition);
                self.list(&clause.then);
                for other in clause.elses.iter().flatten() {
                    if let Some(condition) = &other.condition {
                        self.list(condition);
                    }
                    self.list(&other.body);
                }
            }
            ast::CompoundCommand::WhileClause(clause) | ast::CompoundCommand::UntilClause(clause) => {
                let ast::WhileOrUntilClauseCommand(condition, body, _) = clause;
                self.list(condition);
                self.list(&body.list);
            }
            ast::CompoundCommand::Coprocess(coprocess) => {
                if let Some(name) = &coprocess.name {
                    self.word(name);
                }
                let stdin = std::mem::replace(&mut self.stdin, Stdin::Unknown);
                self.command(&coprocess.body);
                self.stdin = stdin;
            }
        }
    }

    pub(super) fn in_subshell(&mut self, list: &ast::CompoundList) {
        let folder = self.folder.clone();
        self.list(list);
        self.folder = folder;
    }

    /// A loop over known words is read once for each, where nothing else sets its variable.
    fn for_clause(&mut self, clause: &ast::ForClauseCommand) {
        let name = clause.variable_name.clone();
        if name == "HOME" {
            self.opaque("HOME is changed: `~` may mean any folder");
        }
        let words: Vec<Word> = clause.values.iter().flatten().flat_map(|value| self.words(value)).collect();
        let is_list = clause.values.is_some() && words.len() <= MAX_LOOP_VALUES && !words.iter().any(Word::splits);
        let outer = self.variables.remove(&name);
        if is_list && is_set_once(&self.source, &name) {
            for value in words {
                self.variables.insert(name.clone(), value);
                self.list(&clause.body.list);
            }
            self.variables.remove(&name);
        } else {
            self.list(&clause.body.list);
        }
        if let Some(outer) = outer {
            self.variables.insert(name, outer);
        }
    }
}

/// Whether the loop variable `name` is set by its loop alone in all of `source`.
fn is_set_once(source: &str, name: &str) -> bool {
    let mut others = 0;
    for (index, _) in source.match_indices(name) {
        let before = source.get(..index).unwrap_or_default();
        let after = source.get(index + name.len()..).unwrap_or_default();
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        if before.ends_with(is_part) || after.starts_with(is_part) {
            continue;
        }
        let is_option = before.ends_with(" -") && after.starts_with(char::is_whitespace);
        let is_read = is_option || before.ends_with('$') || (before.ends_with("${") && !after.starts_with([':', '=']));
        others += usize::from(!is_read);
    }
    let sets_by_name =
        ["read", "eval", "source", "declare", "typeset", "local", "mapfile", "readarray", "getopts", "IFS"];
    let words = || source.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
    others == 1 && !source.contains("printf -v") && !words().any(|word| word == "." || sets_by_name.contains(&word))
}

/// The longest list of known words that a loop is followed for.
const MAX_LOOP_VALUES: usize = 64;
