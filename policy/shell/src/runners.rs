//! Programs of which some subcommands run the rest of their arguments: `npm exec`, `cmake -E env`, `consul lock` …
//!
//! Each line of the table is a program with its subcommand, and how the command follows. What is not in the table is
//! guessed (`unwrap::unlisted`); here it is known, so that what it runs is followed like any other command.

use std::{collections::HashMap, sync::LazyLock};

use super::{Shell, Variables, Word, parse::Walker, reasons, unwrap};

/// How the command stands behind the subcommand and its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// So many operands, then the command.
    Argv(usize),
    /// So many operands, then words that a shell reads.
    Code(usize),
    /// The same, where the operand may be missing.
    CodeAfterName,
    /// A `--`, then the command.
    Dashes,
}

use How::{Argv, Code, CodeAfterName, Dashes};

/// Follows what `name` runs by one of its subcommands.
pub(super) fn follow(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    static BY_NAME: LazyLock<HashMap<&str, Vec<&Runner>>> = LazyLock::new(|| {
        let mut runners: HashMap<&str, Vec<&Runner>> = HashMap::new();
        for runner in RUNNERS {
            for name in runner.0.split_ascii_whitespace() {
                runners.entry(name).or_default().push(runner);
            }
        }
        runners
    });
    for (_, subcommand, how, values) in BY_NAME.get(name).into_iter().flatten() {
        if let Some(rest) = behind(arguments, subcommand) {
            if matches!(name, "npm" | "npx" | "pnpm") {
                call(walker, rest, values);
            }
            return run(walker, rest, *how, values);
        }
    }
    match name {
        "cmake" => cmake(walker, arguments),
        "flatpak" => flatpak(walker, arguments),
        "helm" => with_arguments(walker, arguments, "--post-renderer", "--post-renderer-args", Otherwise::Nothing),
        "mvn" | "mvnw" => with_arguments(walker, arguments, "-Dexec.executable", "-Dexec.args", Otherwise::Unknown),
        "busctl" | "dbus-send" | "gdbus" | "qdbus" => bus(walker, arguments),
        "cc" | "gcc" | "g++" | "c++" | "clang" | "clang++" | "gfortran" => compiler(walker, arguments),
        "make" | "gmake" => make(walker, arguments),
        "rpm" | "rpmbuild" | "rpmspec" | "rpmquery" => rpm(walker, arguments),
        "snap" => snap(walker, arguments),
        "sysctl" => kernel(walker, arguments),
        _ => {}
    }
}

