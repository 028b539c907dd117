//! Editors and pagers.

use super::*;

#[test]
fn commands_of_editors_and_pagers_are_judged() {
    for typed in [":!rm -rf /srv/data", ":call system('rm -rf /srv/data')", ":r !rm -rf /srv/data"] {
        let mut session = on_screen("vim notes", "text");
        session.types(typed);
        assert!(!enters(&mut session), "{typed}: {:?}", session.told);
    }
    let mut session = on_screen("vim notes", "text");
    session.types(":!systemctl restart db");
    assert!(!enters(&mut session) && session.questions.len() == 1);
    session.answers(Answer::Approved);
    assert!(session.sent.contains(&b'\r'));
}

#[test]
fn a_command_line_that_cannot_be_known_is_asked_about() {
    let mut session = on_screen("vim notes", "text");
    session.types(":!$X");
    session.output(b"\x1b[24;1H:!$X");
    assert!(!enters(&mut session) && session.questions.len() == 1);
    // The row alone tells what was put there by other keys.
    let mut recalled = on_screen("vim notes", "text");
    recalled.types(":\x1b[A");
    recalled.output(b"\x1b[24;1H:!rm -rf /srv/data");
    assert!(!enters(&mut recalled) && recalled.told[0].starts_with("blocked"), "{:?}", recalled.told);
}

#[test]
fn a_shell_that_an_editor_opens_is_a_shell() {
    for typed in [":sh", ":terminal", ":!"] {
        let mut session = on_screen("vim notes", "text");
        session.types(typed);
        session.output(format!("\x1b[24;1H{typed}").as_bytes());
        assert!(enters(&mut session), "{typed}");
        session.output(b"\r\nother> ");
        session.rest();
        session.sent.clear();
        session.types("rm -rf /srv/data");
        assert!(!enters(&mut session) && session.told[0].starts_with("blocked"), "{typed}: {:?}", session.told);
    }
}

#[test]
fn a_program_with_a_screen_that_nobody_knows_is_judged_at_each_enter() {
    let mut session = on_screen("make menuconfig", "menu");
    session.types("rm -rf /srv/data");
    assert!(!enters(&mut session) && session.told[0].starts_with("blocked"), "{:?}", session.told);
}

/// The bottom row of vim, with a command line in it.
fn vim_line(text: &str) -> String {
    format!("\x1b[24;1H\x1b[K{text}")
}

#[test]
fn whatever_an_editor_gives_to_a_shell_is_judged() {
    for line in [
        ":!rm -rf /srv/data",
        ":sil !rm -rf /srv/data",
        ":silent! !rm -rf /srv/data",
        ":r !rm -rf /srv/data",
        ":r!rm -rf /srv/data",
        ":w !rm -rf /srv/data",
        ":%!rm -rf /srv/data",
        ":1,5!rm -rf /srv/data",
        ":.,.+3!rm -rf /srv/data",
        ":'<,'>!rm -rf /srv/data",
        ":/one/,/two/w !rm -rf /srv/data",
        ":term rm -rf /srv/data",
        ":ter ++close rm -rf /srv/data",
        ":vert terminal ++rows=3 rm -rf /srv/data",
        ":te rm -rf /srv/data",
        ":call job_start('rm -rf /srv/data')",
        ":cal job_start(['rm','-rf','/srv/data'])",
        ":call system(\"rm -rf /srv/data\")",
        ":echo system('rm -rf /srv/data')",
        ":let x=system('rm -rf /srv/data')",
        ":echo 'rm -rf /srv/data'->system()",
        ":cexpr system('rm -rf /srv/data')",
        ":call delete('/srv/data', 'rf')",
        ":exe \"!rm -rf /srv/data\"",
        ":exe 'normal :!rm -rf /srv/data'",
        ":norm :!rm -rf /srv/data",
        ":g/x/norm :!rm -rf /srv/data",
        ":au BufWritePost * !rm -rf /srv/data",
        ":au BufWritePost * silent !rm -rf /srv/data",
        ":nnoremap x :!rm -rf /srv/data<CR>",
        ":com X !rm -rf /srv/data",
        ":bufdo !rm -rf /srv/data",
        ":w | !rm -rf /srv/data",
        ":e `rm -rf /srv/data`",
        ":s/x/\\=system('rm -rf \\/srv')/",
        ":python3 import os; os.system('rm -rf /srv/data')",
        ":py3 os.system('rm -rf /srv/data')",
        ":lua os.execute('rm -rf /srv/data')",
        ":perl system('rm -rf /srv/data')",
        ":set makeprg=rm\\ -rf\\ /srv/data",
        ":set keywordprg=rm\\ -rf",
        ":setl kp=rm\\ -rf",
        ":set equalprg=rm\\ -rf\\ x",
        ":set grepprg=rm\\ -rf",
        ":set shell=rm\\ -rf\\ x",
        ":set nu fp=rm\\ -rf\\ x",
        ":let &makeprg = 'rm -rf /srv/data'",
        ":set foldexpr=system('rm\\ -rf\\ x')",
        ":w >> /etc/passwd",
        ":w /etc/passwd",
        ":sav /etc/passwd",
        ":mak; rm -rf /srv/data",
        ":Dispatch rm -rf /srv/data",
        "=system('rm -rf /srv/data')",
    ] {
        let vim = || on_screen("vim notes", "text");
        // The screen alone tells it, and so do the keys.
        assert!(!passes(vim, &[(":\x1b[A", &vim_line(line))]), "{line} is shown");
        if line.starts_with(':') {
            assert!(!passes(vim, &[(line, "")]), "{line} is typed");
            assert!(!passes(vim, &[("ihello\x1b", ""), (line, &vim_line(line))]), "{line} after a text");
        }
    }
}

