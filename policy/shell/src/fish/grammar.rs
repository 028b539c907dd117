//! Statements: jobs of commands and blocks, as the reference "The fish language" has them.

use std::{collections::VecDeque, iter::Peekable, vec::IntoIter};

use super::{
    Trouble,
    tokens::{FishToken, Redirection},
};
use crate::limits::MAX_DEPTH;

/// A text.
#[derive(Debug)]
pub(super) struct FishProgram {
    pub(super) jobs: Vec<Job>,
    /// Whether a block or a list is open at its end: fish asks for more, and then runs what is here too.
    pub(super) is_begun: bool,
}

/// One pipeline.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) statements: Vec<Statement>,
    /// Whether it runs only if the one before has gone well, or has not.
    pub(super) is_conditional: bool,
}

#[derive(Debug)]
pub(super) enum Statement {
    Block(Block),
    Command(FishCommand),
}

/// A command as it is written.
#[derive(Debug, Default)]
pub(super) struct FishCommand {
    pub(super) assignments: Vec<(String, String)>,
    pub(super) words: Vec<String>,
    pub(super) redirections: Vec<(Redirection, String)>,
}

/// `begin`, `if`, `for` … to their `end`.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) head: Head,
    pub(super) assignments: Vec<(String, String)>,
    /// What is between the words of the grammar, conditions too, in order.
    pub(super) bodies: Vec<Vec<Job>>,
    pub(super) redirections: Vec<(Redirection, String)>,
}

#[derive(Debug)]
pub(super) enum Head {
    /// `begin`, `if` and `while`, whose condition is the first job of the body.
    Plain,
    For {
        name: String,
        words: Vec<String>,
    },
    Function(Vec<String>),
    /// The value and all patterns.
    Switch(Vec<String>),
}

/// Builds the statements of a text.
pub(super) fn parse(tokens: Vec<FishToken>) -> Result<FishProgram, Trouble> {
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0, is_begun: false };
    let jobs = parser.list()?;
    match parser.tokens.next() {
        None => Ok(FishProgram { jobs, is_begun: parser.is_begun }),
        // `end`, `else` or `case` of no block.
        Some(_) => Err(Trouble::Rejected),
    }
}

struct Parser {
    tokens: Peekable<IntoIter<FishToken>>,
    depth: usize,
    is_begun: bool,
}

