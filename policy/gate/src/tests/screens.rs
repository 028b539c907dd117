//! Editors, pagers, multiplexers and killed screens: what is judged there, and what is not.

use super::*;

mod editors;
mod killed;
mod menus;
mod panes;

/// A session in which `line` runs a program that shows `screen` on the other screen.
fn on_screen(line: &str, screen: &str) -> Session {
    let mut session = Session::new(true);
    start_program(&mut session, line, &format!("\x1b[?1049h\x1b[2J\x1b[H{screen}"));
    session.shell.away = true;
    session
}

fn enters(session: &mut Session) -> bool {
    session.types("\r");
    session.sent.contains(&b'\r')
}

/// Types keys, each with what the program shows for them.
fn plays(session: &mut Session, steps: &[(&str, &str)]) {
    for (keys, shown) in steps {
        session.types(keys);
        session.output(shown.as_bytes());
        session.rest();
    }
}

/// Whether Enter passes after those keys, however it is sent.
fn passes(start: impl Fn() -> Session, steps: &[(&str, &str)]) -> bool {
    let mut results = ["\r", "\n", "\x1bOM"].map(|enter| {
        let mut session = start();
        plays(&mut session, steps);
        session.sent.clear();
        session.types(enter);
        session.sent.windows(enter.len()).any(|sent| sent == enter.as_bytes()) && session.reports.is_empty()
    });
    results.sort_unstable();
    assert_eq!(results.first(), results.last(), "each Enter is one: {steps:?}");
    results.first().copied().unwrap_or_default()
}
