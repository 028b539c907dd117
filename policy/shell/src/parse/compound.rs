//! Compound commands: groups, loops, conditions, cases.

use std::collections::BTreeMap;

use brush_parser::ast;

use super::Walker;
use crate::Word;

impl Walker<'_> {
    pub(super) fn compound(&mut self, compound: &ast::CompoundCommand) {
        match compound {
            ast::CompoundCommand::Arithmetic(arithmetic) => {
                self.evaluated(&arithmetic.expr.value);
                self.not_arithmetic(&arithmetic.expr.value);
            }
            ast::CompoundCommand::ArithmeticForClause(clause) => {
                for expr in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.evaluated(&expr.value);
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
                let stdin = self.detach();
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
        for value in clause.values.iter().flatten() {
            self.takes_value(&name, &value.value, false);
        }
        let is_list = clause.values.is_some() && words.len() <= MAX_LOOP_VALUES && !words.iter().any(Word::splits);
        let outer = self.variables.remove(&name);
        if is_list && self.is_set_once(&name) {
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

/// What a text says of the names in it.
pub(super) struct SetOnce {
    /// The names that something else than reading them is done with, and how often.
    others: BTreeMap<String, usize>,
    /// Whether something in the text may set any name.
    any: bool,
}

impl SetOnce {
    /// Reads the text once, however many loops are in it.
    pub(super) fn of(source: &str) -> Self {
        let sets_by_name =
            ["read", "eval", "source", "declare", "typeset", "local", "mapfile", "readarray", "getopts", "IFS"];
        let mut words = source.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
        let any = source.contains("printf -v") || words.any(|word| word == "." || sets_by_name.contains(&word));
        let mut others = BTreeMap::new();
        let mut end = 0;
        while let Some(start) = source.get(end..).and_then(|rest| rest.find(is_part)).map(|at| end + at) {
            let rest = source.get(start..).unwrap_or_default();
            let name = rest.get(..rest.find(|c| !is_part(c)).unwrap_or(rest.len())).unwrap_or_default();
            end = start + name.len();
            let before = source.get(..start).unwrap_or_default();
            let after = source.get(end..).unwrap_or_default();
            let is_option = before.ends_with(" -") && after.starts_with(char::is_whitespace);
            let is_read =
                is_option || before.ends_with('$') || (before.ends_with("${") && !after.starts_with([':', '=']));
            if !is_read {
                *others.entry(name.to_owned()).or_default() += 1;
            }
        }
        Self { others, any }
    }

    /// Whether the loop variable `name` is set by its loop alone in all of the text.
    pub(super) fn is_set_once(&self, name: &str) -> bool {
        !self.any && self.others.get(name) == Some(&1)
    }
}

/// Whether a name may have it.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The longest list of known words that a loop is followed for.
const MAX_LOOP_VALUES: usize = 64;
