use shell::Shell;

use super::super::{Binding, Bindings, Does};

fn types(keys: &[u8], text: &[u8]) -> Binding {
    Binding { keys: keys.to_vec(), does: Does::Types(text.to_vec()), in_commands: false }
}

fn runs(keys: &[u8], command: &str) -> Binding {
    Binding { keys: keys.to_vec(), does: Does::Runs(command.to_owned()), in_commands: false }
}

fn told(answer: &str, shell: Shell) -> Vec<Binding> {
    Bindings::of_answer(answer, shell).list
}

/// What bash 5.2 answers, with inputrc, bashrc and fzf's `key-bindings.bash`.
#[test]
fn bash_tells_macros_commands_and_keys_that_accept() {
    let answer = r#"hello from bashrc
bastion-mode:emacs
bastion-keys:emacs-standard
"\C-g\000": "git status\C-j"
"\C-xk": "kk\C-m"
"\e[11~": "echo \"hi\\there\" AA\C-i\C-?\C-m"
"\ec": " \C-b\C-k \C-u`__fzf_cd__`\e\C-e\er\C-m\C-y\C-h\e \C-y\ey\C-x\C-x\C-d"
"\303\244q": "é\C-j"
bastion-commands:
"\C-gs": "git status"
"\C-r": "__fzf_history__"
"\C-x\C-y": "echo \"a b\" ; rm -rf q"
accept-line can be invoked via "\C-j", "\C-m", "\eq".
operate-and-get-next can be invoked via "\C-o".
bastion-keys:vi-insert
"\ec": "\C-z\ec\C-z"
bastion-keys:vi-move
"q": "rm -rf y\C-m"
"#;
    let fzf = b" \x02\x0b \x15`__fzf_cd__`\x1b\x05\x1br\r\x19\x08\x1b \x19\x1by\x18\x18\x04";
    let expected = [
        types(b"\x07", b"git status\n"),
        types(b"\x18k", b"kk\r"),
        types(b"\x1b[11~", b"echo \"hi\\there\" AA\t\x7f\r"),
        types(b"\x1bc", fzf),
        types("äq".as_bytes(), "é\n".as_bytes()),
        runs(b"\x07s", "git status"),
        runs(b"\x12", "__fzf_history__"),
        runs(b"\x18\x19", "echo \"a b\" ; rm -rf q"),
        types(b"\x1bq", b"\r"),
    ];
    assert_eq!(told(answer, Shell::Bash), expected);
    let vi = answer.replace("bastion-mode:emacs", "bastion-mode:vi");
    let command = Binding { in_commands: true, ..types(b"q", b"rm -rf y\r") };
    assert_eq!(told(&vi, Shell::Bash), [types(b"\x1bc", b"\x1a\x1bc\x1a"), command]);
}

/// What zsh 5.9 answers, with fzf's `key-bindings.zsh`.
#[test]
fn zsh_tells_texts() {
    let answer = r#"bastion-keys:main
bindkey -R "^A"-"^C" self-insert
bindkey "^M" accept-line
bindkey "^R" fzf-history-widget
bindkey "^[c" fzf-cd-widget
bindkey "w" .accept-line
bindkey -s "\M-C\M-)" "it's"
bindkey -s "^G" "git status^J"
bindkey -s "^[OP" "a\"b\\\c^[\M-x^A^?\^ "
bindkey -s -- "--" "\"quo\$t\`e"
bindkey -s "z" "rm -rf x^M"
bastion-keys:vicmd
bindkey -s -a "q" "rm -rf y^J"
bindkey -A emacs main
"#;
    let expected = [
        types(b"w", b"\r"),
        types("é".as_bytes(), b"it's"),
        types(b"\x07", b"git status\n"),
        types(b"\x1bOP", b"a\"b\\c\x1b\xf8\x01\x7f^ "),
        types(b"--", b"\"quo$t`e"),
        types(b"z", b"rm -rf x\r"),
        Binding { in_commands: true, ..types(b"q", b"rm -rf y\n") },
    ];
    assert_eq!(told(answer, Shell::Zsh), expected);
}

/// What fish 3.6 answers, with fzf's `key-bindings.fish`; and names of keys as fish 4 writes them.
#[test]
fn fish_tells_commands() {
    let answer = r#"hello fish
bastion-mode:
bind --preset \n execute
bind z 'rm -rf x'
bind \cg 'git status; commandline -f repaint'
bind w commandline\ -r\ \'rm\ -rf\ y\'\;\ commandline\ -f\ execute
bind \e\[11\~ echo\ \"a\ \'b\'\" 'echo two'
bind -k f2 'rm -rf k'
bind -M insert q 'rm -rf i'
bind é 'rm x'
bind \eq 'commandline -i "x"' execute
bind \ct fzf-file-widget
bind -m default \ec fzf-cd-widget
"#;
    let expected = [
        runs(b"z", "rm -rf x"),
        runs(b"z", "rm -rf x"),
        runs(b"\x07", "git status; commandline -f repaint"),
        runs(b"w", "commandline -r 'rm -rf y'; commandline -f execute"),
        runs(b"w", "commandline -r 'rm -rf y'; commandline -f execute"),
        runs(b"\x1b[11~", "echo \"a 'b'\"; echo two"),
        runs(b"\x1bOQ", "rm -rf k"),
        runs("é".as_bytes(), "rm x"),
        runs("é".as_bytes(), "rm x"),
        runs(b"\x1bq", "commandline -i \"x\"; commandline -f execute"),
        runs(b"\x14", "fzf-file-widget"),
        runs(b"\x1bc", "fzf-cd-widget"),
    ];
    let mut bindings = told(answer, Shell::Fish);
    bindings.dedup();
    let mut distinct = expected.to_vec();
    distinct.dedup();
    assert_eq!(bindings, distinct);
    let vi = told("bastion-mode:fish_vi_key_bindings\nbind -M insert ctrl-g,alt-x 'x'\nbind q y\n", Shell::Fish);
    assert_eq!(vi.first(), Some(&runs(b"\x07\x1bx", "x")));
    assert!(vi.iter().any(|binding| binding.in_commands && binding.keys == b"q"));
}

#[test]
fn what_is_no_binding_is_left_out() {
    for (answer, shell) in [
        ("\"z\": \"rm\\C-m\"", Shell::Bash),
        ("bastion-keys:emacs-standard\n\"z\": \"open\n\"z\" \"x\"\n\"\": \"x\"\nz: x\n\"a\": \"\\", Shell::Bash),
        ("bindkey z\nbindkey -s \"z\nbindkey -s \"z\" x", Shell::Zsh),
        ("bind\nbind z\\\nbind -M", Shell::Fish),
        ("\"z\": \"rm\"", Shell::Unknown),
    ] {
        assert_eq!(told(answer, shell), [], "{answer:?}");
    }
}
