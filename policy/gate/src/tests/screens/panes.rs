//! Panes of multiplexers.

use super::*;

#[test]
fn panes_are_judged_by_keys_and_by_the_row() {
    let mut typed = on_screen("tmux", "host$ ");
    typed.types("rm -rf /srv/data");
    assert!(!enters(&mut typed) && typed.told[0].starts_with("blocked"));
    let mut shown = on_screen("tmux", "host$ ");
    shown.types("r\t");
    shown.output(b"rm -rf /srv/data");
    assert!(!enters(&mut shown) && shown.told[0].starts_with("blocked"));
    let mut unknown = on_screen("tmux", "host$ ");
    unknown.types("$X");
    unknown.output(b"$X");
    assert!(!enters(&mut unknown) && unknown.questions.len() == 1);
    let mut chord = on_screen("tmux", "host$ ");
    chord.types("#rm -rf /srv/data\x1b#");
    assert!(chord.told == ["bell"] && !chord.sent.contains(&0x1b));
    // What a multiplexer does with a key after its prefix is not known.
    let mut moved = on_screen("tmux", "host$ ");
    moved.types("rm -rf\x02n");
    moved.output(b"\x1b[2J\x1b[Hother$ rm -rf /srv/data");
    assert!(!enters(&mut moved) && moved.told[0].starts_with("blocked"));
}

#[test]
fn a_multiplexer_that_shows_no_screen_has_left_a_shell() {
    let mut session = Session::new(true);
    session.shell.completion = "$X";
    session.types("tmux\r");
    session.types("\t\r");
    assert_eq!((session.shell.ran.len(), session.questions.len()), (1, 1));
}

/// A pane of half the window, as tmux draws it: its first row is 2, its line is at column 41.
fn split(left: &str) -> String {
    let mut screen = String::new();
    for row in 1..24 {
        screen.push_str(&format!("\x1b[{row};41H\u{2502}"));
    }
    screen.push_str("\x1b[24;1H[a] 0:bash*   \"vm\" 00:04");
    screen.push_str("\x1b[2;42Hother pane\x1b[2;1H");
    screen.push_str(left);
    screen
}

#[test]
fn no_key_is_swallowed_in_a_pane() {
    let mut session = on_screen("tmux -f /dev/null new -s a", "host$ ");
    start_in_pane(&mut session, "vim n");
    for keys in [
        "iweb1 db1\x1b",
        "0vey$p",
        ":wq",
        "\x0f",
        "\x18",
        "\x1b[21~",
        "\x14",
        "\x17",
        "\x1b#",
        "\x18\x05",
        "\x1bOP",
        "\x00",
        "\x1b[<0;1;1M",
    ] {
        session.sent.clear();
        session.types(keys);
        assert_eq!(session.sent, keys.as_bytes(), "{keys:?}: {:?}", session.told);
    }
    assert!(session.told.is_empty(), "{:?}", session.told);
}

/// A line in the pane starts an editor or another program, which clears the pane.
fn start_in_pane(session: &mut Session, line: &str) {
    plays(session, &[(line, line), ("\r", "\x1b[H\x1b[2J\x1b[1;1H")]);
    assert!(session.sent.ends_with(b"\r"), "{line}: {:?}", session.told);
    session.sent.clear();
}

#[test]
fn an_editor_in_a_pane_is_an_editor() {
    let vim = || {
        let mut session = on_screen("tmux", "host$ ");
        start_in_pane(&mut session, "vim n");
        session
    };
    for line in [":wq", ":q!", ":%s/a/b/g", ":%!jq .", "/rm -rf x"] {
        assert!(passes(vim, &[("ihello\x1b", "hello"), (line, &format!("\x1b[23;1H{line}"))]), "{line}");
    }
    for text in ["rm -rf build", "echo \"$X\"", "# see $(date)"] {
        assert!(passes(vim, &[("o", ""), (text, &format!("\x1b[3;1H{text}"))]), "{text}");
    }
    for line in [":!rm -rf x", ":w !sh", ":term rm -rf x", ":call system('rm -rf x')"] {
        assert!(!passes(vim, &[("ihello\x1b", "hello"), (line, &format!("\x1b[23;1H{line}"))]), "{line}");
        assert!(!passes(vim, &[(":\x1b[A", &format!("\x1b[23;1H{line}"))]), "{line} is shown");
    }
    let nano = || {
        let mut session = on_screen("tmux", "host$ ");
        start_in_pane(&mut session, "nano n");
        session
    };
    assert!(passes(nano, &[("rm -rf build", "\x1b[3;1Hrm -rf build")]));
    assert!(!passes(nano, &[("\x14", "\x1b[21;1HCommand to execute: "), ("rm -rf x", "rm -rf x")]));
    // The shell reads again when the editor is gone.
    for prompt in ["host$ ", "\x1b[31mroot@vm:~# \x1b[m", "\u{279c} ", "sh: "] {
        let gone = || {
            let mut session = vim();
            plays(&mut session, &[(":q\r", &format!("\x1b[H\x1b[2J{prompt}"))]);
            session
        };
        if prompt != "sh: " {
            assert!(!passes(gone, &[("rm -rf x", "rm -rf x")]), "{prompt}");
            assert!(!passes(gone, &[("\x1b[A", "rm -rf x")]), "{prompt}");
        }
    }
}

