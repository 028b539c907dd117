//! Collects what a text of fish runs.

use super::{
    Ampersand, Trouble, builtins,
    grammar::{Block, FishCommand, Head, Job, Statement, assignment},
    tokens::Redirection,
    word,
};
use crate::{
    Command, Redirect, Shell, Word, input,
    parse::{MAX_CODE_DEPTH, Stdin, Walker},
    static_text, tamper, unwrap,
};

impl Walker<'_> {
    /// Collects what `text` runs as code of fish, and says whether it is only begun.
    pub(crate) fn fish(&mut self, text: &str, ampersand: Ampersand) -> Result<bool, Trouble> {
        let program = super::read(text, self.cx.interactive, ampersand)?;
        self.fish_jobs(&program.jobs)?;
        Ok(program.is_begun)
    }

    fn fish_jobs(&mut self, jobs: &[Job]) -> Result<(), Trouble> {
        for (index, job) in jobs.iter().enumerate() {
            let stdin = self.stdin.clone();
            // What is set here is known only where it is sure to be set.
            let is_sure = !job.is_conditional && !jobs.get(index + 1).is_some_and(|next| next.is_conditional);
            let variables = self.variables.clone();
            self.fish_job(job)?;
            if !is_sure || job.statements.len() > 1 {
                self.variables = variables;
            }
            self.stdin = stdin;
        }
        Ok(())
    }

    fn fish_job(&mut self, job: &Job) -> Result<(), Trouble> {
        let outer = self.stdin.clone();
        let folder = self.folder.clone();
        let earlier = self.flow.begin();
        for (index, statement) in job.statements.iter().enumerate() {
            if let Some(why) = self.has_too_much() {
                self.opaque(why);
                return Ok(());
            }
            let output = match statement {
                Statement::Block(block) => {
                    self.fish_block(block)?;
                    None
                }
                Statement::Command(command) => self.fish_command(command)?,
            };
            // In a pipeline another process may be in another folder.
            if job.statements.len() > 1 {
                self.folder = folder.clone();
            }
            if index + 1 < job.statements.len() {
                self.stdin = match output {
                    Some(text) => Stdin::Text(text.into()),
                    None => self.piped(self.stdin.clone()),
                };
            }
        }
        self.flow.end(earlier, job.statements.len() == 1);
        self.stdin = outer;
        Ok(())
    }

    /// Follows a command, and says what it prints where that is known.
    fn fish_command(&mut self, command: &FishCommand) -> Result<Option<String>, Trouble> {
        let outer = self.stdin.clone();
        let assignments = self.fish_assignments(&command.assignments)?;
        let mut argv = Vec::new();
        for raw in &command.words {
            argv.extend(self.fish_words(raw)?);
        }
        let mut redirects = Vec::new();
        for (redirection, file) in &command.redirections {
            redirects.extend(self.fish_redirect(*redirection, file)?);
        }
        let known: Option<Vec<String>> = argv.iter().map(|word| word.known().map(str::to_owned)).collect();
        let output = known
            .filter(|_| redirects.is_empty())
            .and_then(|words| words.split_first().and_then(|(name, words)| static_text::of_words(name, words)));
        // Words of another shell's grammar: fish has no such commands, and says so.
        if argv.first().and_then(Word::known).is_some_and(|name| OF_OTHER_SHELLS.contains(&name)) {
            argv.clear();
            self.push(Command { redirects: std::mem::take(&mut redirects), ..Command::default() });
        }
        if !argv.is_empty() && !builtins::follow(self, &argv, &redirects) {
            unwrap::run(self, argv, assignments, redirects);
        }
        self.stdin = outer;
        Ok(output)
    }

    fn fish_assignments(&mut self, raw: &[(String, String)]) -> Result<Vec<(String, Word)>, Trouble> {
        let mut assignments = Vec::new();
        for (name, value) in raw {
            let mut words = self.fish_words(value)?;
            let value = if words.len() == 1 { words.pop().unwrap_or_default() } else { Word::unknown(false) };
            unwrap::assignment(self, name, &value);
            assignments.push((name.clone(), value));
        }
        Ok(assignments)
    }

    fn fish_redirect(&mut self, redirection: Redirection, raw: &str) -> Result<Option<Redirect>, Trouble> {
        let mut words = self.fish_words(raw)?;
        let file = if words.len() == 1 { words.pop().unwrap_or_default() } else { Word::unknown(false) };
        let is_descriptor = file.known().is_some_and(|text| text.chars().all(|c| c.is_ascii_digit() || c == '-'));
        if !redirection.writes && redirection.is_input {
            let is_session = matches!(self.stdin, Stdin::Session | Stdin::Made);
            self.stdin = match file.known() {
                Some("0") if redirection.copies => self.stdin.clone(),
                Some("-") if redirection.copies => Stdin::Text("".into()),
                _ if input::is_input(&file) && is_session => self.stdin.clone(),
                _ if is_session && input::may_be_input(&file) && !self.cx.interactive => Stdin::Made,
                _ => Stdin::Unknown,
            };
        }
        Ok((!(redirection.copies && is_descriptor)).then_some(Redirect { writes: redirection.writes, file }))
    }

    /// The words that a raw one becomes; the code in it is followed.
    pub(super) fn fish_words(&mut self, raw: &str) -> Result<Vec<Word>, Trouble> {
        let read = word::read(raw, &self.variables)?;
        for text in read.code {
            self.fish_substitution(&text)?;
        }
        Ok(read.words)
    }

    fn fish_substitution(&mut self, text: &str) -> Result<(), Trouble> {
        if self.depth == MAX_CODE_DEPTH || self.has_read_enough(text) {
            return Err(Trouble::Unclear("code is nested in code too deeply"));
        }
        let (stdin, folder, variables) = (self.stdin.clone(), self.folder.clone(), self.variables.clone());
        self.depth += 1;
        self.flow.substitutions += 1;
        // fish looks into a substitution before it runs anything of the text around it.
        let read = self.fish(text, Ampersand::InWord).map_err(|trouble| match trouble {
            Trouble::Open => Trouble::Rejected,
            Trouble::Rejected | Trouble::Unclear(_) => trouble,
        });
        self.flow.substitutions -= 1;
        self.depth -= 1;
        (self.stdin, self.folder, self.variables) = (stdin, folder, variables);
        if read? { Err(Trouble::Rejected) } else { Ok(()) }
    }

    fn fish_block(&mut self, block: &Block) -> Result<(), Trouble> {
        let outer = self.stdin.clone();
        let assignments = self.fish_assignments(&block.assignments)?;
        let mut redirects = Vec::new();
        for (redirection, file) in &block.redirections {
            redirects.extend(self.fish_redirect(*redirection, file)?);
        }
        if !redirects.is_empty() || !assignments.is_empty() {
            self.push(Command { assignments, redirects, ..Command::default() });
        }
        let variables = self.variables.clone();
        match &block.head {
            Head::Plain => self.fish_bodies(&block.bodies)?,
            Head::For { name, words } => self.fish_loop(name, words, &block.bodies)?,
            Head::Function(words) => self.fish_function(words, &block.bodies)?,
            Head::Switch(words) => {
                for word in words {
                    self.fish_words(word)?;
                }
                self.fish_bodies(&block.bodies)?;
            }
        }
        // A block may run once, often or not at all.
        self.variables = variables;
        self.stdin = outer;
        Ok(())
    }

    fn fish_bodies(&mut self, bodies: &[Vec<Job>]) -> Result<(), Trouble> {
        for jobs in bodies {
            let variables = self.variables.clone();
            self.fish_jobs(jobs)?;
            self.variables = variables;
        }
        Ok(())
    }

    /// A loop over known words is read once for each, where nothing else sets its variable.
    fn fish_loop(&mut self, name: &str, raw: &[String], bodies: &[Vec<Job>]) -> Result<(), Trouble> {
        let mut words = Vec::new();
        for raw in raw {
            words.extend(self.fish_words(raw)?);
        }
        self.variables.remove(name);
        let is_list = words.len() <= MAX_LOOP_VALUES && words.iter().all(|word| word.known().is_some());
        if !is_list || !self.is_set_once(name) {
            return self.fish_bodies(bodies);
        }
        for word in words {
            self.variables.insert(name.to_owned(), word);
            self.fish_bodies(bodies)?;
        }
        Ok(())
    }

    /// What a function does is judged where it is defined.
    fn fish_function(&mut self, raw: &[String], bodies: &[Vec<Job>]) -> Result<(), Trouble> {
        let mut words = Vec::new();
        for raw in raw {
            words.extend(self.fish_words(raw)?);
        }
        match words.first().map(Word::known) {
            Some(Some(name)) => {
                if tamper::is_reserved_function(name) {
                    self.tampering(format!("the function {name}"));
                }
                self.flow.functions.push(name.to_owned());
            }
            Some(None) => self.opaque("the name of a function is not known"),
            None => {}
        }
        let is_called_by_fish = |word: &Word| {
            word.known().is_none_or(|word| {
                word.starts_with("--on-") || matches!(word.as_bytes(), [b'-', b'e' | b'v' | b's' | b'j' | b'p', ..])
            })
        };
        if words.iter().skip(1).any(is_called_by_fish) {
            self.tampering("a function that fish calls at an event");
        }
        self.flow.redefined = true;
        self.flow.substitutions += 1;
        let variables = std::mem::take(&mut self.variables);
        let read = self.fish_bodies(bodies);
        self.variables = variables;
        self.flow.substitutions -= 1;
        read
    }

    /// What looks like commands in text that fish would not run, or that cannot be read.
    pub(crate) fn fish_salvage(&mut self, text: &str) {
        let most = if self.cx.interactive { 64 } else { 256 };
        for piece in text.split(['\n', ';', '&', '|', '(', ')', '{', '}']).map(str::trim).take(most) {
            let mut piece = piece;
            while let Some((_, rest)) =
                piece.split_once(' ').filter(|(first, _)| KEYWORDS.contains(first) || assignment(first).is_some())
            {
                piece = rest.trim_start();
            }
            let mut apart = self.apart(Shell::Fish);
            apart.depth = MAX_CODE_DEPTH;
            if !piece.is_empty() && apart.fish(piece, Ampersand::InWord).is_ok() {
                self.out.commands.extend(apart.out.commands);
            }
        }
    }
}

const OF_OTHER_SHELLS: [&str; 8] = ["do", "done", "elif", "esac", "fi", "select", "then", "until"];

/// Words that may stand before a command.
const KEYWORDS: [&str; 11] = ["and", "begin", "builtin", "command", "else", "if", "not", "or", "time", "while", "!"];

/// The longest list of known words that a loop is followed for.
const MAX_LOOP_VALUES: usize = 64;
