//! Code of other languages that people type in a line: whether it names nothing that runs a program, or changes files.
//!
//! This is no proof, as [`harmless`](super::harmless) is: a language has more ways than can be listed. It tells what
//! people type every day from what a rule may be about, where the mode trusts people so far.

/// Whether the code of `family` names something that may run a program, change files, or make code of data.
pub(super) fn names_danger(family: &str, code: &str) -> bool {
    let (words, signs): (&str, &[&str]) = match family {
        "python" | "pypy" => {
            (PYTHON, &["__import__", "__builtins__", "__globals__", "__subclasses__", "__dict__", "\\x", "\\u", "\\N"])
        }
        "node" | "nodejs" => (JAVASCRIPT, &["`", "[\"", "['", "\\x", "\\u", "import("]),
        "perl" => (PERL, &["`", "&{", "&$", "*{", "(?{", "(??{", "\\x", "->$", "<*", "< *", "${", "@{"]),
        "ruby" => (RUBY, &["`", "%x", "&:", "\\x", "\\u", "#{"]),
        "php" => (PHP, &["`", "$$", "\\x", "$_", "->$"]),
        _ => return true,
    };
    let mut code = std::borrow::Cow::Borrowed(code);
    for phrase in HARMLESS
        .iter()
        .filter(|phrase| matches!(family, "python" | "pypy") && code.contains(**phrase))
        .collect::<Vec<_>>()
    {
        code = code.replace(phrase, " ").into();
    }
    let is_word = |name: &str| words.split_ascii_whitespace().any(|word| word == name);
    let mut names = code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty());
    signs.iter().any(|sign| code.contains(sign)) || names.any(is_word) || opens_for_writing(family, &code)
}

/// Whether `open` in Python, or `require` in JavaScript, has another argument than the simple one.
fn opens_for_writing(family: &str, code: &str) -> bool {
    match family {
        "python" | "pypy" => calls(code, "open").any(|arguments| {
            let mut arguments = arguments.splitn(2, ',').skip(1);
            arguments.next().is_some_and(|rest| {
                rest.chars().any(|c| "wax+".contains(c)) && !rest.trim_start().starts_with("encoding")
            })
        }),
        "node" | "nodejs" => calls(code, "require").any(|arguments| {
            let module = arguments.trim().trim_matches(['"', '\'']);
            let is_data = module.starts_with("./") && module.ends_with(".json");
            !(is_data || matches!(module, "crypto" | "os" | "path" | "querystring" | "url" | "util"))
        }),
        _ => false,
    }
}

/// The arguments of each call of `name`, up to the first closing parenthesis.
fn calls<'c>(code: &'c str, name: &'c str) -> impl Iterator<Item = &'c str> {
    code.match_indices(name).filter_map(move |(at, _)| {
        let rest = code.get(at + name.len()..)?.trim_start().strip_prefix('(')?;
        Some(rest.split(')').next().unwrap_or(rest))
    })
}

/// The texts in quotes: names of files, mostly.
pub(super) fn strings(code: &str) -> impl Iterator<Item = &str> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let at = rest.find(['"', '\''])?;
        let quote = rest.get(at..at + 1)?;
        let (text, after) = rest.get(at + 1..)?.split_once(quote)?;
        rest = after;
        Some(text)
    })
    .filter(|text| !text.is_empty())
    .take(MAX_STRINGS)
}

/// As many texts in quotes as are looked at.
const MAX_STRINGS: usize = 8;

/// Uses of Python's dangerous names that only look.
const HARMLESS: [&str; 12] = [
    "import os",
    "os.cpu_count",
    "os.environ",
    "os.getcwd",
    "os.getenv",
    "os.getpid",
    "os.listdir",
    "os.path.",
    "os.sep",
    "os.uname",
    "sys.stderr.write",
    "sys.stdout.write",
];

