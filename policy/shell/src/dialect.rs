//! What a text is in each shell: where shells differ, the text is written anew so that bash would read it as they do.
//!
//! | text | bash | dash, ash | zsh | fish |
//! | --- | --- | --- | --- | --- |
//! | `ls # list; rm x` at a prompt | a comment | a comment | runs `rm` | a comment |
//! | `$'\'; rm x #'` | quoted | runs `rm` | quoted | wrong |
//! | `echo >! f` | writes to `!` | writes to `!` | writes to `f` | writes to `!` |
//! | `{ ls }` | not ended | not ended | a group | wrong |
//!
//! Where the shell is not known each reading counts that can differ from that of bash. One that its shell would refuse
//! runs nothing and adds nothing. But one in which a quote is open at the end, at a prompt, makes the text opaque: what
//! is typed next would begin inside of it.
//!
//! fish has a grammar of its own: [`fish`](super::fish).

use super::Shell;

mod short_forms;

pub(super) use short_forms::flattened;

/// One way to read a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellReading {
    /// Who reads it so.
    pub(super) shell: Shell,
    /// The text as bash would have to be given it; none where it is as it stands.
    pub(super) text: Option<String>,
}

/// The way in which `shell` reads the text, or the first of them.
pub(super) fn first(text: &str, shell: Shell) -> ShellReading {
    let text = match shell {
        Shell::Dash => rewritten(text, Dialect::DASH),
        Shell::Zsh => rewritten(text, Dialect::ZSH),
        // The parser takes the dollar for one that is not quoted.
        Shell::Ash | Shell::Bash | Shell::Sh | Shell::Unknown if text.contains("\\$'") => {
            rewritten(text, Dialect::BASH)
        }
        Shell::Ash | Shell::Bash | Shell::Fish | Shell::Sh | Shell::Unknown => None,
    };
    ShellReading { shell, text }
}

/// The way in which `shell` surely reads what is typed at its prompt.
pub(super) fn at_prompt(text: &str, shell: Shell) -> ShellReading {
    match shell {
        // Without the option for it `#` is a character like others.
        Shell::Zsh => ShellReading { shell, text: rewritten(text, Dialect { has_comments: false, ..Dialect::ZSH }) },
        Shell::Ash | Shell::Bash | Shell::Dash | Shell::Fish | Shell::Sh | Shell::Unknown => first(text, shell),
    }
}

/// The other ways in which `shell` may read the text. `at_prompt` is for a text that is itself typed.
pub(super) fn others(text: &str, shell: Shell, at_prompt: bool) -> Vec<ShellReading> {
    let mut readings = Vec::new();
    let mut add = |shell: Shell, dialect: Dialect| {
        if let Some(text) = rewritten(text, dialect) {
            readings.push(ShellReading { shell, text: Some(text) });
        }
    };
    if matches!(shell, Shell::Ash | Shell::Sh | Shell::Unknown) && (text.contains("$'") || text.contains("$\"")) {
        add(Shell::Dash, Dialect::DASH);
    }
    if at_prompt && matches!(shell, Shell::Unknown | Shell::Zsh) && text.contains('#') {
        add(Shell::Zsh, Dialect { has_comments: false, ..Dialect::ZSH });
    } else if shell == Shell::Unknown {
        add(Shell::Zsh, Dialect::ZSH);
    }
    if shell == Shell::Unknown && readings.iter().all(|reading| reading.shell != Shell::Zsh) && zsh_replaces(text) {
        readings.push(ShellReading { shell: Shell::Zsh, text: None });
    }
    if shell == Shell::Unknown && super::fish::may_differ(text) {
        readings.push(ShellReading { shell: Shell::Fish, text: None });
    }
    readings
}

