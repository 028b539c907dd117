//! What an interpreter of another language than the shell's is given to run: code in its arguments, a file, a module, or
//! what comes on standard input.
//!
//! The options are those of each interpreter's own `--help`. An option that is not described here may take a value, and
//! then nobody knows what the words behind it are.

use super::Word;

/// What an interpreter runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Runs {
    /// Code in its arguments, each text of it; and what stands behind it.
    Code(Vec<Word>, Vec<Word>),
    /// A file or a module of this name, with the arguments behind it.
    File(Word, Vec<Word>),
    /// What comes on standard input.
    Input,
    /// Nothing: it tells something about itself.
    Nothing,
    /// It cannot be read.
    Unclear,
}

/// The options of an interpreter that stand in front of what it runs.
struct Language {
    names: &'static [&'static str],
    /// Letters whose value is code.
    code: &'static str,
    /// Letters whose value names a module that is run.
    module: &'static str,
    /// Letters with a value, attached or in the next argument.
    values: &'static str,
    /// Letters whose value is attached, and may be none: the rest of the word.
    attached: &'static str,
    flags: &'static str,
    /// Whole words, without their dashes, whose value is code.
    long_code: &'static [&'static str],
    /// Whole words with a value in the next argument.
    long_values: &'static [&'static str],
    /// Beginnings of whole words without a value.
    long_flags: &'static [&'static str],
    /// Whether words of several letters stand behind one dash.
    one_dash: bool,
    /// First operands that are commands of the program itself, and run what stands in files.
    commands: &'static [&'static str],
}

const PLAIN: Language = Language {
    names: &[],
    code: "",
    module: "",
    values: "",
    attached: "",
    flags: "",
    long_code: &[],
    long_values: &[],
    long_flags: &[],
    one_dash: false,
    commands: &[],
};

const LANGUAGES: &[Language] = &[
    Language {
        names: &["python", "pypy"],
        code: "c",
        module: "m",
        values: "WX",
        flags: "bBdEiIOPqRsSuvx",
        long_values: &["check-hash-based-pycs"],
        ..PLAIN
    },
    Language {
        names: &["node", "nodejs"],
        code: "ep",
        values: "rC",
        flags: "cip",
        long_code: &["eval", "print"],
        long_values: &["require", "import", "conditions", "env-file"],
        long_flags: &[
            "inspect",
            "experimental-",
            "no-",
            "trace-",
            "enable-",
            "harmony",
            "test",
            "watch",
            "max-",
            "expose-",
        ],
        ..PLAIN
    },
    Language { names: &["perl"], code: "eE", values: "I", attached: "0iFlmMCx", flags: "acnpsStTuUvwWX", ..PLAIN },
    Language {
        names: &["ruby"],
        code: "e",
        values: "rIE",
        attached: "0iFWKxT",
        flags: "aclnpsSUvw",
        long_flags: &["disable", "enable", "yjit", "jit", "verbose"],
        ..PLAIN
    },
    Language { names: &["php"], code: "rBRE", values: "dcztS", flags: "aCilnqsw", ..PLAIN },
    Language { names: &["lua", "luajit"], code: "e", values: "l", flags: "iEv", ..PLAIN },
    Language {
        names: &["julia"],
        code: "eE",
        values: "pLtJ",
        attached: "OCg",
        flags: "iq",
        long_code: &["eval", "print"],
        long_values: &["load", "threads", "procs"],
        long_flags: &["project", "startup-file", "color", "quiet", "banner", "compile", "optimize"],
        ..PLAIN
    },
    Language {
        names: &["Rscript"],
        code: "e",
        long_flags: &["vanilla", "no-", "slave", "quiet", "verbose", "default-packages"],
        ..PLAIN
    },
    Language {
        names: &["java"],
        long_values: &["cp", "classpath", "class-path", "p", "module-path", "add-modules", "add-opens", "add-exports"],
        long_flags: &[
            "D", "Xm", "Xs", "XX:+", "XX:-", "XX:Max", "XX:Min", "XX:Init", "ea", "da", "server", "enable-", "jar",
        ],
        one_dash: true,
        ..PLAIN
    },
    Language {
        names: &["ipython"],
        code: "c",
        module: "m",
        flags: "i",
        long_flags: &["no-", "classic", "colors", "matplotlib", "profile", "pylab", "quick", "simple-prompt"],
        ..PLAIN
    },
    Language {
        names: &["irb"],
        values: "rI",
        flags: "fdmUw",
        long_flags: &["no", "prompt", "simple-prompt", "echo", "colorize", "singleline", "multiline"],
        ..PLAIN
    },
    Language {
        names: &["deno"],
        commands: &["run", "test", "fmt", "lint", "check", "task", "install", "cache", "info"],
        ..PLAIN
    },
    Language {
        names: &["bun"],
        commands: &["run", "install", "i", "add", "test", "build", "create", "dev", "start", "remove", "update"],
        ..PLAIN
    },
    Language { names: &["elixir", "expect", "groovy", "guile", "scala", "tclsh", "wish"], flags: "", ..PLAIN },
];

