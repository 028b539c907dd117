//! Names of vi's commands and options, and how much of them is needed (vim's `:help index`, `:help option-list`).

/// What the command of that name does with its argument.
pub(super) fn kind(name: &str) -> Option<Kind> {
    let holds_keys = name.ends_with("map") || name.contains("abbr") || name.ends_with("menu") || MAPS.contains(&name);
    let known = TABLE.iter().find(|(command, _)| is(name, *command)).map(|(_, kind)| *kind);
    known.or(holds_keys.then_some(Kind::Nested))
}

/// Whether it is the name of the command, or as much of it as is needed.
pub(super) fn is(name: &str, (full, least): (&str, usize)) -> bool {
    name.len() >= least && full.starts_with(name)
}

/// What a command does with its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Code(&'static str, &'static str),
    Execute,
    Expression,
    Grep,
    Make,
    Nested,
    Normal,
    Read,
    Set,
    Shell,
    Source,
    Window,
    Write,
}

/// Commands, with how much of their name is needed.
const TABLE: [((&str, usize), Kind); 91] = [
    (("read", 1), Kind::Read),
    (("edit", 1), Kind::Read),
    (("split", 2), Kind::Read),
    (("vsplit", 2), Kind::Read),
    (("tabedit", 4), Kind::Read),
    (("tabnew", 6), Kind::Read),
    (("view", 3), Kind::Read),
    (("sview", 2), Kind::Read),
    (("new", 3), Kind::Read),
    (("vnew", 3), Kind::Read),
    (("write", 1), Kind::Write),
    (("wq", 2), Kind::Write),
    (("xit", 1), Kind::Write),
    (("exit", 3), Kind::Write),
    (("update", 2), Kind::Write),
    (("saveas", 3), Kind::Write),
    (("terminal", 2), Kind::Window),
    (("shell", 2), Kind::Shell),
    (("make", 3), Kind::Make),
    (("lmake", 4), Kind::Make),
    (("grep", 2), Kind::Grep),
    (("grepadd", 5), Kind::Grep),
    (("lgrep", 3), Kind::Grep),
    (("lgrepadd", 6), Kind::Grep),
    (("source", 2), Kind::Source),
    (("pyfile", 3), Kind::Source),
    (("py3file", 4), Kind::Source),
    (("pyxfile", 4), Kind::Source),
    (("luafile", 4), Kind::Source),
    (("rubyfile", 5), Kind::Source),
    (("tclfile", 4), Kind::Source),
    (("mzfile", 3), Kind::Source),
    (("call", 3), Kind::Expression),
    (("echo", 2), Kind::Expression),
    (("echomsg", 5), Kind::Expression),
    (("echon", 5), Kind::Expression),
    (("echoerr", 5), Kind::Expression),
    (("echoconsole", 5), Kind::Expression),
    (("let", 3), Kind::Expression),
    (("const", 4), Kind::Expression),
    (("final", 5), Kind::Expression),
    (("var", 3), Kind::Expression),
    (("eval", 2), Kind::Expression),
    (("return", 4), Kind::Expression),
    (("if", 2), Kind::Expression),
    (("elseif", 5), Kind::Expression),
    (("while", 2), Kind::Expression),
    (("for", 3), Kind::Expression),
    (("throw", 2), Kind::Expression),
    (("put", 2), Kind::Expression),
    (("iput", 2), Kind::Expression),
    (("cexpr", 3), Kind::Expression),
    (("lexpr", 3), Kind::Expression),
    (("caddexpr", 5), Kind::Expression),
    (("laddexpr", 3), Kind::Expression),
    (("cgetexpr", 5), Kind::Expression),
    (("lgetexpr", 5), Kind::Expression),
    (("substitute", 1), Kind::Expression),
    (("execute", 3), Kind::Execute),
    (("normal", 4), Kind::Normal),
    (("set", 2), Kind::Set),
    (("setlocal", 4), Kind::Set),
    (("setglobal", 4), Kind::Set),
    (("autocmd", 2), Kind::Nested),
    (("command", 3), Kind::Nested),
    (("global", 1), Kind::Nested),
    (("vglobal", 1), Kind::Nested),
    (("bufdo", 4), Kind::Nested),
    (("argdo", 5), Kind::Nested),
    (("windo", 5), Kind::Nested),
    (("tabdo", 4), Kind::Nested),
    (("cdo", 3), Kind::Nested),
    (("cfdo", 3), Kind::Nested),
    (("ldo", 2), Kind::Nested),
    (("lfdo", 3), Kind::Nested),
    (("folddoopen", 5), Kind::Nested),
    (("folddoclosed", 7), Kind::Nested),
    (("map", 3), Kind::Nested),
    (("python", 2), Kind::Code("python3", "-c")),
    (("py3", 3), Kind::Code("python3", "-c")),
    (("python3", 7), Kind::Code("python3", "-c")),
    (("pyx", 3), Kind::Code("python3", "-c")),
    (("pythonx", 7), Kind::Code("python3", "-c")),
    (("pydo", 3), Kind::Code("python3", "-c")),
    (("py3do", 4), Kind::Code("python3", "-c")),
    (("perl", 2), Kind::Code("perl", "-e")),
    (("perldo", 5), Kind::Code("perl", "-e")),
    (("ruby", 3), Kind::Code("ruby", "-e")),
    (("rubydo", 5), Kind::Code("ruby", "-e")),
    (("lua", 3), Kind::Code("lua", "-e")),
    (("luado", 4), Kind::Code("lua", "-e")),
];

/// Short names of commands that bind keys or words.
const MAPS: [&str; 16] =
    ["no", "nn", "ino", "nm", "im", "cno", "cm", "vn", "vno", "xn", "xno", "ono", "tno", "ab", "ia", "ca"];

/// Words before a command.
pub(super) const MODIFIERS: [(&str, usize); 26] = [
    ("silent", 3),
    ("verbose", 4),
    ("noautocmd", 3),
    ("keepalt", 5),
    ("keepjumps", 5),
    ("keepmarks", 3),
    ("keeppatterns", 5),
    ("lockmarks", 3),
    ("noswapfile", 3),
    ("unsilent", 3),
    ("vertical", 4),
    ("horizontal", 3),
    ("tab", 3),
    ("aboveleft", 3),
    ("belowright", 3),
    ("botright", 2),
    ("topleft", 2),
    ("leftabove", 5),
    ("rightbelow", 6),
    ("confirm", 4),
    ("hide", 3),
    ("sandbox", 3),
    ("browse", 3),
    ("legacy", 3),
    ("try", 3),
    ("else", 2),
];

/// Options whose value is a command, by their short names and those that end in no `prg`.
pub(super) const PROGRAM_OPTIONS: [&str; 8] = ["mp", "gp", "kp", "ep", "fp", "shell", "sh", "browsex"];

/// Options whose value is put around commands.
pub(super) const SHELL_OPTIONS: [&str; 6] = ["shellpipe", "sp", "shellredir", "srr", "shellcmdflag", "shcf"];

/// Options whose value is an expression, and whose name does not say so.
pub(super) const EXPRESSION_OPTIONS: [&str; 11] =
    ["pex", "pexpr", "fde", "inde", "inex", "fex", "dex", "ccv", "charconvert", "bexpr", "opfunc"];