#[test]
fn the_line_of_a_pane_is_read_whole() {
    let row = |text: &str, width: usize| -> String {
        let chars: Vec<char> = text.chars().collect();
        let rows: Vec<String> = chars.chunks(width).map(|row| row.iter().collect()).collect();
        rows.iter().enumerate().map(|(at, row)| format!("\x1b[{};1H{row}", at + 2)).collect()
    };
    let long = format!("rm -rf {}/uniquefile", "d".repeat(60));
    for prompt in ["host$ ", "\u{279c} ", "root@vm:~# ", "? "] {
        // What is typed, and what only the screen tells: completion, and history.
        let pane = || on_screen("tmux", &split(""));
        let whole = format!("{prompt}{long}");
        assert!(!passes(pane, &[("\x1b[A", &row(&whole, 40))]), "{prompt}");
        assert!(!passes(pane, &[("rm -rf dd\t", &row(&whole, 40))]), "{prompt}");
        let wide = || on_screen("tmux", "\x1b[2;1H");
        assert!(!passes(wide, &[("rm -rf dd\t", &row(&whole, 80))]), "{prompt}");
    }
    let pane = || on_screen("tmux", &split("host$ "));
    assert!(!passes(pane, &[("\x1b[A", "rm $(echo -rf) x")]), "what cannot be known counts behind a prompt");
    assert!(passes(pane, &[("\x1b[A", "ls -l /srv")]));
    assert!(passes(pane, &[("ls -l /srv/data", "ls -l /srv/data")]));
    // A proposal is no part of the line.
    assert!(passes(pane, &[("rm -r", "rm -r\x1b[90m -f /srv/data\x1b[m\x1b[13D")]));
}

#[test]
fn the_lines_of_a_pane_that_belong_together_are_judged_together() {
    let steps =
        [("true; rm \\", "true; rm \\"), ("\r", "\r\n> "), ("-r \\", "-r \\"), ("\r", "\r\n> "), ("-f x", "-f x")];
    assert!(!passes(|| on_screen("tmux", "host$ "), &steps));
    // A new prompt begins a new line.
    let steps = [("echo 'a", "echo 'a"), ("\r", "\r\n> "), ("\x03", "^C\r\nhost$ "), ("ls -l", "ls -l")];
    assert!(passes(|| on_screen("tmux", "host$ "), &steps));
}

#[test]
fn a_paste_is_not_taken_apart() {
    let paste = "\x1b[200~rm -rf \"$X\"\recho \"a\rb\"\r\x1b[201~";
    let mut vim = on_screen("vim notes", "text");
    vim.types(paste);
    assert!(vim.sent.ends_with(paste.as_bytes()) && vim.told.is_empty(), "{:?} {:?}", vim.sent, vim.told);
    let mut pane = on_screen("tmux", "\x1b[?2004hhost$ ");
    start_in_pane(&mut pane, "vim n");
    pane.types(paste);
    assert!(pane.sent.ends_with(paste.as_bytes()) && pane.told.is_empty(), "{:?} {:?}", pane.sent, pane.told);
    // At a prompt its lines are a shell's, if they are no more than typed.
    for lines in ["rm -rf x\r", "ls\rrm -rf x\r", "rm \\\r-rf x\r"] {
        let mut shell = on_screen("tmux", "\x1b[?2004hhost$ ");
        shell.types(&format!("\x1b[200~{lines}\x1b[201~"));
        assert!(shell.told.iter().any(|told| told.starts_with("blocked")), "{lines:?}: {:?}", shell.told);
    }
}

