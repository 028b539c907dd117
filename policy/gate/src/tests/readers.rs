//! Who reads what is typed: programs that run, questions, languages; and that no output makes it milder.

use super::*;

/// What became of a line: it went on, was blocked or asked about, or was not sent.
fn verdict(session: &mut Session, line: &str) -> &'static str {
    let before = (session.shell.ran.len(), session.reports.len(), session.questions.len());
    session.types(&format!("{line}\r"));
    let after = (session.shell.ran.len(), session.reports.len(), session.questions.len());
    match session.reports.last().filter(|_| after.1 > before.1).map(|report| report.decision) {
        Some(Decided::Blocked) => "block",
        Some(_) => "hold",
        None if after.2 > before.2 => "ask",
        None if after.0 > before.0 => "allow",
        None => "nothing",
    }
}

/// A session in which `line` runs a program that shows `output` and goes on; a row of it is `prompt`.
fn program(line: &str, output: &str) -> Session {
    let mut session = Session::new(false);
    start_program(&mut session, line, output);
    session
}

#[test]
fn what_is_typed_while_a_program_runs_may_be_a_shells() {
    for (lines, expected) in [
        (&["$CMD"][..], "ask"),
        (&["eval \"$CMD\""], "ask"),
        (&["rm $(echo -rf) /srv/data"], "ask"),
        (&["rm -rf /srv/data"], "block"),
        (&["rm \\", "-rf /srv/data"], "block"),
        (&["bash", "$CMD"], "ask"),
        (&["echo 'a", "b'; rm -rf /srv/data"], "block"),
        // Whoever reads `O'Brien` leaves the rest.
        (&["O'Brien", "rm \\", "-rf /srv/data"], "block"),
        (&["O'Brien", "$CMD"], "ask"),
        (&["$DEPLOY"], "ask"),
        (&["cd /etc", "echo x > motd"], "block"),
        (&["y"], "allow"),
        (&["git status"], "allow"),
        (&["O'Brien", "42", "yes"], "allow"),
    ] {
        let mut session = program("sleep 2", "");
        let (last, before) = lines.split_last().unwrap();
        for line in before {
            session.shell.program = Some(String::new());
            assert!(matches!(verdict(&mut session, line), "allow" | "nothing"), "{lines:?}");
        }
        session.shell.program = Some(String::new());
        // The shell of these tests may take it as the middle of a text.
        let last = verdict(&mut session, last).replace("nothing", "allow");
        assert_eq!(last, expected, "{lines:?}: {:?}", session.told);
    }
}

