//! [`ShownOutput`]: of what was recorded, what only shows.
//!
//! A recording holds whatever a program wrote, and a terminal does more than
//! show: it answers questions on its input (where the shell reads the answer
//! as typed), writes the clipboard, sets titles and palettes, prints, resizes
//! its window, reports the mouse. So this is a list of what is let through, by
//! the forms of ECMA-48 and of DEC's terminals: text, cursor, erasing, colours,
//! margins, character sets, and the modes that [`PUT_RIGHT`] puts back. All else is
//! dropped, control strings (OSC, DCS, APC, PM, SOS) with their contents. Only
//! whole sequences are written, so playing can stop anywhere.

/// What is written before a recording: keys as everybody expects them (kitty's protocol, on a level of its own), so that
/// Ctrl-C is one.
pub(super) const PREPARE: &str = "\x1b[>0u";

/// What is written after it, to a terminal that shows its main screen: keys (kitty's, xterm's), mouse, focus, paste;
/// output that is held back, reverse video, origin, wrapping, insertion, new line, side margins, application keys, character
/// sets; DECSTR for cursor, margins and what else there is; the cursor as the person has it.
pub(super) const PUT_RIGHT: &str = "\x1b[<u\x1b[>4m\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\
    \x1b[?2026l\x1b[?5l\x1b[?6l\x1b[?7h\x1b[4l\x1b[20l\x1b[?69l\x1b[?1l\x1b>\x0f\x1b(B\x1b[!p\x1b[0 q\x1b[?25h\x1b[0m\r\n";

/// Leaves the alternate screen.
pub(super) const LEAVE_ALTERNATE: &str = "\x1b[?1049l";

/// Lets through what only shows.
#[derive(Debug, Default)]
pub(super) struct ShownOutput {
    state: FilterState,
    /// What stands between the start of the sequence and where it is now.
    sequence: String,
    alternate_screen: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum FilterState {
    #[default]
    Ground,
    Escape,
    Control,
    /// In a control string, up to ST, BEL, CAN or SUB.
    Dropped,
}

impl ShownOutput {
    /// Appends what `text` shows. A sequence may be split between two texts.
    pub(super) fn feed(&mut self, text: &str, out: &mut String) {
        for character in text.chars() {
            self.push(character, out);
        }
    }

    /// Whether the alternate screen is shown now.
    pub(super) fn alternate_screen(&self) -> bool {
        self.alternate_screen
    }

    fn push(&mut self, character: char, out: &mut String) {
        match (self.state, character) {
            (_, '\x18' | '\x1a') => self.state = FilterState::Ground,
            (_, '\x1b') => self.begin(FilterState::Escape),
            (FilterState::Dropped, '\x07' | '\u{9c}') => self.state = FilterState::Ground,
            (FilterState::Dropped, _) => {}
            (_, '\u{9b}') => self.begin(FilterState::Control),
            (_, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}') => self.begin(FilterState::Dropped),
            (_, '\u{80}'..='\u{9f}') => self.state = FilterState::Ground,
            // BEL, BS, HT, LF, VT, FF, CR, SO, SI: inside a sequence too a terminal acts on them at once.
            (_, '\x07'..='\x0f') => out.push(character),
            (_, '\0'..='\x1f' | '\x7f') => {}
            (FilterState::Ground, _) => out.push(character),
            (FilterState::Escape, '[') => self.begin(FilterState::Control),
            (FilterState::Escape, ']' | 'P' | 'X' | '^' | '_') => self.begin(FilterState::Dropped),
            (FilterState::Escape, ' '..='/') | (FilterState::Control, ' '..='?') => {
                if self.sequence.len() <= LONGEST_SEQUENCE {
                    self.sequence.push(character);
                }
            }
            (FilterState::Escape, _) => {
                self.state = FilterState::Ground;
                self.escape(character, out);
            }
            (FilterState::Control, _) => {
                self.state = FilterState::Ground;
                self.control(character, out);
            }
        }
    }

    fn begin(&mut self, state: FilterState) {
        self.state = state;
        self.sequence.clear();
    }

