//! Keys as a script writes them: text, and names in angle brackets.
//!
//! `ls -l<Enter>`, `<C-r>abc`, `<M-b>`, `<Up>`, `<Paste>one<Newline>two<PasteEnd>`. `<lt>` is a `<`.

use anyhow::{Result, bail};

/// The bytes that a terminal sends for these keys.
///
/// # Errors
/// Names a key that is not known.
pub fn bytes(keys: &str) -> Result<String> {
    let mut sent = String::new();
    let mut rest = keys;
    while let Some((before, after)) = rest.split_once('<') {
        sent.push_str(before);
        let Some((name, after)) = after.split_once('>') else { bail!("no end of a key's name in {keys:?}") };
        sent.push_str(&key(name)?);
        rest = after;
    }
    sent.push_str(rest);
    Ok(sent)
}

fn key(name: &str) -> Result<String> {
    if let Some(letter) = name.strip_prefix("C-").and_then(|letter| letter.bytes().next()) {
        return Ok(char::from(letter & 0x1f).to_string());
    }
    if let Some(letter) = name.strip_prefix("M-") {
        return Ok(format!("\u{1b}{letter}"));
    }
    let sent = match name {
        "lt" => "<",
        "Enter" => "\r",
        "Newline" => "\n",
        "Tab" => "\t",
        "Esc" => "\u{1b}",
        "Bs" => "\u{7f}",
        "Del" => "\u{1b}[3~",
        "Up" => "\u{1b}[A",
        "Down" => "\u{1b}[B",
        "Right" => "\u{1b}[C",
        "Left" => "\u{1b}[D",
        "Home" => "\u{1b}[H",
        "End" => "\u{1b}[F",
        "PageUp" => "\u{1b}[5~",
        "PageDown" => "\u{1b}[6~",
        "Paste" => "\u{1b}[200~",
        "PasteEnd" => "\u{1b}[201~",
        _ => bail!("no key is called {name:?}"),
    };
    Ok(sent.to_owned())
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn names_stand_for_what_terminals_send() {
        let sent = bytes("a<lt>b<C-r>x<M-f><Up><Enter>").unwrap_or_default();
        assert_eq!(sent, "a<b\u{12}x\u{1b}f\u{1b}[A\r");
        assert!(bytes("<Nokey>").is_err());
        assert!(bytes("a <b").is_err());
    }
}
