//! How bash, zsh and fish write down keys and what they are bound to: `bind -s`, `bindkey -L`, `bind`.
//!
//! Everything here is bytes of a target. What is not written as these shells write it is left out.

use super::{Bindings, Does};

/// `bind -s`, `bind -X` and `bind -q` of each keymap, in lines such as `"KEYS": "TEXT"` (readline(3)).
pub(super) fn bash(answer: &str, bindings: &mut Bindings) {
    let (mut keymap, mut are_commands) = ("", false);
    for line in answer.lines() {
        if let Some(mode) = line.strip_prefix(MODE) {
            bindings.vi = mode.trim() == "vi";
        } else if let Some(name) = line.strip_prefix(KEYMAP) {
            (keymap, are_commands) = (name.trim(), false);
        } else if line.starts_with(COMMANDS) {
            are_commands = true;
        } else if is_active(keymap, bindings.vi) {
            bash_line(line, are_commands, keymap == "vi-move", bindings);
        }
    }
}

/// Whether bash edits lines with this keymap.
fn is_active(keymap: &str, vi: bool) -> bool {
    if vi { matches!(keymap, "vi-insert" | "vi-move") } else { keymap == "emacs-standard" }
}

fn bash_line(line: &str, are_commands: bool, in_commands: bool, bindings: &mut Bindings) {
    if let Some((_, keys)) = line.split_once(" can be invoked via ") {
        for (keys, _) in keys.split(", ").filter_map(readline) {
            bindings.add(keys, accepts(), in_commands);
        }
        return;
    }
    let Some((mut keys, rest)) = readline(line) else { return };
    let Some((text, _)) = rest.strip_prefix(": ").and_then(readline) else { return };
    if keys.len() > 1 && keys.last() == Some(&ANY_OTHER) {
        // Longer sequences begin with these keys, too.
        keys.pop();
    }
    bindings.add(keys, if are_commands { runs(&text) } else { Does::Types(text) }, in_commands);
}

/// A text in quotes as readline writes it, and what follows.
fn readline(text: &str) -> Option<(Vec<u8>, &str)> {
    let text = text.strip_prefix('"')?;
    let mut bytes = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((bytes, text.get(at + 1..)?)),
            '\\' => readline_escape(&mut chars, &mut bytes)?,
            _ => push(char, &mut bytes),
        }
    }
    None
}

/// What follows a backslash: `\C-x`, `\M-x`, `\e`, `\nnn`, or a character that stands for itself.
fn readline_escape(chars: &mut std::str::CharIndices<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let (_, char) = chars.next()?;
    let is_prefix = chars.as_str().starts_with('-');
    match char {
        'C' | 'M' if is_prefix => {
            chars.next();
            if char == 'M' {
                bytes.push(ESC);
            }
            let mut key = Vec::new();
            match chars.next()?.1 {
                '\\' => readline_escape(chars, &mut key)?,
                char => push(char, &mut key),
            }
            bytes.extend(key.into_iter().map(|byte| if char == 'C' { control(byte) } else { byte }));
        }
        'e' => bytes.push(ESC),
        'a' => bytes.push(0x07),
        'b' => bytes.push(0x08),
        'd' => bytes.push(0x7f),
        'f' => bytes.push(0x0c),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'v' => bytes.push(0x0b),
        '0'..='7' => {
            let mut value = char.to_digit(8)?;
            for _ in 0..2 {
                let Some(digit) = chars.as_str().chars().next().and_then(|char| char.to_digit(8)) else { break };
                value = value * 8 + digit;
                chars.next();
            }
            bytes.push(u8::try_from(value & 0xff).ok()?);
        }
        _ => push(char, bytes),
    }
    Some(())
}