type Runner = (&'static str, &'static str, How, &'static str);

/// Programs, the subcommand, how the command follows, and the options before it that take a value.
const RUNNERS: &[Runner] = &[
    ("npm", "exec|x|exe", Argv(0), "-c --call -p --package --prefix -w --workspace --registry --cache --loglevel"),
    ("npx pnpx bunx", "", Argv(0), "-c --call -p --package --prefix -w --workspace --registry --cache --loglevel"),
    ("pnpm", "exec|dlx", Argv(0), "-C --dir -F --filter --package"),
    ("yarn", "exec|dlx", Argv(0), "-p --package --cwd"),
    ("composer", "exec", Code(0), "-d --working-dir"),
    ("bundle", "exec", Argv(0), "--gemfile"),
    ("poetry pipenv pdm rye hatch", "run", Argv(0), "-C --directory -P --project -e --env"),
    ("uv", "run", Argv(0), "--with --python -p --extra --group --project --directory --env-file"),
    ("conda mamba micromamba", "run", Argv(0), "-n --name -p --prefix --cwd"),
    ("direnv", "exec", Argv(1), ""),
    ("mise rtx", "exec|x", Dashes, ""),
    ("asdf rbenv pyenv nodenv goenv jenv tfenv", "exec", Argv(0), ""),
    ("nvm", "exec", Argv(1), ""),
    ("fnm", "exec", Argv(0), "--using"),
    ("opam stack cabal", "exec", Argv(0), "--switch --root --package"),
    ("meson", "devenv", Argv(0), "-C --workdir"),
    ("consul", "lock", Code(1), CONSUL),
    ("consul", "exec|watch", Code(0), CONSUL),
    ("envconsul", "", Argv(0), "-prefix -secret -config -consul-addr -vault-addr -token"),
    ("etcdctl", "lock|elect", Argv(1), "--ttl --endpoints --user --cacert --cert --key"),
    ("etcdctl", "watch", Dashes, ""),
    ("nomad", "alloc exec", Argv(1), NOMAD),
    ("nomad", "exec", Argv(1), NOMAD),
    ("podman", "machine ssh", CodeAfterName, "--username"),
    ("podman buildah", "unshare", Argv(0), ""),
    ("buildah", "run", Argv(1), "--user -v --volume --mount --workingdir --isolation --runtime"),
    ("docker-machine limactl colima", "ssh|shell", CodeAfterName, ""),
    ("incus lxc", "exec", Argv(1), "--cwd --env --group --mode --user"),
    ("flatpak", "enter|build", Argv(1), ""),
    ("flatpak-spawn", "", Argv(0), ""),
    ("apptainer singularity", "exec", Argv(1), "-B --bind --env --env-file -H --home --pwd -W --workdir"),
    ("toolbox", "run", Argv(0), "-c --container -d --distro -r --release"),
    ("distrobox", "enter", Dashes, ""),
    ("aws-vault chamber", "exec", Dashes, ""),
    ("doppler infisical op railway", "run", Dashes, ""),
    ("sops", "exec-env|exec-file", Code(1), "--user --filename"),
    ("heroku", "run", Code(0), "-a --app -s --size -r --remote -e --env"),
    ("tsh", "ssh", CodeAfterName, "-l --login -p --port --proxy --user --cluster"),
    ("lxc-attach lxc-execute cpulimit", "", Dashes, ""),
    ("pct", "exec", Dashes, ""),
    (
        "systemd-nspawn",
        "",
        Argv(0),
        "-D --directory -M --machine -u --user -i --image -p --port -E --setenv --bind --bind-ro",
    ),
    ("faketime", "", Argv(1), ""),
    (
        "xvfb-run",
        "",
        Argv(0),
        "-e --error-file -f --auth-file -n --server-num -p --xauth-protocol -s --server-args -w --wait",
    ),
];

const CONSUL: &str = "\
    -child-exit-code -datacenter -http-addr -key -keyprefix -monitor-retry -n -name -node -prefix -service -state -tag -timeout \
    -token -token-file -try -type -wait -wait-repl";

const NOMAD: &str = "-task -job -i -e -address -region -namespace -token";

/// What stands behind the words of a subcommand, which may be `a|b`, if that is the one: the first word that is no
/// option, or the second, for the first may be the value of an option.
fn behind<'w>(arguments: &'w [Word], subcommand: &str) -> Option<&'w [Word]> {
    let mut rest = arguments;
    for (depth, names) in subcommand.split_ascii_whitespace().enumerate() {
        let is_it = |word: &Word| word.known().is_some_and(|text| names.split('|').any(|name| name == text));
        let is_operand = |word: &Word| !word.start().starts_with('-');
        let most = if depth == 0 { 3 } else { 1 };
        let operands = rest.iter().enumerate().filter(|(_, word)| is_operand(word)).take(most);
        let (at, _) = operands.into_iter().find(|(_, word)| is_it(word))?;
        rest = rest.get(at + 1..)?;
    }
    Some(rest)
}

fn run(walker: &mut Walker<'_>, arguments: &[Word], how: How, values: &str) {
    if how == Dashes {
        let Some(at) = arguments.iter().position(|word| word.known() == Some("--")) else { return };
        return command(walker, arguments.get(at + 1..).unwrap_or_default());
    }
    let mut rest = without_options(arguments, values);
    let skip = match how {
        Argv(skip) | Code(skip) => skip,
        CodeAfterName | Dashes => 0,
    };
    for _ in 0..skip {
        rest = without_options(rest.get(1..).unwrap_or_default(), values);
    }
    match how {
        Argv(_) | Dashes => command(walker, rest),
        Code(_) => {
            let words: Vec<Word> = rest.iter().filter(|word| word.known() != Some("--")).cloned().collect();
            unwrap::code_of_words(walker, &words);
        }
        CodeAfterName => {
            unwrap::code_of_words(walker, rest);
            unwrap::code_of_words(walker, without_options(rest.get(1..).unwrap_or_default(), values));
        }
    }
}

/// `npx -c CODE`, before any operand. With it there is no other command.
fn call(walker: &mut Walker<'_>, arguments: &[Word], values: &str) {
    let operands = without_options(arguments, values).len();
    let options = arguments.get(..arguments.len() - operands).unwrap_or_default();
    for (at, word) in options.iter().enumerate() {
        let attached = ["--call=", "-c="].iter().find(|start| word.start().starts_with(**start));
        if let Some(start) = attached {
            walker.code_word(&word.without_start(start.len()), Shell::Unknown, Variables::new());
        } else if let (Some("-c" | "--call"), Some(code)) = (word.known(), arguments.get(at + 1)) {
            walker.code_word(code, Shell::Unknown, Variables::new());
        }
    }
}