const PYTHON: &str = "\
    Popen ast asyncio attrgetter breakpoint builtins chmod chown code cProfile ctypes delattr eval exec execfile fabric \
    fdopen fileinput fork getattr globals import_module importlib inspect invoke kill locals makedirs marshal methodcaller \
    mkdir modules multiprocessing operator os paramiko pathlib pdb pexpect pickle posix profile pty pydoc remove rename \
    replace_file rmdir rmtree run_module run_path runpy setattr sh shelve shutil signal spawn subprocess symlink sys_exec \
    system tempfile timeit touch trace truncate types unlink vars webbrowser write write_bytes write_text writelines";

const JAVASCRIPT: &str = "\
    Bun Deno Function Reflect Worker appendFile binding child_process constructor dlopen eval exec execFile execSync fork \
    fs globalThis mainModule module rm rmSync rmdir spawn spawnSync unlink vm worker_threads writeFile writeFileSync";

const PERL: &str = "\
    ARGV DBI chmod chown do dump eval evalbytes exec fork glob kill link mkdir open opendir pipe qx readpipe rename require \
    rmdir socket symlink syscall syswrite sysopen system truncate unlink use utime AUTOLOAD CORE POSIX";

const RUBY: &str = "\
    Dir File FileUtils Fiddle IO Kernel ObjectSpace Open3 PTY Pathname Process TOPLEVEL_BINDING abort at_exit binding call \
    class_eval const_get define_method eval exec fork instance_eval instance_exec load method module_eval open popen \
    public_send require_relative send spawn syscall system trap write";

const PHP: &str = "\
    array_map assert call_user_func call_user_func_array chmod chown copy create_function eval exec fclose file_put_contents \
    fopen fwrite include include_once link mail mkdir passthru pcntl_exec pcntl_fork popen preg_replace proc_open putenv \
    rename require require_once rmdir shell_exec symlink system touch unlink usort";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_names_no_danger() {
        for (family, code) in [
            ("python", "import sys; print(sys.path)"),
            ("python", "import pandas as pd; df = pd.read_csv(\"users.csv\"); print(df.describe())"),
            ("python", "import json,sys; [print(json.loads(l)['id']) for l in sys.stdin]"),
            ("python", "print(len(open('x.csv').readlines()))"),
            ("python", "import os, sys; sys.stdout.write(os.environ['HOME'])"),
            ("python", "import secrets; print(secrets.token_hex(16))"),
            ("node", "const d=require(\"./users.json\"); console.log(d.length)"),
            ("perl", "print $F[2]"),
            ("perl", "$s += $F[3]; END { print $s }"),
            ("ruby", "puts JSON.parse(STDIN.read).size"),
            ("php", "echo PHP_VERSION;"),
        ] {
            assert!(!names_danger(family, code), "{family}: {code}");
        }
    }

    #[test]
    fn what_runs_or_writes_is_named() {
        for (family, code) in [
            ("python", "import os; os.system('x')"),
            ("python", "import subprocess as s; s.run(['x'])"),
            ("python", "import os.path; os.path.os.system('x')"),
            ("python", "import os as o; x = o; os"),
            ("python", "open('x','w').write('y')"),
            ("python", "open('x', mode='a')"),
            ("python", "__import__('o'+'s')"),
            ("python", "print('\\x72')"),
            ("python", "import platform; platform.os.system('x')"),
            ("python", "getattr(sys, 'modules')"),
            ("node", "require('child_process').execSync('x')"),
            ("node", "process['binding']"),
            ("node", "require('f'+'s')"),
            ("node", "process.binding(1)"),
            ("perl", "system('x')"),
            ("perl", "print `x`"),
            ("perl", "open(F,'|x')"),
            ("perl", "s/a/qx(x)/e"),
            ("perl", "&{'sys'.'tem'}('x')"),
            ("ruby", "%x(x)"),
            ("ruby", "Kernel.exec 'x'"),
            ("ruby", "File.delete('x')"),
            ("ruby", "send(:sys, 'x')"),
            ("php", "passthru('x');"),
            ("lua", "print(1)"),
        ] {
            assert!(names_danger(family, code), "{family}: {code}");
        }
    }
}
