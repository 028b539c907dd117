//! Text in binary bytes: what a person could read of them.
//!
//! A *run* is a longest stretch of whole legible characters that has at least
//! [`MIN_RUN`] bytes; what stands between two runs is a *gap*. Legible is
//! what is valid UTF-8 and not one of the control characters that text has no
//! use for ([`is_illegible`]). Both follow from the bytes, never from chunks.
//!
//! In random bytes about one of 800 is part of a run. A gap is skipped about
//! as fast as memory is read: a run needs [`MIN_RUN`] good bytes in a row, so
//! mostly the last bytes of such a window show that there is none.

/// The fewest bytes that count as text between binary ones.
pub(crate) const MIN_RUN: usize = 12;

/// How many bytes are looked at to give one piece of a run.
const WINDOW: usize = 4096;

/// A stretch of bytes, or a piece of one: the next piece may continue it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch<'a> {
    Run(&'a str),
    Gap(&'a [u8]),
}

/// Tells runs from gaps in one stream.
#[derive(Debug, Default)]
pub(crate) struct RunFinder {
    in_run: bool,
    /// Bytes of earlier chunks that are not given yet: in a run the beginning of a character, else what may become a
    /// run; at most `MIN_RUN + 3`.
    held: Vec<u8>,
    /// Whether `held` has been given, and is only still there because the caller had it borrowed.
    given: bool,
}

impl RunFinder {
    /// The next stretch, and how many bytes of `chunk` it used up; `None` when all of `chunk` is used up. A piece of a run
    /// ends at the first character that makes it `most` bytes or more.
    pub(crate) fn next<'a>(&'a mut self, chunk: &'a [u8], most: usize) -> Option<(Stretch<'a>, usize)> {
        if std::mem::take(&mut self.given) {
            self.held.clear();
        }
        if !self.held.is_empty() {
            return self.go_on(chunk);
        }
        if self.in_run {
            let text = legible_start(chunk, most);
            if !text.is_empty() {
                return Some((Stretch::Run(text), text.len()));
            }
            if after_text(chunk) != EscapeState::Illegible {
                self.held.extend_from_slice(chunk);
                return None;
            }
            self.in_run = false;
        }
        let mut gap = 0;
        while let rest @ [_, ..] = chunk.get(gap..).unwrap_or_default() {
            let certain = certain_gap(rest);
            if certain > 0 {
                gap += certain;
                continue;
            }
            let text = legible_start(rest, MIN_RUN);
            let after = rest.get(text.len()..).unwrap_or_default();
            if text.len() >= MIN_RUN {
                if gap > 0 {
                    break;
                }
                self.in_run = true;
                let text = legible_start(rest, most);
                return Some((Stretch::Run(text), text.len()));
            }
            if after_text(after) != EscapeState::Illegible {
                self.held.extend_from_slice(rest);
                return (gap > 0).then(|| (Stretch::Gap(chunk.get(..gap).unwrap_or_default()), chunk.len()));
            }
            gap += text.len() + illegible_len(after);
        }
        (gap > 0).then(|| (Stretch::Gap(chunk.get(..gap).unwrap_or_default()), gap))
    }

    /// What was held back at the end of the stream: never a run.
    pub(crate) fn finish(&mut self) -> &[u8] {
        if std::mem::replace(&mut self.given, true) {
            self.held.clear();
        }
        &self.held
    }

    /// Adds bytes to those that are held until they are a run, a character of one, or a gap.
    fn go_on(&mut self, chunk: &[u8]) -> Option<(Stretch<'_>, usize)> {
        for (index, byte) in chunk.iter().enumerate() {
            self.held.push(*byte);
            let text = legible_start(&self.held, usize::MAX).len();
            let after = self.held.get(text..).unwrap_or_default();
            match after_text(after) {
                EscapeState::Nothing if self.in_run || text >= MIN_RUN => {
                    self.in_run = true;
                    self.given = true;
                    return Some((Stretch::Run(legible_start(&self.held, usize::MAX)), index + 1));
                }
                EscapeState::Nothing | EscapeState::Beginning => {}
                EscapeState::Illegible => {
                    self.in_run = false;
                    self.given = true;
                    let gap = text + illegible_len(after);
                    // The last byte broke a character off, but may itself begin another one.
                    let used = index + usize::from(gap == self.held.len());
                    return Some((Stretch::Gap(self.held.get(..gap).unwrap_or_default()), used));
                }
            }
        }
        None
    }
}

/// What stands behind the text at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EscapeState {
    Nothing,
    /// The beginning of a character, and then the bytes end.
    Beginning,
    Illegible,
}

fn after_text(rest: &[u8]) -> EscapeState {
    match rest {
        [] => EscapeState::Nothing,
        [_] | [_, _] | [_, _, _]
            if std::str::from_utf8(rest)
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none()) =>
        {
            EscapeState::Beginning
        }
        [_, ..] => EscapeState::Illegible,
    }
}

/// The bytes of the control character or of the invalid sequence that `rest` begins with.
fn illegible_len(rest: &[u8]) -> usize {
    let head = rest.get(..4).unwrap_or(rest);
    match std::str::from_utf8(head) {
        Err(error) if error.valid_up_to() == 0 => error.error_len().unwrap_or(head.len()),
        Ok(_) | Err(_) => 1,
    }
}