/// Whether zsh may replace a word of the text that bash leaves: `=NAME`, `~[NAME]`, and patterns with `^` and `#`.
fn zsh_replaces(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().any(|(at, byte)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before)).copied().unwrap_or(b' ');
        let after = bytes.get(at + 1).copied().unwrap_or(b' ');
        let begins = before.is_ascii_whitespace() || b";&|(".contains(&before);
        match byte {
            b'=' => begins && after.is_ascii_alphanumeric(),
            b'~' => begins && after == b'[',
            b'^' | b'#' => before == b'/' || (before.is_ascii_alphanumeric() && text.contains('/')),
            _ => false,
        }
    })
}

/// Where a shell differs from bash.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    /// Whether `#` begins a comment.
    has_comments: bool,
    /// Whether `$'…'` and `$"…"` are a dollar and a quoted text.
    dollar_is_text: bool,
    /// Whether `}` ends a group wherever it stands alone, and `>!` is `>|`.
    is_zsh: bool,
}

impl Dialect {
    const BASH: Self = Self { has_comments: true, dollar_is_text: false, is_zsh: false };
    const DASH: Self = Self { has_comments: true, dollar_is_text: true, is_zsh: false };
    const ZSH: Self = Self { has_comments: true, dollar_is_text: false, is_zsh: true };
}

/// The text as bash would have to be given it to read what the dialect reads; none where it is the same.
fn rewritten(text: &str, dialect: Dialect) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut writer = Writer {
        chars: &chars,
        at: 0,
        out: String::with_capacity(text.len() + 16),
        dialect,
        open: Vec::new(),
        documents: Vec::new(),
    };
    while writer.at < chars.len() {
        writer.step();
    }
    (writer.out != text).then_some(writer.out)
}

/// What the text is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Backquote,
    Brace,
    DoubleQuote,
    Parenthesis,
}

struct Writer<'a> {
    chars: &'a [char],
    at: usize,
    out: String,
    dialect: Dialect,
    open: Vec<Open>,
    /// The ends of the here-documents that begin at the next line, and whether tabs before them do not count.
    documents: Vec<(String, bool)>,
}