#[test]
fn what_an_editor_runs_and_nobody_can_know_waits() {
    for line in [
        ":w !sh",
        ":1w !bash -s",
        ":%!sh",
        ":.!bash",
        ":so %",
        ":source /tmp/x",
        ":luafile x.lua",
        ":@a",
        ":!!",
        ":call system(x)",
        ":call system('rm ' . x)",
        ":exe x",
        ":!$X",
        ":!rm $(echo -rf) x",
        ":py3f x.py",
    ] {
        let mut session = on_screen("vim notes", "text");
        session.types(line);
        session.output(vim_line(line).as_bytes());
        assert!(!enters(&mut session) && session.questions.len() == 1, "{line}: {:?}", session.told);
    }
    let mut filter = on_screen("vim notes", "text");
    filter.types("!!sh");
    filter.output(vim_line(":.!sh").as_bytes());
    assert!(!enters(&mut filter) && filter.questions.len() == 1);
}

#[test]
fn everyday_work_in_an_editor_passes() {
    for line in [
        ":wq",
        ":q!",
        ":x",
        ":%s/a/b/g",
        ":%s/rm -rf x/rm -r x/",
        ":set nu",
        ":set ts=4 sw=4 et",
        ":set list lcs=tab:>-",
        ":%!jq .",
        ":%!python3 -m json.tool",
        ":r !date",
        ":!ls",
        ":sort",
        ":sort u | w",
        ":g/^$/d",
        ":v/x/d",
        ":w other.txt",
        ":e other.txt",
        ":tabe x | vs y",
        ":help system()",
        ":nohl",
        ":%norm Avalue!",
        ":make",
        ":grep -R foo .",
        ":w !sudo tee %",
        ":echo expand('%')",
        ":let x = 1",
        ":let g:name = 'rm -rf build'",
        ":call append(0, 'x')",
        ":noremap <F2> :w<CR>",
        ":au FileType sh setl ts=2",
        ":syntax on",
        "/pattern!",
        "?rm -rf x",
    ] {
        let vim = || on_screen("vim notes", "text");
        assert!(passes(vim, &[(line, &vim_line(line))]), "{line}");
        assert!(passes(vim, &[("ihello\x1b", "\x1b[1;1Hhello"), (line, &vim_line(line))]), "{line} after a text");
    }
    for text in [
        "rm -rf build",
        "echo \"done!\" | system; rm -rf build",
        "os.system('rm -rf build') # exec!",
        ":param x: system('rm -rf build')",
        "x = $(rm -rf build) && eval \"$X\"",
    ] {
        for keys in ["i", "A", "o", "cw", "ddO", "ggdGi"] {
            let vim = || on_screen("vim notes", "text");
            assert!(passes(vim, &[(keys, ""), (text, &format!("\x1b[3;1H{text}"))]), "{keys}{text}");
        }
        for program in ["nano notes", "micro notes", "emacs -nw notes"] {
            let plain = || on_screen(program, "text");
            assert!(passes(plain, &[(text, &format!("\x1b[3;1H{text}"))]), "{program}: {text}");
        }
    }
}

