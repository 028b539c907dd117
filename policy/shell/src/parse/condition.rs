//! `[[ … ]]` and `((…))`, which are commands in a shell that does not know them.

use brush_parser::ast;

use super::{Walker, has_code, program};
use crate::{Command, Redirect, Shell, Word, unwrap};

impl Walker<'_> {
    /// `[[ a || b ]]` runs `b` in a shell that does not know `[[`.
    pub(super) fn extended_test(&mut self, test: &ast::ExtendedTestExpr, may_be_command: bool) {
        match test {
            ast::ExtendedTestExpr::And(left, right) | ast::ExtendedTestExpr::Or(left, right) => {
                self.extended_test(left, may_be_command);
                self.extended_test(right, true);
            }
            ast::ExtendedTestExpr::Not(inner) => self.extended_test(inner, may_be_command),
            ast::ExtendedTestExpr::Parenthesized(inner) => self.extended_test(inner, true),
            ast::ExtendedTestExpr::UnaryTest(predicate, operand) => {
                let is_evaluated = matches!(
                    predicate,
                    ast::UnaryPredicate::ShellVariableIsSetAndAssigned
                        | ast::UnaryPredicate::ShellVariableIsSetAndNameRef
                );
                let word = self.tested(operand, is_evaluated);
                if may_be_command {
                    self.run_where_test_is_unknown(vec![word]);
                }
            }
            ast::ExtendedTestExpr::BinaryTest(operator, left, right) => {
                let is_evaluated = matches!(
                    operator,
                    ast::BinaryPredicate::ArithmeticEqualTo
                        | ast::BinaryPredicate::ArithmeticNotEqualTo
                        | ast::BinaryPredicate::ArithmeticLessThan
                        | ast::BinaryPredicate::ArithmeticLessThanOrEqualTo
                        | ast::BinaryPredicate::ArithmeticGreaterThan
                        | ast::BinaryPredicate::ArithmeticGreaterThanOrEqualTo
                );
                let words = vec![self.tested(left, is_evaluated), Word::of("="), self.tested(right, is_evaluated)];
                let writes = matches!(operator, ast::BinaryPredicate::LeftSortsAfterRight);
                if writes && !self.shell.has_bash_grammar() {
                    let redirects = words.last().map(|file| Redirect { writes, file: file.clone() });
                    self.push(Command { redirects: redirects.into_iter().collect(), ..Command::default() });
                }
                if may_be_command {
                    self.run_where_test_is_unknown(words);
                }
            }
        }
    }

    fn run_where_test_is_unknown(&mut self, words: Vec<Word>) {
        let is_static = words.first().is_some_and(|word| word.known().is_some());
        if !self.shell.has_bash_grammar() && (is_static || !matches!(self.shell, Shell::Sh | Shell::Unknown)) {
            unwrap::run(self, words, Vec::new(), Vec::new());
        }
    }

    /// An operand of a test. Where it is evaluated as arithmetic, the code in it runs.
    fn tested(&mut self, raw: &ast::Word, is_evaluated: bool) -> Word {
        let word = self.word(raw);
        if is_evaluated {
            if let Some(text) = word.known().filter(|text| has_code(text)) {
                self.inner(text);
            }
            self.evaluates_names(&raw.value, false);
        }
        word
    }

    /// In a shell without `((…))` it is two subshells; and with a blank in `( (` it is that in every
    /// shell, which brush-parser does not tell apart.
    pub(super) fn not_arithmetic(&mut self, expr: &str) {
        let mut before = ' ';
        let is_apart = self.source.split('(').skip(1).any(|between| !between.is_empty() && between.trim().is_empty());
        let is_number = expr.chars().all(|c| {
            let is_operator = c.is_ascii_digit() || "+-*/%<>=!&|^~?:,() \t\n".contains(c);
            let is_name = c.is_alphabetic() && !before.is_whitespace();
            before = c;
            is_operator || is_name
        });
        if is_apart || (!self.shell.has_bash_grammar() && !is_number && !expr.contains('$')) {
            match program(expr) {
                Ok(program) => self.program(&program),
                Err(why) if is_apart => self.opaque(why),
                Err(_) => {}
            }
        }
    }
}
