//! The gate of typed lines in front of a target that prints anything: it never panics, never waits for ever, and
//! while every line is blocked it sends no key that accepts one.

use std::time::{Duration, Instant};

use gate::{Act, Answer, Gate, foreground::Foreground};
use mask::WindowSize;
use policy::{CommandInput, RuleEffect, Verdict};

/// Runs the target. The first byte of each piece says what happens: typing, output, time, an answer, a new size.
pub fn run(data: &[u8]) {
    let mut gate = Gate::new(WindowSize { cols: 20, rows: 5 }, Foreground::Shell);
    let (mut now, mut acts) = (Instant::now(), Vec::new());
    for piece in data.chunks(16) {
        let Some((kind, bytes)) = piece.split_first() else { continue };
        now += Duration::from_millis(u64::from(kind >> 3));
        match kind % 8 {
            0..3 => gate.typed(bytes, now, &blocked, &mut acts),
            3..5 => gate.output(bytes, now, &blocked, &mut acts),
            5 => gate.answered(Answer::Refused(String::new()), now, &blocked, &mut acts),
            6 => gate.resized(WindowSize { cols: u16::from(*kind), rows: u16::from(kind >> 4) }, &mut acts),
            _ => gate.tick(now, &blocked, &mut acts),
        }
        check(&mut acts);
    }
    let mut ticks = 0;
    while let Some(deadline) = gate.deadline() {
        ticks += 1;
        assert!(ticks < MAX_TICKS, "the gate waits for ever");
        now = now.max(deadline) + Duration::from_millis(1);
        gate.tick(now, &blocked, &mut acts);
        check(&mut acts);
    }
}

fn check(acts: &mut Vec<Act>) {
    for act in acts.drain(..) {
        if let Act::Forward(bytes) = act {
            // In brackets a line break is text.
            let is_paste = bytes.windows(PASTE.len()).any(|bytes| bytes == PASTE);
            assert!(is_paste || !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0x0f)), "{bytes:?}");
        }
    }
}

fn blocked(_: CommandInput<'_>) -> Verdict {
    Verdict {
        effect: RuleEffect::Block,
        rule: None,
        opaque: false,
        message: "no".to_owned(),
        because: String::new(),
        commands: Vec::new(),
        stdin_is_code: false,
        input: policy::Input::Data,
        approvers: None,
    }
}

const PASTE: &[u8] = b"\x1b[200~";

/// More than a full queue of keys needs.
const MAX_TICKS: usize = 100_000;
