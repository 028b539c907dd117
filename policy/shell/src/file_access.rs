//! Which files a command writes and which it may read, by the table of well-known programs.
//!
//! Reading is guessed broadly: an argument that looks like a path is read, unless the program
//! is known to look at names only. Writing is known only of the programs here.

use super::{Command, Folder, Word};
use crate::path;

/// A path that a command may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The path: absolute and in normal form where that can be said.
    pub path: Word,
    /// Whether it may be any file below that path.
    pub below: bool,
    /// Whether it is sure to be a path, also where nothing of it is known.
    pub is_certain: bool,
}

/// The files that `command` writes.
pub fn writes(command: &Command) -> Vec<Touched> {
    let served = Served::of(command);
    let mut paths: Vec<(Word, bool)> = command
        .redirects
        .iter()
        .filter(|redirect| redirect.writes)
        .map(|redirect| (redirect.file.clone(), false))
        .collect();
    paths.extend(homes(command));
    paths.extend(other_names(command));
    if let Some(program) = command.program().filter(|_| served.is_none()) {
        written_arguments(program, command.arguments(), &mut paths);
    }
    let mut touched = resolve(command, paths);
    touched.extend(served.filter(|served| served.writes).map(|served| served.touched(command)).unwrap_or_default());
    touched
}

/// The files that `command` may read.
pub fn reads(command: &Command) -> Vec<Touched> {
    let mut paths: Vec<(Word, bool)> = command
        .redirects
        .iter()
        .filter(|redirect| !redirect.writes)
        .map(|redirect| (redirect.file.clone(), false))
        .collect();
    paths.extend(homes(command));
    paths.extend(other_names(command));
    // Who gives a variable the name of a file means to read it where only the variable is known.
    let assigned = command.assignments.iter().filter(|(name, value)| !is_search_path(name, value));
    let assigned = assigned.map(|(_, value)| value.clone());
    paths.extend(assigned.filter(begins_as_path).map(|value| (value, false)));
    if matches!(command.program(), Some("declare" | "export" | "local" | "readonly" | "typeset" | "setenv")) {
        let values = command.arguments().iter().filter_map(|word| {
            let (name, _) = word.start().split_once('=')?;
            Some(word.without_start(name.len() + 1)).filter(|value| !is_search_path(name, value))
        });
        paths.extend(values.filter(begins_as_path).map(|value| (value, false)));
    }
    if matches!(command.program(), Some("read" | "mapfile" | "readarray" | "xargs")) {
        let values = command.stdin.iter().flat_map(|text| text.split_whitespace());
        paths.extend(values.map(|value| (Word::of(value), false)));
    }
    let served = Served::of(command);
    if served.is_none() && !looks_at_names(command) {
        let recursive = command.arguments().iter().any(|word| {
            word.start().starts_with("-r") || word.start().starts_with("-R") || word.start().contains("recursive")
        }) || matches!(command.program(), Some("tar" | "rsync" | "scp" | "zip" | "find" | "cp"));
        let mut bytes = 0;
        let program = code_of_filter(command);
        let elsewhere = folder_of_tar(command);
        if let Some((folder, operands)) = &elsewhere {
            paths.extend(operands.iter().map(|word| (in_folder(folder, word), true)));
        }
        let is_file = |argument: &&Word| {
            program.is_none_or(|code| !std::ptr::eq(code, *argument))
                && elsewhere.as_ref().is_none_or(|(folder, _)| folder != *argument)
        };
        for argument in command.arguments().iter().filter(is_file) {
            bytes += candidate_bytes(argument);
            if bytes <= MAX_CANDIDATE_BYTES {
                candidates(argument, &mut |path| paths.push((path, recursive)));
            } else if !argument.start().starts_with('-') {
                // What stands inside of it is not looked at: the command is opaque then.
                paths.push((argument.clone(), recursive));
            }
        }
    }
    if command.program() == Some("xargs") {
        let files = option_values(command.arguments(), &["-a", "--arg-file"]);
        paths.extend(files.into_iter().map(|file| (file, false)));
    }
    let mut touched = resolve(command, paths);
    touched.extend(served.filter(|served| served.reads).map(|served| served.touched(command)).unwrap_or_default());
    touched
}

