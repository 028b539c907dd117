//! Arguments that look like files and are none, and programs that are asked to show something only.

use crate::{Command, Word};

/// Whether a program that writes is asked to show something only.
pub(super) fn only_looks(program: &str, arguments: &[Word]) -> bool {
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

/// The operand of a filter that is its program or pattern, and no file, where it is not known.
pub(super) fn code_of_filter(command: &Command) -> Option<&Word> {
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

/// The folder of `tar -c … -C FOLDER OPERAND…`, and what is read in it.
pub(super) fn folder_of_tar(command: &Command) -> Option<(Word, Vec<Word>)> {
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

pub(super) fn in_folder(folder: &Word, name: &Word) -> Word {
    match name.known() {
        Some(".") => folder.clone(),
        Some(path) if path.starts_with('/') => name.clone(),
        _ => Word::of(format!("{}/", folder.start())).followed_by(name),
    }
}
