//! The command line of git, after git(1): what it runs by settings, options and addresses.
//!
//! A subcommand that is known takes everything else as data: a message that says `rm -rf` runs nothing. One that is
//! not known is an alias or a program of somebody, and its arguments are guessed to be a command.

use super::{
    Word,
    called::{self, Called},
    parse::Walker,
    reasons, smuggled, unwrap,
};

pub(super) mod settings;
mod words;

/// What the value of an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Shell code, with words behind it.
    Code,
    /// A folder or file with code, or code of another language.
    Opaque,
    /// A pager, which gets names of files.
    Pager,
    /// A setting: `NAME=VALUE`.
    Setting,
}

/// A subcommand, and its options whose value is run.
struct Subcommand {
    names: &'static str,
    /// Letters that take a value, beside those in `runs`.
    values: &'static str,
    runs: &'static [(&'static str, Use)],
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        names: "clone",
        values: "objb",
        runs: &[
            ("-u", Use::Code),
            ("--upload-pack", Use::Code),
            ("-c", Use::Setting),
            ("--config", Use::Setting),
            ("--template", Use::Opaque),
        ],
    },
    Subcommand { names: "init", values: "b", runs: &[("--template", Use::Opaque)] },
    Subcommand {
        names: "fetch pull ls-remote fetch-pack archive push send-pack",
        values: "josX",
        runs: &[("--upload-pack", Use::Code), ("--receive-pack", Use::Code), ("--exec", Use::Code)],
    },
    Subcommand { names: "rebase", values: "sXC", runs: &[("-x", Use::Code), ("--exec", Use::Code)] },
    Subcommand { names: "difftool", values: "t", runs: &[("-x", Use::Code), ("--extcmd", Use::Code)] },
    Subcommand { names: "grep", values: "efABCm", runs: &[("-O", Use::Pager), ("--open-files-in-pager", Use::Pager)] },
    Subcommand {
        names: "filter-branch",
        values: "d",
        runs: &[
            ("--setup", Use::Code),
            ("--env-filter", Use::Code),
            ("--tree-filter", Use::Code),
            ("--index-filter", Use::Code),
            ("--parent-filter", Use::Code),
            ("--msg-filter", Use::Code),
            ("--commit-filter", Use::Code),
            ("--tag-name-filter", Use::Code),
        ],
    },
    Subcommand {
        names: "filter-repo",
        values: "",
        runs: &[
            ("--blob-callback", Use::Opaque),
            ("--commit-callback", Use::Opaque),
            ("--email-callback", Use::Opaque),
            ("--file-info-callback", Use::Opaque),
            ("--filename-callback", Use::Opaque),
            ("--message-callback", Use::Opaque),
            ("--name-callback", Use::Opaque),
            ("--refname-callback", Use::Opaque),
            ("--reset-callback", Use::Opaque),
            ("--tag-callback", Use::Opaque),
        ],
    },
    Subcommand {
        names: "send-email",
        values: "",
        runs: &[
            ("--sendmail-cmd", Use::Code),
            ("--to-cmd", Use::Code),
            ("--cc-cmd", Use::Code),
            ("--header-cmd", Use::Code),
            ("--smtp-server", Use::Opaque),
        ],
    },
    Subcommand { names: "daemon", values: "", runs: &[("--access-hook", Use::Code)] },
    Subcommand { names: "instaweb", values: "pb", runs: &[("-d", Use::Code), ("--httpd", Use::Code)] },
    Subcommand { names: "svn", values: "A", runs: &[("--authors-prog", Use::Code)] },
    Subcommand { names: "web--browse", values: "t", runs: &[("-c", Use::Opaque), ("--config", Use::Opaque)] },
    Subcommand { names: "sh-setup shell hook", values: "", runs: &[] },
];

