//! Walks brush-parser's tree and collects every command that would run.
//!
//! The grammar is that of bash; where another shell would read the same text otherwise, the
//! reading of both is collected, or the text is opaque. A `match` here names every variant of
//! the tree, so that a new one fails to compile and cannot be passed over.

use brush_parser::{ParserOptions, TokenizerOptions, ast, parse_tokens, uncached_tokenize_str};

use super::{
    Command, Folder, Opaque, ParseContext, Parsed, Redirect, Shell, Tampering, Variables, Word, file_access, limits,
    static_text, tamper, unwrap,
    word::{self, Mode},
};

mod redirect;

/// Collects what runs.
pub(super) struct Walker<'a> {
    pub(super) cx: &'a ParseContext,
    /// The shell that reads the code at hand; code in code may be for another one.
    pub(super) shell: Shell,
    pub(super) out: Parsed,
    pub(super) stdin: Stdin,
    pub(super) folder: Folder,
    /// How many programs that run another this is inside of.
    pub(super) wrappers: usize,
    variables: Variables,
    /// How many texts deep this is: code in code.
    depth: usize,
    /// The text at hand.
    source: String,
    steps: usize,
    /// How many bytes were read as code in code, which is read once for each text it is in.
    read: usize,
    /// How many words the commands have that others run: each wrapper repeats them.
    words: usize,
}

/// What a command reads as its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stdin {
    /// What the session sends: the terminal, or the caller's standard input.
    Session,
    /// This text.
    Text(String),
    /// Something that is not known, from here.
    Unknown,
}

/// Parses shell text behind the limits.
pub(super) fn program(text: &str, shell: Shell) -> Result<ast::Program, String> {
    limits::check(text).map_err(str::to_owned)?;
    if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(format!("it has the control character {control:?}"));
    }
    if shell == Shell::Fish && FISH_WORDS.iter().any(|word| text.split_whitespace().any(|other| other == *word)) {
        return Err("it is written in fish's own syntax".to_owned());
    }
    let (tokenizer, parser) = grammar();
    let tokens = uncached_tokenize_str(text, &tokenizer).map_err(|_| "it cannot be read as shell code".to_owned())?;
    parse_tokens(&tokens, &parser).map_err(|_| "it cannot be read as shell code".to_owned())
}

/// How brush-parser reads. Without extended patterns `!(rm)` is what it is where they are off: a negated subshell.
pub(super) fn grammar() -> (TokenizerOptions, ParserOptions) {
    let tokenizer = TokenizerOptions { enable_extended_globbing: false, posix_mode: false, sh_mode: false };
    (tokenizer, ParserOptions { enable_extended_globbing: false, ..ParserOptions::default() })
}

const FISH_WORDS: [&str; 4] = ["begin", "end", "switch", "function"];

/// Parses a line or script.
pub(super) fn text(text: &str, stdin: Option<&str>, cx: &ParseContext) -> Parsed {
    let mut walker = Walker::new(cx, stdin);
    if cx.interactive {
        if text.len() > limits::MAX_TYPED_BYTES {
            walker.opaque("it is longer than 8 KiB, the most that is read of a typed line");
            return walker.out;
        }
        if let Some(why) = tamper::history_expansion(text, cx.shell) {
            walker.opaque(why);
        }
        // At a prompt of zsh `#` begins no comment.
        if matches!(cx.shell, Shell::Zsh) && text.contains('#') {
            walker.code(&text.replace('#', "\\#"), cx.shell);
        }
    }
    walker.code(text, cx.shell);
    walker.out
}

/// Reads an argument vector that no shell sees.
pub(super) fn argv(words: &[String], stdin: Option<&str>, cx: &ParseContext) -> Parsed {
    let mut walker = Walker::new(cx, stdin);
    let bytes: usize = words.iter().map(String::len).sum();
    if bytes > limits::MAX_BYTES {
        walker.opaque("it is longer than 64 KiB");
    } else {
        let words: Vec<Word> = words.iter().map(|word| Word::of(word.as_str())).collect();
        unwrap::run(&mut walker, words, Vec::new(), Vec::new());
    }
    walker.out
}

impl<'a> Walker<'a> {
    fn new(cx: &'a ParseContext, stdin: Option<&str>) -> Self {
        Self {
            cx,
            shell: cx.shell,
            out: Parsed::default(),
            stdin: stdin.map_or(Stdin::Session, |text| Stdin::Text(text.to_owned())),
            folder: cx.cwd.clone().map_or(Folder::Inherited, Folder::Known),
            wrappers: 0,
            variables: Variables::new(),
            depth: 0,
            source: String::new(),
            steps: 0,
            read: 0,
            words: 0,
        }
    }