/// `bindkey -L` of each keymap: `bindkey [-s] [-a | -M MAP] [--] "KEYS" "TEXT"`, or a widget instead of a text.
pub(super) fn zsh(answer: &str, bindings: &mut Bindings) {
    bindings.vi = answer.lines().any(|line| line == "bindkey -A viins main");
    let mut keymap = "";
    for line in answer.lines() {
        if let Some(name) = line.strip_prefix(KEYMAP) {
            keymap = name.trim();
        } else if let Some(rest) = line.strip_prefix("bindkey ") {
            let _ = zsh_line(rest, matches!(keymap, "vicmd" | "viopp" | "visual"), bindings);
        }
    }
}

fn zsh_line(line: &str, in_commands: bool, bindings: &mut Bindings) -> Option<()> {
    let (options, rest) = line.split_at(line.find('"')?);
    let mut options = options.split_whitespace();
    // A range of keys is never bound to a text.
    if options.clone().any(|option| option == "-R") {
        return None;
    }
    let (keys, rest) = in_double_quotes(rest)?;
    let rest = rest.strip_prefix(' ')?;
    let does = match options.any(|option| option == "-s") {
        true => Does::Types(bindkey(&in_double_quotes(rest)?.0)),
        // Of a widget only the name is known.
        false if rest.trim_start_matches('.').starts_with("accept-") => accepts(),
        false => return None,
    };
    bindings.add(bindkey(&keys), does, in_commands);
    Some(())
}

/// What a text in double quotes is to a shell, and what follows.
fn in_double_quotes(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((word, text.get(at + 1..)?)),
            '\\' if chars.as_str().starts_with(['"', '\\', '$', '`', '!']) => word.push(chars.next()?.1),
            _ => word.push(char),
        }
    }
    None
}

/// The bytes of a sequence as zsh writes it: `^X`, `\M-x`, and a backslash before what stands for itself.
fn bindkey(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    let mut meta = 0;
    while let Some(char) = chars.next() {
        let byte = match char {
            '\\' if chars.as_str().starts_with("M-") => {
                chars.nth(1);
                meta = 0x80;
                continue;
            }
            '\\' => chars.next().map(|char| if char == 'e' { Byte::Of(ESC) } else { Byte::Text(char) }),
            '^' => chars.next().and_then(|char| u8::try_from(char).ok()).map(|byte| Byte::Of(control(byte))),
            _ => Some(Byte::Text(char)),
        };
        match byte {
            Some(Byte::Of(byte)) => bytes.push(byte | meta),
            Some(Byte::Text(char)) if char.is_ascii() => bytes.push(u8::try_from(char).unwrap_or_default() | meta),
            Some(Byte::Text(char)) => push(char, &mut bytes),
            None => {}
        }
        meta = 0;
    }
    bytes
}

enum Byte {
    Of(u8),
    Text(char),
}

/// `bind`, each line as the command that would bind so: `bind [-M MODE] [-m MODE] [-k] KEYS COMMAND…`.
pub(super) fn fish(answer: &str, bindings: &mut Bindings) {
    for line in answer.lines() {
        if let Some(mode) = line.strip_prefix(MODE) {
            bindings.vi = mode.contains("vi");
        } else if let Some(rest) = line.strip_prefix("bind ") {
            let _ = fish_line(rest, bindings);
        }
    }
}

fn fish_line(line: &str, bindings: &mut Bindings) -> Option<()> {
    let words = fish_words(line)?;
    let mut words = words.iter().map(String::as_str);
    let (mut mode, mut is_named) = ("default", false);
    let keys = loop {
        match words.next()? {
            "-M" => mode = words.next()?,
            "-m" => {
                words.next()?;
            }
            "-k" => is_named = true,
            "--preset" => return None,
            "--" => break words.next()?,
            option if option.len() > 1 && option.starts_with('-') => {}
            keys => break keys,
        }
    };
    let commands: Vec<&str> = words.collect();
    let words = commands.into_iter().map(|word| if word == "execute" { EXECUTE } else { word });
    let does = Does::Runs(words.collect::<Vec<_>>().join("; "));
    let in_commands = match mode {
        "insert" if bindings.vi => false,
        // Modes that only vi's keys come to.
        _ if !bindings.vi && mode != "default" => return None,
        _ => bindings.vi,
    };
    if let Some(named) = named_keys(keys) {
        bindings.add(named, does.clone(), in_commands);
    }
    if !is_named {
        bindings.add(keys.as_bytes().to_vec(), does, in_commands);
    }
    Some(())
}