/// The folder of `tar -c … -C FOLDER OPERAND…`, and what is read in it.
fn folder_of_tar(command: &Command) -> Option<(Word, Vec<Word>)> {
    if !matches!(command.program(), Some("tar" | "bsdtar")) {
        return None;
    }
    let arguments = command.arguments();
    let at = arguments.iter().position(|word| matches!(word.known(), Some("-C" | "--directory")))?;
    let folder = arguments.get(at + 1).filter(|folder| folder.known().is_some())?;
    let operands = arguments.get(at + 2..).unwrap_or_default();
    let is_one = !operands.iter().any(|word| word.known() == Some("-C"));
    let operands: Vec<Word> = operands.iter().filter(|word| !word.start().starts_with('-')).cloned().collect();
    is_one.then(|| (folder.clone(), operands))
}

fn in_folder(folder: &Word, name: &Word) -> Word {
    match name.known() {
        Some(".") => folder.clone(),
        Some(path) if path.starts_with('/') => name.clone(),
        _ => Word::of(format!("{}/", folder.start())).followed_by(name),
    }
}

/// The operand of a filter that is its program or pattern, and no file, where it is not known.
fn code_of_filter(command: &Command) -> Option<&Word> {
    const FILTERS: [&str; 10] = ["awk", "egrep", "fgrep", "gawk", "grep", "gsed", "jq", "mawk", "rg", "sed"];
    const ELSEWHERE: [&str; 6] = ["-e", "-f", "--exp", "--fil", "--reg", "--from-file"];
    if !command.program().is_some_and(|name| FILTERS.contains(&name)) {
        return None;
    }
    let is_elsewhere = |word: &Word| ELSEWHERE.iter().any(|option| word.start().starts_with(option));
    let is_operand = |word: &&Word| !word.start().starts_with('-');
    let first = command.arguments().iter().find(is_operand).filter(|word| word.known().is_none());
    first.filter(|_| !command.arguments().iter().any(is_elsewhere) && command.arguments().len() > 1)
}

/// What the far end of a copy touches: a program that serves files to another one over its standard input and output.
/// Its arguments say which files, or its input does, and then they may be any.
struct Served {
    reads: bool,
    writes: bool,
    paths: Vec<Word>,
    below: bool,
}

impl Served {
    fn of(command: &Command) -> Option<Self> {
        let arguments = command.arguments();
        match command.program()? {
            // The rest of `scp -t` is one place, file or folder; that of `scp -f` is files, or trees with `-r`.
            "scp" => {
                let mut flags = String::new();
                let mut rest = arguments.iter();
                let mut operands = Vec::new();
                for word in rest.by_ref() {
                    match word.start() {
                        "--" if word.known().is_some() => break,
                        start if start.len() > 1 && start.starts_with('-') => flags.push_str(start),
                        _ => operands.push(word.clone()),
                    }
                }
                operands.extend(rest.cloned());
                let (sends, receives) = (flags.contains('f'), flags.contains('t'));
                (sends || receives).then(|| Self {
                    reads: sends,
                    writes: receives,
                    paths: operands,
                    below: receives || flags.contains('r'),
                })
            }
            // `rsync --server OPTIONS . PATH…`; with --secluded-args the paths come on standard input.
            "rsync" if arguments.iter().any(|word| word.known() == Some("--server")) => {
                let sends = arguments.iter().any(|word| word.known() == Some("--sender"));
                let mut paths: Vec<Word> =
                    arguments.iter().filter(|word| !word.start().starts_with('-')).skip(1).cloned().collect();
                if paths.is_empty() {
                    paths.push(any_file());
                }
                let elsewhere = ["--backup-dir", "--log-file", "--partial-dir", "--temp-dir"];
                paths.extend(option_values(arguments, &elsewhere).into_iter().filter(|_| !sends));
                Some(Self { reads: sends, writes: !sends, paths, below: true })
            }
            "internal-sftp" | "sftp-server" => {
                Some(Self { reads: true, writes: true, paths: vec![any_file()], below: false })
            }
            _ => None,
        }
    }

