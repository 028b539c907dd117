use std::time::Duration;

use policy::verdict::CommandInput;
use proptest::{prelude::*, sample::Index};

use super::*;
use crate::chunks::chunks;

/// Blocks what has `rm -rf` in it, cannot know what has `$`, and allows the rest.
fn judge(input: CommandInput<'_>) -> Verdict {
    let text = match input {
        CommandInput::Line(text) | CommandInput::Text(text) => text.replace("\\\n", ""),
        CommandInput::Argv(..) | CommandInput::LineIn { .. } | CommandInput::Script(..) => panic!("{input:?}"),
    };
    let (effect, opaque) = match () {
        () if text.contains("rm -rf") => (RuleEffect::Block, false),
        () if text.contains('$') => (RuleEffect::Approve, true),
        () => (RuleEffect::Allow, false),
    };
    Verdict {
        effect,
        rule: (effect == RuleEffect::Block).then(|| "rm-rf".parse().unwrap()),
        opaque,
        message: "needs approval".to_owned(),
        because: String::new(),
        commands: Vec::new(),
        stdin_is_code: false,
        input: Input::Data,
        approvers: None,
    }
}

fn dialogue(mode: SessionMode) -> Dialogue {
    Dialogue::new(&Input::Judged { program: "x".to_owned() }, mode).unwrap()
}

/// What went on, whether it ended, and what was refused or reported.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    sent: Vec<u8>,
    ended: bool,
    refused: Option<String>,
    reports: usize,
}

impl Outcome {
    fn take(&mut self, acts: Vec<DialogueAct>) {
        for act in acts {
            assert!(self.refused.is_none(), "nothing follows a refusal: {act:?}");
            match act {
                DialogueAct::Ask(question) => panic!("{question:?}"),
                DialogueAct::End => self.ended = true,
                DialogueAct::Forward(bytes) => self.sent.extend(bytes),
                DialogueAct::Refuse(reason) => self.refused = Some(reason),
                DialogueAct::Report(_) => self.reports += 1,
            }
        }
    }
}

/// Sends the pieces, with a pause after each where `pauses`, and ends.
fn play(mut dialogue: Dialogue, pieces: &[&[u8]], pauses: bool) -> Outcome {
    let mut outcome = Outcome::default();
    let mut now = Instant::now();
    let mut acts = Vec::new();
    for piece in pieces {
        dialogue.received(piece, now, &judge, &mut acts);
        while dialogue.deadline().is_some_and(|due| due <= now) {
            dialogue.tick(now, &judge, &mut acts);
        }
        if pauses {
            now += PAUSE + Duration::from_millis(1);
            dialogue.tick(now, &judge, &mut acts);
        }
    }
    dialogue.end(now, &judge, &mut acts);
    while dialogue.deadline().is_some_and(|due| due <= now) {
        dialogue.tick(now, &judge, &mut acts);
    }
    outcome.take(acts);
    outcome
}

fn judged(text: &[u8]) -> Outcome {
    play(dialogue(SessionMode::Guard), &[text], false)
}

#[test]
fn what_the_rules_allow_goes_on_byte_for_byte_and_then_ends() {
    for text in [&b"ls\n"[..], b"", b"\n\n", b"ls\r\nid", b"echo 'a\nb'\n", b"cat <<E\nx\nE\n", b"\xc3\xa9\n"] {
        let expected = Outcome { sent: text.to_vec(), ended: true, ..Outcome::default() };
        assert_eq!(judged(text), expected, "{text:?}");
    }
}

#[test]
fn what_a_rule_blocks_ends_the_session_and_nothing_after_it_goes_on() {
    for (text, sent) in [
        (&b"rm -rf x\nls\n"[..], &b""[..]),
        (b"ls\nrm -rf x", b"ls\n"),
        (b"rm \\\n-rf x\n", b"rm \\\n"),
        // No quotes where the reader is no shell.
        (b"echo 'a\nrm -rf x\n'\n", b"echo 'a\n"),
        (b"!rm -rf x\n", b""),
        (b"run-shell 'rm -rf x'\n", b""),
    ] {
        let outcome = judged(text);
        let refused = outcome.refused.unwrap_or_default();
        assert!(refused.starts_with("blocked by rule rm-rf"), "{text:?}: {refused}");
        assert_eq!((outcome.sent.as_slice(), outcome.ended, outcome.reports), (sent, false, 1), "{text:?}");
    }
}

#[test]
fn what_cannot_be_known_or_read_is_refused_with_what_to_do() {
    let long = vec![b'x'; MAX_LINE + 1];
    let open = b"echo '\n".to_vec().into_iter().chain(b"x\n".repeat(MAX_BEGUN_LINES + 1)).collect::<Vec<u8>>();
    for (text, why) in [
        (&b"$CMD\n"[..], "needs approval"),
        (b"\xff\n", "it is not text"),
        (b"a\0b\n", "it is not text"),
        (&long, "longer than 60 KiB"),
        (&open, "belong together"),
    ] {
        let refused = judged(text).refused.unwrap_or_default();
        assert!(refused.contains(why) && refused.contains("ask for a rule that allows x"), "{refused}");
    }
}

