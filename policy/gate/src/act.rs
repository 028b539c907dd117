//! What the gate wants done, asks and reports.

use policy::verdict::Verdict;

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ask other people; the answer comes through [`Gate::answered`](super::Gate::answered).
    Ask(Question),
    /// Ring the bell at the user's terminal.
    Bell,
    /// End the session, for this reason.
    Close(String),
    /// Draw this at the user's terminal: the line that the gate owns.
    Draw(Vec<u8>),
    /// Send these bytes to the target.
    Forward(Vec<u8>),
    /// Write down what was decided.
    Report(Report),
    /// Tell the user, on a line of its own.
    Tell(String),
    /// The question of before has no one to answer it any more: its line is gone.
    Withdraw,
}

/// A line that needs an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The line, or the lines that belong together: what will be sent is what is approved.
    pub text: String,
    /// Why, and who may approve.
    pub verdict: Verdict,
    /// What the target's screen shows.
    pub screen: String,
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The line may go on.
    Approved,
    /// The line may not go on; the reason is for the user.
    Refused(String),
}

/// What was decided about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What.
    pub decision: Decided,
    /// The line as far as it could be read; empty if it was typed without echo.
    pub text: String,
    /// The judgement, where there was one.
    pub verdict: Option<Verdict>,
    /// Why, in words.
    pub reason: String,
}

/// Kinds of decisions that are worth writing down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// A rule refused it.
    Blocked,
    /// It could not be read or known; it was not sent.
    Held,
    /// It went on, because the gate only observes; the verdict says what would have happened.
    Observed,
    /// A line was accepted by the target without a key that accepts lines.
    Tripped,
}
