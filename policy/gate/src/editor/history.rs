//! [`History`]: the lines that were entered.

use std::collections::VecDeque;

use super::buffer::Buffer;

/// Entered lines, the oldest first, and where the user is among them.
#[derive(Debug, Default)]
pub(super) struct History {
    lines: VecDeque<String>,
    bytes: usize,
    /// The line that is shown, and what was typed before the user went there.
    visit: Option<(usize, String)>,
}

impl History {
    /// Keeps a line, save an empty one or one like the last.
    pub(super) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        self.bytes += line.len();
        self.lines.push_back(line.to_owned());
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    /// The user is at a new line.
    pub(super) fn leave(&mut self) {
        self.visit = None;
    }

    pub(super) fn older(&mut self, typed: &Buffer) -> Option<String> {
        let at = self.visit.as_ref().map_or(self.lines.len(), |(at, _)| *at);
        self.visit_line(at.checked_sub(1)?, typed)
    }

    pub(super) fn oldest(&mut self, typed: &Buffer) -> Option<String> {
        self.visit_line(0, typed)
    }

    pub(super) fn newer(&mut self) -> Option<String> {
        let (at, _) = self.visit.as_mut()?;
        if let Some(line) = self.lines.get(*at + 1) {
            *at += 1;
            return Some(line.clone());
        }
        self.latest()
    }

    /// What was typed before.
    pub(super) fn latest(&mut self) -> Option<String> {
        self.visit.take().map(|(_, typed)| typed)
    }

    /// The newest line before `before` (or of all) that contains the text.
    pub(super) fn find_older(&self, text: &str, before: Option<usize>) -> Option<(usize, &str)> {
        let before = before.unwrap_or(self.lines.len());
        self.numbered().take(before).rev().find(|(_, line)| line.contains(text))
    }

    /// The oldest line after `after` that contains the text.
    pub(super) fn find_newer(&self, text: &str, after: usize) -> Option<(usize, &str)> {
        self.numbered().skip(after + 1).find(|(_, line)| line.contains(text))
    }

    fn visit_line(&mut self, at: usize, typed: &Buffer) -> Option<String> {
        let line = self.lines.get(at)?.clone();
        match &mut self.visit {
            Some((visited, _)) => *visited = at,
            None => self.visit = Some((at, typed.text())),
        }
        Some(line)
    }

    fn numbered(&self) -> impl DoubleEndedIterator<Item = (usize, &str)> + ExactSizeIterator {
        self.lines.iter().map(String::as_str).enumerate()
    }
}

const MAX_LINES: usize = 1000;

/// A mebibyte of memory in each session.
const MAX_BYTES: usize = 1024 * 1024;