#[test]
fn nothing_is_sent_where_nothing_can_be_judged_and_empty_input_is_passed_on() {
    let refusing = || Dialogue::new(&Input::Refused { reason: "no".to_owned() }, SessionMode::ExecOnly).unwrap();
    assert_eq!(play(refusing(), &[b""], false), Outcome { ended: true, ..Outcome::default() });
    let refused = Outcome { refused: Some("no".to_owned()), reports: 1, ..Outcome::default() };
    assert_eq!(play(refusing(), &[b"x", b"y"], false), refused);
    assert!(Dialogue::new(&Input::Data, SessionMode::Guard).is_none());
}

#[test]
fn what_is_only_observed_goes_on_at_once_and_is_reported() {
    let text = b"ls\nrm -rf x\n$X\n\xff\nrm -rf y\n";
    let outcome = play(dialogue(SessionMode::Observe), &[text], false);
    // After what is no text nothing is read any more.
    assert_eq!(outcome, Outcome { sent: text.to_vec(), ended: true, refused: None, reports: 3 });
}

#[test]
fn a_line_without_an_end_goes_on_after_a_pause_and_what_completes_it_is_judged() {
    let mut dialogue = dialogue(SessionMode::Guard);
    let start = Instant::now();
    let mut acts = Vec::new();
    dialogue.received(b"{\"id\":1}rm -", start, &judge, &mut acts);
    assert_eq!((acts.as_slice(), dialogue.deadline()), (&[][..], Some(start + PAUSE)));
    dialogue.tick(start + PAUSE, &judge, &mut acts);
    assert_eq!(acts, [DialogueAct::Forward(b"{\"id\":1}rm -".to_vec())]);
    assert_eq!(dialogue.deadline(), None);
    acts.clear();
    dialogue.received(b"rf x\n", start, &judge, &mut acts);
    assert!(matches!(acts.as_slice(), [DialogueAct::Report(_), DialogueAct::Refuse(_)]), "{acts:?}");
}

#[test]
fn a_line_without_an_end_waits_where_it_could_not_go_on_as_it_stands() {
    for begun in [&b"rm -rf x"[..], b"echo $X"] {
        let mut dialogue = dialogue(SessionMode::Guard);
        let start = Instant::now();
        let mut acts = Vec::new();
        dialogue.received(begun, start, &judge, &mut acts);
        dialogue.tick(start + PAUSE, &judge, &mut acts);
        assert_eq!(acts, [], "a program may take what it has without the end of the line");
        dialogue.end(start + PAUSE, &judge, &mut acts);
        assert!(matches!(acts.as_slice(), [DialogueAct::Report(_), DialogueAct::Refuse(_)]), "{acts:?}");
    }
}

#[test]
fn many_lines_are_judged_in_turns_with_others() {
    let mut dialogue = dialogue(SessionMode::Guard);
    let (now, mut acts) = (Instant::now(), Vec::new());
    dialogue.received(&b"a\n".repeat(LINES_AT_ONCE * 3), now, &judge, &mut acts);
    assert_eq!(acts, [DialogueAct::Forward(b"a\n".repeat(LINES_AT_ONCE))]);
    assert_eq!(dialogue.deadline(), Some(now));
}

/// As many lines as are looked at at once are not taken for all there are.
#[test]
fn the_end_of_many_lines_is_passed_on() {
    let text = b"a\n".repeat(LINES_AT_ONCE * 2);
    assert_eq!(judged(&text), Outcome { sent: text, ended: true, ..Outcome::default() });
}

proptest! {
    #[test]
    fn how_input_is_cut_does_not_matter(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "ls", "\n", "rm", " ", "-rf", "\\\n", "'", "\"", "$X", "x", "<<E\n", "E\n", "\r\n", "é", "!", "if true", "fi", ";",
        ]), 0..40),
        cuts in prop::collection::vec(any::<Index>(), 0..8),
    ) {
        let text = pieces.concat();
        let whole = judged(text.as_bytes());
        let cut = chunks(text.as_bytes(), &cuts);
        prop_assert_eq!(&play(dialogue(SessionMode::Guard), &cut, false), &whole);
        // With pauses more may have gone on before what is refused, and what goes on is the same.
        let paused = play(dialogue(SessionMode::Guard), &cut, true);
        prop_assert_eq!(&paused.refused, &whole.refused);
        prop_assert!(paused.sent.starts_with(&whole.sent) && text.as_bytes().starts_with(&paused.sent));
        prop_assert_eq!(paused.ended, whole.ended);
    }
}