/// Other subcommands, of which no option is run.
const DATA: &str = "\
    add am annotate apply bisect blame branch bugreport bundle cat-file check-attr check-ignore check-mailmap \
    check-ref-format checkout checkout-index cherry cherry-pick citool clean column commit commit-graph commit-tree \
    config count-objects credential credential-cache credential-store cvsexportcommit cvsimport describe diagnose diff \
    diff-files diff-index diff-tree difftool fast-export fast-import fmt-merge-msg for-each-ref for-each-repo \
    format-patch fsck fsck-objects gc get-tar-commit-id gitk gui hash-object help http-fetch http-push index-pack \
    interpret-trailers log ls-files ls-tree mailinfo mailsplit maintenance merge merge-base merge-file merge-index \
    merge-one-file merge-tree mergetool mktag mktree multi-pack-index mv name-rev notes pack-objects pack-redundant \
    pack-refs patch-id prune prune-packed quiltimport range-diff read-tree receive-pack reflog remote remote-ext repack \
    replace request-pull rerere reset restore rev-list rev-parse revert rm scalar shortlog show show-branch show-index \
    show-ref sparse-checkout stage stash status stripspace submodule subtree switch symbolic-ref tag unpack-file \
    unpack-objects update-index update-ref update-server-info upload-archive upload-pack var verify-commit verify-pack \
    verify-tag version whatchanged worktree write-tree";

/// Follows what git runs.
pub(super) fn check(walker: &mut Walker<'_>, arguments: &[Word]) {
    let index = walker.out.commands.len().checked_sub(1);
    let mut rest = arguments;
    while let Some((word, after)) = rest.split_first() {
        let Some(text) = word.known() else {
            let is_path = ["--git-dir=", "--work-tree=", "--namespace="].iter().any(|start| word.start() == *start);
            if !is_path {
                walker.opaque_at(index, "which command of git it runs is not known before it runs");
                return;
            }
            rest = after;
            continue;
        };
        rest = after;
        match text {
            "-c" => {
                if let Some((setting, after)) = rest.split_first() {
                    settings::assigned(walker, setting);
                    rest = after;
                }
            }
            "-C" | "--git-dir" | "--work-tree" | "--namespace" | "--super-prefix" | "--attr-source" => {
                rest = rest.get(1..).unwrap_or_default();
            }
            "--config-env" => {
                from_variable(walker, index, rest.first().map_or("", Word::start));
                rest = rest.get(1..).unwrap_or_default();
            }
            _ if text.starts_with("--config-env=") => {
                from_variable(walker, index, text.trim_start_matches("--config-env="));
            }
            _ if text.starts_with("--exec-path=") => {
                walker.opaque_at(index, "its programs are those of another folder");
            }
            _ if text.starts_with('-') => {}
            _ => return subcommand(walker, index, text, rest),
        }
    }
}

/// `--config-env=NAME=VARIABLE`: who gives such a setting means a value that is not in the text.
fn from_variable(walker: &mut Walker<'_>, index: Option<usize>, setting: &str) {
    if settings::is_code(setting.split('=').next().unwrap_or_default()) {
        walker.opaque_at(index, "a setting of git that is run has its value from a variable");
    }
}

