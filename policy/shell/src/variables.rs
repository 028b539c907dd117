//! Variables that programs look at, by their names: whose value is run, names code, or is options of a program.
//!
//! Names are known by their pattern (`*_PAGER`, `*_COMMAND`), beside those that have none. A variable that is a folder to
//! search for code is data to who means well, and [doubtful](super::OpaqueKind::Doubtful) where nobody is trusted to.

use super::{
    Shell, Word,
    called::{self, Called},
    git, hooks,
    parse::{Walker, has_code},
};

/// What the value of a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A file with code, or code of another language.
    Code,
    /// Commands of an editor.
    Editor,
    /// Folders in which code is searched, or a file with settings of which some are run.
    Folders,
    /// The name of a setting of git.
    GitSetting,
    /// Settings of git.
    GitSettings,
    /// The name of a shell or of an interpreter.
    Interpreter,
    /// A library that every program loads.
    Library,
    /// Options of the program of that name, which may be none.
    Options(&'static str),
    /// Shell code behind a bar, if there is one.
    Pipe,
    /// Shell code.
    Run(Called),
    /// Nothing is known of it.
    Unknown,
}

/// Follows a variable that gets a value.
pub(super) fn set(walker: &mut Walker<'_>, name: &str, value: &Word) {
    let known = value.known();
    let used = used(name);
    if known.is_some_and(has_code) && !matches!(used, Use::Run(_) | Use::Pipe) {
        walker.opaque(format!("the value of {name} has code in it"));
    }
    match (used, known) {
        (_, Some("")) => {}
        _ if is_plain_environment(name, value) => {}
        (Use::Run(_), Some(text)) if is_whether(text) => {}
        (Use::Run(called), _) => called::value(walker, name, value, called),
        (Use::Pipe, Some(text)) => {
            let code = Word::of(text.trim_start_matches(['|', '-', ' ']));
            called::value(walker, name, &code, Called::WithArguments);
        }
        (Use::Code, Some("/dev/null")) => {}
        (Use::Code, Some(text)) if name == "PYTHONBREAKPOINT" && is_debugger(text) => {}
        (Use::Code | Use::Pipe | Use::GitSetting, None) => walker.opaque(format!("{name} is code that is not known")),
        (Use::Code, Some(body)) if name.starts_with("BASH_FUNC_") => {
            walker.code(&format!("f {body}"), Shell::Bash);
            walker.opaque(format!("{name} is a function that every shell gets"));
        }
        (Use::Code, Some(_)) => walker.opaque(format!("{name} is code, or names a file with code")),
        (Use::Editor, Some(text)) => hooks::editor_command(walker, text),
        (Use::Folders, _) if is_installed(value) => {}
        // A category that has a dot is imported.
        (Use::Folders, Some(text)) if name == "PYTHONWARNINGS" && !text.contains('.') => {}
        (Use::Library, Some(_)) if is_installed(value) => {}
        (Use::Folders | Use::Editor, _) => walker.doubtful(format!("{name} says where code is found")),
        (Use::Library, _) => walker.opaque(format!("{name} is code that every program loads")),
        (Use::GitSetting, Some(setting)) if !git::settings::is_code(setting) => {}
        (Use::GitSetting, Some(_)) => walker.opaque(format!("{name} names a setting of git that is run")),
        (Use::GitSettings, _) => git::parameters(walker, value),
        (Use::Interpreter, Some(text)) if is_interpreter(text) => {}
        (Use::Interpreter, _) => called::value(walker, name, value, Called::WithArguments),
        (Use::Options(program), Some(text)) => options(walker, name, program, text),
        (Use::Options(_), None) => walker.doubtful(format!("{name} is options that are not known")),
        (Use::Unknown, Some(text)) if text.contains(' ') && !name.contains(|c: char| c.is_ascii_lowercase()) => {
            walker.guess_code(text);
        }
        (Use::Unknown, _) => {}
    }
}

/// Whether the value of a variable of that name is run, or names code.
pub(super) fn is_run(name: &str) -> bool {
    match used(name) {
        Use::Code | Use::Editor | Use::GitSetting | Use::GitSettings | Use::Library | Use::Pipe | Use::Run(_) => true,
        Use::Folders | Use::Interpreter | Use::Options(_) | Use::Unknown => false,
    }
}

