//! Settings of git, after git-config(1): which of them have a value that is run, or name a file with such settings.
//!
//! A setting that is not described here as data may be anybody's: its value is guessed to be code.

use super::{command_of_alias, is_address_of_code, transport};
use crate::{
    Word,
    called::{self, Called},
    parse::Walker,
};

/// What the value of a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// An address, which may be one that runs a program.
    Address,
    /// A command of git, or shell code after `!`.
    Alias,
    /// A folder or file with code, or with settings.
    Code,
    /// Which addresses may be used, of which some run a program.
    Allow,
    /// Nothing that is run.
    Data,
    /// Nothing that is run, as far as is known: it is guessed all the same.
    Guess,
    /// The helper for credentials: a name, or shell code after `!`.
    Helper,
    /// A word that says no more than how, or shell code after `!`.
    How,
    /// Shell code.
    Run(Called),
    /// Shell code, or whether.
    RunOrWhether(Called),
    /// It is not described here.
    Unknown,
}

use Value::{Address, Alias, Allow, Code, Data, Guess, Helper, How, Run, RunOrWhether, Unknown};

/// Follows a setting that is written as `NAME=VALUE`.
pub(crate) fn assigned(walker: &mut Walker<'_>, setting: &Word) {
    let start = setting.start();
    match start.split_once('=') {
        Some((name, _)) => {
            let value = setting.without_start(name.len() + 1);
            set(walker, &Word::of(name), &value);
        }
        // Without a value it is switched on.
        None if setting.known().is_some() => {}
        None => walker.opaque("a setting of git is not known"),
    }
}

/// Follows a setting that gets a value.
pub(crate) fn set(walker: &mut Walker<'_>, name: &Word, value: &Word) {
    let Some(text) = name.known() else {
        return walker.opaque("a setting of git is not known");
    };
    let what = format!("git's setting {text}");
    let (section, subsection, key) = parts(text);
    if is_address_of_code(subsection) {
        transport(walker, &Word::of(subsection));
    }
    let known = value.known();
    match kind(&section, subsection, &key) {
        Data => {}
        Address => transport(walker, value),
        Alias => match known {
            Some(text) => command_of_alias(walker, text),
            None => walker.opaque(format!("{what} is code that is not known")),
        },
        Allow if known == Some("never") => {}
        Allow => walker.opaque(format!("{what} lets addresses run programs")),
        Code if matches!(known, Some("" | "/dev/null")) => {}
        Code if known.is_some() => walker.doubtful(format!("{what} names code")),
        Code => walker.opaque(format!("{what} names code that is not known")),
        Helper => match known {
            Some(text) if text.starts_with('!') => {
                called::value(walker, &what, &value.without_start(1), Called::WithArguments);
            }
            Some(text) if text.starts_with('/') => called::value(walker, &what, value, Called::WithArguments),
            Some(_) => {}
            None => walker.opaque(format!("{what} is code that is not known")),
        },
        How => match known {
            Some(text) if text.starts_with('!') => {
                called::value(walker, &what, &value.without_start(1), Called::WithArguments);
            }
            Some(_) => {}
            None => walker.opaque(format!("{what} may be code that is not known")),
        },
        RunOrWhether(_) if known.is_some_and(is_whether) => {}
        Run(called) | RunOrWhether(called) => called::value(walker, &what, value, called),
        Guess | Unknown => match known {
            Some(text) if text.starts_with('!') => {
                called::value(walker, &what, &value.without_start(1), Called::WithArguments);
            }
            Some(text) => walker.guess_code(text),
            None => {}
        },
    }
}

/// Whether a setting of that name has a value that is run, whatever it is; for where the value stands elsewhere.
pub(crate) fn is_code(name: &str) -> bool {
    let (section, subsection, key) = parts(name);
    is_address_of_code(subsection)
        || match kind(&section, subsection, &key) {
            Alias | Allow | Code | Helper | How | Run(_) | RunOrWhether(_) | Unknown => true,
            Address | Data | Guess => false,
        }
}

