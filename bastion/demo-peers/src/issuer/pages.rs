//! What a browser sees. Plain HTML without scripts; what a request says is escaped.

use super::people::PEOPLE;

/// No script, no other site, no frame. Buttons are links, so no form target is needed but our own.
pub(super) const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Four buttons; each is `url` with the person's name added.
pub(super) fn choose(url: &str, question: &str) -> String {
    let buttons: String = PEOPLE
        .iter()
        .map(|person| {
            let (name, groups) = (person.name, person.groups.join(", "));
            format!("<p><a class=\"button\" href=\"{}&amp;demo_user={name}\">{name}</a> {groups}</p>\n", escaped(url))
        })
        .collect();
    page(question, &buttons)
}

/// A field for the code.
pub(super) fn enter_code() -> String {
    page(
        "Enter the code that your terminal shows",
        "<form action=\"/device\"><input name=\"user_code\" aria-label=\"Code\" autocomplete=\"off\" autofocus required>\n\
         <button class=\"button\">Go on</button></form>\n",
    )
}

pub(super) fn confirmed(name: &str) -> String {
    page("Confirmed", &format!("<p>You are {} in the terminal. This page can be closed.</p>\n", escaped(name)))
}

pub(super) fn refused(reason: &str) -> String {
    page("Refused", &format!("<p>{}</p>\n", escaped(reason)))
}

fn page(title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} · demo issuer</title>\n\
         <style>{STYLE}</style>\n\
         <p class=\"warning\" role=\"note\"><strong>Demo issuer.</strong> No passwords: whoever sees this page can be anybody.</p>\n\
         <main><h1>{title}</h1>\n{content}</main></html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

const STYLE: &str = ":root{color-scheme:light dark;font:1.1rem/1.5 system-ui,sans-serif}\
body{max-width:32rem;margin:2rem auto;padding:0 1rem}\
.warning{border:2px solid #b45309;border-radius:.5rem;padding:.5rem 1rem}\
.button{display:inline-block;min-width:6rem;padding:.4rem 1rem;border:1px solid;border-radius:.4rem;\
text-align:center;text-decoration:none;font:inherit}\
input{font:inherit;padding:.4rem}";
