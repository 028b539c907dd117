//! What changes how lines are accepted, shown or remembered: the class `gate_tamper`.
//!
//! A line that does one of these is no danger itself; but after it, what is typed is no longer
//! what runs. So most of it is about typed lines, and about the request that opens a terminal for a shell: one without
//! a terminal, or for another program, may say `stty` as it likes.

use super::{Shell, Word, parse::Walker};

/// Notes it if the command is one of the class.
pub(super) fn check(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    let known: Vec<Option<&str>> = arguments.iter().map(Word::known).collect();
    let is_one_of = |words: &[&str]| known.iter().all(|word| word.is_some_and(|word| words.contains(&word)));
    let tampers = match name {
        "bind" => known.is_empty() || !is_one_of(&["-l", "-p", "-P", "-s", "-S", "-v", "-V", "-X"]),
        "bindkey" => !known.is_empty() && !is_one_of(&["-l", "-L"]),
        "complete" if completes_by_name(walker.shell, &known) => false,
        "zle" | "abbr" | "fish_key_reader" | "funced" | "autoload" | "add-zsh-hook" | "zmodload" | "compdef"
        | "complete" | "compopt" | "zstyle" | "disable" | "hash" => {
            !(known.is_empty() || matches!(name, "complete" | "hash") && is_one_of(&["-p", "-r", "-l"]))
        }
        "trap" => !(known.is_empty() || is_one_of(&["-p", "-P", "-l"]) || waits_for_signals(&known)),
        "stty" => {
            let is_harmless = is_one_of(&[
                "-a",
                "--all",
                "-g",
                "--save",
                "size",
                "speed",
                "-F",
                "--help",
                "--version",
                "sane",
                "cols",
                "rows",
                "columns",
            ]);
            !(is_harmless || is_size(&known) || is_usual(&known, walker.cx.opens))
        }
        "set" => sets_line_editing(walker.shell, &known),
        "unset" => known.iter().any(|word| word.is_none_or(is_prompt_variable)),
        "setopt" | "unsetopt" | "emulate" => !known.is_empty(),
        "shopt" => {
            known.iter().any(|word| word.is_none_or(|word| word.starts_with('-') && word.contains(['s', 'u'])))
                && !known
                    .iter()
                    .all(|word| word.is_some_and(|word| matches!(word, "-s" | "-u" | "-q") || is_about_names(word)))
        }
        "enable" => !known.is_empty() && !is_one_of(&["-a", "-p", "-n"]),
        "fc" => known.first().is_none_or(|first| !first.is_some_and(|first| first.starts_with("-l") || first == "-nl")),
        "history" => known.iter().any(|word| word.is_none_or(|word| !word.chars().all(|c| c.is_ascii_digit()))),
        "fish_vi_key_bindings" | "fish_default_key_bindings" | "sched" | "vared" => true,
        "print" => {
            known.iter().any(|word| word.is_some_and(|word| word.starts_with('-') && word.contains(['z', 's', 'S'])))
        }
        // zsh: runs a line again. Elsewhere hardly anything has that name.
        "r" => matches!(walker.shell, Shell::Zsh) || (walker.cx.interactive && walker.shell == Shell::Unknown),
        _ => false,
    };
    if tampers {
        walker.tampering(name);
    }
}

/// Whether this changes only how lines are typed, shown or remembered. The rest (`hash -p /bin/rm ls`, `enable -f x.so x`,
/// a function named `cd`) gives other meanings to the words behind it in the same text.
pub(super) fn is_about_typed_lines(what: &str, shell: Shell) -> bool {
    match what {
        // Of zsh it is every option, and some change how text is read.
        "set" => shell != Shell::Zsh,
        "abbr"
        | "bind"
        | "bindkey"
        | "compdef"
        | "complete"
        | "compopt"
        | "exec of a shell"
        | "fc"
        | "history"
        | "stty"
        | "fish_default_key_bindings"
        | "fish_key_reader"
        | "fish_vi_key_bindings"
        | "unset"
        | "vared"
        | "zle"
        | "zstyle" => true,
        // What it will run is judged beside it.
        "trap" => true,
        "PS0=" | "PS1=" | "PS2=" | "PS3=" | "PROMPT=" | "PROMPT2=" | "PROMPT_COMMAND=" | "RPROMPT=" | "RPS1=" => true,
        "histchars=" | "HISTCONTROL=" | "HISTFILE=" | "HISTIGNORE=" | "INPUTRC=" => true,
        _ => false,
    }
}