/// The section and the key, which know no case, and what stands between them.
fn parts(name: &str) -> (String, &str, String) {
    let (section, rest) = name.split_once('.').unwrap_or((name, ""));
    let (subsection, key) = rest.rsplit_once('.').unwrap_or(("", rest));
    (section.to_ascii_lowercase(), subsection, key.to_ascii_lowercase())
}

fn is_whether(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    matches!(value.as_str(), "" | "true" | "false" | "yes" | "no" | "on" | "off") || value.parse::<i64>().is_ok()
}

fn kind(section: &str, subsection: &str, key: &str) -> Value {
    let is_in = |list: &str| list.split_ascii_whitespace().any(|word| word == section);
    match (section, key) {
        ("alias", _) => Alias,
        ("pager", _) => RunOrWhether(Called::WithInput),
        ("core", "pager") => Run(Called::WithInput),
        ("core", "editor") | ("sequence", "editor") => Run(Called::WithFile),
        ("core", "sshcommand") => Run(Called::WithHost),
        ("core", "fsmonitor") => RunOrWhether(Called::WithArguments),
        ("core", "askpass" | "gitproxy" | "alternaterefscommand") => Run(Called::WithArguments),
        ("core", "hookspath") | ("init", "templatedir") | ("include" | "includeif", _) => Code,
        ("credential", "helper") => Helper,
        ("diff", "external" | "command" | "textconv") => Run(Called::WithArguments),
        ("filter", "clean" | "smudge" | "process") => Run(Called::WithArguments),
        ("merge", "driver") => Run(Called::WithArguments),
        ("gpg", "program" | "defaultkeycommand") => Run(Called::WithArguments),
        ("interactive", "difffilter") => Run(Called::WithInput),
        ("protocol", "allow") if matches!(subsection, "" | "ext") => Allow,
        ("remote", "uploadpack" | "receivepack") => Run(Called::WithArguments),
        ("remote", "vcs") => Code,
        ("remote", "url" | "pushurl") | ("submodule", "url") | ("url", _) => Address,
        ("submodule", "update") => How,
        ("uploadpack", "packobjectshook") => Run(Called::WithArguments),
        ("sendemail", "smtpserver") => Helper,
        ("imap", "tunnel") | ("instaweb", "httpd") => Run(Called::WithArguments),
        // `difftool.x.cmd`, `tar.x.command`, `browser.x.path`, `lfs.customtransfer.x.path`, `svn.authors-prog`.
        (_, "cmd" | "command" | "prog" | "program" | "process" | "hook" | "driver") => Run(Called::WithArguments),
        ("lfs" | "browser" | "difftool" | "mergetool" | "man" | "guitool", "path") => Run(Called::WithArguments),
        _ if key.ends_with("cmd") || key.ends_with("-prog") => Run(Called::WithArguments),
        _ if is_in(TEXT_SECTIONS) => Data,
        _ if is_in(DATA_SECTIONS) => Guess,
        _ => Unknown,
    }
}

/// Sections of which all other settings are names, words to show and addresses of people.
const TEXT_SECTIONS: &str = "\
    author branch color commit committer format gui i18n log mailmap pretty sendemail tag trailer user";

/// Sections of which all other settings are data.
const DATA_SECTIONS: &str = "\
    add advice am apply blame bundle checkout clean clone column commitgraph completion core credential delta diff \
    difftool extensions fastimport feature fetch filter fsck fsmonitor gc gpg grep help http imap index init instaweb \
    interactive lfs lsrefs mailinfo maintenance man merge mergetool notes pack protocol pull push rebase receive remote \
    remotes repack rerere revert safe showbranch sparse splitindex ssh stash status submodule tar transfer uploadarchive \
    uploadpack uploadpackfilter versionsort web worktree";
