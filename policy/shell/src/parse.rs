//! Walks brush-parser's tree and collects every command that would run.
//!
//! The grammar is that of bash; where another shell would read the same text otherwise, what each of them runs is
//! collected (`readings`), or the text is opaque. A `match` here names every variant of
//! the tree, so that a new one fails to compile and cannot be passed over.

use std::sync::Arc;

use brush_parser::{ParserOptions, Token, TokenizerOptions, ast, parse_tokens, uncached_tokenize_str};

use super::{
    Command, Folder, Opaque, OpaqueKind, ParseContext, Parsed, Shell, Tampering, Variables, Word, file_access, input,
    limits, static_text, tamper, unwrap,
};

mod arithmetic;
mod compound;
mod condition;
mod earlier;
mod guess;
mod readings;
mod redirect;
mod select;
mod simple;

/// Collects what runs.
pub(super) struct Walker<'a> {
    pub(super) cx: &'a ParseContext,
    /// The shell that reads the code at hand; code in code may be for another one.
    pub(super) shell: Shell,
    pub(super) out: Parsed,
    pub(super) stdin: Stdin,
    pub(super) flow: input::Flow,
    pub(super) folder: Folder,
    /// How many programs that run another this is inside of.
    pub(super) wrappers: usize,
    pub(super) variables: Variables,
    /// Variables that hold what was read.
    taken: arithmetic::Taken,
    /// Whether standard input is what a program prints that prints numbers.
    input_is_numbers: bool,
    /// How many texts deep this is: code in code.
    pub(super) depth: usize,
    /// The text at hand.
    source: String,
    steps: usize,
    /// How many bytes were read as code in code, which is read once for each text it is in.
    read: usize,
    /// The same in words and operators.
    pieces: usize,
    /// How many words the commands have that others run: each wrapper repeats them.
    words: usize,
    /// How much there is for the rules to look at, in bytes.
    pub(super) work: usize,
    /// How many words braces have made.
    braced: usize,
    /// For the text at hand, which names are set by one loop alone.
    set_once: Option<compound::SetOnce>,
    /// How many arguments were read as code that nobody said they are.
    guessed: usize,
    /// How many times it was asked what the text has written.
    lookups: usize,
    /// The name that the alias at hand has, and begins with.
    own_name: Option<String>,
    /// Whether the only argument of the command at hand is what a program prints to set up a shell.
    pub(super) prints_settings: bool,
    /// Whether nothing but the terminal or a file gets what is printed.
    shown: bool,
    /// How many shells of their own this is inside of: `sh -c`, `ssh`, a container.
    pub(super) shells: usize,
    /// How many values of settings and variables, and files, were read as code.
    values: usize,
}

/// What a command reads as its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stdin {
    /// Something that programs make of what the session sends.
    Made,
    /// What the session sends: the terminal, or the caller's standard input.
    Session,
    /// This text.
    Text(Arc<str>),
    /// Something that is not known, from here.
    Unknown,
}

/// Parses shell text behind the limits.
pub(super) fn program(text: &str) -> Result<ast::Program, String> {
    program_within(text, false)
}

/// Parses shell text behind the limits, which are lower for what `is_typed`.
fn program_within(text: &str, is_typed: bool) -> Result<ast::Program, String> {
    let mut tokens = tokens(text)?;
    limits::check_tokens(&tokens, is_typed).map_err(str::to_owned)?;
    select::as_for(&mut tokens);
    parse_tokens(&tokens, &grammar().1).map_err(|_| UNREADABLE.to_owned())
}

/// The tokens of shell text that is not too long or too deep.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    limits::check(text).map_err(str::to_owned)?;
    if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(format!("it has the control character {control:?}"));
    }
    uncached_tokenize_str(text, &grammar().0).map_err(|_| UNREADABLE.to_owned())
}

