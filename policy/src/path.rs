//! Paths as a rule sees them: `.`, `..`, `//` and a trailing `/` resolved by text alone.
//!
//! Links are not known here: a path that a link leads elsewhere is judged by its name.

/// The normal form of an absolute path; none for a relative one.
pub(crate) fn normal(path: &str) -> Option<String> {
    let rest = path.strip_prefix('/')?;
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_path_are_one_path() {
        for spelling in [
            "/etc/passwd",
            "//etc//passwd",
            "/etc/./passwd",
            "/usr/../etc/passwd",
            "/../etc/passwd",
            "/etc/passwd/",
            "/etc/x/../passwd",
        ] {
            assert_eq!(normal(spelling).as_deref(), Some("/etc/passwd"), "{spelling}");
        }
        assert_eq!(normal("/").as_deref(), Some("/"));
        assert_eq!(normal("etc/passwd"), None);
    }
}