    fn escape(&mut self, last: char, out: &mut String) {
        match (self.sequence.as_str(), last) {
            // Cursor and tabulators; the keypad; character sets; DECALN and double-size lines.
            ("", '7' | '8' | 'D' | 'E' | 'H' | 'M' | '=' | '>')
            | ("(" | ")" | "*" | "+", '0'..='~')
            | ("#", '3'..='6' | '8') => out.extend(["\x1b", &self.sequence, last.encode_utf8(&mut [0; 4])]),
            // A reset would take what stood in the terminal before, and how it is set up.
            ("", 'c') => {
                if std::mem::take(&mut self.alternate_screen) {
                    out.push_str(LEAVE_ALTERNATE);
                }
                out.push_str("\x1b[!p\x1b[?7h\x1b[H\x1b[2J");
            }
            _ => {}
        }
    }

    fn control(&mut self, last: char, out: &mut String) {
        let private = self.sequence.starts_with(['<', '=', '>', '?']);
        let (prefix, rest) = self.sequence.split_at(usize::from(private));
        let (parameters, between) = rest.split_at(rest.find([' ', '!', '"', '$']).unwrap_or(rest.len()));
        let sane = |parameter: &str| parameter.len() <= 5 && parameter.bytes().all(|byte| byte.is_ascii_digit());
        if self.sequence.len() > LONGEST_SEQUENCE || !parameters.split([';', ':']).all(sane) {
            return;
        }
        let modes: Option<&[&str]> = match (prefix, between, last) {
            // All but 3, which takes what was scrolled out of sight before.
            ("" | "?", "", 'J') if parameters.split(';').all(|what| what.trim_start_matches('0') != "3") => None,
            // Cursor, erasing, inserting, scrolling, repeating, tabulators, colours, margins.
            ("", "", '@'..='I' | 'K'..='M' | 'P' | 'S' | 'T' | 'X' | 'Z' | '`'..='b' | 'd'..='g' | 'm' | 'r' | 's')
            | ("?", "", 'K')
            // DECSTR, the cursor's form, protected characters.
            | ("", "!", 'p')
            | ("", " " | "\"", 'q') => None,
            ("", "", 'u') if parameters.is_empty() => None,
            ("", "", 'h' | 'l') => Some(MODES),
            ("?", "", 'h' | 'l') => Some(PRIVATE_MODES),
            _ => return,
        };
        let Some(modes) = modes else {
            return out.extend(["\x1b[", &self.sequence, last.encode_utf8(&mut [0; 4])]);
        };
        for mode in parameters.split(';').filter(|mode| modes.contains(mode)) {
            out.extend(["\x1b[", prefix, mode, last.encode_utf8(&mut [0; 4])]);
            if ALTERNATE_SCREENS.contains(&mode) && prefix == "?" {
                self.alternate_screen = last == 'h';
            }
        }
    }
}

/// Insertion; new line.
const MODES: &[&str] = &["4", "20"];

/// Cursor keys (they change nothing here, but are often seen), reverse video, origin, wrapping, blinking, the cursor, keypad,
/// side margins, the alternate screens, the saved cursor, output that is held back.
const PRIVATE_MODES: &[&str] = &["1", "5", "6", "7", "12", "25", "47", "66", "69", "1047", "1048", "1049", "2026"];

const ALTERNATE_SCREENS: [&str; 3] = ["47", "1047", "1049"];

/// Nothing that shows is longer: a colour of the longest form has some thirty characters, a few of them stand together.
const LONGEST_SEQUENCE: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(parts: &[&str]) -> (String, bool) {
        let (mut filter, mut out) = (ShownOutput::default(), String::new());
        for part in parts {
            filter.feed(part, &mut out);
        }
        (out, filter.alternate_screen())
    }

    #[test]
    fn what_shows_passes_as_it_is() {
        for text in [
            "plain\ttext\r\nGrüße 日本\x08 \x07",
            "\x1b[1;31mred\x1b[0m\x1b[38;2;1;2;3mx\x1b[38:2::1:2:3m\x1b[m",
            "\x1b[2J\x1b[H\x1b[10;20H\x1b[K\x1b[1K\x1b[?K\x1b[3A\x1b[5b\x1b[2;20r\x1b[s\x1b[u\x1b7\x1b8\x1bM",
            "\x1b(0lqk\x1b(B\x1b#8\x0e\x0f",
            "\x1b[?25l\x1b[?7l\x1b[?2026h\x1b[4h\x1b[4 q\x1b[!p",
        ] {
            assert_eq!(shown(&[text]).0, text, "{text:?}");
        }
    }