/// `stty rows 50 cols 132` is what terminals do when they are resized.
fn is_size(words: &[Option<&str>]) -> bool {
    words.iter().all(|word| {
        word.is_some_and(|word| matches!(word, "rows" | "cols" | "columns") || word.chars().all(|c| c.is_ascii_digit()))
    })
}

/// `stty -ixon erase ^H` is what people say who open a shell: each line ends and is erased as before.
///
/// A program that types for people (TRAMP) says `stty -inlcr -onlcr -echo kill ^U erase ^H`: what is not shown is judged
/// by its keys. Without `-onlcr` it may be a person, who has no use for that.
fn is_usual(words: &[Option<&str>], opens: bool) -> bool {
    let is_for_a_program = words.contains(&Some("-onlcr"));
    if !(opens || is_for_a_program) {
        return false;
    }
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let is_usual = match *word {
            Some("erase") => words.next().is_some_and(|key| matches!(key, Some("^?" | "^H" | "^h" | "\x7f" | "\x08"))),
            Some("kill") => words.next().is_some_and(|key| matches!(key, Some("^U" | "^u" | "\x15"))),
            Some("rows" | "cols" | "columns") => true,
            Some("sane" | "tostop" | "hup" | "hupcl" | "iutf8" | "ixany" | "ixoff" | "ixon" | "onlcr" | "opost") => {
                true
            }
            Some("-tostop" | "-hup" | "-hupcl" | "-iutf8" | "-ixany" | "-ixoff" | "-ixon") => true,
            Some("-echo" | "-inlcr" | "-onlcr") => is_for_a_program,
            Some(word) => word.chars().all(|c| c.is_ascii_digit()),
            None => false,
        };
        if !is_usual {
            return false;
        }
    }
    true
}

/// `trap CODE EXIT INT`: the code runs when the shell ends or is told to, and is judged where it stands. `DEBUG` and its
/// like run it between the lines.
fn waits_for_signals(words: &[Option<&str>]) -> bool {
    let signals = match words {
        [Some("--"), _, signals @ ..] | [_, signals @ ..] => signals,
        [] => return false,
    };
    let is_end = |signal: &str| {
        let signal = signal.to_ascii_uppercase();
        let name = signal.strip_prefix("SIG").unwrap_or(&signal);
        matches!(
            name,
            "EXIT"
                | "0"
                | "HUP"
                | "1"
                | "INT"
                | "2"
                | "QUIT"
                | "3"
                | "TERM"
                | "15"
                | "PIPE"
                | "13"
                | "USR1"
                | "USR2"
                | "TSTP"
                | "WINCH"
                | "CONT"
        )
    };
    !signals.is_empty() && signals.iter().all(|signal| signal.is_some_and(is_end))
}

/// `complete -F FUNCTION COMMAND`: what TAB inserts is read from the screen.
fn completes_by_name(shell: Shell, words: &[Option<&str>]) -> bool {
    let is_name = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:+".contains(c));
    let is_option =
        |word: &str| !word.starts_with('-') || matches!(word, "-F" | "-o" | "-A" | "-W" | "-d" | "-f" | "-c" | "-u");
    !matches!(shell, Shell::Fish | Shell::Zsh)
        && matches!(words.first(), Some(Some("-F" | "-o" | "-A" | "-W" | "-d" | "-f")))
        && words.iter().all(|word| word.is_some_and(|word| is_option(word) && word.split(' ').all(is_name)))
}

/// Options of bash that are about names of files and about its history file; how lines are read stays what it is.
fn is_about_names(option: &str) -> bool {
    matches!(
        option,
        "checkhash"
            | "checkjobs"
            | "checkwinsize"
            | "cmdhist"
            | "direxpand"
            | "dirspell"
            | "dotglob"
            | "failglob"
            | "globasciiranges"
            | "globstar"
            | "histappend"
            | "huponexit"
            | "inherit_errexit"
            | "lastpipe"
            | "lithist"
            | "no_empty_cmd_completion"
            | "nocaseglob"
            | "nocasematch"
            | "nullglob"
            | "progcomp"
    )
}