#[test]
fn commands_that_nano_and_emacs_ask_for_are_judged() {
    for (program, steps) in [
        ("nano f", &[("\x14", "\x1b[22;1HCommand to execute: "), ("rm -rf x", "rm -rf x")][..]),
        ("nano f", &[("\x12\x18", "\x1b[22;1HCommand to execute in new buffer: "), ("rm -rf x", "rm -rf x")]),
        ("nano f", &[("\x14\x1b[A", "\x1b[22;1HCommand to execute: rm -rf x")]),
        ("nano f", &[("\x14", "\x1b[22;1HAuszuf\u{fc}hrender Befehl: "), ("rm -rf x", "rm -rf x")]),
        ("nano f", &[("\x14", "\x1b[22;1HCommand to execute: "), ("rm $(echo -rf) x", "rm $(echo -rf) x")]),
        ("git commit", &[("\x14", "\x1b[22;1HCommand to execute: "), ("rm -rf x", "rm -rf x")]),
        ("emacs -nw f", &[("\x1b!", "\x1b[24;1HShell command: "), ("rm -rf x", "rm -rf x")]),
        ("emacs -nw f", &[("\x1b|", "\x1b[24;1HShell command on region: "), ("rm -rf x", "rm -rf x")]),
        (
            "emacs -nw f",
            &[
                ("\x1bx", "\x1b[24;1HM-x "),
                ("shell-command\r", "\x1b[24;1H\x1b[KShell command: "),
                ("rm -rf x", "rm -rf x"),
            ],
        ),
        ("emacs -nw f", &[("\x1bxcompile\r", "\x1b[24;1HCompile command: make -k "), ("; rm -rf x", "; rm -rf x")]),
    ] {
        assert!(!passes(|| on_screen(program, "text"), steps), "{program}: {steps:?}");
    }
    for (program, steps) in [
        ("nano f", &[("\x0f", "\x1b[22;1HFile Name to Write: notes")][..]),
        ("nano f", &[("\x17", "\x1b[22;1HSearch: "), ("rm -rf x", "rm -rf x")]),
        ("nano f", &[("\x14", "\x1b[22;1HCommand to execute: "), ("date", "date")]),
        ("emacs -nw f", &[("\x18\x06", "\x1b[24;1HFind file: ~/"), ("notes", "notes")]),
    ] {
        assert!(passes(|| on_screen(program, "text"), steps), "{program}: {steps:?}");
    }
    // C-c is the beginning of a chord in emacs.
    let mut emacs = on_screen("emacs -nw f", "text");
    plays(&mut emacs, &[("\x1b!", "\x1b[24;1HShell command: "), ("rm -rf x", "rm -rf x"), ("\r", "")]);
    assert!(emacs.sent.ends_with(b"\x07") && !emacs.sent.contains(&0x03), "{:?}", emacs.sent);
}

#[test]
fn commands_in_pagers_are_judged() {
    let row = |text: &str| format!("\x1b[24;1H\x1b[K{text}");
    for (keys, shown) in [
        ("!rm -rf x", "!rm -rf x"),
        ("|.rm -rf x", "!rm -rf x"),
        ("#rm -rf x", "#rm -rf x"),
        ("!\x1b[A", "!rm -rf x"),
        ("!rm $(echo -rf) x", "!rm $(echo -rf) x"),
    ] {
        for program in ["less f", "man ls", "git log", "journalctl"] {
            if program == "less f" || !keys.starts_with('#') {
                assert!(!passes(|| on_screen(program, "text"), &[(keys, &row(shown))]), "{program}: {keys}");
            }
        }
    }
    for (keys, shown) in
        [("/rm -rf x", "/rm -rf x"), ("!date", "!date"), ("s", "log file: "), ("10", ":10"), ("&x", "&/x")]
    {
        assert!(passes(|| on_screen("less f", "text"), &[(keys, &row(shown))]), "{keys}");
    }
}

#[test]
fn an_editor_that_leaves_its_screen_for_a_command_goes_on() {
    // As vim and less print it.
    let mut vim = on_screen("vim notes", "text");
    vim.types(":!date\r");
    vim.output(b"\x1b[?2004l\x1b[?1l\x1b>\x1b[?1049l\r\nMon\r\n\r\nPress ENTER or type command to continue");
    vim.rest();
    vim.types("\r");
    vim.output(b"\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[H\x1b[2Jtext\x1b[1;1H");
    vim.rest();
    vim.types("ihello\x1b\x18\x01\x1b[21~:wq\r");
    assert!(vim.sent.ends_with(b"ihello\x1b\x18\x01\x1b[21~:wq\r"), "{:?} {:?}", vim.sent, vim.told);
    // As emacs prints it when it starts.
    let mut emacs = on_screen("emacs -nw -Q f", "\x1b[?1049l\x1b[?1049h\x1b[H\x1b[2Jtext\x1b[1;1H");
    emacs.types("hello\r");
    emacs.types("\x18\x13\x18\x03");
    assert!(emacs.sent.ends_with(b"hello\r\x18\x13\x18\x03"), "{:?} {:?}", emacs.sent, emacs.told);
    // Stopped, and brought back.
    let mut stopped = on_screen("vim notes", "text");
    stopped.types("\x1a");
    stopped.shell.away = false;
    stopped.output(b"\x1b[?1049l\r\n[1]+  Stopped\r\n\x1b[?2004hhost$ ");
    stopped.rest();
    stopped.types("date\r");
    start_program(&mut stopped, "fg", "\x1b[?1049h\x1b[?2004h\x1b[H\x1b[2Jtext\x1b[1;1H");
    stopped.shell.away = true;
    stopped.types("odb1\x1b:wq\r");
    assert!(stopped.sent.ends_with(b"odb1\x1b:wq\r"), "{:?} {:?}", stopped.sent, stopped.told);
}