#[test]
fn a_language_in_a_pane_is_read_as_one() {
    let python = || {
        let mut session = on_screen("tmux", "host$ ");
        plays(&mut session, &[("python3", "python3"), ("\r", "\r\n>>> ")]);
        session
    };
    for line in ["1 + 1", "print(\"a(b)\")", "x = [1, 2]"] {
        assert!(passes(python, &[(line, line)]), "{line}");
    }
    for line in ["import os; os.system('rm -rf x')", "\x1b[A"] {
        let shown = if line.starts_with('i') { line } else { "os.system('rm -rf x')" };
        assert!(!passes(python, &[(line, shown)]), "{line}");
    }
    let in_block = || {
        let mut session = python();
        plays(&mut session, &[("for i in (1, 2):", "for i in (1, 2):"), ("\r", "\r\n... ")]);
        session
    };
    assert!(passes(in_block, &[("    print(str(i))", "    print(str(i))")]));
    assert!(!passes(in_block, &[("    os.system('rm -rf x')", "    os.system('rm -rf x')")]));
    // Without a language it is a shell's line, whatever stands before it.
    assert!(!passes(|| on_screen("tmux", "... "), &[("f(str(i))", "f(str(i))")]));
    let gone = || {
        let mut session = python();
        plays(&mut session, &[("exit()", "exit()"), ("\r", "\r\nhost$ ")]);
        session
    };
    assert!(!passes(gone, &[("rm $(echo -rf) x", "rm $(echo -rf) x")]));
}

#[test]
fn the_folder_of_a_pane_is_followed() {
    let steps = [("cd /etc", "cd /etc"), ("\r", "\r\nhost$ "), ("echo x > motd", "echo x > motd")];
    assert!(!passes(|| on_screen("tmux", "host$ "), &steps));
}

#[test]
fn the_command_line_of_a_multiplexer_is_judged() {
    for line in [
        "run-shell \"rm -rf x\"",
        "send-keys \"rm -rf x\" Enter",
        "new-window 'rm -rf x'",
        "split-window rm -rf x",
        "pipe-pane 'rm -rf x'",
        "if-shell 'rm -rf x' ''",
        "respawn-pane -k rm -rf x",
        "display-popup -E 'rm -rf x'",
        "bind-key x run-shell 'rm -rf x'",
        "source-file x",
        "set -g default-command 'rm -rf x'",
    ] {
        for key in ["\x02:", "\x01:", "\x1b:"] {
            let shown = format!("\x1b[24;1H\x1b[K:{line}");
            assert!(!passes(|| on_screen("tmux", "host$ "), &[(key, "\x1b[24;1H:"), (line, &shown)]), "{line}");
        }
        assert!(!passes(|| on_screen("tmux", "host$ "), &[("\x02:", ""), (line, "")]), "{line}");
        let shown = format!("\x1b[24;1H\x1b[K:{line}");
        assert!(!passes(|| on_screen("tmux", "host$ "), &[("\x02:\x1b[A", &shown)]), "{line} is shown");
    }
    for line in [
        "resize-pane -D 5",
        "rename-window x",
        "new-window",
        "split-window -h",
        "set -g mouse on",
        "kill-pane",
        "setw synchronize-panes on",
    ] {
        let shown = format!("\x1b[24;1H\x1b[K:{line}");
        assert!(passes(|| on_screen("tmux", "host$ "), &[("\x02:", "\x1b[24;1H:"), (line, &shown)]), "{line}");
    }
    // Its prefix hides no Enter.
    assert!(!passes(|| on_screen("tmux", "host$ "), &[("rm -rf x", "rm -rf x"), ("\x01", "")]));
}

#[test]
fn a_shell_under_panels_is_a_shell() {
    let mc = || {
        let mut session =
            on_screen("tmux", "panels\x1b[23;1Hhost$ \x1b[23;78H[^]\x1b[24;1H 1Help  2Menu 3`$X`\x1b[23;7H");
        session.types("\x1b[B");
        session
    };
    assert!(!passes(mc, &[("rm -rf x", "rm -rf x")]));
    assert!(passes(mc, &[("", "")]) && passes(mc, &[("\x1b[B", "")]) && passes(mc, &[("date", "date")]));
    let mut keys = mc();
    keys.sent.clear();
    keys.types("\x1b[21~\x0f");
    assert_eq!(keys.sent, b"\x1b[21~\x0f", "{:?}", keys.told);
    // It leaves its screen for a command, and comes back.
    plays(
        &mut keys,
        &[
            ("date", "date"),
            ("\r", "\x1b[?1049l\r\nhost$ date\r\nMon\r\n\x1b[?2004h\x1b[?1049h\x1b[2J\x1b[23;1Hhost$ "),
        ],
    );
    keys.sent.clear();
    keys.types("\x1b[21~");
    assert_eq!(keys.sent, b"\x1b[21~", "{:?}", keys.told);
}