/// Whether some program looks at a variable of that name for what to run.
pub(super) fn is_looked_at(name: &str) -> bool {
    used(name) != Use::Unknown
}

/// Whether `ENV` names no file that a shell reads, but where something is to go: `ENV=prod`.
pub(super) fn is_plain_environment(name: &str, value: &Word) -> bool {
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    name == "ENV" && value.known().is_some_and(is_plain)
}

/// `GIT_PAGER=0`, `USE_SSH=yes`.
fn is_whether(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    matches!(text.as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "never" | "always" | "auto")
        || text.chars().all(|c| c.is_ascii_digit())
}

fn is_debugger(text: &str) -> bool {
    matches!(text, "0" | "pdb.set_trace" | "ipdb.set_trace" | "pudb.set_trace" | "breakpoint")
}

/// Whether all of it are places where packages are installed.
pub(super) fn is_installed(value: &Word) -> bool {
    const PLACES: [&str; 6] = ["/usr/", "/opt/", "/lib/", "/lib64/", "/nix/store/", "/run/current-system/"];
    value.known().is_some_and(|text| {
        text.split([':', ' ']).all(|path| {
            let path = super::path::normal(path).unwrap_or_default() + "/";
            PLACES.iter().any(|place| path.starts_with(place))
        })
    })
}

/// Whether it is the plain name of a shell or an interpreter, which says only which one is to be used.
fn is_interpreter(text: &str) -> bool {
    let name = super::base_name(text);
    let is_place = text == name || is_installed(&Word::of(text)) || text.starts_with("/bin/");
    let is_known = Shell::of_program(name).is_some() || super::code::is_language(name);
    is_place && (is_known || matches!(name, "nologin" | "false" | "true" | "tcsh" | "csh" | "pwsh" | "auto"))
}

/// Options that a program finds in a variable as if they stood on its command line.
fn options(walker: &mut Walker<'_>, name: &str, program: &str, text: &str) {
    // What stands behind `+` is one command of a pager, with its blanks.
    let (text, command) = match text.find('+').filter(|_| matches!(program, "less" | "more")) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at..)),
        None => (text, None),
    };
    let words: Vec<Word> = match git::words(text) {
        Some(words) => words.into_iter().chain(command.map(str::to_owned)).map(Word::of).collect(),
        None => return walker.opaque(format!("{name} is options that cannot be read")),
    };
    hooks::check(walker, program, &words);
    let is_run = |word: &Word| runs(program, word.start());
    if words.iter().any(is_run) {
        for word in &words {
            let code = word.start().split_once(['=', '!']).map_or(word.start(), |(_, code)| code);
            walker.guess_code(code.trim_matches(['\'', '"']));
        }
        walker.opaque(format!("{name} has an option that runs code"));
    }
}

/// Whether an option says what to run.
fn runs(program: &str, word: &str) -> bool {
    let is_option = word.starts_with('-');
    let option = word.trim_start_matches('-');
    let name = option.split('=').next().unwrap_or(option);
    let is = |list: &str| is_option && list.split_ascii_whitespace().any(|other| other == name);
    let starts = |list: &str| list.split_ascii_whitespace().any(|start| word.starts_with(start));
    let is_own = match program {
        "erl" => is("eval run s init boot pa pz"),
        "java" => {
            starts("-javaagent -agentlib -agentpath -Xbootclasspath -XX:OnOutOfMemoryError -XX:OnError -XX:Flags @")
        }
        "less" => starts("-k"),
        "make" => {
            word.contains('=') && !is_option || is("eval file makefile directory include-dir") || starts("-f -I -C -E")
        }
        "node" => is("require import loader experimental-loader eval print e r p"),
        "perl" => !(matches!(word, "-w" | "-W" | "-T" | "-t") || starts("-C")),
        "ruby" => !starts("-w -W -K -U -E --yjit --jit --enable --disable --encoding --external-encoding"),
        "rust" => word.contains("linker="),
        _ => false,
    };
    let lower = word.to_ascii_lowercase();
    is_own
        || is(RUN)
        || ["proxycommand", "localcommand", "extld=", "execute(", "reload(", "become("]
            .iter()
            .any(|part| lower.contains(part))
        || has_code(word)
}

