//! One plain page for what a browser meets outside the console: a title, words, and a way on.

use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;

/// A page with a link to somewhere on this host.
pub(super) fn message(status: StatusCode, title: &str, text: &str, link: (&'static str, &str)) -> Response {
    let (href, label) = link;
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>bastion: {title}</title></head>\n\
         <body>\n<h1>{title}</h1>\n<p>{text}</p>\n<p><a href=\"{href}\">{label}</a></p>\n</body>\n</html>\n",
        title = escaped(title),
        text = escaped(text),
        label = escaped(label),
    );
    (status, Html(body)).into_response()
}

/// Text as HTML. Characters that would be drawn as something else than they are (controls, changes of the writing
/// direction) are shown by their number: the text may come from a peer.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ if character.is_control() || is_invisible(character) => out.extend(character.escape_unicode()),
            _ => out.push(character),
        }
    }
    out
}

fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn hostile_text_is_shown_and_not_interpreted() {
        assert_eq!(escaped("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
        assert_eq!(escaped("a\u{202e}b\u{1b}c"), "a\\u{202e}b\\u{1b}c");
    }
}