/// How brush-parser reads. Without extended patterns `!(rm)` is what it is where they are off: a negated subshell.
pub(super) fn grammar() -> (TokenizerOptions, ParserOptions) {
    let tokenizer = TokenizerOptions { enable_extended_globbing: false, posix_mode: false, sh_mode: false };
    (tokenizer, ParserOptions { enable_extended_globbing: false, ..ParserOptions::default() })
}

/// Of a shell that reads the session's input.
pub(super) const RUNS_INPUT: &str = "it runs what comes on standard input";
const RUNS_OUTPUT: &str = "it runs the output of another program";
/// Why a text is opaque that no shell which is known here would read: it runs nothing of it.
pub const UNREADABLE: &str = "it cannot be read as shell code";

/// Parses a line or script.
pub(super) fn text(text: &str, stdin: Option<&str>, cx: &ParseContext) -> Parsed {
    let mut walker = Walker::new(cx, stdin);
    if cx.interactive {
        if let Err(why) = limits::check_typed(text) {
            walker.opaque(why);
            if text.len() <= limits::MAX_TYPED_BYTES {
                walker.salvage(text, cx.shell);
            }
            return walker.out;
        }
        if let Some(why) = tamper::history_expansion(text, cx.shell) {
            walker.opaque(why);
        }
    }
    walker.code(text, cx.shell);
    walker.settle_input();
    walker.out
}

/// Reads an argument vector that no shell sees.
pub(super) fn argv(words: &[String], stdin: Option<&str>, cx: &ParseContext) -> Parsed {
    let mut walker = Walker::new(cx, stdin);
    let bytes: usize = words.iter().map(String::len).sum();
    if bytes > limits::MAX_BYTES {
        walker.opaque("it is longer than 64 KiB");
    } else if words.len() > MAX_ARGV_WORDS {
        walker.opaque("it has more than 4,096 words");
    } else {
        let words: Vec<Word> = words.iter().map(|word| Word::of(word.as_str())).collect();
        unwrap::run(&mut walker, words, Vec::new(), Vec::new());
    }
    walker.settle_input();
    walker.out
}

impl<'a> Walker<'a> {
    fn new(cx: &'a ParseContext, stdin: Option<&str>) -> Self {
        let sent: Option<Arc<str>> = stdin.map(Arc::from);
        Self {
            cx,
            shell: cx.shell,
            out: Parsed { folder: cx.folder.clone(), ..Parsed::default() },
            stdin: sent.clone().map_or(Stdin::Session, Stdin::Text),
            flow: input::Flow::of(sent),
            folder: cx.folder.clone(),
            wrappers: 0,
            variables: Variables::new(),
            taken: arithmetic::Taken::new(),
            input_is_numbers: false,
            depth: 0,
            source: String::new(),
            steps: 0,
            read: 0,
            pieces: 0,
            words: 0,
            work: 0,
            braced: 0,
            set_once: None,
            guessed: 0,
            lookups: 0,
            own_name: None,
            prints_settings: false,
            shown: true,
            shells: 0,
            values: 0,
        }
    }

    /// Notes that something cannot be known.
    pub(super) fn opaque(&mut self, why: impl Into<String>) {
        self.note(why.into(), None, OpaqueKind::Hidden);
    }

    /// Notes that the command noted last cannot be known.
    pub(super) fn opaque_command(&mut self, why: impl Into<String>) {
        let command = self.out.commands.len().checked_sub(1);
        self.note(why.into(), command, OpaqueKind::Hidden);
    }

    /// Notes that the command at `index` cannot be known.
    pub(super) fn opaque_at(&mut self, index: Option<usize>, why: &str) {
        self.note(why.to_owned(), index, OpaqueKind::Hidden);
    }

    /// Notes what lets in code that is not known, of who does not mean well.
    pub(super) fn doubtful(&mut self, why: impl Into<String>) {
        self.note(why.into(), None, OpaqueKind::Doubtful);
    }

    /// Notes that of the command noted last.
    pub(super) fn doubtful_command(&mut self, why: &str) {
        let command = self.out.commands.len().checked_sub(1);
        self.note(why.to_owned(), command, OpaqueKind::Doubtful);
    }