#[test]
fn an_answer_to_a_question_is_not_held() {
    const ANSWERS: &str = "
        Name:                          | O'Brien                    | allow
        Name:                          | Anna (Müller)              | allow
        Continue? [y/N]                | y                          | allow
        Continue? [y/N]                | Yes!                       | allow
        Port [5432]:                   | 5433                       | allow
        Save the key (/root/.ssh/id):  | /root/.ssh/id_work         | allow
        Save the key (/root/.ssh/id):  | ./key                      | allow
        Which (1-3)?                   | 2                          | allow
        Version [1.0]:                 | >=1.2, <2                  | allow
        Really (yes/no)?               | yes                        | allow
        Message:                       | fix (it's broken)          | allow
        Message:                       | wip; see #42               | allow
        Name:                          | rm -rf /srv/data           | block
        Name:                          | rm $(echo -rf) /srv/data   | ask
        Name:                          | $CMD                       | ask
        Name:                          | eval \"$CMD\"              | ask
        Name:                          | bash deploy.sh             | ask
        Name:                          | systemctl restart db       | ask
        Name:                          | a; rm -rf /srv/data        | block
        Name:                          | !rm -rf /srv/data          | block
        Name:                          | $DEPLOY --now              | ask
        host#                          | $DEPLOY                    | ask
        host$                          | $CMD                       | ask
    ";
    let mut wrong = Vec::new();
    for line in ANSWERS.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [question, answer, expected] = cells.as_slice() else { panic!("{line}") };
        let mut session = program("make", &format!("{question} "));
        let verdict = verdict(&mut session, &answer.replace("\\\"", "\""));
        if verdict != *expected && !(verdict == "nothing" && *expected == "allow") {
            wrong.push(format!("{line}: {verdict} {:?}", session.told));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn what_is_typed_for_a_file_is_text() {
    for (line, expected) in [("hello (world)", "allow"), ("it's $5", "allow"), ("rm -rf /srv/data", "block")] {
        let verdict = verdict(&mut program("cat > f", ""), line).replace("nothing", "allow");
        assert_eq!(verdict, expected, "{line}");
    }
    // What stands before the line was printed by another.
    assert_eq!(verdict(&mut program("cat > f", "host:/srv "), "$CMD"), "ask");
    let mut ended = program("cat > f", "");
    ended.types("\x04");
    assert_eq!(verdict(&mut ended, "$CMD"), "ask");
}

#[test]
fn an_arrow_that_nobody_has_read_is_not_accepted() {
    let mut menu = program("npm create x", "? Framework: > react");
    menu.types("\x1b[B\r");
    assert_eq!(menu.reports, []);
    let mut ahead = program("sleep 2", "");
    ahead.types("\x1b[A");
    ahead.output(b"^[[A");
    assert_eq!(verdict(&mut ahead, ""), "hold");
}

#[test]
fn a_statement_is_judged_by_its_language() {
    const STATEMENTS: &str = r###"
        python3             | >>>               | import re; p = re.compile("a(b)c")            | allow
        python3             | >>>               | import subprocess                             | allow
        python3             | >>>               | x = os.environ["HOME"]                        | allow
        python3             | >>>               | os.system("rm -rf /srv/data")                 | block
        python3             | >>>               | subprocess.run(['rm', '-rf', '/srv/data'])    | block
        python3             | >>>               | s=getattr(os,"sys"+"tem")                     | ask
        sudo python3        | >>>               | print(1)                                      | allow
        ipython3            | In [1]:           | x = [i for i in range(3)]                     | allow
        ipython3            | In [1]:           | !rm -rf /srv/data                             | block
        ipython3            | In [1]:           | rm -rf /srv/data                              | block
        sudo -u pg psql     | app=#             | select count(*) from users where a in (1,2);  | allow
        psql                | app=>             | \copy (select 1) to 'out.csv' csv             | allow
        psql                | app=>             | select 1 \g \|rm -rf /srv/data                | block
        psql                | app=>             | \set x `rm -rf /srv/data`                     | block
        psql                | app=>             | \! $CMD                                       | ask
        psql                | app=>             | select 'systemctl restart db';                | allow
        psql                | app=>             | \! systemctl restart db                       | ask
        psql                | app=>             | drop table users;                             | block
        psql                | app=>             | \o /etc/motd                                  | block
        mysqlreal -u root   | MariaDB [(none)]> | select count(*) from user;                    | allow
        mysqlreal -u root   | MariaDB [(none)]> | show create table db\G                        | allow
        mariadb             | MariaDB [app]>    | system rm -rf /srv/data                       | block
        mysql               | mysql>            | pager rm -rf /srv/data                        | block
        sudo sqlite3 t.db   | sqlite>           | create table t(a int, b text);                | allow
        sqlite3             | sqlite>           | .shel rm -rf /srv/data                        | block
        sqlite3             | sqlite>           | .once \|rm -rf /srv/data                      | block
        docker exec -it c psql | app=#          | select * from t;                              | allow
        kubectl exec -it p -- mysql | mysql>    | select * from t;                              | allow
        node                | >                 | [1,2].map(x => x*2)                           | allow
        node                | >                 | require("child_process")                      | ask
        irb                 | irb(main):001:0>  | [1,2,3].map { \|x\| x*2 }                     | allow
        irb                 | irb(main):001:0>  | `rm -rf /srv/data`                            | block
        irb                 | irb(main):001:0>  | system("rm -rf /srv/data")                    | block
        bc -q               |                   | 2^10*(3+4)                                    | allow
        dc                  |                   | !rm -rf /srv/data                             | block
        lua                 | >                 | os.execute("rm -rf /srv/data")                | block
        redis-cli           | 127.0.0.1:6379>   | config set dir /etc                           | block
        redis-cli           | 127.0.0.1:6379>   | get (x)                                       | allow
        sftp host           | sftp>             | !rm -rf /srv/data                             | block
        sftp host           | sftp>             | get motd /etc/motd                            | block
        python3             | root@host:~#      | f(1)                                          | ask
        psql                | root@host:~#      | rm -rf /srv/data                              | block
    "###;
    let mut wrong = Vec::new();
    for line in STATEMENTS.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<String> =
            line.replace("\\|", "\u{1}").split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
        let [command, prompt, statement, expected] = cells.as_slice() else { panic!("{line}") };
        let prompt = if prompt.is_empty() { String::new() } else { format!("{prompt} ") };
        let mut session = program(command, &prompt);
        let verdict = verdict(&mut session, statement);
        if verdict != *expected && !(verdict == "nothing" && *expected == "allow") {
            wrong.push(format!("{line}: {verdict} {:?}", session.told));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn what_a_name_stands_for_is_remembered_until_the_language_ends() {
    let mut session = program("python3", ">>> ");
    session.shell.program = Some(">>> ".to_owned());
    session.types("import os; s=getattr(os,\"sys\"+\"tem\")\r");
    session.answers(Answer::Approved);
    session.shell.program = Some(">>> ".to_owned());
    assert_eq!(verdict(&mut session, "1 + 1"), "allow");
    assert_eq!(verdict(&mut session, "s(\"r\"+\"m\")"), "ask");
}

#[test]
fn a_shell_whose_prompt_looks_like_a_languages_is_a_shell() {
    for (prompt, command, quit) in [("> ", "node", ".exit"), ("", "bc -q", "quit")] {
        let shell = || {
            let mut session = Session::new(false);
            session.gate = Gate::new(WindowSize::DEFAULT, Foreground::Shell);
            session.output(format!("\r\n{prompt}").as_bytes());
            session.rest();
            start_program(&mut session, command, prompt);
            session
        };
        assert_eq!(verdict(&mut shell(), "rm -rf /srv/data"), "block", "{command}");
        assert_eq!(verdict(&mut shell(), "$CMD"), "ask", "{command}");
        let mut left = shell();
        left.shell.program = Some(prompt.to_owned());
        left.types(&format!("{quit}\r"));
        assert_eq!(verdict(&mut left, "rm -rf /srv/data"), "block", "{command}");
    }
    // After its last word a language reads nothing, whatever is shown.
    let mut left = program("node", "> ");
    left.shell.program = Some("> ".to_owned());
    left.types(".exit\r");
    assert_eq!(verdict(&mut left, "$CMD"), "ask");
}

#[test]
fn an_editor_reads_again_after_fg() {
    let mut session = Session::new(true);
    start_program(&mut session, "vim n", "\x1b[?2004h\x1b[?1049h\x1b[2J\x1b[H");
    session.shell.away = true;
    session.types("iweb1\x1b");
    session.types("\x1a");
    session.shell.away = false;
    session.output(b"\x1b[?2004l\x1b[?1049l\r\n[1]+  Stopped\r\n");
    session.output(b"\x1b[?2004hhost$ ");
    session.rest();
    start_program(&mut session, "fg", "\x1b[?2004l\x1b[?2004h\x1b[?1049h\x1b[2J\x1b[H");
    session.shell.away = true;
    session.types("odb1\x1b\x18\x1b#:wq\r");
    assert_eq!((session.told.len(), session.reports.len()), (0, 0), "{:?}", session.told);
    assert!(session.sent.ends_with(b":wq\r"));
}

#[test]
fn a_language_goes_on_behind_its_pager() {
    let mut session = program("psql", "app=# ");
    session.shell.program = Some("\x1b[?1049h\x1b[2J\x1b[H(END)".to_owned());
    session.types("select * from users;\r");
    session.shell.away = true;
    session.types("/x\r");
    session.types("q");
    session.shell.away = false;
    session.output(b"\x1b[?1049l\r\napp=# ");
    session.rest();
    assert_eq!(verdict(&mut session, "select count(*) from users;"), "allow", "{:?}", session.told);
}

#[test]
fn an_editor_that_a_language_opens_takes_every_key() {
    let mut session = program("psql", "app=# ");
    session.shell.program = Some("\x1b[?1049h\x1b[?2004h\x1b[2J\x1b[H".to_owned());
    session.types("\\e\r");
    session.shell.away = true;
    session.types("\x1b#:q!\r");
    assert_eq!((session.told.len(), session.reports.len()), (0, 0), "{:?}", session.told);
    let mut session = program("psql", "app=# ");
    session.shell.program = Some("\x1b[?1049h\x1b[?2004hhost$ ".to_owned());
    session.types("select 1;\r");
    assert_eq!(verdict(&mut session, "rm -rf /srv/data"), "block");
}

#[test]
fn what_is_typed_before_a_language_prompts_waits_for_it() {
    let mut session = program("irb", "");
    session.sent.clear();
    session.types_bytes(b"[1].map { |x| x }\r");
    session.now += Duration::from_secs(1);
    session.work(|gate, now, judge, acts| gate.tick(now, judge, acts));
    assert_eq!((session.sent.len(), session.reports.len()), (0, 0));
    session.output(b"irb(main):001:0> ");
    session.rest();
    assert!(session.sent.ends_with(b"\r") && session.reports.is_empty(), "{:?}", session.told);
}

#[test]
fn a_program_that_asks_the_terminal_is_answered_before_it_prompts() {
    let mut session = program("irb", "\x1b[6n");
    session.types_bytes(b"\x1b[5;1R");
    assert_eq!(session.sent, b"\x1b[5;1R");
    session.output(b"\x1b[1Girb(main):001:0> ");
    session.types("[1].map { |x| x }\r");
    assert_eq!((session.reports.len(), session.questions.len()), (0, 0), "{:?}", session.told);
}

#[test]
fn a_prompt_that_is_drawn_anew_is_still_one() {
    let mut session = program("irb", "irb(main):001:0> ");
    session.types("def f");
    session.output(b"\x1b[1Girb(main):001:1* def f");
    assert_eq!(verdict(&mut session, ""), "allow", "{:?}", session.told);
    let mut session = program("irb", "irb(main):001:0> ");
    session.types("def f");
    session.output(b"\x1b[1Ghost$ something def f");
    assert_eq!(verdict(&mut session, ""), "hold");
}

#[test]
fn a_line_is_judged_as_the_shell_reads_it_that_was_opened() {
    let mut session = Session::new(false);
    session.types("zsh\r");
    assert_eq!(verdict(&mut session, "ls # list; rm -rf /srv/data"), "block");
    let mut session = Session::new(false);
    assert_eq!(verdict(&mut session, "cat '#'"), "allow");
}

/// How strict a verdict is.
fn strictness(verdict: &str) -> usize {
    ["allow", "nothing", "hold", "ask", "block"].iter().position(|other| *other == verdict).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// What the target prints, whatever runs, makes no line of a shell judged less than at its prompt.
    #[test]
    fn no_output_makes_a_line_milder(
        before in "(ls|sleep 2|make|cat f|sudo ls|date; uptime)",
        output in "(\r\n|\x1b\\[\\?1049h|\x1b\\[\\?1049l|\x1b\\[\\?2004h|\x1b\\[\\?2004l|\x1bc|\x1b\\[2J|\x1b\\[H|>>> |app=# |\\(gdb\\) |host\\$ |Name: |\\[y/N\\] |Password: |mysql> |sqlite> |:|\\(END\\)|x){0,8}",
        line in "(\\$CMD|eval \"\\$CMD\"|rm -rf /srv/data|rm \\$\\(echo -rf\\) x|systemctl restart db|`x`|bash -c \"\\$X\")",
    ) {
        let mut session = Session::new(true);
        session.shell.program = Some(format!("\x1b[?2004l{output}"));
        session.types(&format!("{before}\r"));
        // What it prints later is drawn over what is typed: only the line counts.
        let verdict = verdict(&mut session, &line);
        let at_prompt = { let mut session = Session::new(true); self::verdict(&mut session, &line) };
        prop_assert!(strictness(verdict) >= strictness("hold"), "{before:?} {output:?} {line:?}: {verdict} and not {at_prompt}");
    }
}
