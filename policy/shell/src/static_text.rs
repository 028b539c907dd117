//! What a command prints, where its text alone says so: `echo`, `printf`, `cat` of a here-document.

use brush_parser::ast;

use super::Word;

/// The output of `command` if it is known; `scan` reads a word without following code in it.
pub(super) fn output(command: &ast::Command, scan: &dyn Fn(&str) -> Word) -> Option<String> {
    let simple = match command {
        ast::Command::Simple(simple) => simple,
        ast::Command::Compound(ast::CompoundCommand::BraceGroup(group), None) => return list(&group.list, scan),
        ast::Command::Compound(ast::CompoundCommand::Subshell(subshell), None) => return list(&subshell.list, scan),
        ast::Command::Compound(..) | ast::Command::Function(_) | ast::Command::ExtendedTest(..) => return None,
    };
    let name = scan(&simple.word_or_name.as_ref()?.value);
    let mut words = Vec::new();
    let mut document = None;
    for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
        match item {
            ast::CommandPrefixOrSuffixItem::Word(word) => words.push(known(&word.value, scan)?),
            ast::CommandPrefixOrSuffixItem::AssignmentWord(_, word) => words.push(known(&word.value, scan)?),
            ast::CommandPrefixOrSuffixItem::IoRedirect(ast::IoRedirect::HereDocument(None, here))
                if !here.requires_expansion || !here.doc.value.contains(['$', '`']) =>
            {
                let text = &here.doc.value;
                document = Some(if here.requires_expansion { unescaped_document(text) } else { text.clone() });
            }
            ast::CommandPrefixOrSuffixItem::IoRedirect(ast::IoRedirect::HereString(None, word)) => {
                document = Some(format!("{}\n", known(&word.value, scan)?));
            }
            ast::CommandPrefixOrSuffixItem::IoRedirect(_) | ast::CommandPrefixOrSuffixItem::ProcessSubstitution(..) => {
                return None;
            }
        }
    }
    match name.known()? {
        "cat" if words.is_empty() => document,
        name => of_words(name, &words),
    }
}

/// What a command prints that only prints its arguments.
pub(super) fn of_words(name: &str, words: &[String]) -> Option<String> {
    match name {
        "echo" => echo(words),
        "printf" => printf(words),
        _ => None,
    }
}

/// Whether the code up to the first `)` prints one word, whatever it is: a date, a name, a number.
pub(super) fn is_one_word(rest: &[char]) -> bool {
    let Some(end) = rest.iter().take(MAX_ONE_WORD).position(|c| *c == ')') else { return false };
    let code: String = rest.iter().take(end).collect();
    let mut words = code.split_ascii_whitespace();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == ' ' || "+-_%:/.'\"=".contains(c);
    let program = words.next().unwrap_or_default();
    let mut arguments = words.clone();
    code.chars().all(is_plain)
        && match program {
            "hostname" | "id" | "nproc" | "pwd" | "uuidgen" | "whoami" | "mktemp" | "arch" => {
                arguments.all(|word| {
                    word.starts_with('-') && !matches!(word, "-a" | "-I" | "-i" | "--all-ip-addresses" | "-G" | "-Gn")
                }) && (program != "id" || words.next().is_some())
            }
            "uname" => arguments.all(|word| matches!(word, "-m" | "-n" | "-r" | "-s")),
            // Formats have blanks where they are written.
            "date" => {
                let formats = code.matches('+').count();
                let format = code.rsplit_once('+').map(|(_, format)| format.trim_end());
                formats == 1
                    && format.is_some_and(|format| {
                        !format.contains([' ', 'c', 'x', 'X', 'r']) && !format.starts_with(['"', '\''])
                    })
            }
            _ => false,
        }
}

/// The longest code that is looked at for whether it prints one word, in characters.
const MAX_ONE_WORD: usize = 80;

/// Commands that print one after the other.
fn list(list: &ast::CompoundList, scan: &dyn Fn(&str) -> Word) -> Option<String> {
    let mut text = String::new();
    for ast::CompoundListItem(and_or, separator) in &list.0 {
        let [command] = and_or.first.seq.as_slice() else { return None };
        if and_or.first.bang || !and_or.additional.is_empty() || !matches!(separator, ast::SeparatorOperator::Sequence)
        {
            return None;
        }
        text.push_str(&output(command, scan)?);
    }
    Some(text)
}

fn known(raw: &str, scan: &dyn Fn(&str) -> Word) -> Option<String> {
    let words = super::word::expand_braces(raw)?;
    let [raw] = words.as_slice() else { return None };
    scan(raw).known().map(str::to_owned)
}

/// Shells differ in what `echo` does with a backslash, so with one that may begin an escape nothing is known.
fn echo(words: &[String]) -> Option<String> {
    let words = match words {
        [first, rest @ ..] if first == "-n" => rest,
        [first, rest @ ..] if matches!(first.as_str(), "-e" | "-ne" | "-en") => {
            return Some(unescaped(&rest.join(" "))? + "\n");
        }
        [first, ..] if first.starts_with('-') => return None,
        words => words,
    };
    let text = words.join(" ");
    let may_be_escape = |at: usize| {
        let next = text.get(at + 1..).and_then(|rest| rest.chars().next());
        next.is_none_or(|next| next == '\\' || next.is_ascii_alphanumeric())
    };
    let is_clear = !text.match_indices('\\').any(|(at, _)| may_be_escape(at));
    is_clear.then(|| text + "\n")
}

fn printf(words: &[String]) -> Option<String> {
    let (format, arguments) = words.split_first()?;
    if format.starts_with('-') {
        return None;
    }
    let mut text = String::new();
    let mut arguments = arguments.iter();
    loop {
        let mut chars = format.chars();
        let mut takes = false;
        while let Some(character) = chars.next() {
            match character {
                '%' => match chars.next()? {
                    '%' => text.push('%'),
                    's' => {
                        takes = true;
                        text.push_str(arguments.next().map_or("", String::as_str));
                    }
                    _ => return None,
                },
                '\\' => text.push(match chars.next()? {
                    'n' => '\n',
                    't' => '\t',
                    '\\' => '\\',
                    _ => return None,
                }),
                _ => text.push(character),
            }
        }
        if !takes || arguments.len() == 0 {
            return Some(text);
        }
    }
}

/// What `echo -e` makes of a text, as long as all of its escapes are well known.
fn unescaped(text: &str) -> Option<String> {
    let mut result = String::new();
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match chars.next() {
            Some('n') => result.push('\n'),
            Some('t') => result.push('\t'),
            Some('\\') | None => result.push('\\'),
            Some(other) if other.is_ascii_alphanumeric() => return None,
            Some(other) => result.extend(['\\', other]),
        }
    }
    Some(result)
}

/// A here-document in which a backslash quotes itself and the end of a line.
fn unescaped_document(text: &str) -> String {
    let mut result = String::new();
    let mut chars = text.chars().peekable();
    while let Some(character) = chars.next() {
        match chars.next_if(|next| character == '\\' && matches!(next, '\\' | '\n')) {
            Some('\\') => result.push('\\'),
            Some(_) => {}
            None => result.push(character),
        }
    }
    result
}