    /// Notes that the command noted last runs by name something whose content stands elsewhere.
    pub(super) fn script(&mut self, why: impl Into<String>) {
        let command = self.out.commands.len().checked_sub(1);
        self.note(why.into(), command, OpaqueKind::Script);
    }

    pub(super) fn note(&mut self, why: String, command: Option<usize>, kind: OpaqueKind) {
        let opaque = Opaque { why, command, kind };
        if !self.out.opaque.contains(&opaque) {
            self.out.opaque.push(opaque);
        }
    }

    /// Notes what changes how lines are accepted. Where none are typed, only what changes the meaning of the text itself
    /// counts.
    pub(super) fn tampering(&mut self, what: impl Into<String>) {
        let tampering = Tampering { what: what.into() };
        if !self.cx.interactive && super::tamper::is_about_typed_lines(&tampering.what, self.shell) {
            return;
        }
        if !self.out.tampering.contains(&tampering) {
            self.out.tampering.push(tampering);
        }
    }

    /// Reads `text` as code of `shell`.
    pub(super) fn code(&mut self, text: &str, shell: Shell) {
        self.code_with(text, shell, Variables::new());
    }

    /// What `text` would run as code of a shell that is not known, beside what is walked.
    pub(super) fn read_apart(&self, text: &str) -> Parsed {
        let mut walker = Self::new(self.cx, Some(""));
        walker.code(text, Shell::Unknown);
        walker.out
    }

    /// Counts what is read as code in code; whether it is too much.
    pub(super) fn has_read_enough(&mut self, text: &str) -> bool {
        let is_inner = usize::from(self.depth > 0);
        self.read += text.len() * is_inner;
        self.pieces += limits::pieces(text) * is_inner;
        self.read > self.most_inner_bytes() || self.pieces > limits::most_inner(self.cx.interactive)
    }

    /// Counts a value, or a file that is written, which is to be read as code; whether these are too many.
    pub(super) fn has_valued_enough(&mut self) -> bool {
        self.values += 1;
        if self.values > MAX_VALUES {
            self.opaque("it has too many values that are run");
        }
        self.values > MAX_VALUES
    }

    /// Counts the words of a command that another runs; whether these are too many to be followed.
    pub(super) fn has_run_enough(&mut self, words: usize) -> bool {
        self.words += words * usize::from(self.wrappers > 0 || self.depth > 1);
        self.words > self.most_inner_bytes() / BYTES_PER_WORD
    }

    fn most_inner_bytes(&self) -> usize {
        if self.cx.interactive { limits::MAX_TYPED_BYTES } else { limits::MAX_BYTES }
    }

    /// Collects what look like commands in text that cannot be read as a whole. It stays opaque;
    /// but what is blocked in it can be named.
    pub(super) fn salvage(&mut self, text: &str, shell: Shell) {
        if shell == Shell::Fish {
            return self.fish_salvage(text);
        }
        // Of what is only too dense the first pieces can be read all the same.
        if limits::check(text).err().is_some_and(|why| why != limits::MANY) {
            return;
        }
        for piece in text.split(['\n', ';', '&', '|', '(', ')', '{', '}', '`']).take(if self.cx.interactive {
            MAX_TYPED_PIECES
        } else {
            MAX_PIECES
        }) {
            let mut piece = piece.trim();
            while let Some((_, rest)) = piece.split_once([' ', '\t']).filter(|(first, _)| KEYWORDS.contains(first)) {
                piece = rest.trim_start();
            }
            if let Ok(program) = program_within(piece, self.cx.interactive) {
                let mut walker = Self::new(self.cx, None);
                walker.shell = shell;
                walker.depth = MAX_CODE_DEPTH - 1;
                walker.program(&program);
                self.out.commands.extend(walker.out.commands);
            }
        }
    }

    /// Reads code that has values in it which are not known: as values, and not as more code.
    pub(super) fn code_with_gaps(&mut self, text: &str, shell: Shell, variables: Variables) {
        self.note("the code has values in it that are not known before it runs".to_owned(), None, OpaqueKind::Script);
        self.code_with(text, shell, variables);
    }