    /// A relative path starts at the home folder: nothing has changed it before.
    fn touched(self, command: &Command) -> Vec<Touched> {
        let mut paths = Vec::new();
        for path in self.paths {
            let is_relative =
                matches!(path.atoms().first(), Some(super::word::Atom::Text(text)) if !text.starts_with('/'));
            if is_relative && matches!(command.folder, Folder::Home(_) | Folder::Inherited) {
                let mut home = Word::default();
                home.push(super::word::Atom::Home);
                match path.start() {
                    "." if path.known().is_some() => {}
                    start => {
                        home.push_text("/");
                        let skipped = if start.starts_with("./") { 2 } else { 0 };
                        home = home.followed_by(&path.without_start(skipped));
                    }
                }
                paths.push((home, self.below));
            }
            paths.push((path, self.below));
        }
        let certain = |touched: Touched| Touched { is_certain: true, ..touched };
        resolve(command, paths).into_iter().map(certain).collect()
    }
}

fn any_file() -> Word {
    let mut word = Word::of("/");
    word.push(super::word::Atom::Unknown { splits: false });
    word
}

/// How much text the paths have that a command may read: it grows with the square of what is in one word.
pub(super) fn reading(command: &Command) -> usize {
    if looks_at_names(command) { 0 } else { command.arguments().iter().map(candidate_bytes).sum() }
}

fn looks_at_names(command: &Command) -> bool {
    let first = || command.arguments().first().and_then(Word::known);
    // `git worktree add ../x`, `git config user.signingkey ~/.ssh/id_x.pub`
    let has_file =
        || command.arguments().iter().any(|word| word.start().starts_with("-f") || word.start().starts_with("--f"));
    if command.program() == Some("git")
        && (matches!(first(), Some("worktree" | "init")) || first() == Some("config") && !has_file())
    {
        return true;
    }
    // What `find` prints is names; another program may read the files.
    let runs = |word: &Word| {
        word.known().is_none_or(|text| ["-exec", "-ok", "-f"].iter().any(|option| text.starts_with(option)))
    };
    if command.program() == Some("find") && command.is_shown && !command.arguments().iter().any(runs) {
        return true;
    }
    command
        .program()
        .is_some_and(|program| LOOKS_AT_NAMES.contains(&program) || super::wrappers::find(program).is_some())
}

fn candidate_bytes(argument: &Word) -> usize {
    let start = argument.start();
    start.match_indices(SEPARATORS).map(|(at, _)| start.len() - at).sum()
}

/// What a path may follow in an argument.
const SEPARATORS: [char; 4] = ['=', '@', ':', ','];

/// The most text that the paths have that one command may read and that stand inside of its words. A list of a hundred
/// names in one word has some 50 KiB.
pub(super) const MAX_CANDIDATE_BYTES: usize = 256 * 1024;

const LOOKS_AT_NAMES: [&str; 34] = [
    "alias", "declare", "export", "kill", "local", "readonly", "typeset", "unset", "ls", "stat", "test", "[", "echo",
    "printf", "touch", "chmod", "chown", "chgrp", "rm", "rmdir", "mkdir", "cd", "pushd", "which", "type", "basename",
    "dirname", "realpath", "readlink", "df", "du", "lsattr", "getfacl", "namei",
];

/// Folders that a command makes the home folder: `~/x` is in there from then on.
fn homes(command: &Command) -> Vec<(Word, bool)> {
    let declared = command.arguments().iter().filter(|word| word.start().starts_with("HOME="));
    let assigned = command.assignments.iter().filter(|(name, _)| name == "HOME").map(|(_, value)| value.clone());
    declared.map(|word| word.without_start("HOME=".len())).chain(assigned).map(|folder| (folder, true)).collect()
}

/// What `ln` and `mount` give another name, under which nobody would know it.
fn other_names(command: &Command) -> Vec<(Word, bool)> {
    let is_operand = |word: &&Word| !word.start().starts_with('-');
    let mut operands: Vec<(Word, bool)> = match command.program() {
        Some("ln" | "link" | "mount") => {
            command.arguments().iter().filter(is_operand).map(|word| (word.clone(), true)).collect()
        }
        _ => Vec::new(),
    };
    if operands.len() > 1 {
        operands.pop();
    }
    operands
}

