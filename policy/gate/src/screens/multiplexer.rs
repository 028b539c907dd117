//! The command line of a multiplexer (tmux(1), "COMMANDS"; screen(1), "CUSTOMIZATION"): what it gives to a shell, or
//! types into a pane.

use super::ex::Run;

/// What the line runs.
pub(super) fn runs(line: &str) -> Vec<Run> {
    let mut found = Vec::new();
    commands(line, 0, &mut found);
    found
}

fn commands(line: &str, depth: usize, found: &mut Vec<Run>) {
    if depth > MAX_DEPTH || found.len() > MAX_RUNS {
        return;
    }
    formats(line, found);
    for command in words(line).split(|word| word == ";") {
        single(command, depth, found);
    }
}

/// The words of a line: quotes and backslashes are those of a shell, and a `;` on its own, or at the end of a word, ends
/// a command.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(end), char) if end == char => quote = None,
            (Some('\''), char) => word.get_or_insert_default().push(char),
            (_, '\\') => {
                // `\;` is a `;` for the command that is bound.
                let escaped = chars.next().unwrap_or('\\');
                if escaped == 'n' {
                    word.get_or_insert_default().push('\\');
                }
                word.get_or_insert_default().push(escaped);
            }
            (None, '"' | '\'') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t' | '{' | '}') => words.extend(word.take()),
            (None, ';') => {
                words.extend(word.take());
                words.push(";".to_owned());
            }
            (_, char) => word.get_or_insert_default().push(char),
        }
        if words.len() > MAX_WORDS {
            break;
        }
    }
    words.extend(word);
    words
}

/// `#(command)` in any format.
fn formats(line: &str, found: &mut Vec<Run>) {
    for (at, mark) in line.match_indices("#(").take(MAX_FORMATS) {
        let inside = line.get(at + mark.len()..).unwrap_or_default();
        let end = inside.rfind(')').unwrap_or(inside.len());
        found.push(Run::Shell(inside.get(..end).unwrap_or(inside).to_owned()));
    }
}

fn single(words: &[String], depth: usize, found: &mut Vec<Run>) {
    let Some((name, rest)) = words.split_first() else { return };
    let Some(kind) = kind(name) else { return };
    let operands = operands(rest, kind);
    let line = operands.join(" ");
    match kind {
        Kind::Shell | Kind::Pipe if line.trim().is_empty() => {}
        Kind::Shell if rest.iter().any(|word| word == "-C") => commands(&line, depth + 1, found),
        Kind::Shell => {
            // Which options have a value differs: a value may stand before the command.
            let starts = (0..operands.len().min(MAX_VALUES)).filter_map(|from| operands.get(from..));
            found.extend(starts.map(|words| Run::Shell(words.join(" "))));
        }
        Kind::Pipe => found.push(Run::Shell(format!("cat ./pane | {{ {line}\n}}"))),
        Kind::If => {
            let mut operands = operands.into_iter();
            found.extend(operands.next().filter(|_| !rest.iter().any(|word| word == "-F")).map(Run::Shell));
            operands.for_each(|line| commands(&line, depth + 1, found));
        }
        Kind::Keys => {
            let keys: Vec<&str> = operands.iter().map(String::as_str).collect();
            let mut typed = String::new();
            // Keys are typed one behind the other.
            for key in &keys {
                match *key {
                    "Enter" | "C-m" | "C-j" | "KPEnter" => typed.push('\n'),
                    "Space" => typed.push(' '),
                    // screen's own `stuff` and C's escapes.
                    text => typed.push_str(&text.replace("\\n", "\n").replace("^M", "\n").replace("\\015", "\n")),
                }
            }
            found.extend(typed.lines().map(|line| Run::Shell(line.to_owned())));
            found.push(Run::Like(keys.join(" ")));
        }
        Kind::Nested => {
            // The key, the name of the hook or the title comes first.
            for from in 0..operands.len().min(MAX_NESTED) {
                let rest = operands.get(from..).unwrap_or_default();
                match rest {
                    [only] => commands(only, depth + 1, found),
                    several => single(several, depth + 1, found),
                }
            }
        }
        Kind::Set => {
            let names_program =
                operands.iter().any(|word| matches!(word.as_str(), "default-command" | "default-shell"));
            let is_program = names_program || operands.iter().any(|word| word == "shell" || word.ends_with("-command"));
            if let Some(value) = operands.last().filter(|_| is_program && operands.len() > 1) {
                found.push(Run::Shell(value.clone()));
            }
        }
        Kind::Source => found.push(Run::Opaque),
    }
}

/// The words that are neither options nor their values.
fn operands(words: &[String], kind: Kind) -> Vec<String> {
    const VALUES: &str = "ceFlnpsStT";
    let mut operands = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(options) = word.strip_prefix('-').filter(|options| !options.is_empty() && operands.is_empty()) else {
            operands.push(word.clone());
            continue;
        };
        if options == "-" {
            continue;
        }
        let takes_value = match kind {
            Kind::Shell => options.ends_with(|last: char| VALUES.contains(last)),
            Kind::If | Kind::Pipe | Kind::Keys => options.ends_with(['t', 'N', 'c']),
            Kind::Nested => options.ends_with(['T', 't', 'N', 'p', 'I', 'c']),
            Kind::Set | Kind::Source => options.ends_with(['t']),
        };
        if takes_value && options.len() == 1 {
            words.next();
        }
    }
    operands
}