    /// Reads what another shell than the one at hand runs.
    pub(super) fn elsewhere(&mut self, read: impl FnOnce(&mut Self)) {
        self.shells += 1;
        read(self);
        self.shells -= 1;
    }

    /// Reads code that is only known as a word.
    pub(super) fn code_word(&mut self, word: &Word, shell: Shell, variables: Variables) {
        match (word.known(), word.patched()) {
            (Some(text), _) => self.code_with(text, shell, variables),
            (None, Some(text)) => self.code_with_gaps(&text, shell, variables),
            (None, None) => self.opaque("it runs code that is not in the text"),
        }
    }

    /// Reads what comes on standard input as code of `shell`.
    pub(super) fn stdin_code(&mut self, shell: Shell) {
        self.flow.handed_on = true;
        match self.stdin.clone() {
            Stdin::Text(text) => {
                // What is left of the input after a command has read from it is not code, but may be.
                self.stdin = Stdin::Unknown;
                let script = Some(text.clone()).filter(|text| self.is_sent(text));
                let outer = std::mem::replace(&mut self.flow.script, script);
                self.code(&text, shell);
                self.flow.script = outer;
                self.stdin = Stdin::Text(text);
            }
            Stdin::Session => {
                if !self.cx.interactive {
                    self.out.stdin_is_commands |= !self.out.stdin_is_code;
                    self.out.stdin_is_code = true;
                    self.opaque(RUNS_INPUT);
                }
            }
            Stdin::Made | Stdin::Unknown => self.opaque(RUNS_OUTPUT),
        }
    }

    fn program(&mut self, program: &ast::Program) {
        for list in &program.complete_commands {
            self.list(list);
        }
    }

    fn list(&mut self, list: &ast::CompoundList) {
        for ast::CompoundListItem(and_or, _separator) in &list.0 {
            let outer = self.stdin.clone();
            self.pipeline(&and_or.first);
            for item in &and_or.additional {
                match item {
                    ast::AndOr::And(pipeline) => {
                        // `cat > FILE && PROGRAM`: nothing is left for the program.
                        if self.flow.read_to_end {
                            self.stdin = Stdin::Text("".into());
                        }
                        self.pipeline(pipeline);
                    }
                    ast::AndOr::Or(pipeline) => {
                        self.stdin = outer.clone();
                        self.pipeline(pipeline);
                    }
                }
            }
            self.stdin = outer;
        }
    }

    fn pipeline(&mut self, pipeline: &ast::Pipeline) {
        let outer = self.stdin.clone();
        let folder = self.folder.clone();
        let earlier = self.flow.begin();
        let numbers = self.input_is_numbers;
        let shown = self.shown;
        for (index, command) in pipeline.seq.iter().enumerate() {
            if let Some(why) = self.has_too_much() {
                return self.opaque(why);
            }
            self.shown = shown && index + 1 == pipeline.seq.len();
            self.command(command);
            self.shown = shown;
            // In a pipeline each command has a folder of its own.
            if pipeline.seq.len() > 1 {
                self.folder = folder.clone();
            }
            if index + 1 == pipeline.seq.len() {
                break;
            }
            self.input_is_numbers = arithmetic::prints_numbers(command, &|raw| self.scan_only(raw));
            self.stdin = match static_text::output(command, &|raw| self.scan_only(raw)) {
                Some(text) => Stdin::Text(text.into()),
                None => self.piped(self.stdin.clone()),
            };
        }
        self.flow.end(earlier, pipeline.seq.len() == 1 && !pipeline.bang);
        self.input_is_numbers = numbers;
        self.stdin = outer;
    }