/// Whether it is a list of folders, which nobody reads as a file.
fn is_search_path(name: &str, value: &Word) -> bool {
    use super::word::Atom;
    let has_colon = |atom: &Atom| matches!(atom, Atom::Text(text) if text.contains(':'));
    matches!(name, "PATH" | "LD_LIBRARY_PATH" | "MANPATH" | "PYTHONPATH" | "NODE_PATH" | "PERL5LIB" | "CLASSPATH")
        && value.atoms().iter().any(has_colon)
}

fn begins_as_path(word: &Word) -> bool {
    use super::word::Atom;
    match word.atoms() {
        [Atom::Text(text), ..] => text.starts_with('/'),
        [Atom::Home, ..] => true,
        // `$D/…` and `~USER/…`, but not `$PATH:/…`.
        [Atom::Unknown { .. }, Atom::Text(text), ..] => text.starts_with('/'),
        _ => false,
    }
}

/// The whole argument, and what stands after `=`, `@`, `:` or an option's letter.
fn candidates(argument: &Word, found: &mut dyn FnMut(Word)) {
    let start = argument.start();
    if !start.starts_with('-') {
        found(argument.clone());
    }
    for (at, _) in start.match_indices(SEPARATORS) {
        // What follows `https:` is a host.
        let is_url = start.get(at..).is_some_and(|rest| rest.starts_with("://"));
        if !is_url || start.get(..at).is_some_and(|scheme| scheme.ends_with("file")) {
            found(argument.without_start(at + 1));
        }
    }
    if start.starts_with('-') && start.as_bytes().get(2) == Some(&b'/') {
        found(argument.without_start(2));
    }
}

