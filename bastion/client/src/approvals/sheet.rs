//! `bastion approvals show`: all that an approver must see.

use api::approvals::{ActView, ApprovalState, ApprovalView, StdinView, VoteView};
use jiff::Timestamp;

use super::{left, what};
use crate::output::{Table, local_time};
use crate::shown::visible;

pub(super) fn sheet(approval: &ApprovalView, now: Timestamp) -> String {
    let mut text = rows(approval, now).render();
    text.push_str(&format!("\n{}\n  {}\n", heading(approval), visible(&what(approval))));
    if let Some(act) = &approval.act {
        circumstances(&mut text, act);
    }
    section(&mut text, "read as", &approval.commands);
    if let Some(screen) = &approval.screen {
        let lines: Vec<_> = screen.lines().collect();
        section(&mut text, "screen", &framed(&lines));
    }
    section(&mut text, "votes", &approval.votes.iter().map(line).collect::<Vec<_>>());
    if approval.state == ApprovalState::Pending && approval.may_decide == Some(true) {
        let id = approval.id;
        text.push_str(&format!(
            "\nnext: bastion approvals approve {id}\n  or: bastion approvals deny {id} --comment WHY\n"
        ));
    }
    text
}

/// `1 more from sre`.
pub(super) fn needs(approval: &ApprovalView) -> String {
    let (missing, count) = (approval.missing(), approval.needed.count);
    let of = if missing < count { format!(" (of {count})") } else { String::new() };
    format!("{missing} more{of} from {}", approval.needed.groups.join(" or "))
}

fn rows(approval: &ApprovalView, now: Timestamp) -> Table<2> {
    let requester = &approval.requester;
    let mail = requester.email.as_ref().map(|mail| format!(" <{mail}>")).unwrap_or_default();
    let groups = requester.groups.join(" ");
    let subject = requester.person.as_ref().map(|person| format!("{}#{}", person.issuer, person.subject));
    let subject = subject.unwrap_or_default();
    let pending = approval.state == ApprovalState::Pending;
    let until =
        approval.scope.as_ref().and_then(|scope| scope.until).map(|until| format!(" until {}", local_time(until)));
    let mut table = Table::new(["APPROVAL", ""]);
    for (name, value) in [
        ("id", approval.id.to_string()),
        ("state", approval.state.to_string()),
        ("needs", if pending { needs(approval) } else { String::new() }),
        (
            "expires",
            format!(
                "{}{}",
                local_time(approval.expires_at),
                if pending { format!(" (in {})", left(approval, now)) } else { String::new() }
            ),
        ),
        ("user", format!("{}{mail} (groups: {})", requester.name, if groups.is_empty() { "none" } else { &groups })),
        ("subject", subject),
        ("target", approval.target.clone()),
        ("login", approval.login.clone()),
        ("kind", approval.kind.to_string()),
        ("session", approval.session.clone().unwrap_or_default()),
        ("rule", approval.rule.clone().unwrap_or_default()),
        ("because", approval.because.clone()),
        ("reason", approval.reason.clone().unwrap_or_default()),
        (
            "scope",
            approval
                .scope
                .as_ref()
                .map(|scope| format!("{}{}", scope.scope, until.unwrap_or_default()))
                .unwrap_or_default(),
        ),
        ("asked", local_time(approval.created_at)),
        ("page", approval.url.clone()),
    ] {
        table.row([name.to_owned(), value]);
    }
    table
}

fn heading(approval: &ApprovalView) -> &'static str {
    if approval.command.is_some() { "command" } else { "asks for" }
}

/// What belongs to it and is not the command: each part in a section of its own.
fn circumstances(text: &mut String, act: &ActView) {
    if act.kind == "argv" {
        section(text, "program and arguments", &act.words);
    }
    match &act.stdin {
        StdinView::Given { text: input } if input.is_empty() => section(text, "standard input", &["(empty)"]),
        StdinView::Given { text: input } => section(text, "standard input", &[input]),
        StdinView::Live => section(text, "standard input", &["(whatever is sent while it runs: nobody has seen that)"]),
        StdinView::None => {}
    }
    section(text, "environment", &act.env.iter().map(|one| format!("{}={}", one.name, one.value)).collect::<Vec<_>>());
    section(text, "terminal", &act.terminal.iter().collect::<Vec<_>>());
    section(text, "container", &act.container.iter().collect::<Vec<_>>());
}

fn section(text: &mut String, name: &str, lines: &[impl AsRef<str>]) {
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("\n{name}\n"));
    for line in lines {
        text.push_str(&format!("  {}\n", visible(line.as_ref())));
    }
}

/// A frame, so that nothing on the screen reads as a line of the sheet.
fn framed(lines: &[&str]) -> Vec<String> {
    let rule = "─".repeat(FRAME_COLUMNS);
    let inside = lines.iter().map(|line| format!("│ {}", line.trim_end()));
    std::iter::once(format!("┌{rule}")).chain(inside).chain([format!("└{rule}")]).collect()
}

fn line(vote: &VoteView) -> String {
    let comment = vote.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
    let what = if vote.approve { "approved" } else { "denied" };
    format!("{} {what} at {}{comment}", vote.by, local_time(vote.at))
}

/// Width of the lines above and below the screen.
const FRAME_COLUMNS: usize = 40;