/// What `family`, an interpreter without its version, runs with these arguments.
pub(super) fn runs(family: &str, arguments: &[Word]) -> Runs {
    let Some(language) = LANGUAGES.iter().find(|language| language.names.contains(&family)) else {
        return Runs::Unclear;
    };
    let mut code = Vec::new();
    let mut rest = arguments;
    while let Some((word, after)) = rest.split_first() {
        let start = word.start();
        if word.known() == Some("--") {
            rest = after;
            break;
        }
        if !start.starts_with('-') || word.known() == Some("-") {
            break;
        }
        rest = after;
        if is_question(word) {
            return Runs::Nothing;
        }
        let read = match start.strip_prefix("--").or_else(|| language.one_dash.then(|| start.trim_start_matches('-'))) {
            Some(long) => language.long(long, word, &mut rest, &mut code),
            None => language.letters(word, &mut rest, &mut code),
        };
        match read {
            Read::Option => {}
            Read::Module(module) => return Runs::File(module, rest.to_vec()),
            Read::Unclear => return Runs::Unclear,
        }
        // What stands behind the code of these is for the code.
        if !code.is_empty() && matches!(family, "python" | "pypy") {
            return Runs::Code(code, rest.to_vec());
        }
    }
    if !code.is_empty() {
        return Runs::Code(code, rest.to_vec());
    }
    let Some((first, after)) = rest.split_first() else { return Runs::Input };
    let is_file =
        first.known().map_or_else(|| first.has_text() && !first.splits() || first.is_glob(), |text| text != "-");
    match first.known() {
        Some("-") => Runs::Input,
        Some(name) if !language.commands.is_empty() && !name.contains(['.', '/']) => {
            if language.commands.contains(&name) { Runs::File(first.clone(), after.to_vec()) } else { Runs::Unclear }
        }
        _ if is_file => Runs::File(first.clone(), after.to_vec()),
        _ => Runs::Unclear,
    }
}

/// What an option was read as.
enum Read {
    Option,
    Module(Word),
    Unclear,
}

fn is_question(word: &Word) -> bool {
    matches!(word.known(), Some("--version" | "-V" | "--help" | "-h" | "-version" | "-VV"))
}

impl Language {
    fn long(&self, name: &str, word: &Word, rest: &mut &[Word], code: &mut Vec<Word>) -> Read {
        let (name, attached) = match name.split_once('=') {
            Some((name, _)) => (name, word.start().find('=').map(|at| word.without_start(at + 1))),
            None => (name, None),
        };
        let is_code = self.long_code.contains(&name);
        if is_code || self.long_values.contains(&name) {
            let value = attached.or_else(|| next(rest));
            match value {
                Some(value) if is_code => code.push(value),
                Some(_) => {}
                None => return Read::Unclear,
            }
            return Read::Option;
        }
        let is_flag = self.long_flags.iter().any(|start| name.starts_with(start));
        if is_flag && (word.known().is_some() || attached.is_some()) { Read::Option } else { Read::Unclear }
    }