fn command(walker: &mut Walker<'_>, words: &[Word]) {
    if !words.is_empty() {
        unwrap::run(walker, words.to_vec(), Vec::new(), Vec::new());
    }
}

fn without_options<'w>(arguments: &'w [Word], values: &str) -> &'w [Word] {
    let mut rest = arguments;
    while let Some((first, after)) = rest.split_first() {
        if first.known() == Some("--") {
            return after;
        }
        if !first.start().starts_with('-') {
            break;
        }
        let takes_value = first.known().is_some_and(|text| values.split_ascii_whitespace().any(|value| value == text));
        rest = after.get(usize::from(takes_value)..).unwrap_or_default();
    }
    rest
}

/// `cmake -E COMMAND`, which is mostly a command of the system by its name.
fn cmake(walker: &mut Walker<'_>, arguments: &[Word]) {
    if arguments.iter().any(|word| word.start().starts_with("-P") || word.start().starts_with("-C")) {
        walker.doubtful_command(reasons::SCRIPT);
    }
    let Some(at) = arguments.iter().position(|word| word.known() == Some("-E")) else { return };
    let Some((first, rest)) = arguments.get(at + 1..).and_then(<[Word]>::split_first) else { return };
    let words = |start: &[&str]| start.iter().copied().map(Word::of).chain(rest.iter().cloned()).collect::<Vec<_>>();
    match first.known() {
        Some("chdir") => command(walker, rest.get(1..).unwrap_or_default()),
        Some("copy" | "copy_if_different" | "copy_directory") => command(walker, &words(&["cp", "-r"])),
        Some("rename") => command(walker, &words(&["mv"])),
        Some("remove") => command(walker, &words(&["rm"])),
        Some("remove_directory") => command(walker, &words(&["rm", "-rf"])),
        _ => command(walker, arguments.get(at + 1..).unwrap_or_default()),
    }
}

/// `flatpak run --command=PROGRAM APP ARGUMENTS…`
fn flatpak(walker: &mut Walker<'_>, arguments: &[Word]) {
    let Some(rest) = behind(arguments, "run") else { return };
    let Some(program) = value_of(rest, "--command").into_iter().next() else { return };
    let operands = without_options(rest, "--command --arch --branch --runtime --cwd");
    command(walker, &[&[program][..], operands.get(1..).unwrap_or_default()].concat());
}

/// `snap run [OPTIONS] SNAP.APP ARGUMENTS…`: an app is called as it is in its snap, and `--shell` runs a shell there.
fn snap(walker: &mut Walker<'_>, arguments: &[Word]) {
    let Some(rest) = behind(arguments, "run") else { return };
    let operands = without_options(rest, "-r --revision --hook --command");
    let options = rest.get(..rest.len() - operands.len()).unwrap_or_default();
    let Some((app, words)) = operands.split_first() else { return };
    let has = |name: &str| options.iter().any(|option| option.start().starts_with(name));
    let is_shell = has("--shell");
    // The options of strace may name a program.
    if has("--strace=") || has("--gdb") {
        walker.opaque_command(reasons::ARGUMENT_RUNS);
    }
    let program = match app.known().and_then(|name| name.split_once('.')) {
        _ if is_shell => Word::of("bash"),
        Some((_, program)) => Word::of(program),
        None => app.clone(),
    };
    command(walker, &[&[program][..], words].concat());
}

/// The values of a long option, attached or in the next word.
fn value_of(arguments: &[Word], option: &str) -> Vec<Word> {
    let mut values = Vec::new();
    for (at, word) in arguments.iter().enumerate() {
        match word.start().strip_prefix(option) {
            Some("") if word.known().is_some() => values.extend(arguments.get(at + 1).cloned()),
            Some(rest) if rest.starts_with('=') => values.push(word.without_start(option.len() + 1)),
            _ => {}
        }
    }
    values
}

/// What a program gets where no option says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// No arguments.
    Nothing,
    /// What a file says.
    Unknown,
}

/// A program that one option names and another gives its arguments.
fn with_arguments(walker: &mut Walker<'_>, arguments: &[Word], program: &str, option: &str, otherwise: Otherwise) {
    let Some(program) = value_of(arguments, program).pop() else { return };
    let mut words = vec![program];
    let values = value_of(arguments, option);
    if values.is_empty() && otherwise == Otherwise::Unknown {
        words.push(Word::unknown(true));
    }
    for value in values {
        match value.known() {
            Some(text) => words.extend(text.split_whitespace().map(Word::of)),
            None => words.push(Word::unknown(true)),
        }
    }
    command(walker, &words);
}

