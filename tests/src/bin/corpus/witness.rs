//! What a harmless case really did, compared with the same case and no bastion in between: the stubs that ran, the files
//! that are left, and what stands on the screen at the end. A case that hangs, ends early or does something else differs.
//!
//! Both runs are of the same machine and hour, so that nothing of this is kept in the cases. What differs between two
//! runs without a bastion, such as times and process numbers, is no difference.

use std::collections::BTreeMap;

use crate::{run::Observed, sandbox};

/// What went differently behind the bastion, if something did. `direct` are runs with no bastion in between.
pub(crate) fn difference(direct: &[&Observed], through: &Observed) -> Option<String> {
    let (first, others) = direct.split_first()?;
    if let Some(error) = &first.error {
        return Some(format!("it cannot be run without a bastion: {error}"));
    }
    let same = |one: &dyn Fn(&Observed) -> bool| others.iter().all(|other| one(other));
    let ran = |one: &Observed| sandbox::without_own(one.runs.clone());
    if same(&|other| ran(other) == ran(first)) && ran(through) != ran(first) {
        return Some(format!("ran {:?} instead of {:?}", through.runs, first.runs));
    }
    files(&first.files, &others.iter().map(|other| &other.files).collect::<Vec<_>>(), &through.files)
        .or_else(|| screen(&first.shown, &others.iter().map(|other| other.shown.as_str()).collect::<Vec<_>>(), through))
}

type Files = BTreeMap<String, String>;

/// What differs between files at the end.
pub(crate) fn files(first: &Files, others: &[&Files], through: &Files) -> Option<String> {
    for (path, text) in first {
        if others.iter().any(|other| !other.contains_key(path)) {
            continue;
        }
        let stable = others.iter().all(|other| other.get(path) == Some(text));
        match through.get(path) {
            None => return Some(format!("the file {path} is missing")),
            Some(other) if stable && other != text => {
                return Some(format!("the file {path} holds {other:?} instead of {text:?}"));
            }
            Some(_) => {}
        }
    }
    let more = through.keys().find(|path| ![first].iter().chain(others).any(|one| one.contains_key(*path)))?;
    // A name that no two runs share is a made-up one.
    let volatile = first.keys().any(|path| others.iter().any(|other| !other.contains_key(path)));
    (!volatile).then(|| format!("there is a file {more}"))
}

/// Every stable line must be there, and the last one at the end. What is typed ahead is echoed once more, and not always
/// behind the prompt, so neither order nor number counts.
fn screen(first: &str, others: &[&str], through: &Observed) -> Option<String> {
    let stable = |line: &String| others.iter().all(|other| rows(other).any(|other| other == *line));
    let last = rows(first).last().filter(stable).filter(|line| rows(&through.shown).last().as_ref() != Some(line));
    // The bastion puts in what `!!` stands for.
    let missing = rows(first)
        .filter(stable)
        .filter(|line| !line.contains("!!"))
        .find(|line| !rows(&through.shown).any(|row| row == *line));
    let line = missing.or(last)?;
    Some(format!("the screen lacks {line:?}: {:?}", through.shown))
}

/// The lines of a screen without the prompt in front of what was typed, and without the time of day in them.
fn rows(screen: &str) -> impl DoubleEndedIterator<Item = String> {
    let rows = screen.lines().map(str::trim_end).filter(|line| !line.is_empty());
    rows.map(|line| line.trim_start_matches("me@target:~$ ").split(' ').map(timeless).collect::<Vec<_>>().join(" "))
}

/// `##:##` for a word that is a time.
fn timeless(word: &str) -> &str {
    let is_time = word.len() == 5
        && word.bytes().enumerate().all(|(at, byte)| if at == 2 { byte == b':' } else { byte.is_ascii_digit() });
    if is_time { "##:##" } else { word }
}

#[cfg(test)]
mod tests {
    use super::{Observed, difference};

    fn observed(run: &str, file: &str, shown: &str) -> Observed {
        Observed {
            runs: vec![run.split(' ').map(str::to_owned).collect()],
            files: [("n".to_owned(), file.to_owned())].into(),
            shown: shown.to_owned(),
            ..Observed::default()
        }
    }

    #[test]
    fn a_case_that_did_the_same_does_not_differ() {
        let direct = observed("systemctl status x", "text", "$ ls\nf\n$");
        assert_eq!(difference(&[&direct], &direct), None);
        let echoed = observed("a", "t", "ls\nme@target:~$ ls\nf\nme@target:~$");
        let ahead = observed("a", "t", "me@target:~$ ls\nf\nme@target:~$");
        assert_eq!(difference(&[&echoed], &ahead), None);
        let spoken = observed("systemctl status x", "text", "hello\n$ ls\nf\n\n$");
        assert_eq!(difference(&[&direct], &spoken), None);
        // 12:00 is not there either the second time.
        let (at_noon, later, through) =
            (observed("a", "t", "12:00\n$"), observed("a", "t", "12:01\n$"), observed("a", "t", "12:02\n$"));
        assert_eq!(difference(&[&at_noon, &later], &through), None);
    }

    #[test]
    fn what_is_swallowed_altered_or_hangs_differs() {
        let direct = observed("systemctl status x", "text", "$ ls\nf\n$");
        for other in [
            observed("systemctl status y", "text", "$ ls\nf\n$"),
            observed("systemctl status x", "tex", "$ ls\nf\n$"),
            observed("systemctl status x", "text", "$ ls\n$\nf"),
            observed("systemctl status x", "text", "$ l\nf\n$"),
            Observed { files: Default::default(), ..direct.clone() },
        ] {
            assert!(difference(&[&direct], &other).is_some(), "{other:?}");
            assert!(difference(&[&direct, &direct], &other).is_some(), "{other:?}");
        }
    }
}