impl Parser {
    /// Jobs up to a word that ends a part of a block, or the end.
    fn list(&mut self) -> Result<Vec<Job>, Trouble> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Trouble::Unclear("it nests too deeply"));
        }
        let mut jobs: Vec<Job> = Vec::new();
        let mut joined = false;
        loop {
            while self.tokens.next_if_eq(&FishToken::End).is_some() {}
            match self.tokens.peek() {
                None => {
                    self.is_begun |= joined;
                    break;
                }
                Some(FishToken::Word(word)) if !joined && matches!(word.as_str(), "case" | "else" | "end") => break,
                Some(_) => {}
            }
            let mut job = self.job()?;
            job.is_conditional |= joined;
            jobs.push(job);
            joined = false;
            match self.tokens.peek() {
                Some(FishToken::And | FishToken::Or) => {
                    self.tokens.next();
                    joined = true;
                }
                Some(FishToken::End) | None => {}
                Some(FishToken::Pipe | FishToken::Redirection(_) | FishToken::Word(_)) => {
                    return Err(Trouble::Rejected);
                }
            }
        }
        self.depth -= 1;
        Ok(jobs)
    }

    fn job(&mut self) -> Result<Job, Trouble> {
        let mut job = Job { statements: Vec::new(), is_conditional: false };
        loop {
            let mut prefixes = 0_usize;
            while let Some(FishToken::Word(word)) = self.tokens.peek() {
                match word.as_str() {
                    "and" | "or" => job.is_conditional = true,
                    "!" | "not" | "time" => {}
                    _ => break,
                }
                prefixes += 1;
                self.tokens.next();
            }
            let statement = match self.tokens.peek() {
                // `time` and the like alone say how they are used.
                None | Some(FishToken::End) if prefixes > 0 => Statement::Command(FishCommand::default()),
                None => {
                    self.is_begun = true;
                    return Ok(job);
                }
                Some(_) => self.statement()?,
            };
            job.statements.push(statement);
            if self.tokens.next_if_eq(&FishToken::Pipe).is_none() {
                return Ok(job);
            }
            while self.tokens.next_if_eq(&FishToken::End).is_some() {}
        }
    }

    fn statement(&mut self) -> Result<Statement, Trouble> {
        let mut command = FishCommand::default();
        while let Some(FishToken::Word(word)) = self.tokens.peek() {
            let Some((name, value)) = assignment(word) else { break };
            command.assignments.push((name.to_owned(), value.to_owned()));
            self.tokens.next();
        }
        let Some(FishToken::Word(first)) = self.tokens.next() else {
            return Err(Trouble::Rejected);
        };
        let asks_for_help = |next: Option<&FishToken>| matches!(next, Some(FishToken::Word(word)) if word.starts_with("-h") || word.starts_with("--h"));
        let is_block = matches!(first.as_str(), "begin" | "if" | "while" | "for" | "switch" | "function");
        if is_block && !asks_for_help(self.tokens.peek()) {
            return self.block(&first, command.assignments).map(Statement::Block);
        }
        if matches!(first.as_str(), "case" | "else" | "end") || runs_substitution(&first) {
            return Err(Trouble::Rejected);
        }
        if first.starts_with("{ ") || first.starts_with("{\n") || first.starts_with("{\t") {
            return Err(Trouble::Unclear(GROUP));
        }
        command.words.push(first);
        self.rest_of_command(&mut command.words, &mut command.redirections)?;
        Ok(Statement::Command(command))
    }

    fn rest_of_command(
        &mut self,
        words: &mut Vec<String>,
        redirections: &mut Vec<(Redirection, String)>,
    ) -> Result<(), Trouble> {
        loop {
            match self.tokens.peek() {
                Some(FishToken::Word(_) | FishToken::Redirection(_)) => {}
                Some(FishToken::And | FishToken::End | FishToken::Or | FishToken::Pipe) | None => return Ok(()),
            }
            match (self.tokens.next(), self.tokens.peek()) {
                (Some(FishToken::Word(word)), _) => words.push(word),
                (Some(FishToken::Redirection(redirection)), Some(FishToken::Word(file))) => {
                    redirections.push((redirection, file.clone()));
                    self.tokens.next();
                }
                _ => return Err(Trouble::Rejected),
            }
        }
    }

    /// The words up to the end of the line.
    fn header(&mut self) -> Result<VecDeque<String>, Trouble> {
        let mut words = VecDeque::new();
        loop {
            match self.tokens.next() {
                Some(FishToken::Word(word)) => words.push_back(word),
                Some(FishToken::End) => return Ok(words),
                None => {
                    self.is_begun = true;
                    return Ok(words);
                }
                Some(FishToken::And | FishToken::Or | FishToken::Pipe | FishToken::Redirection(_)) => {
                    return Err(Trouble::Rejected);
                }
            }
        }
    }

    fn block(&mut self, keyword: &str, assignments: Vec<(String, String)>) -> Result<Block, Trouble> {
        let mut bodies = Vec::new();
        let mut head = match keyword {
            "for" => {
                let mut words = self.header()?;
                let name = words.pop_front();
                let says_in = words.pop_front();
                match (name, says_in.as_deref()) {
                    (Some(name), Some("in")) => Head::For { name, words: words.into() },
                    (_, None) if self.is_begun => Head::Plain,
                    _ => return Err(Trouble::Rejected),
                }
            }
            "function" => Head::Function(self.header()?.into()),
            "switch" => Head::Switch(self.header()?.into()),
            _ => Head::Plain,
        };
        loop {
            bodies.push(self.list()?);
            let Some(token) = self.tokens.next() else {
                self.is_begun = true;
                return Ok(Block { head, assignments, bodies, redirections: Vec::new() });
            };
            match (token, &mut head) {
                (FishToken::Word(word), _) if word == "end" => break,
                (FishToken::Word(word), _) if word == "else" && keyword == "if" => {
                    let is_if = |token: &FishToken| matches!(token, FishToken::Word(word) if word == "if");
                    self.tokens.next_if(is_if);
                }
                (FishToken::Word(word), Head::Switch(words)) if word == "case" => words.extend(self.header()?),
                _ => return Err(Trouble::Rejected),
            }
        }
        let mut words = Vec::new();
        let mut redirections = Vec::new();
        self.rest_of_command(&mut words, &mut redirections)?;
        if words.is_empty() { Ok(Block { head, assignments, bodies, redirections }) } else { Err(Trouble::Rejected) }
    }
}

/// What fish 4.1 takes for a group, as bash does, and fish before that for a name.
pub(super) const GROUP: &str = "versions of fish differ in what { at its start is";

/// The name and the value of `NAME=VALUE`.
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some((name, value))
}

/// Whether it has a command substitution, which may not say what runs.
fn runs_substitution(word: &str) -> bool {
    let mut quote = None;
    let mut chars = word.chars();
    while let Some(character) = chars.next() {
        match (character, quote) {
            ('\\', _) => {
                chars.next();
            }
            ('\'' | '"', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            ('(', None) => return true,
            _ => {}
        }
    }
    false
}
