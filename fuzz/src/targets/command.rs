//! Command parsing of any text, for every shell: the first byte. The second says whether it was typed.

use shell::{ParseContext, Shell, argv, parse_with_stdin};

/// Runs the target.
pub fn run(data: &[u8]) {
    let [shell, interactive, text @ ..] = data else { return };
    let shell = match shell % 6 {
        0 => Shell::Bash,
        1 => Shell::Ash,
        2 => Shell::Dash,
        3 => Shell::Fish,
        4 => Shell::Zsh,
        _ => Shell::Unknown,
    };
    let cx = ParseContext { shell, interactive: interactive % 2 == 1, ..ParseContext::default() };
    let text = String::from_utf8_lossy(text);
    let parsed = parse_with_stdin(&text, Some(&text), &cx);
    for command in &parsed.commands {
        let _ = command.to_string();
    }
    let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let _ = argv(&words, None, &cx);
}

/// Commands of every kind that is unwrapped, and what nests.
pub const SEEDS: &[&str] = &[
    "ls -l | grep x && rm -rf /tmp/x; echo done &",
    "sudo -u root env A=1 nohup nice -n 5 timeout 3 bash -c 'rm -rf \"$HOME\"/*'",
    "find . -name '*.c' -exec rm {} + -o -print0 | xargs -0 -n1 rm -f",
    "if a; then b; elif c; then d; else e; fi; for f in *.txt; do cat $f; done",
    "while read -r l; do eval \"$l\"; done < <(curl x)",
    "case $x in a|b) rm x;; *) y;; esac",
    "cat <<'EOF' | sh\nrm -rf /\nEOF\n",
    "cat <<-E; cat <<F\n\ta\n\tE\nb\nF\n",
    "a=$(b `c \"$(d)\"`) ${x:-$(e)} $((1+$(f))) [[ -n $(g) ]] {a,$(h)}",
    "awk 'BEGIN{system(\"rm x\")}' ; sed -e 's/a/b/e' f; perl -e 'exec \"x\"'; python3 -c 'import os'",
    "ssh -o ProxyCommand='rm x' h 'rm -rf y'; git -c alias.x='!rm z' x; tar --checkpoint-action=exec=sh",
    "trap 'rm x' EXIT; PROMPT_COMMAND=y; bind -x '\"a\":b'; stty -echo; exec zsh; alias ls=rm; . ./f",
    "$'r\\x6d' \"r\"m \\rm r''m ${r}m !! !$ ^a^b",
    "f() { rm x; }; coproc g; select a in b; do c; done; ((x=1)); {fd}>out 2>&1 >|f <>g",
    "(",
    "$(",
    "`",
    "{ ",
    "((",
    "[[ ",
    "${x:-",
    "\"$(",
    "if ",
    "case x in ",
    "<<E\n",
    "! ",
    ")",
    "}",
    "'",
    "\"",
    "\\",
    "\n",
    ";",
    "|",
    "\0",
    "é",
    "$'\\u202e'",
    "<(",
    ">(",
    "=(",
    "*(e:'x':)",
];