impl Writer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Copies as many characters.
    fn copy(&mut self, count: usize) {
        let end = (self.at + count).min(self.chars.len());
        self.out.extend(self.chars.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// Copies up to and with `end`; where `escapes`, a backslash quotes it.
    fn copy_quoted(&mut self, end: char, escapes: bool) {
        while let Some(character) = self.peek(0) {
            if character == '\\' && escapes {
                self.copy(2);
                continue;
            }
            self.copy(1);
            if character == end {
                break;
            }
        }
    }

    /// Whether a word begins here.
    fn begins_word(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|before| self.chars.get(before));
        before.is_none_or(|c| c.is_whitespace() || ";&|()`".contains(*c))
    }

    fn ends_word(&self, ahead: usize) -> bool {
        self.peek(ahead).is_none_or(|c| c.is_whitespace() || ";&|()`<>".contains(c))
    }

    fn step(&mut self) {
        let Some(character) = self.peek(0) else { return };
        let next = self.peek(1);
        let quoted = self.open.last() == Some(&Open::DoubleQuote);
        let in_parameter = self.open.last() == Some(&Open::Brace);
        match (character, next) {
            ('\\', Some('$')) if !quoted && self.peek(2) == Some('\'') => self.quoted_dollar(2),
            ('\\', _) => self.copy(2),
            ('"', _) if quoted => self.close(Open::DoubleQuote),
            ('"', _) => self.open(Open::DoubleQuote, 1),
            ('$', Some('(')) => self.open(Open::Parenthesis, 2),
            ('$', Some('{')) => self.open(Open::Brace, 2),
            ('`', _) if self.open.contains(&Open::Backquote) => self.close(Open::Backquote),
            ('`', _) => self.open(Open::Backquote, 1),
            ('}', _) if in_parameter => self.close(Open::Brace),
            _ if quoted => self.copy(1),
            ('\'', _) => {
                self.copy(1);
                self.copy_quoted('\'', false);
            }
            ('$', Some('\'' | '"')) if self.dialect.dollar_is_text => self.quoted_dollar(1),
            ('$', Some('\'')) => {
                self.copy(2);
                self.copy_quoted('\'', true);
            }
            _ if in_parameter => self.copy(1),
            ('(', _) if self.dialect.is_zsh && self.zsh_parenthesis() => {}
            ('(', _) => self.open(Open::Parenthesis, 1),
            (')', _) => self.close(Open::Parenthesis),
            ('#', _) if self.begins_word() => self.comment(),
            ('<', Some('<')) if self.peek(2) != Some('<') => self.begin_document(),
            ('<', Some('<')) => self.copy(3),
            ('\n', _) => self.line_ends(),
            ('>', _) if self.dialect.is_zsh => self.zsh_redirection(),
            ('}', _) if self.dialect.is_zsh && self.begins_word() && self.ends_word(1) => self.zsh_brace(),
            _ => self.copy(1),
        }
    }

    /// Writes a dollar as text, for as many characters.
    fn quoted_dollar(&mut self, length: usize) {
        self.out.push_str("'$'");
        self.at += length;
    }

    fn open(&mut self, what: Open, length: usize) {
        self.copy(length);
        self.open.push(what);
    }

    fn close(&mut self, what: Open) {
        self.copy(1);
        if let Some(at) = self.open.iter().rposition(|open| *open == what) {
            self.open.truncate(at);
        }
    }

    fn comment(&mut self) {
        if self.dialect.has_comments {
            while self.peek(0).is_some_and(|c| c != '\n') {
                self.copy(1);
            }
        } else {
            self.out.push('\\');
            self.copy(1);
        }
    }

    /// `>!`, `>>!`, `>>|` and `>&!` of zsh: as without, whatever its options say.
    fn zsh_redirection(&mut self) {
        self.copy(1);
        if self.peek(0) == Some('>') {
            self.copy(1);
        }
        if self.peek(0) == Some('&') && matches!(self.peek(1), Some('!' | '|')) {
            self.copy(1);
        }
        let is_append = self.out.ends_with(">>");
        if self.peek(0) == Some('!') || (is_append && self.peek(0) == Some('|')) {
            self.at += 1;
        }
    }

    /// `=(…)`, which is a file like `<(…)`, and patterns and qualifiers in parentheses that run nothing: `*(.)`, `x(a|b)`.
    fn zsh_parenthesis(&mut self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.chars.get(at)).copied();
        let is_blank = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || ";&|(".contains(c));
        if before(1) == Some('=') && is_blank(before(2)) {
            self.out.pop();
            self.out.push('<');
            return false;
        }
        if is_blank(before(1)) || before(1).is_some_and(|c| "=<>$`)!".contains(c)) {
            return false;
        }
        let inside: String = self.chars.iter().skip(self.at + 1).take_while(|c| **c != ')').take(64).collect();
        let is_plain = inside.chars().all(|c| c.is_alphanumeric() || "._,:|/*-^@=%[]".contains(c));
        let is_list = inside.split_once('|').is_some_and(|(first, _)| !first.is_empty() && !first.ends_with('e'));
        // `e` and `+` are the qualifiers that run code.
        let is_harmless = is_plain && !inside.is_empty() && (!inside.contains('e') || is_list);
        let length = inside.chars().count() + 2;
        if !is_harmless || self.peek(length - 1) != Some(')') {
            return false;
        }
        self.out.push('*');
        self.at += length;
        true
    }

    /// A `}` ends a group, and what follows it may be `always`.
    fn zsh_brace(&mut self) {
        let is_ended = self.out.trim_end_matches([' ', '\t']).ends_with([';', '\n', '&', '{', '}']);
        if !is_ended {
            self.out.push_str("; ");
        }
        self.copy(1);
        let rest: String = self.chars.iter().skip(self.at).take(16).collect();
        let follows = rest.trim_start_matches([' ', '\t']);
        if let Some(after) = follows.strip_prefix("always").filter(|after| after.trim_start().starts_with('{')) {
            self.out.push_str("; ");
            self.at += rest.chars().count() - after.chars().count();
        }
    }

    /// `<<WORD`: the word says where the document ends.
    fn begin_document(&mut self) {
        self.copy(2);
        let strips_tabs = self.peek(0) == Some('-');
        if strips_tabs {
            self.copy(1);
        }
        while matches!(self.peek(0), Some(' ' | '\t')) {
            self.copy(1);
        }
        let mut word = String::new();
        while !self.ends_word(0) {
            match self.peek(0) {
                Some(quote @ ('\'' | '"')) => {
                    let start = self.out.len();
                    self.copy(1);
                    self.copy_quoted(quote, quote == '"');
                    word.push_str(self.out.get(start..).unwrap_or_default().trim_matches(quote));
                }
                Some('\\') => {
                    word.extend(self.peek(1));
                    self.copy(2);
                }
                Some(character) => {
                    word.push(character);
                    self.copy(1);
                }
                None => break,
            }
        }
        self.documents.push((word, strips_tabs));
    }

    /// Copies the here-documents that begin at this line.
    fn line_ends(&mut self) {
        self.copy(1);
        for (end, strips_tabs) in std::mem::take(&mut self.documents) {
            while self.at < self.chars.len() {
                let start = self.out.len();
                self.copy_quoted('\n', false);
                let line = self.out.get(start..).unwrap_or_default().trim_end_matches('\n');
                if (if strips_tabs { line.trim_start_matches('\t') } else { line }) == end {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dash_and_zsh_read_otherwise_is_written_anew() {
        let prompt = Dialect { has_comments: false, ..Dialect::ZSH };
        for (dialect, text, expected) in [
            (Dialect::DASH, r"echo $'\'; x #'", r"echo '$''\'; x #'"),
            (Dialect::DASH, "echo $\"a\"", "echo '$'\"a\""),
            (Dialect::BASH, r"echo \$'\'; x #'", r"echo '$''\'; x #'"),
            (Dialect::BASH, r#"echo "\$'a'" \\$'\'' \$x"#, ""),
            (Dialect::DASH, "cat <<'E'\n$'x'\nE\n", ""),
            (Dialect::DASH, r#"echo "$'x'" '$' a$"#, ""),
            (prompt, "ls # a; x", r"ls \# a; x"),
            (prompt, "# a || x", r"\# a || x"),
            (prompt, "echo a#b '# c' \"# d\" ${#x} $# `ls`", ""),
            (prompt, "echo $(ls # a\n)", "echo $(ls \\# a\n)"),
            (Dialect::ZSH, "ls # }", ""),
            (Dialect::ZSH, "echo >! f", "echo > f"),
            (Dialect::ZSH, "echo >>! f >>| g >| h >&! i 2>&1", "echo >> f >> g >| h >& i 2>&1"),
            (Dialect::ZSH, "{ ls }", "{ ls ; }"),
            (Dialect::ZSH, "{ ls; }", ""),
            (Dialect::ZSH, "f() { { a } always { b } }", "f() { { a ; };  { b ; } }"),
            (Dialect::ZSH, "ls *(.) x(a|b) *(om[1,3])", "ls ** x* **"),
            (Dialect::ZSH, "ls *(e:x:) *(+x) *(.e|x|) *(e'x') f() (a) a=(b) $(c) <(d)", ""),
            (Dialect::ZSH, "diff =(ls) =(x)", "diff <(ls) <(x)"),
            (Dialect::ZSH, "awk '{ x }' ${a} {a,b}", ""),
        ] {
            let found = rewritten(text, dialect);
            assert_eq!(found.as_deref(), Some(expected).filter(|text| !text.is_empty()), "{text}");
        }
    }
}
