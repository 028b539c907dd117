//! GHCi, Erlang, Elixir, and the languages of the JVM.

use super::{
    Place,
    code::{Runs, Syntax, is_counted},
    scripting::{Scripting, is_one_of},
};

const STRINGS: Syntax = Syntax { quotes: &["\"\"\"", "\""], comments: &["//"], interpolation: &["#{", "${"] };

pub(super) static GHCI: Scripting = Scripting {
    programs: &["ghci", "cabal", "stack"],
    runs: ("ghci", "-e"),
    place: |prompt| match prompt {
        "ghci|" => Some(Place::Next),
        "ghci>" => Some(Place::First),
        // `Prelude>`, `Prelude Data.List>`, `*Main>`
        _ => {
            let modules = prompt.strip_suffix(['>', '|'])?;
            let is_module = |word: &str| word.trim_start_matches('*').starts_with(char::is_uppercase);
            let is_prompt = !modules.is_empty() && modules.split(' ').all(is_module);
            is_prompt.then_some(if prompt.ends_with('|') { Place::Next } else { Place::First })
        }
    },
    quits: &[":q", ":quit"],
    escapes: &[":!"],
    syntax: Syntax { quotes: &["\""], comments: &["-- "], interpolation: &[] },
    code: Runs {
        names: &[
            "callCommand",
            "callProcess",
            "rawSystem",
            "readProcess",
            "readCreateProcess",
            "createProcess",
            "spawnCommand",
            "spawnProcess",
            "executeFile",
            "Process",
            "unsafePerformIO",
        ],
        bare: &["system", "shell", "proc"],
        owned: &[],
        by_name: &[],
        backquotes: false,
    },
    signs: &[":script", ":def", ":cmd", ":set prompt-function", ":set editor"],
    binding: &["let"],
};

pub(super) static ERLANG: Scripting = Scripting {
    programs: &["erl"],
    runs: ("erl", "-eval"),
    place: |prompt| {
        let number = prompt.rsplit_once(')').map_or(prompt, |(_, number)| number);
        is_counted(number, "", ">").then_some(Place::First)
    },
    quits: &["q()", "init:stop()", "halt()"],
    escapes: &[],
    syntax: Syntax { quotes: &["\"", "'"], comments: &["%"], interpolation: &[] },
    code: Runs {
        names: &["open_port", "spawn_executable", "erl_eval", "load_nif"],
        bare: &["apply", "spawn"],
        owned: &[(&["os"], &["cmd"]), (&["erlang"], &["apply", "open_port"]), (&["file"], &["eval", "script"])],
        by_name: &[],
        backquotes: false,
    },
    signs: &["\"\":\"\""],
    binding: &[],
};

pub(super) static ELIXIR: Scripting = Scripting {
    programs: &["iex"],
    runs: ("elixir", "-e"),
    place: |prompt| {
        let is_iex = prompt.starts_with("iex(") && prompt.ends_with(")>");
        let is_next = prompt.starts_with("...(") && prompt.ends_with(")>");
        if is_iex { Some(Place::First) } else { is_next.then_some(Place::Next) }
    },
    quits: &["System.halt", "System.stop"],
    escapes: &[],
    syntax: Syntax { quotes: &["\"\"\"", "\""], comments: &["#"], interpolation: &["#{"] },
    code: Runs {
        names: &["open_port", "eval_string", "eval_file", "eval_quoted", "rm_rf"],
        bare: &["apply", "c"],
        owned: &[
            (&["System"], &["cmd", "shell"]),
            (&["os"], &["cmd"]),
            (&["Port"], &["open"]),
            (&["Kernel", "erlang"], &["apply"]),
            (&["Code"], &["require_file", "compile_string"]),
        ],
        by_name: &[],
        backquotes: false,
    },
    signs: &["= System\n", "alias System", "import System", "alias Port", "import Port"],
    binding: &["def", "as"],
};

/// What runs programs in the languages of the JVM.
const JVM: Runs = Runs {
    names: &[
        "Runtime",
        "ProcessBuilder",
        "Process",
        "forName",
        "getMethod",
        "getDeclaredMethod",
        "ScriptEngineManager",
        "invoke",
        "execute",
        "evaluate",
        "GroovyShell",
        "sh",
        "shell",
        "load-file",
        "load-string",
        "ns-resolve",
    ],
    bare: &["eval", "exec"],
    owned: &[(&["sys"], &["process"])],
    by_name: &[],
    backquotes: false,
};

pub(super) static JAVA: Scripting = Scripting {
    programs: &["jshell"],
    runs: ("jshell", "-"),
    place: |prompt| is_one_of(prompt.trim_start(), &["jshell>"], &["...>"]),
    quits: &["/exit", "/ex"],
    escapes: &[],
    syntax: STRINGS,
    code: JVM,
    signs: &["/open", "/o ", "/set editor", "/set start"],
    binding: &["var"],
};

pub(super) static SCALA: Scripting = Scripting {
    programs: &["scala", "amm", "groovysh", "kotlinc"],
    runs: ("scala", "-e"),
    place: |prompt| {
        let is_groovy = prompt.starts_with("groovy:") && prompt.ends_with('>');
        if is_groovy { Some(Place::First) } else { is_one_of(prompt.trim_start(), &["scala>", "@"], &["|"]) }
    },
    quits: &[":q", ":quit", ":exit", "exit"],
    escapes: &[":sh ", ":! ", ":!"],
    syntax: STRINGS,
    code: JVM,
    signs: &["\"\".!", "\"\" !", "\"\" #|", ":load", ":l ", ":paste "],
    binding: &["val", "var", "def", "object", "class"],
};

pub(super) static CLOJURE: Scripting = Scripting {
    programs: &["clj", "clojure", "lein", "bb"],
    runs: ("clojure", "-e"),
    place: |prompt| {
        let is_namespace =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || ".-_".contains(c));
        if let Some(name) = prompt.strip_suffix("=>") {
            return is_namespace(name).then_some(Place::First);
        }
        prompt.strip_prefix("#_").and_then(|rest| rest.strip_suffix("=>")).map(|_| Place::Next)
    },
    quits: &[":repl/quit", "(exit)", "(System/exit 0)"],
    escapes: &[],
    syntax: Syntax { quotes: &["\""], comments: &[";"], interpolation: &[] },
    code: JVM,
    signs: &["load-file", "load-string", "read-string", "clojure.java.shell", "babashka.process", "(resolve"],
    binding: &["def", "defn", "as", "refer"],
};
