//! Ruby: irb, pry, and the console of Rails.

use super::{
    Language, Meaning, Place,
    code::{Code, Runs, Syntax, escaped},
};

/// Ruby at its prompt.
pub(super) struct Ruby;

impl Language for Ruby {
    fn is_spoken_by(&self, program: &str) -> bool {
        let family = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        matches!(family, "irb" | "pry" | "rdbg" | "byebug")
    }

    fn runs(&self) -> (&'static str, &'static str) {
        ("ruby", "-e")
    }

    /// `irb(main):001:0>`, `irb(main):002*`, `3.2.2 :001 >`, `>>`, `[1] pry(main)>`, `app(dev)>`, `(byebug)`, `(rdbg)`
    fn place(&self, prompt: &str) -> Option<Place> {
        if matches!(prompt, ">>" | "?>" | "(byebug)" | "(rdbg)") {
            return Some(Place::First);
        }
        let sign = prompt.chars().last().filter(|sign| "*>\"'/]".contains(*sign))?;
        let before = prompt.strip_suffix(sign)?;
        let is_irb = before.starts_with("irb(") && before.contains("):");
        let is_pry = before.starts_with('[') && before.contains("] pry(");
        let is_counted = before.trim_end().rsplit_once(" :").is_some_and(|(version, number)| {
            let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
            is_number(version) && is_number(number)
        });
        let is_rails = ["(dev)", "(test)", "(prod)", "(development)", "(production)", "(main)"].iter().any(|kind| {
            before
                .strip_suffix(kind)
                .or_else(|| before.split_once(kind).map(|(name, _)| name))
                .is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)))
        });
        let is_prompt = is_irb || is_pry || is_counted || is_rails;
        is_prompt.then_some(if sign == '>' { Place::First } else { Place::Next })
    }

    fn quits(&self, line: &str) -> bool {
        matches!(line, "exit" | "quit" | "exit!" | "exit()" | "irb_exit" | "q" | "!!!")
    }

    fn means(&self, statement: &str) -> Vec<Meaning> {
        // pry gives what stands behind a dot to a shell.
        let mut means = escaped(statement, &["."]);
        means.retain(|meaning| matches!(meaning, Meaning::Shell(text) if text.starts_with(char::is_alphabetic)));
        let code = Code::read(statement, &SYNTAX);
        let between = code.text.split('`').skip(1).step_by(2);
        means.extend(between.map(|command| Meaning::Maybe(command.to_owned())));
        let is_pipe = code.strings.iter().any(|string| string.trim_start().starts_with('|'));
        let runs = code.runs(&RUNS) || code.text.contains("%x") || is_pipe;
        means
            .extend(code.strings.iter().filter_map(|text| text.trim_start().strip_prefix('|')).map(super::code::shell));
        means.extend(code.quoted(runs));
        if runs {
            means.push(Meaning::Unknown);
        }
        means
    }

    fn binds(&self, statement: &str) -> Vec<String> {
        Code::read(statement, &SYNTAX).bound(&["def", "class", "module", "alias"])
    }

    fn says(&self, statement: &str, names: &[String]) -> bool {
        Code::read(statement, &SYNTAX).says(names)
    }
}

const SYNTAX: Syntax = Syntax { quotes: &["\"", "'"], comments: &["# "], interpolation: &["#{"] };

const RUNS: Runs = Runs {
    names: &[
        "popen",
        "popen2",
        "popen3",
        "capture2",
        "capture2e",
        "capture3",
        "instance_eval",
        "class_eval",
        "module_eval",
        "instance_exec",
        "const_get",
        "define_method",
        "rm_rf",
        "rm_r",
        "rmtree",
        "PTY",
        "Fiddle",
        "Open3",
        "syscall",
        "posix_spawn",
    ],
    bare: &["system", "exec", "spawn", "eval", "fork", "load", "binding"],
    owned: &[(
        &["Kernel", "Process", "IO", "self", "main", "Object"],
        &["system", "exec", "spawn", "eval", "fork", "load", "binding"],
    )],
    by_name: &["send", "__send__", "public_send", "method", "instance_method"],
    backquotes: true,
};