fn written_arguments(program: &str, arguments: &[Word], paths: &mut Vec<(Word, bool)>) {
    let operands = || {
        let mut operands = Vec::new();
        let mut after_dashes = false;
        for word in arguments {
            if !after_dashes && word.known() == Some("--") {
                after_dashes = true;
            } else if after_dashes || !word.start().starts_with('-') || word.known() == Some("-") {
                operands.push(word.clone());
            }
        }
        operands
    };
    let value = |names: &[&str]| option_values(arguments, names);
    let has = |start: &str| arguments.iter().any(|word| word.start().starts_with(start));
    if program == "mv" {
        paths.extend(value(&["-t", "--target-directory"]).into_iter().map(|word| (word, true)));
        paths.extend(operands().pop().map(|word| (word, true)));
    }
    match program {
        _ if only_looks(program, arguments) => {}
        "touch" | "truncate" => {
            let values = value(&["-r", "--reference", "-d", "--date", "-t", "-s", "--size"]);
            paths.extend(operands().into_iter().filter(|word| !values.contains(word)).map(|word| (word, false)));
        }
        "visudo" if !has("-c") => paths.push((Word::of("/etc/sudoers"), false)),
        "vipw" => paths.push((Word::of("/etc/passwd"), false)),
        "vigr" => paths.push((Word::of("/etc/group"), false)),
        // All the operands.
        "tee" | "rm" | "rmdir" | "unlink" | "shred" | "mkfifo" | "mknod" | "mv" | "ed" | "ex" | "vi" | "vim"
        | "nvim" | "nano" | "pico" | "emacs" | "micro" | "mcedit" | "joe" | "sudoedit" | "sponge" | "wipe" | "srm"
        | "fallocate" | "setfacl" | "chattr" | "mkfs" | "mkswap" | "wipefs" | "fdisk" | "sfdisk" | "parted"
        | "cfdisk" | "gdisk" | "sgdisk" | "badblocks" | "blkdiscard" | "mktemp" => {
            paths.extend(operands().into_iter().map(|word| (word, false)))
        }
        // A new folder does no harm where only its name is not known.
        "mkdir" => {
            paths.extend(operands().into_iter().filter(|word| !word.begins_unknown()).map(|word| (word, false)));
        }
        "chmod" | "chown" | "chgrp" => {
            // Where another file says which rights, none stands in front.
            let rights = usize::from(!arguments.iter().any(|word| word.start().starts_with("--ref")));
            paths.extend(operands().into_iter().skip(rights).map(|word| (word, false)));
        }
        // The last operand, or the folder of -t.
        "cp" | "install" | "ln" | "link" | "scp" | "rsync" | "ditto" | "rcp" => {
            let folder = value(&["-t", "--target-directory"]);
            let operands = operands();
            let is_link_in_place = program == "ln" && operands.len() < 2;
            match operands.last() {
                _ if !folder.is_empty() && program != "rsync" => {
                    paths.extend(folder.into_iter().map(|word| (word, true)))
                }
                // `"$user@$host:/srv/"`: what is behind the colon is a path there.
                Some(last)
                    if matches!(program, "rsync" | "scp") && last.begins_unknown() && last.ending().contains(':') =>
                {
                    let there = last.ending().rsplit(':').next().unwrap_or_default();
                    paths.push((Word::of(there), true));
                }
                Some(last) if !is_link_in_place => {
                    candidates(last, &mut |path| paths.push((path, true)));
                }
                _ => {}
            }
        }
        "dd" => {
            for word in arguments {
                if let Some(at) = word.start().strip_prefix("of=").map(|_| 3) {
                    paths.push((word.without_start(at), false));
                }
            }
        }
        "sed" | "gsed" | "perl" => {
            let in_place = arguments.iter().any(|word| {
                let text = word.start();
                text.starts_with("--in-place")
                    || (text.starts_with('-') && !text.starts_with("--") && text.contains('i'))
            });
            if in_place {
                // The first operand is the script, where no option gives one.
                let has_script = ["-e", "-f", "--exp", "--fil"]
                    .iter()
                    .any(|option| arguments.iter().any(|word| word.start().starts_with(option)));
                let skipped = usize::from(program != "perl" && !has_script && operands().len() > 1);
                paths.extend(operands().into_iter().skip(skipped).map(|word| (word, false)));
            }
        }
        "curl" => paths.extend(
            value(&["-o", "--output", "--output-dir", "-D", "--dump-header", "-c", "--cookie-jar"])
                .into_iter()
                .map(|word| (word, true)),
        ),
        "wget" => paths.extend(
            value(&["-O", "--output-document", "-P", "--directory-prefix", "-o", "-a"])
                .into_iter()
                .map(|word| (word, true)),
        ),
        "tar" | "bsdtar" => {
            let mode = arguments.first().map_or("", Word::start);
            let packs = arguments.iter().enumerate().any(|(at, word)| {
                let text = word.start();
                let is_cluster = !text.starts_with("--") && (at == 0 || text.starts_with('-'));
                (is_cluster && text.contains(['c', 'r', 'u', 'A']) && !text.contains('x')) || text.starts_with("--cre")
            });
            if !packs {
                paths.extend(value(&["-C", "--directory"]).into_iter().map(|word| (word, true)));
            }
            if mode.contains(['c', 'r', 'u', 'A']) {
                paths.extend(value(&["-f", "--file"]).into_iter().map(|word| (word, false)));
                // `tar czf FILE …`: the file follows the letters.
                if mode.ends_with('f') {
                    paths.extend(arguments.get(1).cloned().map(|word| (word, false)));
                }
            }
        }
        "unzip" => paths.extend(value(&["-d"]).into_iter().map(|word| (word, true))),
        "sort" | "cc" | "gcc" | "openssl" | "gpg" | "strace" | "gzip" => {
            paths.extend(value(&["-o", "--output", "-out"]).into_iter().map(|word| (word, false)))
        }
        // The beginning of the names of all it writes.
        "split" => paths.extend(operands().into_iter().skip(1).map(|word| (word, false))),
        "csplit" => paths.extend(value(&["-f", "--prefix"]).into_iter().map(|word| (word, false))),
        "patch" => paths.extend(operands().into_iter().take(1).map(|word| (word, false))),
        "find" => {
            if has("-delete") {
                let is_start = |word: &&Word| !word.start().starts_with(['-', '(', '!']);
                let options = arguments.iter().skip_while(|word| matches!(word.known(), Some("-H" | "-L" | "-P")));
                paths.extend(options.take_while(is_start).map(|word| (word.clone(), true)));
            }
            paths.extend(value(&["-fprint", "-fprintf", "-fls", "-fprint0"]).into_iter().map(|word| (word, false)))
        }
        "git" if has("clone") => paths.extend(operands().into_iter().skip(2).map(|word| (word, true))),
        "ssh-keygen" => paths.extend(value(&["-f"]).into_iter().map(|word| (word, false))),
        _ if program.starts_with("mkfs.") => paths.extend(operands().into_iter().map(|word| (word, false))),
        _ => {}
    }
}