    /// Notes that something cannot be known.
    pub(super) fn opaque(&mut self, why: impl Into<String>) {
        self.note(why.into(), None);
    }

    /// Notes that the command noted last cannot be known.
    pub(super) fn opaque_command(&mut self, why: impl Into<String>) {
        let command = self.out.commands.len().checked_sub(1);
        self.note(why.into(), command);
    }

    fn note(&mut self, why: String, command: Option<usize>) {
        let opaque = Opaque { why, command };
        if !self.out.opaque.contains(&opaque) {
            self.out.opaque.push(opaque);
        }
    }

    pub(super) fn tampering(&mut self, what: impl Into<String>) {
        let tampering = Tampering { what: what.into() };
        if !self.out.tampering.contains(&tampering) {
            self.out.tampering.push(tampering);
        }
    }

    /// Reads `text` as code of `shell`.
    pub(super) fn code(&mut self, text: &str, shell: Shell) {
        self.code_with(text, shell, Variables::new());
    }

    /// Reads `text` as code of `shell` in which some variables are known.
    pub(super) fn code_with(&mut self, text: &str, shell: Shell, variables: Variables) {
        if self.depth == MAX_CODE_DEPTH || self.has_read_enough(text) {
            return self.opaque("code is nested in code too deeply");
        }
        match program(text, shell) {
            Ok(program) => {
                let outer = (
                    std::mem::replace(&mut self.variables, variables),
                    std::mem::replace(&mut self.source, text.to_owned()),
                    std::mem::replace(&mut self.shell, shell),
                    self.folder.clone(),
                );
                self.depth += 1;
                self.program(&program);
                self.depth -= 1;
                (self.variables, self.source, self.shell, self.folder) = outer;
            }
            Err(why) => {
                self.out.code.push(text.to_owned());
                self.opaque(why);
                self.salvage(text, shell);
            }
        }
    }

    /// Counts what is read as code in code; whether it is too much.
    fn has_read_enough(&mut self, text: &str) -> bool {
        self.read += text.len() * usize::from(self.depth > 0);
        self.read > self.most_inner_bytes()
    }

    /// Counts the words of a command that another runs; whether these are too many to be followed.
    pub(super) fn has_run_enough(&mut self, words: usize) -> bool {
        self.words += words * usize::from(self.wrappers > 0 || self.depth > 1);
        self.words > self.most_inner_bytes() / BYTES_PER_WORD
    }

    fn most_inner_bytes(&self) -> usize {
        if self.cx.interactive { limits::MAX_TYPED_BYTES } else { limits::MAX_BYTES / 2 }
    }

    /// Collects what look like commands in text that cannot be read as a whole. It stays opaque;
    /// but what is blocked in it can be named.
    fn salvage(&mut self, text: &str, shell: Shell) {
        if limits::check(text).is_err() {
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
            if let Ok(program) = program(piece, shell) {
                let mut walker = Self::new(self.cx, None);
                walker.shell = shell;
                walker.depth = MAX_CODE_DEPTH - 1;
                walker.program(&program);
                self.out.commands.extend(walker.out.commands);
            }
        }
    }

    /// Reads code that is only known as a word.
    pub(super) fn code_word(&mut self, word: &Word, shell: Shell, variables: Variables) {
        match word.known() {
            Some(text) => self.code_with(text, shell, variables),
            None => self.opaque("it runs code that is not in the text"),
        }
    }

    /// Reads what comes on standard input as code of `shell`.
    pub(super) fn stdin_code(&mut self, shell: Shell) {
        match self.stdin.clone() {
            Stdin::Text(text) => {
                // What is left of the input after a command has read from it is not code, but may be.
                self.stdin = Stdin::Unknown;
                self.code(&text, shell);
                self.stdin = Stdin::Text(text);
            }
            Stdin::Session => {
                if !self.cx.interactive {
                    self.out.stdin_is_code = true;
                    self.opaque("it runs what comes on standard input");
                }
            }
            Stdin::Unknown => self.opaque("it runs the output of another program"),
        }
    }

    fn program(&mut self, program: &ast::Program) {
        for list in &program.complete_commands {
            self.list(list);
        }
    }