/// Options of any program whose value is run, or loaded.
const RUN: &str = "\
    bind checkpoint-action command compress-program exec fplugin info-script lesskey lesskey-content lesskey-src \
    new-volume-script overlay pre preview rmt-command rsh-command specs to-command toolexec TT unzip-command use-askpass \
    use-compress-program vettool wrapper";

fn used(name: &str) -> Use {
    let is = |list: &str| list.split_ascii_whitespace().any(|word| word == name);
    let ends = |list: &str| list.split_ascii_whitespace().any(|end| name.ends_with(end));
    let starts = |list: &str| list.split_ascii_whitespace().any(|start| name.starts_with(start));
    if let Some(setting) = name.strip_prefix("npm_config_").or(name.strip_prefix("NPM_CONFIG_")) {
        return npm(&setting.to_ascii_lowercase());
    }
    match name {
        "LESS" | "SYSTEMD_LESS" => return Use::Options("less"),
        "MORE" => return Use::Options("more"),
        "MANOPT" => return Use::Options("man"),
        "TAR_OPTIONS" => return Use::Options("tar"),
        "ZIPOPT" | "UNZIPOPT" | "UNZIP" | "ZIPINFO" => return Use::Options("zip"),
        "PERL5OPT" => return Use::Options("perl"),
        "RUBYOPT" => return Use::Options("ruby"),
        "NODE_OPTIONS" => return Use::Options("node"),
        "GOFLAGS" => return Use::Options("go"),
        "MAKEFLAGS" | "GNUMAKEFLAGS" | "MFLAGS" => return Use::Options("make"),
        "FZF_DEFAULT_OPTS" | "FZF_CTRL_T_OPTS" | "FZF_CTRL_R_OPTS" | "FZF_ALT_C_OPTS" => return Use::Options("fzf"),
        "JAVA_TOOL_OPTIONS" | "_JAVA_OPTIONS" | "JDK_JAVA_OPTIONS" | "JAVA_OPTS" => return Use::Options("java"),
        "ERL_FLAGS" | "ERL_AFLAGS" | "ERL_ZFLAGS" | "ELIXIR_ERL_OPTIONS" => return Use::Options("erl"),
        "RUSTFLAGS" | "RUSTDOCFLAGS" | "CARGO_BUILD_RUSTFLAGS" | "CARGO_ENCODED_RUSTFLAGS" => {
            return Use::Options("rust");
        }
        "VIMINIT" | "EXINIT" | "GVIMINIT" => return Use::Editor,
        "LESSOPEN" | "LESSCLOSE" => return Use::Pipe,
        "GIT_CONFIG_PARAMETERS" => return Use::GitSettings,
        "PROMPT_COMMAND" | "FZF_DEFAULT_COMMAND" | "RSYNC_CONNECT_PROG" => return Use::Run(Called::Alone),
        "LESSEDIT" | "FCEDIT" | "VISUAL" => return Use::Run(Called::WithFile),
        "GIT_SSH" | "RSH" => return Use::Run(Called::WithHost),
        _ => {}
    }
    match () {
        () if starts("GIT_CONFIG_KEY_") => Use::GitSetting,
        () if starts("LUA_INIT BASH_FUNC_ DYLD_INSERT") || is(CODE) => Use::Code,
        () if is("LD_PRELOAD LD_AUDIT GCONV_PATH OPENSSL_ENGINES OPENSSL_MODULES SSH_SK_PROVIDER GTK_MODULES") => {
            Use::Library
        }
        () if is("SHELL CONFIG_SHELL PYTHON NODE RUBY PERL") || ends("_SHELL _INTERPRETER _PYTHON") => Use::Interpreter,
        () if name.contains(|c: char| c.is_ascii_lowercase()) => Use::Unknown,
        () if is(FOLDERS) || ends("_PLUGINS _PLUGIN_PATH _CALLBACK_PLUGINS") || starts("DYLD_ LUA_PATH LUA_CPATH") => {
            Use::Folders
        }
        () if is(PROGRAMS) => Use::Run(Called::WithArguments),
        () if ends("EDITOR") => Use::Run(Called::WithFile),
        () if ends("PAGER") => Use::Run(Called::WithInput),
        () if ends("_RSH _SSH SSH_COMMAND") => Use::Run(Called::WithHost),
        () if ends(
            "_ASKPASS _BROWSER _CMD _COMMAND _PASSCOMMAND _COMPILER _DIFF _EXECUTABLE _HOOK _LAUNCHER _LINKER _PROG \
             _PROGRAM _RUNNER _WRAPPER _HELPER",
        ) =>
        {
            Use::Run(Called::WithArguments)
        }
        () if ends("OPTS _OPTIONS FLAGS _ARGS _OPT") || starts("TF_CLI_ARGS") => Use::Options(""),
        () => Use::Unknown,
    }
}