/// Whether a program that writes is asked to show something only.
fn only_looks(program: &str, arguments: &[Word]) -> bool {
    let has = |names: &[&str]| arguments.iter().any(|word| word.known().is_some_and(|text| names.contains(&text)));
    match program {
        "tar" | "bsdtar" => {
            // The letters of the first word may stand without a dash; no other letter than the mode's means listing.
            let first = arguments.first().and_then(Word::known).unwrap_or_default();
            let letters = first.trim_start_matches('-');
            let is_list =
                !first.starts_with("--") && letters.contains('t') && !letters.contains(['c', 'x', 'r', 'u', 'A', 'C']);
            let extracts = arguments.iter().any(|word| {
                let text = word.start();
                let is_cluster = text.starts_with('-') && !text.starts_with("--");
                is_cluster && text.contains(['c', 'x', 'r', 'u', 'A'])
                    || ["--ext", "--get", "--cre"].iter().any(|long| text.starts_with(long))
            });
            (is_list || has(&["--list", "-t"])) && !extracts
        }
        "unzip" => has(&["-l", "-lv", "-t", "-v", "-p", "-Z", "-Z1"]),
        "fdisk" | "gdisk" | "parted" | "sfdisk" => {
            has(&["-l", "--list"])
                || (program == "sfdisk" && has(&["-d", "--dump"]))
                || (program == "parted" && has(&["print"]) && arguments.len() < 4)
        }
        "sgdisk" => arguments.iter().all(|word| {
            word.known()
                .is_some_and(|text| !text.starts_with('-') || matches!(text, "-p" | "--print" | "-v" | "--verify"))
        }),
        "vi" | "vim" | "nvim" => has(&["-R", "-M", "-Z"]),
        _ => false,
    }
}

/// The values of options, attached or in the next argument; a long name may be cut short.
fn option_values(arguments: &[Word], names: &[&str]) -> Vec<Word> {
    let mut values = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        let text = argument.start();
        for name in names {
            let is_long = name.starts_with("--");
            let written = text.split('=').next().unwrap_or(text);
            if text == *name || (is_long && written.len() > 3 && name.starts_with(written) && !text.contains('=')) {
                values.extend(arguments.get(index + 1).cloned());
            } else if is_long && written.len() > 3 && name.starts_with(written) {
                values.push(argument.without_start(written.len() + 1));
            } else if name.len() == 2 && text.starts_with('-') && !text.starts_with("--") && text.len() > 2 {
                // `-Cfolder`, and `-xC folder`.
                if let Some(at) = name.chars().nth(1).and_then(|letter| text.find(letter)) {
                    let attached = argument.without_start(at + 1);
                    values.extend(if attached.known() == Some("") {
                        arguments.get(index + 1).cloned()
                    } else {
                        Some(attached)
                    });
                }
            }
        }
    }
    values
}