    fn letters(&self, word: &Word, rest: &mut &[Word], code: &mut Vec<Word>) -> Read {
        let text = word.start();
        for (at, letter) in text.char_indices().skip(1) {
            let end = at + letter.len_utf8();
            let takes_value = [self.code, self.module, self.values].iter().any(|letters| letters.contains(letter));
            // `-pe CODE` of node: both.
            let is_last = text.len() == end && word.known().is_some();
            if takes_value && !(self.names.contains(&"node") && text == "-pe" && letter == 'p') {
                let value = if is_last { next(rest) } else { Some(word.without_start(end)) };
                let Some(value) = value else { return Read::Unclear };
                if self.code.contains(letter) {
                    code.push(value);
                } else if self.module.contains(letter) {
                    return Read::Module(value);
                }
                return Read::Option;
            }
            if self.attached.contains(letter) {
                let value = text.get(end..).unwrap_or_default();
                // `-lane`, `-0777pe`: digits, and more letters.
                if matches!(letter, '0' | 'l')
                    && value.trim_start_matches(|c: char| c.is_ascii_digit()).len() < text.len()
                {
                    continue;
                }
                let is_name = value.chars().all(|c| c.is_ascii_alphanumeric() || "_:=,.~-\\t|/;".contains(c));
                let names_code = matches!(letter, 'm' | 'M')
                    && !value.chars().all(|c| c.is_ascii_alphanumeric() || "_:=,".contains(c));
                let is_plain = is_name && !names_code && word.known().is_some();
                return if is_plain { Read::Option } else { Read::Unclear };
            }
            let is_digit_of_one_before = letter.is_ascii_digit() && at > 1 && self.attached.contains('0');
            if !(self.flags.contains(letter) || is_digit_of_one_before) || word.known().is_none() {
                return Read::Unclear;
            }
        }
        Read::Option
    }
}

fn next(rest: &mut &[Word]) -> Option<Word> {
    let (word, after) = rest.split_first()?;
    *rest = after;
    (!word.splits()).then(|| word.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Runs {
        let mut words = line.split(' ').map(|word| Word::of(word.replace('␣', " ")));
        let name = words.next().unwrap_or_default();
        runs(name.start(), &words.collect::<Vec<_>>())
    }

    #[test]
    fn files_and_modules_are_told_from_code() {
        for line in [
            "python x.py --help",
            "python -u x.py -c y",
            "python -m pytest -x",
            "python -W ignore -X dev x.py",
            "node app.js",
            "node --inspect app.js -e x",
            "node -r dotenv/config app.js",
            "perl -w x.pl",
            "ruby -Ilib x.rb",
            "php artisan migrate",
            "java -Xmx1g -jar x.jar",
            "java -cp a:b Main",
            "Rscript x.R",
            "julia --project=. x.jl",
            "deno run x.ts",
            "bun run dev",
        ] {
            assert!(matches!(of(line), Runs::File(..)), "{line}: {:?}", of(line));
        }
        for (line, expected) in [
            ("python -c print(1) -x", "print(1)"),
            ("python -Bc print(1)", "print(1)"),
            ("node -pe 1", "1"),
            ("node --eval=1", "1"),
            ("perl -lane print", "print"),
            ("perl -0777pe s/a/b/ f", "s/a/b/"),
            ("perl -F, -lane print f", "print"),
            ("perl -i.bak -pe s/a/b/ f", "s/a/b/"),
            ("ruby -rjson -ne puts", "puts"),
            ("php -r echo␣1;", "echo 1;"),
        ] {
            let Runs::Code(code, _) = of(line) else { panic!("{line}: {:?}", of(line)) };
            assert_eq!(code, [Word::of(expected)], "{line}");
        }
        let Runs::Code(code, _) = of("perl -pe 1 -esystem(1) f") else { panic!("it is code") };
        assert_eq!(code.len(), 2);
        for line in [
            "python --unknown x.py",
            "node --loader x y.js",
            "perl -Mx;y f",
            "java -XX:OnError=x Main",
            "java -javaagent:x Main",
            "deno eval x",
            "bun x",
            "erl -eval x",
            "python -c",
            "irb -x",
        ] {
            assert_eq!(of(line), Runs::Unclear, "{line}");
        }
        for line in ["python", "python -i -", "perl", "node -i", "ipython --no-banner", "irb -f --simple-prompt"] {
            assert_eq!(of(line), Runs::Input, "{line}");
        }
        assert_eq!(of("java -version"), Runs::Nothing);
    }
}