/// The whole legible characters that `bytes` begin with, up to the one that makes them `most` bytes or more, or up to a
/// window's length.
fn legible_start(bytes: &[u8], most: usize) -> &str {
    let window = bytes.get(..WINDOW.min(most.saturating_add(4))).unwrap_or(bytes);
    let valid = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => window.get(..error.valid_up_to()).map_or("", |valid| std::str::from_utf8(valid).unwrap_or("")),
    };
    let end = valid.bytes().position(is_illegible).unwrap_or(valid.len());
    valid.get(..valid.ceil_char_boundary(end.min(most))).unwrap_or("")
}

/// How many bytes from the start are certainly no part of a run, looking at one window of the shortest run's length.
fn certain_gap(bytes: &[u8]) -> usize {
    let Some(window) = bytes.first_chunk::<MIN_RUN>() else { return 0 };
    let mut next = Class::Continuation;
    for (index, byte) in window.iter().enumerate().rev() {
        let class = Class::of(*byte);
        let last = index + 1 == MIN_RUN;
        if class == Class::Illegible || (!last && !class.may_stand_before(next)) {
            return index + 1;
        }
        next = class;
    }
    usize::from(next == Class::Continuation)
}

/// What a byte can be in legible text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Single,
    Lead,
    Continuation,
    Illegible,
}

impl Class {
    fn of(byte: u8) -> Self {
        match byte {
            0x80..=0xbf => Self::Continuation,
            0xc2..=0xf4 => Self::Lead,
            0..=0x7f if !is_illegible(byte) => Self::Single,
            _ => Self::Illegible,
        }
    }

    fn may_stand_before(self, next: Self) -> bool {
        match self {
            Self::Single => matches!(next, Self::Single | Self::Lead),
            Self::Lead => next == Self::Continuation,
            Self::Continuation => true,
            Self::Illegible => false,
        }
    }
}

/// Whether a byte is a control character that text has no use for: all but BEL, BS, HT, LF, VT, FF, CR, SO, SI and ESC.
pub(crate) const fn is_illegible(byte: u8) -> bool {
    matches!(byte, 0..=6 | 0x10..=0x1a | 0x1c..=0x1f | 0x7f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The stretches of `chunks`, joined; pieces of runs are at most about `most` bytes.
    fn stretches(chunks: &[&[u8]], most: usize) -> Vec<(bool, Vec<u8>)> {
        let mut finder = RunFinder::default();
        let mut found: Vec<(bool, Vec<u8>)> = Vec::new();
        let mut add = |is_run: bool, bytes: &[u8]| match found.last_mut() {
            Some((last, stretch)) if *last == is_run => stretch.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => found.push((is_run, bytes.to_vec())),
        };
        for chunk in chunks {
            let mut rest = *chunk;
            while let Some((stretch, used)) = finder.next(rest, most) {
                match stretch {
                    Stretch::Run(text) => add(true, text.as_bytes()),
                    Stretch::Gap(bytes) => add(false, bytes),
                }
                rest = &rest[used..];
            }
        }
        add(false, finder.finish());
        found
    }

    /// The same, by the definition.
    fn expected(bytes: &[u8]) -> Vec<(bool, Vec<u8>)> {
        let mut legible = vec![false; bytes.len()];
        let mut at = 0;
        for part in bytes.utf8_chunks() {
            for (index, byte) in part.valid().bytes().enumerate() {
                legible[at + index] = !is_illegible(byte);
            }
            at += part.valid().len() + part.invalid().len();
        }
        let mut found: Vec<(bool, Vec<u8>)> = Vec::new();
        for part in legible.chunk_by(|a, b| a == b) {
            let start: usize = found.iter().map(|(_, bytes)| bytes.len()).sum();
            let is_run = part[0] && part.len() >= MIN_RUN;
            let bytes = &bytes[start..start + part.len()];
            match found.last_mut() {
                Some((last, stretch)) if *last == is_run => stretch.extend_from_slice(bytes),
                _ => found.push((is_run, bytes.to_vec())),
            }
        }
        found
    }

    #[test]
    fn lines_are_found_between_binary_bytes() {
        let found = stretches(&[b"\0\x01a line of text\n\0short\0\xff\xfe\xc3another line\xc3"], usize::MAX);
        let runs: Vec<_> = found.iter().filter(|(is_run, _)| *is_run).map(|(_, run)| run.as_slice()).collect();
        assert_eq!(runs, [&b"a line of text\n"[..], b"another line"]);
    }

    #[test]
    fn in_random_bytes_there_is_next_to_no_text() {
        let mut seed = 1_u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        })
        .take(1 << 20)
        .collect();
        let text: usize = stretches(&[&bytes], usize::MAX).iter().filter(|(run, _)| *run).map(|(_, b)| b.len()).sum();
        assert!(text < bytes.len() / 500, "{text}");
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => "[ -~\n]{1,20}".prop_map(String::into_bytes),
            2 => "[à-üа-я日本😀]{1,8}".prop_map(String::into_bytes),
            2 => prop::collection::vec(any::<u8>(), 0..6),
            1 => prop::sample::select(vec![b"\0".to_vec(), b"\xc3".to_vec(), b"\xe2\x82".to_vec(), b"\xf0\x9f\x98".to_vec(), b"\xed\xa0".to_vec()]),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn runs_are_what_they_are_by_definition_whatever_the_chunks(bytes in bytes(), size in 1_usize..50, most in 1_usize..40) {
            let chunks: Vec<_> = bytes.chunks(size).collect();
            prop_assert_eq!(stretches(&chunks, most), expected(&bytes));
            prop_assert_eq!(stretches(&[&bytes], usize::MAX), expected(&bytes));
        }
    }
}
