//! Menus of a shell: Enter chooses there, and does not run.

use super::*;

/// A shell with a line that Tab completed, and a menu below it.
fn menu(line: &str, below: &str) -> Session {
    let mut session = Session::new(true);
    session.shell.away = true;
    session.types(&format!("{line}\t\t"));
    session.output(format!("{line}ambA.txt\x1b7{below}\x1b8").as_bytes());
    session.rest();
    session.sent.clear();
    session
}

const MARKED: &str = "\r\n\x1b[J\x1b[7mambA.txt\x1b[m  ambB.txt";

#[test]
fn enter_chooses_in_a_menu() {
    let mut session = menu("wget ", MARKED);
    session.types("\r");
    assert_eq!(session.sent, b"\r", "{:?}", session.told);
    // The shell keeps the line; the next Enter is one for the whole of it.
    session.shell.away = false;
    session.shell.line = "wget ambA.txt".into();
    session.output(b"\x1b[J");
    session.types(" x\r");
    assert_eq!(session.shell.ran, ["wget ambA.txt x"]);
}

#[test]
fn a_menu_lets_nothing_through() {
    // The line as it stands might run.
    let mut blocked = menu("rm -rf ", MARKED);
    blocked.types("\r");
    assert!(!blocked.sent.contains(&b'\r') && blocked.told[0].starts_with("blocked"), "{:?}", blocked.told);
    // Without a mark there is no choice to be made, and after a letter the menu is gone.
    for (below, key) in [("\r\nambA.txt  ambB.txt", ""), ("\r\n\x1b[7m 12:00 status                     \x1b[K", "x")] {
        let mut session = menu("wget ", below);
        session.types(key);
        session.types("\r");
        assert!(session.sent.contains(&0x15), "it is typed anew: {:?}", session.sent);
    }
    // A shell that ran the line after all ran what was judged.
    let mut ran = menu("vim ", MARKED);
    ran.types("\r");
    ran.output(b"\r\n\x1b[?2004l\x1b[?1049h\x1b[2J\x1b[Htext");
    ran.rest();
    assert_eq!((ran.sent.as_slice(), ran.reports.len()), (&b"\r"[..], 0));
    ran.types(":!rm -rf x\r");
    assert!(ran.told.iter().any(|told| told.starts_with("blocked")), "{:?}", ran.told);
}

/// fzf below the prompt, as it draws itself after that key.
fn picker(key: &str, query: &str) -> Session {
    let mut session = Session::new(true);
    session.shell.away = true;
    session.types(key);
    session.output(b"\r\x1b[K\r\n\r\n  echo beta\r\n> echo alpha\r\n  1/2 +S ----\r\n> ");
    session.types(query);
    session.output(query.as_bytes());
    session.rest();
    session.sent.clear();
    session
}

#[test]
fn enter_chooses_in_a_picker() {
    for key in ["\x12", "\x14", "\x1bc"] {
        let mut session = picker(key, "alpha");
        session.types("\r");
        assert_eq!(session.sent, b"\r", "{:?}", session.told);
        session.shell.away = false;
        session.shell.line = "rm -rf x".into();
        session.output(b"\x1b[4A\r\x1b[Jhost$ rm -rf x");
        session.types("\r");
        assert_eq!(session.shell.ran, [""; 0]);
        assert!(session.told[0].starts_with("blocked"), "the line is judged at its own Enter: {:?}", session.told);
    }
    // What was typed there is no way around, and without such a key there is no picker.
    for (key, query) in [("\x12", "rm -rf x"), ("\x1b.", "alpha")] {
        let mut session = picker(key, query);
        session.types("\r");
        assert!(!session.sent.contains(&b'\r'), "{query}: {:?}", session.told);
    }
}