    fn list(&mut self, list: &ast::CompoundList) {
        for ast::CompoundListItem(and_or, _separator) in &list.0 {
            self.pipeline(&and_or.first);
            for item in &and_or.additional {
                match item {
                    ast::AndOr::And(pipeline) | ast::AndOr::Or(pipeline) => self.pipeline(pipeline),
                }
            }
        }
    }

    fn pipeline(&mut self, pipeline: &ast::Pipeline) {
        let outer = self.stdin.clone();
        let folder = self.folder.clone();
        for command in &pipeline.seq {
            self.steps += 1;
            if self.steps > if self.cx.interactive { MAX_TYPED_STEPS } else { MAX_STEPS } {
                return self.opaque("it has too many commands");
            }
            self.command(command);
            // In a pipeline each command has a folder of its own.
            if pipeline.seq.len() > 1 {
                self.folder = folder.clone();
            }
            self.stdin = match static_text::output(command, &|raw| self.scan_only(raw)) {
                Some(text) => Stdin::Text(text),
                None => Stdin::Unknown,
            };
        }
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
                let ast::FunctionBody(body, redirects) = &function.body;
                let variables = std::mem::take(&mut self.variables);
                self.with_redirects(redirects.as_ref(), |walker| walker.compound(body));
                self.variables = variables;
            }
            ast::Command::ExtendedTest(test, redirects) => {
                self.with_redirects(redirects.as_ref(), |walker| walker.extended_test(&test.expr, false));
            }
        }
    }

    fn compound(&mut self, compound: &ast::CompoundCommand) {
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

    fn in_subshell(&mut self, list: &ast::CompoundList) {
        let folder = self.folder.clone();
        self.list(list);
        self.folder = folder;
    }

    /// A loop over known words is read once for each, where nothing else sets its variable.
    fn for_clause(&mut self, clause: &ast::ForClauseCommand) {
        let name = clause.variable_name.clone();
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

    /// `[[ a || b ]]` runs `b` in a shell that does not know `[[`.
    fn extended_test(&mut self, test: &ast::ExtendedTestExpr, may_be_command: bool) {
        match test {
            ast::ExtendedTestExpr::And(left, right) | ast::ExtendedTestExpr::Or(left, right) => {
                self.extended_test(left, may_be_command);
                self.extended_test(right, true);
            }
            ast::ExtendedTestExpr::Not(inner) => self.extended_test(inner, may_be_command),
            ast::ExtendedTestExpr::Parenthesized(inner) => self.extended_test(inner, true),
            ast::ExtendedTestExpr::UnaryTest(_, operand) => {
                let word = self.tested(operand);
                if may_be_command {
                    self.run_where_test_is_unknown(vec![word]);
                }
            }
            ast::ExtendedTestExpr::BinaryTest(operator, left, right) => {
                let words = vec![self.tested(left), Word::of("="), self.tested(right)];
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
        if !self.shell.has_bash_grammar() && (is_static || self.shell != Shell::Unknown) {
            unwrap::run(self, words, Vec::new(), Vec::new());
        }
    }

    /// An operand of a test may be evaluated as arithmetic, and then code in it runs.
    fn tested(&mut self, raw: &ast::Word) -> Word {
        let word = self.word(raw);
        if word.known().is_some_and(has_code) {
            self.opaque("a tested value has code in it");
        }
        word
    }

    /// In a shell without `((…))` it is two subshells; and with a blank in `( (` it is that in every
    /// shell, which brush-parser does not tell apart.
    fn not_arithmetic(&mut self, expr: &str) {
        let mut before = ' ';
        let is_apart = self.source.split('(').skip(1).any(|between| !between.is_empty() && between.trim().is_empty());
        let is_number = expr.chars().all(|c| {
            let is_operator = c.is_ascii_digit() || "+-*/%<>=!&|^~?:,() \t\n".contains(c);
            let is_name = c.is_alphabetic() && !before.is_whitespace();
            before = c;
            is_operator || is_name
        });
        if is_apart || (!self.shell.has_bash_grammar() && !is_number && !expr.contains('$')) {
            match program(expr, self.shell) {
                Ok(program) => self.program(&program),
                Err(why) if is_apart => self.opaque(why),
                Err(_) => {}
            }
        }
    }

    /// Notes a command.
    pub(super) fn push(&mut self, mut command: Command) {
        command.folder = self.folder.clone();
        if let Some(folder) = file_access::changed(&command, &self.folder) {
            self.folder = folder;
        }
        if let Stdin::Text(text) = &self.stdin {
            command.stdin = Some(text.clone());
        }
        self.out.commands.push(command);
    }

    fn simple(&mut self, simple: &ast::SimpleCommand) {
        let outer = self.stdin.clone();
        let (mut assignments, mut redirects, mut argv) = (Vec::new(), Vec::new(), Vec::new());
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item, &mut assignments, &mut redirects, &mut argv, true);
        }
        if let Some(name) = &simple.word_or_name {
            argv.extend(self.words(name));
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut assignments, &mut redirects, &mut argv, false);
        }
        for (name, value) in &assignments {
            unwrap::assignment(self, name, value);
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
            unwrap::run(self, argv, assignments, redirects);
        }
        self.stdin = outer;
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
                self.inner(index);
                if has_code(index) {
                    self.opaque("a subscript has code in it");
                }
                name.clone()
            }
        };
        let value = match &assignment.value {
            ast::AssignmentValue::Scalar(word) => self.word(word),
            ast::AssignmentValue::Array(elements) => {
                for (key, value) in elements {
                    for word in key.iter().chain([value]) {
                        self.words(word);
                    }
                }
                Word::unknown(true)
            }
        };
        (name, value)
    }

    /// Process substitutions and the like: not on the way of standard input.
    fn detached(&mut self, list: &ast::CompoundList) {
        let stdin = std::mem::replace(&mut self.stdin, Stdin::Unknown);
        self.in_subshell(list);
        self.stdin = stdin;
    }

    fn with_redirects(&mut self, redirects: Option<&ast::RedirectList>, body: impl FnOnce(&mut Self)) {
        let outer = self.stdin.clone();
        let redirects: Vec<Redirect> =
            redirects.iter().flat_map(|list| &list.0).flat_map(|redirect| self.redirect(redirect)).collect();
        if !redirects.is_empty() {
            self.push(Command { redirects, ..Command::default() });
        }
        body(self);
        self.stdin = outer;
    }

    /// One word where the shell makes no lists of it.
    fn word(&mut self, raw: &ast::Word) -> Word {
        self.scan(&raw.value, Mode::Word)
    }

    /// The words that braces make of one.
    fn words(&mut self, raw: &ast::Word) -> Vec<Word> {
        match word::expand_braces(&raw.value) {
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

    fn inner(&mut self, text: &str) {
        self.scan(text, Mode::Inner);
    }

    fn scan(&mut self, raw: &str, mode: Mode) -> Word {
        if raw.contains(['$', '`']) && self.has_read_enough(raw) {
            self.opaque("code is nested in code too deeply");
            return Word::unknown(true);
        }
        let scanned = word::scan(raw, mode, self.shell, &self.variables);
        self.found(scanned)
    }

    /// Follows the code in a word.
    fn found(&mut self, scanned: word::Scanned) -> Word {
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
            for program in scanned.programs {
                match program {
                    Ok(program) => self.program(&program),
                    Err(why) => self.opaque(why),
                }
            }
            self.depth -= 1;
            self.stdin = stdin;
            self.folder = folder;
        }
        scanned.word
    }

    /// The word, without following the code in it.
    fn scan_only(&self, raw: &str) -> Word {
        word::scan(raw, Mode::Word, self.shell, &self.variables).word
    }
}