fn sets_line_editing(shell: Shell, words: &[Option<&str>]) -> bool {
    const OPTIONS: [&str; 9] =
        ["vi", "emacs", "history", "histexpand", "posix", "interactive-comments", "ignoreeof", "monitor", "gmacs"];
    let options = words.iter().zip(words.iter().skip(1));
    options.clone().any(|(option, value)| {
        let names_one = option.is_some_and(|option| option.starts_with(['-', '+']) && option.ends_with('o'));
        names_one && value.is_none_or(|value| OPTIONS.contains(&value) || shell == Shell::Zsh)
    }) || words.iter().any(|word| {
        word.is_some_and(|word| {
            word.starts_with(['-', '+']) && !word.starts_with("--") && (word.contains('H') || word.contains('V'))
        })
    }) || (shell == Shell::Fish && words.iter().any(|word| word.is_some_and(|word| word.starts_with("fish_key"))))
}

/// Variables that say what is shown or run at the prompt.
pub(super) fn is_prompt_variable(name: &str) -> bool {
    matches!(
        name,
        "PROMPT_COMMAND"
            | "PS0"
            | "PS1"
            | "PS2"
            | "PS3"
            | "PS4"
            | "PROMPT"
            | "PROMPT2"
            | "RPROMPT"
            | "RPS1"
            | "BASH_ENV"
            | "ENV"
            | "INPUTRC"
            | "HISTFILE"
            | "histchars"
            | "HISTCONTROL"
            | "HISTIGNORE"
            | "ZDOTDIR"
            | "preexec_functions"
            | "precmd_functions"
            | "READNULLCMD"
            | "NULLCMD"
            | "TRAPDEBUG"
            | "IFS"
            | "SHELLOPTS"
            | "BASHOPTS"
    )
}

/// Functions that a shell calls on its own.
pub(super) fn is_reserved_function(name: &str) -> bool {
    matches!(
        name,
        "precmd"
            | "preexec"
            | "chpwd"
            | "periodic"
            | "zshexit"
            | "command_not_found_handle"
            | "command_not_found_handler"
            | "fish_prompt"
            | "fish_right_prompt"
            | "fish_greeting"
            | "fish_preexec"
            | "fish_postexec"
            | "cd"
            | "ls"
            | "sudo"
            | "command"
            | "builtin"
            | "echo"
    ) || name.starts_with("TRAP")
        || name.starts_with("zle-")
}

/// Why a typed line is not what will run, if the shell may replace parts of it from its history.
pub(super) fn history_expansion(line: &str, shell: Shell) -> Option<&'static str> {
    if !matches!(shell, Shell::Bash | Shell::Unknown | Shell::Zsh) {
        return None;
    }
    const WHY: &str = "the shell would replace a part of the line from its history";
    let chars: Vec<char> = line.chars().collect();
    let last_bracket = chars.iter().rposition(|c| *c == ']');
    let (mut single, mut double, mut escaped, mut dollar) = (false, false, false, false);
    for (index, character) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| chars.get(before)).copied();
        let after = chars.get(index + 1).copied();
        match character {
            _ if escaped => escaped = false,
            '\\' if !single || dollar => escaped = true,
            '\'' if !double => {
                dollar = !single && before == Some('$');
                single = !single;
            }
            _ if single => {}
            '"' => double = !double,
            '^' if before.is_none_or(|before| before == '\n') => return Some(WHY),
            '!' => {
                let is_plain = after.is_none_or(|after| {
                    after.is_whitespace() || after == '=' || (after == '(' && shell != Shell::Unknown)
                });
                let in_brackets = before == Some('[') && last_bracket.is_some_and(|last| last > index);
                let is_parameter =
                    (before == Some('{') && index >= 2 && chars.get(index - 2) == Some(&'$')) || before == Some('$');
                let ends_quote = double && after == Some('"');
                if !(is_plain || in_brackets || is_parameter || ends_quote) {
                    return Some(WHY);
                }
            }
            _ => {}
        }
    }
    None
}