/// The words of a command as fish writes it.
fn fish_words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<Vec<u8>>, None);
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match (char, quote) {
            (' ', None) => words.extend(word.take()),
            ('\'' | '"', None) => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (_, Some(open)) if char == open => quote = None,
            ('\\', Some(_)) => {
                let next = chars.next()?;
                let word = word.get_or_insert_default();
                if !matches!(next, '\\' | '\'' | '"' | '$') {
                    word.push(b'\\');
                }
                push(next, word);
            }
            ('\\', None) => fish_escape(&mut chars, word.get_or_insert_default())?,
            _ => push(char, word.get_or_insert_default()),
        }
    }
    words.extend(word);
    Some(words.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned()).collect())
}

/// What follows a backslash outside of quotes: `\cX`, `\e`, `\xHH`, or a character that stands for itself.
fn fish_escape(chars: &mut std::str::Chars<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    match chars.next()? {
        'a' => bytes.push(0x07),
        'b' => bytes.push(0x08),
        'c' => bytes.push(control(u8::try_from(chars.next()?).ok()?)),
        'e' => bytes.push(ESC),
        'f' => bytes.push(0x0c),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'v' => bytes.push(0x0b),
        'x' | 'X' => {
            let digits: String = chars.as_str().chars().take(2).filter(char::is_ascii_hexdigit).collect();
            bytes.push(u8::from_str_radix(&digits, 16).ok()?);
            chars.nth(digits.len().checked_sub(1)?);
        }
        char => push(char, bytes),
    }
    Some(())
}

/// The bytes that a terminal of xterm's kind sends for keys by their names, as fish writes them: `ctrl-g`, `alt-x`,
/// `f2`, several with commas (fish 4), or one behind `-k` (terminfo(5)).
fn named_keys(names: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for name in names.split(',') {
        let (is_alt, name) = name.strip_prefix("alt-").map_or((false, name), |name| (true, name));
        let (is_control, name) = name.strip_prefix("ctrl-").map_or((false, name), |name| (true, name));
        let mut key = match name {
            "backspace" => vec![0x7f],
            "enter" => vec![b'\r'],
            "escape" => vec![ESC],
            "space" => vec![b' '],
            "tab" => vec![b'\t'],
            "f1" => b"\x1bOP".to_vec(),
            "f2" => b"\x1bOQ".to_vec(),
            "f3" => b"\x1bOR".to_vec(),
            "f4" => b"\x1bOS".to_vec(),
            _ if name.chars().count() == 1 => name.as_bytes().to_vec(),
            _ => return None,
        };
        if is_control {
            key.iter_mut().for_each(|byte| *byte = control(*byte));
        }
        if is_alt {
            bytes.push(ESC);
        }
        bytes.append(&mut key);
    }
    Some(bytes)
}

/// What a key does that the editor takes as Enter.
fn accepts() -> Does {
    Does::Types(vec![b'\r'])
}

fn runs(command: &[u8]) -> Does {
    Does::Runs(String::from_utf8_lossy(command).into_owned())
}

fn push(char: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The byte of a key with Control; `?` stands for DEL.
fn control(byte: u8) -> u8 {
    if byte == b'?' { 0x7f } else { byte & 0x1f }
}

/// What fish's `execute` does, as a command.
const EXECUTE: &str = "commandline -f execute";

/// Names a keymap, of which what follows tells.
const KEYMAP: &str = "bastion-keys:";

/// Names how lines are edited.
const MODE: &str = "bastion-mode:";

/// What follows runs commands, and is typed no more.
const COMMANDS: &str = "bastion-commands:";

/// As the last key of a sequence: whatever else was typed than what makes a longer one (readline's `ANYOTHERKEY`).
const ANY_OTHER: u8 = 0;

const ESC: u8 = 0x1b;

#[cfg(test)]
mod tests;