/// Whether the words so far are those of a command that sets variables.
fn is_declaration(argv: &[Word]) -> bool {
    matches!(argv.first().and_then(Word::known), Some("declare" | "export" | "local" | "readonly" | "typeset"))
}

/// Whether text would run something if it were expanded once more.
pub(super) fn has_code(text: &str) -> bool {
    text.contains("$(") || text.contains('`') || text.contains("${ ")
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

/// Words that may stand before a command.
const KEYWORDS: [&str; 12] = ["do", "then", "else", "elif", "if", "while", "until", "!", "time", "begin", "and", "or"];
/// The most pieces that are looked at of a typed line that cannot be read.
const MAX_TYPED_PIECES: usize = 64;
/// The most pieces that are looked at of a text that cannot be read.
const MAX_PIECES: usize = 256;
/// How many texts deep code in code is followed.
const MAX_CODE_DEPTH: usize = 16;
/// The most commands that are looked at in a typed line, with those before it that belong to it.
const MAX_TYPED_STEPS: usize = 256;
/// The most commands that are looked at.
const MAX_STEPS: usize = 2048;
/// Programs that run one another repeat their words: of these as many are followed as that many bytes each make of what
/// is read as code in code.
const BYTES_PER_WORD: usize = 8;
/// The longest list of known words that a loop is followed for.
const MAX_LOOP_VALUES: usize = 64;
