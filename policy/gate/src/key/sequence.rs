//! The key of a complete escape sequence.

use super::{Key, plain};

/// Reads a complete sequence, from its ESC to its last byte.
pub(super) fn key(sequence: &[u8]) -> Key {
    match sequence {
        [ESC, b'[', b'[', last] => match last {
            b'A'..=b'E' => Key::Function(last - b'A' + 1),
            _ => Key::Unknown,
        },
        [ESC, b'[', body @ .., last] => csi(body, *last),
        [ESC, b'O', last] => ss3(*last),
        [ESC, b']', body @ .., ESC, b'\\'] | [ESC, b']', body @ .., BEL] => osc(body),
        [ESC, b'P', body @ .., ESC, b'\\'] => dcs(body),
        _ => Key::Unknown,
    }
}

fn csi(body: &[u8], last: u8) -> Key {
    if let Some(report) = report(body, last) {
        return report;
    }
    let Some(parameters) = CsiParameters::parse(body) else { return Key::Unknown };
    let CsiParameters { first, second, third } = parameters;
    match last {
        b'u' if third.is_none() => modified(first.unwrap_or(1), second),
        b'~' if first == Some(27) => third.map_or(Key::Unknown, |code| modified(code, second)),
        b'~' if second.unwrap_or(1) == 1 && third.is_none() => tilde(first.unwrap_or(0)),
        b'A'..=b'H' | b'P'..=b'S' | b'Z' if first.unwrap_or(1) == 1 && third.is_none() => {
            letter(last, second.unwrap_or(1))
        }
        _ => Key::Unknown,
    }
}

/// What xterm and its kin answer or tell: nothing of it is longer than numbers.
fn report(body: &[u8], last: u8) -> Option<Key> {
    let numbers = |body: &[u8]| body.iter().all(|byte| byte.is_ascii_digit() || *byte == b';');
    let (prefix, rest) = match body.split_first() {
        Some((prefix @ (b'?' | b'>' | b'<' | b'='), rest)) => (Some(*prefix), rest),
        _ => (None, body),
    };
    let is_report = match (prefix, last) {
        // Mouse, and nothing else, is told with `<`.
        (Some(b'<'), b'M' | b'm') => numbers(rest),
        // Device attributes, kitty's flags, colour scheme, extended cursor position.
        (Some(b'?' | b'>' | b'='), b'c' | b'u' | b'n' | b'R' | b't' | b'S') => numbers(rest),
        // DECRPM.
        (_, b'y') => rest.split_last().is_some_and(|(dollar, rest)| *dollar == b'$' && numbers(rest)),
        // Cursor position and mouse of rxvt: never without a semicolon.
        (None, b'R' | b'M') => rest.contains(&b';') && numbers(rest),
        // Status, sizes.
        (None, b'n' | b't') => !rest.is_empty() && numbers(rest),
        // Focus.
        (None, b'I' | b'O') => rest.is_empty(),
        _ => false,
    };
    is_report.then_some(Key::Report)
}

fn tilde(number: u16) -> Key {
    match number {
        1 | 7 => Key::Home,
        2 => Key::Insert,
        3 => Key::Delete,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        11..=15 => function(number - 10),
        17..=21 => function(number - 11),
        23..=26 => function(number - 12),
        28 | 29 => function(number - 13),
        31..=34 => function(number - 14),
        200 => Key::PasteStart,
        201 => Key::PasteEnd,
        _ => Key::Unknown,
    }
}

fn letter(last: u8, modifiers: u16) -> Key {
    match (last, modifiers) {
        (b'A', 1) => Key::Up,
        (b'B', 1) => Key::Down,
        (b'C', 1) => Key::Right,
        (b'C', ALT | CONTROL) => Key::WordRight,
        (b'D', 1) => Key::Left,
        (b'D', ALT | CONTROL) => Key::WordLeft,
        (b'F', 1) => Key::End,
        (b'H', 1) => Key::Home,
        (b'P'..=b'S', 1) => Key::Function(last - b'P' + 1),
        (b'Z', 1) => Key::BackTab,
        _ => Key::Unknown,
    }
}