/// npm takes each of its settings from a variable.
fn npm(setting: &str) -> Use {
    match setting {
        "editor" => Use::Run(Called::WithFile),
        "script_shell" | "shell" | "python" | "node_gyp" => Use::Interpreter,
        "call" => Use::Run(Called::Alone),
        "git" | "viewer" | "browser" => Use::Run(Called::WithArguments),
        "node_options" => Use::Options("node"),
        "onload_script" | "init_module" | "init.module" => Use::Code,
        "userconfig" | "globalconfig" | "prefix" => Use::Folders,
        _ => Use::Unknown,
    }
}

/// Code of other languages, and files with code that is run before anything else.
const CODE: &str = "\
    ACKRC APT_CONFIG BASH_ENV BUN_INSPECT_PRELOAD ENV GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_EXEC_PATH \
    GIT_TEMPLATE_DIR INPUTRC LESSKEY LESSKEYIN LESSKEY_CONTENT LESSKEYIN_SYSTEM MAILCAPS MAKEFILES MYVIMRC \
    NODE_REPL_EXTERNAL_MODULE PERL5DB PSQLRC PYTHONBREAKPOINT PYTHONINSPECT PYTHONSTARTUP R_PROFILE R_PROFILE_USER \
    SCREENRC WGETRC ZDOTDIR";

/// Folders that are searched for code, and files with settings of which some name code.
const FOLDERS: &str = "\
    ANSIBLE_CONFIG ANSIBLE_LIBRARY ANSIBLE_ROLES_PATH ANSIBLE_COLLECTIONS_PATH ANSIBLE_MODULE_UTILS AWS_CONFIG_FILE \
    AWS_SHARED_CREDENTIALS_FILE BAT_CONFIG_PATH BUNDLE_GEMFILE CARGO_HOME CLASSPATH CMAKE_TOOLCHAIN_FILE CURL_HOME \
    DOCKER_CONFIG EMACSLOADPATH ERL_LIBS FPATH FZF_DEFAULT_OPTS_FILE GEM_HOME GEM_PATH GOROOT GUILE_LOAD_PATH \
    HELM_PLUGINS JULIA_DEPOT_PATH JULIA_LOAD_PATH KREW_ROOT LD_LIBRARY_PATH NODE_PATH OPENSSL_CONF PERL5LIB PERLLIB \
    PHPRC PHP_INI_SCAN_DIR PKG_CONFIG_PATH PYTHONHOME PYTHONPATH PYTHONUSERBASE PYTHONWARNINGS R_ENVIRON \
    R_ENVIRON_USER R_LIBS R_LIBS_USER RIPGREP_CONFIG_PATH RUBYLIB RUSTUP_HOME STARSHIP_CONFIG TCLLIBPATH \
    TF_CLI_CONFIG_FILE VIMRUNTIME XDG_CONFIG_DIRS XDG_CONFIG_HOME YARN_RC_FILENAME YARN_YARN_PATH YARN_PLUGINS";

/// Programs that have the name of their variable.
const PROGRAMS: &str = "\
    AR AS AWK BROWSER CARGO CARGO_BUILD_RUSTC CARGO_BUILD_RUSTDOC CC CPP CXX EGREP F77 FC GREP HGMERGE HOSTCC HOSTCXX \
    INSTALL LD LEX MAILER MAKE NM OBJC OBJCOPY P4DIFF P4MERGE PKG_CONFIG RANLIB RUSTC RUSTDOC RUSTFMT SED SENDMAIL \
    STRIP SVN_MERGE TERMINAL YACC";