fn resolve(command: &Command, paths: Vec<(Word, bool)>) -> Vec<Touched> {
    let folders = match &command.folder {
        Folder::Above(path) => vec![Folder::Known(format!("/{path}")), Folder::Known(format!("/home/{path}"))],
        Folder::Computed | Folder::Home(_) | Folder::Inherited | Folder::Known(_) | Folder::Previous => {
            vec![command.folder.clone()]
        }
    };
    let seen = |(path, below): (Word, bool)| {
        folders
            .iter()
            .map(move |folder| Touched { path: absolute(folder, path.clone()), below, is_certain: false })
            .collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(seen).collect()
}

/// The path in normal form, seen from `folder`.
fn absolute(folder: &Folder, word: Word) -> Word {
    let (start, rest) = match word.atoms().split_first() {
        Some((super::word::Atom::Text(text), rest)) => (text.clone(), rest.to_vec()),
        // A name of something in the folder.
        Some((super::word::Atom::Glob | super::word::Atom::Name, _)) => (String::new(), word.atoms().to_vec()),
        Some((_, rest)) if climbs(rest) => return Word::unknown(false),
        _ => return word,
    };
    // What climbs out of a part that is not known may lead anywhere.
    if climbs(&rest) {
        return Word::unknown(false);
    }
    let mut normal = if start.starts_with('/') {
        Word::of(normal_start(&start, rest.is_empty()))
    } else {
        let up = start.split('/').find(|part| *part != ".") == Some("..");
        match folder {
            Folder::Known(folder) => Word::of(normal_start(&format!("{folder}/{start}"), rest.is_empty())),
            Folder::Home(folder) if !folder.is_empty() && climbed(&format!("{folder}/{start}")).is_none() => {
                let mut word = Word::default();
                word.push(super::word::Atom::Home);
                word.push_text(&normal_start(&format!("/{folder}/{start}"), rest.is_empty()));
                word
            }
            // Somewhere above, below or beside; `/etc` may be reached by `../../etc`.
            Folder::Home(_) | Folder::Inherited if up => {
                let mut parts = start.split('/').skip_while(|part| matches!(*part, "." | ".." | ""));
                let below = parts.by_ref().collect::<Vec<_>>().join("/");
                let mut word = Word::unknown(false);
                word.push_text(&normal_start(&format!("/{below}"), rest.is_empty()));
                word
            }
            Folder::Above(_) | Folder::Computed | Folder::Previous => {
                let mut word = Word::unknown(false);
                word.push_text(&format!("/{start}"));
                word
            }
            Folder::Home(_) | Folder::Inherited => Word::of(start),
        }
    };
    for atom in rest {
        normal.push(atom);
    }
    normal
}

fn climbs(atoms: &[super::word::Atom]) -> bool {
    atoms.iter().any(|atom| matches!(atom, super::word::Atom::Text(text) if text.contains("..")))
}

fn normal_start(text: &str, is_whole: bool) -> String {
    let normal = path::normal(text).unwrap_or_else(|| text.to_owned());
    // What follows continues the last component, or begins one.
    if !is_whole && text.ends_with('/') && normal != "/" { normal + "/" } else { normal }
}

/// The folder after a command that changes it.
pub(super) fn changed(command: &Command, folder: &Folder) -> Option<Folder> {
    if !command.changes_folder() {
        return None;
    }
    let is_option = |word: &&Word| word.start().starts_with('-') && word.start().len() > 1;
    let operand = command.arguments().iter().find(|word| !is_option(word));
    let Some(word) = operand else {
        return Some(if command.program() == Some("cd") { Folder::Home(String::new()) } else { Folder::Previous });
    };
    let Some(path) = word.known() else {
        return Some(match word.atoms() {
            [super::word::Atom::Home] => Folder::Home(String::new()),
            [super::word::Atom::Home, super::word::Atom::Text(path)] => below_home(path.trim_start_matches('/')),
            [super::word::Atom::Home, ..] => Folder::Inherited,
            // Somewhere in there.
            [super::word::Atom::Text(start), ..]
                if start.starts_with('/') && start.trim_end_matches('/').contains('/') =>
            {
                let (known, _) = start.rsplit_once('/').unwrap_or_default();
                Folder::Known(path::normal(known).unwrap_or_default())
            }
            _ => Folder::Computed,
        });
    };
    Some(match folder {
        _ if path == "-" => Folder::Previous,
        _ if path.starts_with('/') => Folder::Known(path::normal(path).unwrap_or_default()),
        Folder::Known(folder) => Folder::Known(path::normal(&format!("{folder}/{path}")).unwrap_or_default()),
        Folder::Home(folder) => below_home(&format!("{folder}/{path}")),
        Folder::Inherited => climbed(path).map_or(Folder::Inherited, Folder::Above),
        Folder::Above(above) => {
            let joined = format!("{above}/{path}");
            Folder::Above(climbed(&joined).unwrap_or_else(|| normal_relative(&joined)))
        }
        Folder::Computed | Folder::Previous => Folder::Computed,
    })
}

/// The folder that a path from the home folder leads to.
fn below_home(path: &str) -> Folder {
    climbed(path).map_or_else(|| Folder::Home(normal_relative(path)), Folder::Above)
}

/// What is left of a relative path behind the `..` with which it climbs out of where it starts; none where it does not.
fn climbed(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    let mut has_climbed = false;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => has_climbed |= parts.pop().is_none(),
            part => parts.push(part),
        }
    }
    has_climbed.then(|| parts.join("/"))
}

fn normal_relative(path: &str) -> String {
    path::normal(&format!("/{path}")).unwrap_or_default().trim_start_matches('/').to_owned()
}