    #[test]
    fn what_does_more_than_show_is_dropped() {
        for sequence in [
            "\x1b]52;c;bHMK\x07",
            "\x1b]52;c;bHMK\x1b\\",
            "\u{9d}52;c;bHMK\u{9c}",
            "\x1b]0;title\x07",
            "\x1b]8;;https://example.com\x07",
            "\x1bP$qm\x1b\\",
            "\x1bPtmux;\x1b\x1b]52;c;bHMK\x07\x1b\\",
            "\x1b_Gi=1,a=q\x1b\\",
            "\x1b[c",
            "\u{9b}c",
            "\x1b[>c",
            "\x1b[=c",
            "\x1bZ",
            "\x05",
            "\x1b[5n",
            "\x1b[6n",
            "\x1b[?6n",
            "\x1b[?996n",
            "\x1b[?2004$p",
            "\x1b[>q",
            "\x1b[?u",
            "\x1b[>5u",
            "\x1b[<u",
            "\x1b[=5;1u",
            "\x1b[>4;2m",
            "\x1b[8;50;200t",
            "\x1b[21t",
            "\x1b[3J",
            "\x1b[03J",
            "\x1b[5i",
            "\x1b[1;1;1;1;1;1*y",
            "\x1b[?1000h",
            "\x1b[?1004h",
            "\x1b[?2004h",
            "\x1b[?2048h",
            "\x1b[?3h",
            "\x1b%@",
            "\x1b G",
            "\x1b[99999999999b",
            "\x1b[?25\x18",
        ] {
            assert_eq!(shown(&["a", sequence, "b"]).0, "ab", "{sequence:?}");
        }
        assert_eq!(shown(&["\x1b[?1000;25;1006h"]).0, "\x1b[?25h");
        assert_eq!(shown(&["\x1bc"]).0, "\x1b[!p\x1b[?7h\x1b[H\x1b[2J");
        assert_eq!(shown(&["\x1b]0;never ended", "\x1b[", "31"]).0, "");
        assert_eq!(shown(&["\x1b[", &"1;".repeat(10_000), "m"]).0, "");
    }

    #[test]
    fn the_alternate_screen_is_seen_across_event_borders() {
        assert!(shown(&["vim\x1b[?1049h"]).1);
        assert!(shown(&["\x1b[?10", "4", "9h\u{e4}"]).1);
        assert!(!shown(&["\x1b[?1049h", "text", "\x1b[?1049l"]).1);
        assert!(shown(&["\x1b[?1049h\x1b[?1049l\x1b[?25;47h", "text"]).1);
        assert!(!shown(&["plain"]).1);
    }

    #[test]
    fn every_mode_that_passes_is_put_back() {
        let put_back = |mode: &str, prefix: &str| {
            ["h", "l"].iter().any(|end| PUT_RIGHT.contains(&format!("\x1b[{prefix}{mode}{end}")))
        };
        assert!(MODES.iter().all(|mode| put_back(mode, "")));
        for mode in PRIVATE_MODES {
            // The keypad goes with ESC >, blinking with the cursor's form; what is saved is nobody else's.
            let otherwise = ALTERNATE_SCREENS.contains(mode) || matches!(*mode, "12" | "66" | "1048");
            assert!(otherwise || put_back(mode, "?"), "{mode}");
        }
    }

    proptest! {
        #[test]
        fn nothing_comes_out_that_was_not_listed(text in "([a\x1b\\[\\]P_;?>$ !\u{9b}\u{9d}0-9a-zA-Z\x07\x18\\\\]|\x1b\\[|\x1b\\]){0,80}", cut in 0_usize..80) {
            let once = shown(&[&text]).0;
            let cut = text.char_indices().map(|(index, _)| index).nth(cut).unwrap_or(text.len());
            prop_assert_eq!(&shown(&[&text[..cut], &text[cut..]]).0, &once);
            // What was let through is let through again as it is.
            prop_assert_eq!(shown(&[&once]).0, once);
        }
    }
}
