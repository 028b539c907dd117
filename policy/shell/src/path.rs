//! Paths as a rule sees them: `.`, `..`, `//` and a trailing `/` resolved by text alone.
//!
//! Links are not known here: a path that a link leads elsewhere is judged by its name. Only `/proc/PROCESS/root` is,
//! which leads back to `/`.

/// The normal form of an absolute path; none for a relative one.
pub fn normal(path: &str) -> Option<String> {
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
    while let ["proc", process, "root", below @ ..] = parts.as_slice() {
        if !matches!(*process, "self" | "thread-self") && !process.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        parts = below.to_vec();
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
            "/proc/self/root/etc/passwd",
            "/proc/1/root/proc/self/root/etc/passwd",
        ] {
            assert_eq!(normal(spelling).as_deref(), Some("/etc/passwd"), "{spelling}");
        }
        assert_eq!(normal("/").as_deref(), Some("/"));
        assert_eq!(normal("etc/passwd"), None);
    }
}