fn ss3(last: u8) -> Key {
    match last {
        // rxvt with Control.
        b'c' => Key::WordRight,
        b'd' => Key::WordLeft,
        // Enter of the keypad, where a program asked for the application keypad.
        b'M' => Key::Enter,
        b'A'..=b'D' | b'F' | b'H' | b'P'..=b'S' => letter(last, 1),
        _ => Key::Unknown,
    }
}

/// A key by its code, as kitty and xterm (modifyOtherKeys) send those that have no bytes of their own.
fn modified(code: u16, modifiers: Option<u16>) -> Key {
    let Some(character) = u8::try_from(code).ok().filter(|code| matches!(code, 9 | 13 | 27 | 32..=127)) else {
        return Key::Unknown;
    };
    // Caps Lock and Num Lock change nothing of these.
    match modifiers.unwrap_or(1).saturating_sub(1) & !(64 | 128) {
        0 => plain(character),
        2 => match character {
            127 => Key::AltBackspace,
            32..127 => Key::Alt(char::from(character)),
            _ => Key::Unknown,
        },
        4 => match character {
            b'@' | b'[' | b'\\' | b']' | b'^' | b'_' => Key::Ctrl(char::from(character)),
            b'i' => Key::Tab,
            b'j' => Key::LineFeed,
            b'm' => Key::Enter,
            b'a'..=b'z' => Key::Ctrl(char::from(character)),
            _ => Key::Unknown,
        },
        _ => Key::Unknown,
    }
}

/// An answer on colours: `10;rgb:ffff/ffff/ffff`, `4;1;rgb:…`. Text in any other is text that somebody chose.
fn osc(body: &[u8]) -> Key {
    let body = str::from_utf8(body).unwrap_or_default();
    let Some((numbers, color)) = body.split_once("rgb:").or_else(|| body.split_once("rgba:")) else {
        return Key::Unknown;
    };
    let is_report = numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b';')
        && color.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'/');
    if is_report { Key::Report } else { Key::Unknown }
}

/// An answer on a capability (`1+r544e=787465726d`), a setting (`1$r0m`) or the version (`>|XTerm(390)`).
fn dcs(body: &[u8]) -> Key {
    let is_report = match body {
        [b'0' | b'1', b'+', b'r', rest @ ..] => {
            rest.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'=' | b';'))
        }
        [b'0' | b'1', b'$', b'r', rest @ ..] => {
            let settings = rest.trim_ascii_end();
            settings.iter().all(|byte| byte.is_ascii_digit() || b";:\"' mrsqptvz|*x{".contains(byte))
        }
        [b'>', b'|', rest @ ..] => {
            rest.len() <= 48 && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b" .()-_+".contains(byte))
        }
        [b'!', b'|', rest @ ..] => rest.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    };
    if is_report { Key::Report } else { Key::Unknown }
}

fn function(number: u16) -> Key {
    u8::try_from(number).map_or(Key::Unknown, Key::Function)
}

/// The first numbers of a sequence.
#[derive(Default)]
struct CsiParameters {
    first: Option<u16>,
    second: Option<u16>,
    third: Option<u16>,
}

impl CsiParameters {
    /// None for what has no plain meaning: a prefix, sub-parameters, or numbers that are too many or too large.
    fn parse(body: &[u8]) -> Option<Self> {
        let mut parameters = Self::default();
        if body.is_empty() {
            return Some(parameters);
        }
        let mut numbers = str::from_utf8(body).ok()?.split(';');
        for slot in [&mut parameters.first, &mut parameters.second, &mut parameters.third] {
            let Some(number) = numbers.next() else { break };
            if !number.is_empty() {
                *slot = Some(number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??);
            }
        }
        numbers.next().is_none().then_some(parameters)
    }
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// The modifier parameter of xterm: one, and two for Alt or four for Control.
const ALT: u16 = 3;
const CONTROL: u16 = 5;
