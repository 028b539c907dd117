//! Python: its own prompt, IPython's, and those of its debuggers.

use super::{
    Language, Meaning, Place,
    code::{Code, Runs, Syntax, escaped, is_counted, shell},
};

/// Python 3, of any version and under any of these names.
pub(super) struct Python;

impl Language for Python {
    fn is_spoken_by(&self, program: &str) -> bool {
        let family = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        matches!(family, "python" | "ipython" | "pypy" | "bpython" | "ptpython" | "pdb" | "ipdb" | "pudb")
    }

    fn runs(&self) -> (&'static str, &'static str) {
        ("python3", "-c")
    }

    fn place(&self, prompt: &str) -> Option<Place> {
        if matches!(prompt, ">>>" | "(Pdb)" | "(Pdb++)" | "(pdb)" | "ipdb>") || is_counted(prompt, "In [", "]:") {
            return Some(Place::First);
        }
        let is_next = prompt == "..." || (prompt.trim_start() == "...:" && prompt.starts_with("  "));
        is_next.then_some(Place::Next)
    }

    fn quits(&self, line: &str) -> bool {
        matches!(
            line,
            "exit" | "quit" | "exit()" | "quit()" | "q" | "sys.exit()" | "%exit" | "%quit" | "raise SystemExit"
        )
    }

    fn means(&self, statement: &str) -> Vec<Meaning> {
        if let Some(cell) = shell_cell(statement) {
            return vec![shell(cell)];
        }
        let mut means = escaped(statement, &["!!", "!", "%sx ", "%system ", "%sc ", "%alias "]);
        for line in statement.lines().map(str::trim) {
            // `files = !ls`
            if let Some((_, command)) = line.split_once("= !").or_else(|| line.split_once("=!")) {
                means.push(shell(command));
            }
            if let Some(script) = line.strip_prefix("%run ").or_else(|| line.strip_prefix("%load_ext ")) {
                means.push(Meaning::Shell(format!("python3 {script}")));
            }
            // IPython takes names of commands without a sign (`rm x`).
            means.push(Meaning::Maybe(line.trim_start_matches('%').to_owned()));
        }
        let code = Code::read(statement, &SYNTAX);
        let is_used = |bound: &String| code.names().filter(|name| name.name == bound).count() > 1;
        let runs = code.runs(&RUNS) || reaches_inside(&code) || self.binds_of_modules(statement).iter().any(is_used);
        means.extend(code.quoted(runs));
        if runs {
            means.push(Meaning::Unknown);
        }
        means
    }

    fn binds(&self, statement: &str) -> Vec<String> {
        Code::read(statement, &SYNTAX).bound(&["def", "class", "as", "import", "for"])
    }

    fn binds_of_modules(&self, statement: &str) -> Vec<String> {
        let code = Code::read(statement, &SYNTAX);
        let mut bound = Vec::new();
        // `import subprocess as sp`, `from os import system`: the names that are theirs from here on.
        let words: Vec<&str> = code.names().map(|name| name.name).collect();
        for (at, word) in words.iter().enumerate() {
            let is_module = MODULES.contains(word);
            let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
            match (words.get(at + 1), words.get(at + 2)) {
                (Some(&"as"), Some(name)) if is_module => bound.push((*name).to_owned()),
                (Some(&"import"), _) if is_module && before == "from" => {
                    bound
                        .extend(words.iter().skip(at + 2).filter(|name| **name != "as").map(|name| (*name).to_owned()));
                }
                _ => {}
            }
        }
        bound
    }

    fn says(&self, statement: &str, names: &[String]) -> bool {
        Code::read(statement, &SYNTAX).says(names)
    }
}

/// The text of a cell that a shell runs.
fn shell_cell(statement: &str) -> Option<&str> {
    let (magic, cell) = statement.trim_start().split_once('\n')?;
    let name = magic.strip_prefix("%%")?.split_whitespace().next()?;
    matches!(name, "!" | "bash" | "sh" | "script" | "sx" | "system" | "writefile" | "perl" | "ruby").then_some(cell)
}

/// Whether it leads to what is loaded by another way than its name.
fn reaches_inside(code: &Code) -> bool {
    code.names().any(|name| {
        let is_table = matches!(name.name, "globals" | "locals" | "vars") && name.behind.starts_with('(');
        let is_looked_up = is_table && name.behind.trim_start_matches(['(', ')', ' ']).starts_with(['[', '.']);
        let is_used = |owner: &str| matches!(owner, "subprocess" | "pty" | "ctypes" | "pexpect" | "runpy" | "marshal");
        let is_system = name.name == "system" && name.owner.is_some_and(|owner| owner != "platform");
        is_looked_up || is_system || name.owner.is_some_and(is_used)
    })
}

const SYNTAX: Syntax = Syntax { quotes: &["\"\"\"", "'''", "\"", "'"], comments: &["#"], interpolation: &["{"] };

/// Modules that run programs: a name of one of their functions, or another name of theirs, is one to remember.
const MODULES: [&str; 6] = ["os", "subprocess", "pty", "ctypes", "pexpect", "runpy"];

const RUNS: Runs = Runs {
    names: &[
        "popen",
        "Popen",
        "execl",
        "execle",
        "execlp",
        "execlpe",
        "execv",
        "execve",
        "execvp",
        "execvpe",
        "spawnl",
        "spawnle",
        "spawnlp",
        "spawnlpe",
        "spawnv",
        "spawnve",
        "spawnvp",
        "spawnvpe",
        "posix_spawn",
        "posix_spawnp",
        "startfile",
        "check_output",
        "check_call",
        "getoutput",
        "getstatusoutput",
        "rmtree",
        "import_module",
        "__import__",
        "__subclasses__",
        "__globals__",
        "__builtins__",
        "__getattribute__",
        "__loader__",
        "__dict__",
        "create_subprocess_exec",
        "create_subprocess_shell",
        "CDLL",
        "execfile",
        "get_ipython",
    ],
    bare: &["eval", "exec", "compile", "system"],
    owned: &[
        (&["os", "posix"], &["fork", "forkpty"]),
        (&["sys"], &["modules"]),
        (&["pickle", "marshal", "dill"], &["loads", "load"]),
        (&["builtins"], &["eval", "exec", "compile"]),
        (&["code"], &["interact"]),
    ],
    by_name: &["getattr", "attrgetter", "methodcaller"],
    backquotes: false,
};