fn kind(name: &str) -> Option<Kind> {
    let known = TABLE.iter().find(|(full, least, short, _)| {
        (name.len() >= *least && full.starts_with(name)) || short.split(' ').any(|short| short == name)
    });
    known.map(|(_, _, _, kind)| *kind)
}

/// What a command does with its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    If,
    Keys,
    Nested,
    Pipe,
    Set,
    Shell,
    Source,
}

/// Commands that run something: the name, how much of it is needed, short names, and what it does.
const TABLE: [(&str, usize, &str, Kind); 23] = [
    ("run-shell", 2, "run", Kind::Shell),
    ("new-window", 5, "neww", Kind::Shell),
    ("new-session", 5, "new", Kind::Shell),
    ("split-window", 2, "splitw", Kind::Shell),
    ("respawn-pane", 9, "respawnp", Kind::Shell),
    ("respawn-window", 9, "respawnw", Kind::Shell),
    ("display-popup", 10, "popup", Kind::Shell),
    ("pipe-pane", 2, "pipep", Kind::Pipe),
    ("copy-pipe", 6, "copy-pipe-and-cancel", Kind::Pipe),
    ("if-shell", 2, "if", Kind::If),
    ("send-keys", 6, "send", Kind::Keys),
    ("set-buffer", 5, "setb", Kind::Keys),
    ("stuff", 3, "register", Kind::Keys),
    ("bind-key", 2, "bind bindkey", Kind::Nested),
    ("set-hook", 5, "on", Kind::Nested),
    ("confirm-before", 3, "confirm", Kind::Nested),
    ("command-prompt", 3, "eval at", Kind::Nested),
    ("display-menu", 9, "menu", Kind::Nested),
    ("choose-tree", 6, "choose-buffer choose-client", Kind::Nested),
    ("set-option", 5, "set setw set-window-option setenv", Kind::Set),
    ("shell", 5, "defshell", Kind::Set),
    ("source-file", 2, "source", Kind::Source),
    ("exec", 4, "screen backtick", Kind::Shell),
];

/// As deep as commands within commands are read.
const MAX_DEPTH: usize = 3;

/// As many words of a line as are read.
const MAX_WORDS: usize = 256;

/// As many words as may stand before a command as values of options.
const MAX_VALUES: usize = 4;

/// As many places of one line as are looked at for `#(`.
const MAX_FORMATS: usize = 8;

/// As many words as are looked at for the beginning of a command.
const MAX_NESTED: usize = 8;

/// As many commands of one line as are judged.
const MAX_RUNS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_a_command_gives_it() {
        for (line, expected) in [
            ("run-shell \"rm -rf x\"", "rm -rf x"),
            ("run -b 'rm -rf x'", "rm -rf x"),
            ("send-keys \"rm -rf x\" Enter", "rm -rf x"),
            ("send -t 1 rm Space -rf Space x Enter", "rm -rf x"),
            ("new-window 'rm -rf x'", "rm -rf x"),
            ("neww -d -n name rm -rf x", "rm -rf x"),
            ("splitw -h -l 20 'rm -rf x'", "rm -rf x"),
            ("respawn-pane -k rm -rf x", "rm -rf x"),
            ("display-popup -E 'rm -rf x'", "rm -rf x"),
            ("if-shell 'rm -rf x' ''", "rm -rf x"),
            ("if -F 1 'run \"rm -rf x\"'", "rm -rf x"),
            ("bind-key x run-shell 'rm -rf x'", "rm -rf x"),
            ("bind -n F5 send-keys 'rm -rf x' Enter", "rm -rf x"),
            ("set-hook -g after-new-window 'run \"rm -rf x\"'", "rm -rf x"),
            ("set -g status-right '#(rm -rf x)'", "rm -rf x"),
            ("set -g default-command 'rm -rf x'", "rm -rf x"),
            ("confirm-before -p sure? \"run 'rm -rf x'\"", "rm -rf x"),
            ("rename-window a ; run 'rm -rf x'", "rm -rf x"),
            ("stuff 'rm -rf x\\n'", "rm -rf x"),
            ("exec rm -rf x", "rm -rf x"),
            ("screen rm -rf x", "rm -rf x"),
        ] {
            let runs = runs(line);
            assert!(runs.contains(&Run::Shell(expected.to_owned())), "{line}: {runs:?}");
        }
        assert!(runs("source-file ~/x").contains(&Run::Opaque));
        assert!(runs("pipe-pane 'sh'").iter().any(|run| matches!(run, Run::Shell(text) if text.contains("| { sh"))));
        for line in ["wq", "resize-pane -D 5", "select-layout even-horizontal", "kill-pane", "rename-window x", "q!"] {
            assert_eq!(runs(line), [], "{line}");
        }
    }
}