fn subcommand(walker: &mut Walker<'_>, index: Option<usize>, name: &str, arguments: &[Word]) {
    let is_in = |list: &str| list.split_ascii_whitespace().any(|word| word == name);
    let described = SUBCOMMANDS.iter().find(|subcommand| is_in(subcommand.names));
    if let Some(subcommand) = described {
        options(walker, index, subcommand, arguments);
        // `git push origin $(git branch --show-current)`
        if !subcommand.runs.is_empty() && name != "push" {
            smuggled::options(walker, arguments);
        }
    } else if !is_in(DATA) {
        unwrap::guess_arguments(walker, arguments);
    }
    match name {
        "bisect" => command_after(walker, arguments, "run"),
        "config" => config(walker, index, arguments),
        "for-each-repo" => {
            let is_apart = arguments.first().and_then(Word::known) == Some("--config");
            let command = arguments.iter().skip(usize::from(is_apart)).skip(1).cloned();
            unwrap::run(walker, [Word::of("git")].into_iter().chain(command).collect(), Vec::new(), Vec::new());
        }
        "hook" => walker.opaque_at(index, reasons::SCRIPT),
        "remote-ext" => {
            let command = arguments.get(1).cloned().unwrap_or_default();
            external(walker, &command);
        }
        "submodule" => foreach(walker, arguments),
        _ => {}
    }
    if matches!(name, "clone" | "fetch" | "pull" | "push" | "ls-remote" | "remote" | "submodule" | "archive") {
        for word in arguments {
            let value = word.start().strip_prefix("--remote=").or(word.start().strip_prefix("--repo="));
            transport(walker, &word.without_start(value.map_or(0, |value| word.start().len() - value.len())));
        }
    }
}

/// Follows the options of a subcommand, wherever they stand; a long one may be cut short.
fn options(walker: &mut Walker<'_>, index: Option<usize>, subcommand: &Subcommand, arguments: &[Word]) {
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.start();
        if word.known() == Some("--") {
            return;
        }
        if text.starts_with("--") {
            let (name, value) = text.split_once('=').map_or((text, None), |(name, _)| (name, Some(name.len() + 1)));
            let fits = |(option, _): &&(&str, Use)| name.len() > 2 && option.starts_with(name);
            let Some((_, kind)) = subcommand.runs.iter().find(fits) else { continue };
            match value {
                Some(at) => follow(walker, index, &word.without_start(at), *kind),
                // The pager is the usual one where none is given.
                None if *kind == Use::Pager => {}
                None => rest.next().into_iter().for_each(|value| follow(walker, index, value, *kind)),
            }
        } else if let Some(letters) = text.strip_prefix('-') {
            for (at, letter) in letters.char_indices() {
                let behind = 1 + at + letter.len_utf8();
                let is_last = behind == text.len() && word.known().is_some();
                let run =
                    subcommand.runs.iter().find(|(option, _)| option.strip_prefix('-') == letters.get(at..behind - 1));
                match run {
                    Some((_, Use::Pager)) if is_last => {}
                    Some((_, kind)) if is_last => {
                        rest.next().into_iter().for_each(|value| follow(walker, index, value, *kind));
                    }
                    Some((_, kind)) => follow(walker, index, &word.without_start(behind), *kind),
                    None if subcommand.values.contains(letter) && is_last => drop(rest.next()),
                    None if subcommand.values.contains(letter) => {}
                    None => continue,
                }
                break;
            }
        }
    }
}

fn follow(walker: &mut Walker<'_>, index: Option<usize>, value: &Word, kind: Use) {
    match kind {
        Use::Code => called::value(walker, "an option of git", value, Called::WithArguments),
        Use::Pager => called::value(walker, "the pager of git", value, Called::WithFile),
        Use::Setting => settings::assigned(walker, value),
        Use::Opaque if value.known() == Some("") => {}
        Use::Opaque => walker.opaque_at(index, "an option of git names code"),
    }
}

/// `bisect run COMMAND…`
fn command_after(walker: &mut Walker<'_>, arguments: &[Word], verb: &str) {
    if arguments.first().and_then(Word::known) == Some(verb) {
        let command = arguments.get(1..).unwrap_or_default();
        unwrap::run(walker, command.to_vec(), Vec::new(), Vec::new());
    }
}

/// `submodule foreach [--recursive] CODE | COMMAND…`
fn foreach(walker: &mut Walker<'_>, arguments: &[Word]) {
    let is_option = |word: &&Word| word.start().starts_with('-');
    let mut words = arguments.iter().skip_while(is_option);
    if words.next().and_then(Word::known) != Some("foreach") {
        return;
    }
    let command: Vec<Word> = words.skip_while(is_option).cloned().collect();
    match command.as_slice() {
        [code] => called::value(walker, "what git runs for each submodule", code, Called::Alone),
        command => unwrap::run(walker, command.to_vec(), Vec::new(), Vec::new()),
    }
}