    fn command(&mut self, command: &ast::Command) {
        match command {
            ast::Command::Simple(simple) => self.simple(simple),
            ast::Command::Compound(compound, redirects) => {
                self.with_redirects(redirects.as_ref(), |walker| walker.compound(compound))
            }
            ast::Command::Function(function) => {
                let name = function.fname.value.as_str();
                if tamper::is_reserved_function(name) {
                    self.tampering(format!("the function {name}"));
                }
                self.flow.redefined = true;
                self.flow.functions.push(name.to_owned());
                self.flow.substitutions += 1;
                let ast::FunctionBody(body, redirects) = &function.body;
                let variables = std::mem::take(&mut self.variables);
                self.with_redirects(redirects.as_ref(), |walker| walker.compound(body));
                self.variables = variables;
                self.flow.substitutions -= 1;
            }
            ast::Command::ExtendedTest(test, redirects) => {
                self.with_redirects(redirects.as_ref(), |walker| walker.extended_test(&test.expr, false));
            }
        }
    }

    /// Counts a command; why these are too many to look at.
    pub(super) fn has_too_much(&mut self) -> Option<&'static str> {
        self.steps += 1;
        let most = if self.cx.interactive { MAX_TYPED_STEPS } else { MAX_STEPS };
        if self.steps.max(self.out.commands.len()) > most {
            return Some("it has too many commands");
        }
        let most = if self.cx.interactive { MAX_TYPED_WORK } else { MAX_WORK };
        (self.work > most).then_some("its commands are too long together")
    }

    /// Notes a command.
    pub(super) fn push(&mut self, mut command: Command) {
        command.folder = self.folder.clone();
        command.level = self.wrappers;
        command.is_shown = self.shown && self.flow.substitutions == 0;
        if let Some(folder) = file_access::changed(&command, &self.folder) {
            self.folder = folder;
        }
        match &self.stdin {
            Stdin::Text(text) => command.stdin = Some(text.clone()),
            Stdin::Made | Stdin::Unknown => {
                command.stdin_is_unknown = true;
                command.stdin_is_named = self.reads_named_statements(&command);
            }
            Stdin::Session => {}
        }
        let words = command.argv.iter().chain(command.redirects.iter().map(|redirect| &redirect.file));
        let reading = file_access::reading(&command);
        self.work += words.map(Word::size).sum::<usize>() + command.stdin.as_deref().map_or(0, str::len) + reading;
        self.out.commands.push(command);
        if reading > file_access::MAX_CANDIDATE_BYTES {
            // About the whole text, for no rule that allows the program answers for its files.
            self.opaque("which files a command may read is too much to look at");
        }
    }
}

/// Whether text would run something if it were expanded once more.
pub(super) fn has_code(text: &str) -> bool {
    text.contains("$(") || text.contains('`') || text.contains("${ ")
}

/// The most values of settings and variables, and files, that are read as code in one text.
const MAX_VALUES: usize = 64;
/// Words that may stand before a command.
const KEYWORDS: [&str; 12] = ["do", "then", "else", "elif", "if", "while", "until", "!", "time", "begin", "and", "or"];
/// The most pieces that are looked at of a typed line that cannot be read.
const MAX_TYPED_PIECES: usize = 64;
/// The most pieces that are looked at of a text that cannot be read.
const MAX_PIECES: usize = 256;
/// How many texts deep code in code is followed.
pub(super) const MAX_CODE_DEPTH: usize = 16;
/// The most commands that are looked at in a typed line, with those before it that belong to it.
const MAX_TYPED_STEPS: usize = 256;
/// The most commands that are looked at.
const MAX_STEPS: usize = 2048;
/// How much the rules look at of a typed line, in bytes: loops, wrappers and here-documents repeat what is in it.
const MAX_TYPED_WORK: usize = 64 * 1024;
/// How much the rules look at of a text.
const MAX_WORK: usize = 512 * 1024;
/// The most words of an argument vector.
const MAX_ARGV_WORDS: usize = 4096;
/// The most words that braces make in a typed line, and in a text, before the next such word is not read.
const MAX_BRACED: (usize, usize) = (64, 4096);
/// Programs that run one another repeat their words: of these as many are followed as that many bytes each make of what
/// is read as code in code.
const BYTES_PER_WORD: usize = 8;
