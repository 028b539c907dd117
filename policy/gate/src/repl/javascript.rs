//! JavaScript: Node.js, and the shell of MongoDB.

use super::{
    Place,
    code::{Runs, Syntax},
    scripting::{Scripting, is_one_of},
};

const SYNTAX: Syntax = Syntax { quotes: &["\"", "'", "`"], comments: &["//"], interpolation: &["${"] };

pub(super) static NODE: Scripting = Scripting {
    programs: &["node", "nodejs", "deno", "bun", "ts-node", "tsx"],
    runs: ("node", "-e"),
    place: |prompt| is_one_of(prompt, &[">"], &["...", "|"]),
    quits: &[".exit", "process.exit()"],
    escapes: &[],
    syntax: SYNTAX,
    code: CODE,
    signs: SIGNS,
    binding: BINDING,
};

pub(super) static MONGO: Scripting = Scripting {
    programs: &["mongosh", "mongo"],
    runs: ("node", "-e"),
    place: mongo,
    quits: &["exit", "quit", "exit()", "quit()", ".exit"],
    escapes: &[],
    syntax: SYNTAX,
    code: CODE,
    signs: SIGNS,
    binding: BINDING,
};

/// `test>`, `rs0 [direct: primary] test>`, `Atlas atlas-x [primary] test>`, `rs0:PRIMARY>`
fn mongo(prompt: &str) -> Option<Place> {
    if prompt == "..." {
        return Some(Place::Next);
    }
    let prompt = prompt.strip_suffix('>')?;
    let (set, database) = prompt.rsplit_once("] ").unwrap_or(("", prompt));
    let is_database = !database.is_empty() && database.chars().all(|c| c.is_alphanumeric() || "_-:".contains(c));
    let is_set = set.is_empty() || (set.contains(" [") && !set.contains(['$', '#', '~', '/']));
    (is_database && is_set).then_some(Place::First)
}

const CODE: Runs = Runs {
    names: &[
        "child_process",
        "execSync",
        "execFile",
        "execFileSync",
        "spawn",
        "spawnSync",
        "dlopen",
        "rmSync",
        "createRequire",
        "getBuiltinModule",
        "mainModule",
        "binding",
        "runProgram",
        "runNonMongoProgram",
        "_startMongoProgram",
        "runInThisContext",
        "runInNewContext",
        "constructor",
        "Deno",
        "Bun",
    ],
    bare: &["eval", "Function", "exec", "fork", "load", "run", "import"],
    owned: &[(&["globalThis", "global", "window"], &["eval", "Function"])],
    by_name: &["require"],
    backquotes: false,
};

/// Members whose name is put together, and a script that is read.
const SIGNS: &[&str] = &["[\"\"+", "[\"\" +", "process[", "globalThis[", "global[", ".load ", "\"\"]("];

const BINDING: &[&str] = &["const", "let", "var", "function", "class", "as"];
