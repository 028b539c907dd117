//! [`Scripting`]: programming languages that a table tells enough of; and Lua, PHP and Perl.

use super::{
    Language, Meaning, Place,
    code::{Code, Runs, Syntax, escaped},
};

/// A programming language.
pub(super) struct Scripting {
    pub(super) programs: &'static [&'static str],
    /// The program and the option with which a statement would run.
    pub(super) runs: (&'static str, &'static str),
    pub(super) place: fn(&str) -> Option<Place>,
    pub(super) quits: &'static [&'static str],
    /// What a line begins with that a shell runs.
    pub(super) escapes: &'static [&'static str],
    pub(super) syntax: Syntax,
    pub(super) code: Runs,
    /// Texts that lead to what runs something, and are no names.
    pub(super) signs: &'static [&'static str],
    /// Words behind which a name is bound.
    pub(super) binding: &'static [&'static str],
}

impl Language for Scripting {
    fn is_spoken_by(&self, program: &str) -> bool {
        self.programs.contains(&program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
    }

    fn runs(&self) -> (&'static str, &'static str) {
        self.runs
    }

    fn place(&self, prompt: &str) -> Option<Place> {
        (self.place)(prompt)
    }

    fn quits(&self, line: &str) -> bool {
        self.quits.contains(&line.trim_end_matches([';', '.']))
    }

    fn means(&self, statement: &str) -> Vec<Meaning> {
        let mut means = escaped(statement, self.escapes);
        let code = Code::read(statement, &self.syntax);
        let runs = code.runs(&self.code) || self.signs.iter().any(|sign| code.text.contains(sign));
        if self.code.backquotes {
            let between = code.text.split('`').skip(1).step_by(2);
            means.extend(between.map(|command| Meaning::Maybe(command.to_owned())));
        }
        means.extend(code.quoted(runs));
        if runs {
            means.push(Meaning::Unknown);
        }
        means
    }

    fn binds(&self, statement: &str) -> Vec<String> {
        Code::read(statement, &self.syntax).bound(self.binding)
    }

    fn says(&self, statement: &str, names: &[String]) -> bool {
        Code::read(statement, &self.syntax).says(names)
    }
}

/// A prompt that is one of `first`, or one of `next` for a statement that goes on.
pub(super) fn is_one_of(prompt: &str, first: &[&str], next: &[&str]) -> Option<Place> {
    match prompt {
        _ if first.contains(&prompt) => Some(Place::First),
        _ if next.contains(&prompt) => Some(Place::Next),
        _ => None,
    }
}

pub(super) static LUA: Scripting = Scripting {
    programs: &["lua", "luajit"],
    runs: ("lua", "-e"),
    place: |prompt| is_one_of(prompt, &[">"], &[">>"]),
    quits: &["os.exit()"],
    escapes: &[],
    syntax: Syntax { quotes: &["\"", "'"], comments: &["--"], interpolation: &[] },
    code: Runs {
        names: &["popen", "loadlib", "loadstring", "dofile", "loadfile", "execute", "debug"],
        bare: &["load", "require"],
        owned: &[],
        by_name: &[],
        backquotes: false,
    },
    signs: &["os[", "io[", "_G[", "_ENV[", "package.loaded", "= os", "=os", "= io", "=io"],
    binding: &["local", "function"],
};

pub(super) static PHP: Scripting = Scripting {
    programs: &["php"],
    runs: ("php", "-r"),
    place: |prompt| {
        let sign = prompt.strip_prefix("php ").or_else(|| prompt.strip_prefix("php"))?;
        is_one_of(sign.trim(), &[">"], &["{", "(", "'", "\"", "`", "[", "/*"])
    },
    quits: &["exit", "quit", "exit()"],
    escapes: &[],
    syntax: Syntax { quotes: &["\"", "'"], comments: &["//", "#"], interpolation: &["{$", "${"] },
    code: Runs {
        names: &[
            "shell_exec",
            "passthru",
            "proc_open",
            "pcntl_exec",
            "popen",
            "create_function",
            "call_user_func",
            "call_user_func_array",
            "dl",
            "assert",
        ],
        bare: &["system", "exec", "eval", "include", "include_once", "require", "require_once", "mail"],
        owned: &[(&["FFI"], &["cdef", "load"])],
        by_name: &[],
        backquotes: true,
    },
    signs: &["$$", "\"\"("],
    binding: &["function"],
};

/// The debugger of Perl: without it perl has no prompt.
pub(super) static PERL: Scripting = Scripting {
    programs: &["perl"],
    runs: ("perl", "-e"),
    place: |prompt| {
        let counted = prompt.trim_start().strip_prefix("DB")?;
        let number = counted.trim_matches(['<', '>']);
        let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
        is_number.then_some(Place::First)
    },
    quits: &["q", "exit"],
    escapes: &["!!", "||", "|"],
    syntax: Syntax { quotes: &["\"", "'"], comments: &[], interpolation: &["${", "@{"] },
    code: Runs {
        names: &["system", "exec", "qx", "eval", "syscall", "fork", "do", "require", "use", "open", "source"],
        bare: &[],
        owned: &[],
        by_name: &[],
        backquotes: true,
    },
    signs: &["&$", "&{", "->("],
    binding: &["my", "our", "local", "sub"],
};