/// `config`, old style and new: `NAME VALUE`, `--add NAME VALUE`, `set NAME VALUE`.
fn config(walker: &mut Walker<'_>, index: Option<usize>, arguments: &[Word]) {
    const READS: [&str; 15] = [
        "--get",
        "--get-all",
        "--get-regexp",
        "--get-urlmatch",
        "--get-color",
        "--get-colorbool",
        "--list",
        "-l",
        "--unset",
        "--unset-all",
        "--remove-section",
        "list",
        "get",
        "unset",
        "remove-section",
    ];
    const VALUED: [&str; 9] = ["-f", "--file", "--blob", "--type", "--default", "--value", "--comment", "--url", "-t"];
    let mut operands = Vec::new();
    let mut renames = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.known() {
            Some(text) if operands.is_empty() && READS.contains(&text) => return,
            Some("--rename-section" | "rename-section") if operands.is_empty() => renames = true,
            Some("set" | "edit") if operands.is_empty() => {}
            Some(text) if VALUED.contains(&text) => drop(words.next()),
            Some(text) if text.starts_with('-') && operands.is_empty() => {}
            _ if word.start().starts_with("--") => {}
            _ => operands.push(word),
        }
    }
    match operands.as_slice() {
        [_, new, ..] if renames && new.known().is_none_or(|new| settings::is_code(&format!("{new}.x"))) => {
            walker.opaque_at(index, "it renames settings of git, which may be run then");
        }
        _ if renames => {}
        [name, value, ..] => settings::set(walker, name, value),
        [only] if only.splits() => walker.opaque_at(index, "a setting of git is not known"),
        _ => {}
    }
}

/// An alias: shell code after `!`, and else a command of git.
fn command_of_alias(walker: &mut Walker<'_>, text: &str) {
    if let Some(code) = text.trim_start().strip_prefix('!') {
        return called::value(walker, "an alias of git", &Word::of(code), Called::WithArguments);
    }
    match words::of_alias(text) {
        Some(words) if words.is_empty() => {}
        Some(_) if walker.has_valued_enough() => {}
        Some(words) => {
            let words = [Word::of("git")].into_iter().chain(words.into_iter().map(Word::of));
            unwrap::run(walker, words.collect(), Vec::new(), Vec::new());
        }
        None => walker.opaque("an alias of git cannot be read"),
    }
}

/// An address: `ext::COMMAND` runs it, and a host that looks like an option is one of ssh.
fn transport(walker: &mut Walker<'_>, address: &Word) {
    if is_address_of_code(address.start()) {
        return external(walker, &address.without_start("ext::".len()));
    }
    let is_option = |text: &str| text.starts_with("ssh://-") || text.to_ascii_lowercase().contains("-oproxycommand");
    if is_option(address.start()) {
        walker.opaque_command("an address has an option of ssh in it");
    }
}

fn is_address_of_code(address: &str) -> bool {
    address.starts_with("ext::")
}

fn external(walker: &mut Walker<'_>, command: &Word) {
    match command.known() {
        Some(text) => {
            let words = words::of_transport(text).into_iter().map(Word::of).collect();
            unwrap::run(walker, words, Vec::new(), Vec::new());
        }
        None => walker.opaque("an address of git is a command that is not known"),
    }
}

/// The words of a value that is quoted as options in variables are.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    words::of_alias(text)
}

/// Settings in variables: `GIT_CONFIG_PARAMETERS` has them as words in single quotes.
pub(super) fn parameters(walker: &mut Walker<'_>, value: &Word) {
    let Some(words) = value.known().and_then(words::of_alias) else {
        return walker.opaque("settings of git are not known");
    };
    for word in words {
        settings::assigned(walker, &Word::of(word));
    }
}