/// Methods of systemd and logind, by what `systemctl` calls them.
fn bus(walker: &mut Walker<'_>, arguments: &[Word]) {
    const METHODS: [(&str, &str); 14] = [
        ("Halt", "halt"),
        ("Hibernate", "hibernate"),
        ("KExec", "kexec"),
        ("KillUnit", "kill"),
        ("MaskUnitFiles", "mask"),
        ("PowerOff", "poweroff"),
        ("Reboot", "reboot"),
        ("ReloadUnit", "reload"),
        ("RestartUnit", "restart"),
        ("SetUnitProperties", "set-property"),
        ("SoftReboot", "soft-reboot"),
        ("StartUnit", "start"),
        ("StopUnit", "stop"),
        ("Suspend", "suspend"),
    ];
    for (at, word) in arguments.iter().enumerate() {
        let Some(method) = word.known().and_then(|text| text.rsplit('.').next()) else { continue };
        if method == "StartTransientUnit" {
            walker.opaque_command("it has another program run");
        }
        if let Some((_, verb)) = METHODS.iter().find(|(name, _)| *name == method) {
            let unit = arguments.get(at + 1..).unwrap_or_default().iter().filter(|word| word.start().contains('.'));
            let words = ["systemctl", verb].into_iter().map(Word::of).chain(unit.cloned()).collect::<Vec<_>>();
            command(walker, &words);
        }
    }
}

/// `gcc -wrapper PROGRAM,ARGUMENTS`, and libraries and programs of its own.
fn compiler(walker: &mut Walker<'_>, arguments: &[Word]) {
    for word in value_of(arguments, "-wrapper") {
        match word.known() {
            Some(text) => command(walker, &text.split(',').map(Word::of).collect::<Vec<_>>()),
            None => walker.opaque_command(reasons::UNKNOWN_PROGRAM),
        }
    }
    let starts = ["-fplugin=", "-specs", "--specs", "-B", "-fuse-ld=/", "-Xclang"];
    if arguments.iter().any(|word| starts.iter().any(|start| word.start().starts_with(start))) {
        walker.opaque_command(reasons::ARGUMENT_RUNS);
    }
}

/// `make 'x=$(shell CODE)'`, `make x!=CODE`: make expands what it is given.
fn make(walker: &mut Walker<'_>, arguments: &[Word]) {
    for word in arguments {
        let text = word.known().unwrap_or(word.start());
        if word.known().is_none() && text.contains('$') {
            walker.opaque_command("an argument of make may run a program that is not known");
        }
        for piece in text.split("$(shell").skip(1).chain(text.split("${shell").skip(1)) {
            walker.code(piece.trim().trim_end_matches([')', '}']), Shell::Unknown);
        }
        let assigned = text.split_once("!=").filter(|(name, _)| !name.is_empty() && !name.contains(['=', ' ']));
        if let Some((_, code)) = assigned {
            walker.code(code, Shell::Unknown);
        }
        if ["$(eval", "${eval", "$(call", "$(file", "$(guile", "$(load"].iter().any(|start| text.contains(start)) {
            walker.opaque_command("an argument of make runs another program");
        }
        if ["-f", "--file", "--makefile", "-I", "--include-dir"].iter().any(|start| text.starts_with(start)) {
            walker.doubtful_command(reasons::SCRIPT);
        }
    }
}

/// `%(CODE)` in a macro.
fn rpm(walker: &mut Walker<'_>, arguments: &[Word]) {
    for word in arguments {
        let text = word.known().unwrap_or(word.start());
        if word.known().is_none() && text.contains('%') {
            walker.opaque_command("a macro may run a program that is not known");
        }
        for piece in text.split("%(").skip(1) {
            walker.code(piece.trim_end_matches([')', '\'', '"', '}']), Shell::Unknown);
        }
        if text.contains("%{lua") || text.contains("%{load") || text.contains("%include") {
            walker.opaque_command("a macro may run another program");
        }
    }
    for code in value_of(arguments, "--pipe") {
        walker.code_word(&code, Shell::Unknown, Variables::new());
    }
    if ["--rcfile", "--macros", "--load"].iter().any(|option| !value_of(arguments, option).is_empty()) {
        walker.opaque_command("it reads a file that may run code");
    }
}

/// Settings of the kernel that name a program.
fn kernel(walker: &mut Walker<'_>, arguments: &[Word]) {
    let is_program = |word: &Word| {
        let setting = word.start().replace('/', ".");
        let name = setting.split('=').next().unwrap_or_default().trim_end();
        setting.contains('=')
            && matches!(name, "kernel.core_pattern" | "kernel.modprobe" | "kernel.hotplug" | "kernel.poweroff_cmd")
    };
    if arguments.iter().any(is_program) {
        walker.opaque_command("a setting of the kernel runs a program");
    }
}
