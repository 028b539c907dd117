//! Globs over target names: `*` stands for any characters, `?` for one.

use config::TargetName;

/// A checked glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(String);

impl Glob {
    /// Nothing if no target name could match.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // What stands for a wildcard may be any allowed character.
        let example: TargetName = text.replace(['*', '?'], "x").parse().ok()?;
        (!example.as_str().is_empty()).then(|| Self(text.to_owned()))
    }

    /// Whether the whole name matches. Takes at most the product of both lengths in steps.
    pub(crate) fn matches(&self, name: &TargetName) -> bool {
        let (glob, name) = (self.0.as_bytes(), name.as_str().as_bytes());
        let (mut at_glob, mut at_name) = (0, 0);
        // After the last `*` seen: where to go on in the glob, and how much of the name it has taken.
        let mut star: Option<(usize, usize)> = None;
        while let Some(byte) = name.get(at_name) {
            match glob.get(at_glob) {
                Some(b'*') => {
                    star = Some((at_glob + 1, at_name));
                    at_glob += 1;
                }
                Some(wanted) if *wanted == b'?' || wanted == byte => {
                    at_glob += 1;
                    at_name += 1;
                }
                _ => {
                    let Some((after_star, taken)) = star else { return false };
                    star = Some((after_star, taken + 1));
                    at_glob = after_star;
                    at_name = taken + 1;
                }
            }
        }
        glob.iter().skip(at_glob).all(|byte| *byte == b'*')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(glob: &str, name: &str) -> bool {
        Glob::parse(glob).unwrap().matches(&name.parse().unwrap())
    }

    #[test]
    fn a_glob_matches_the_whole_name() {
        for (glob, name, expected) in [
            ("web1", "web1", true),
            ("web1", "web10", false),
            ("web1", "aweb1", false),
            ("web1", "WEB1", false),
            ("web*", "web", true),
            ("web*", "web-prod.eu", true),
            ("*", "x", true),
            ("*.eu", "web.eu", true),
            ("*.eu", "web.eu.com", false),
            ("w*b*1", "web-b2-1", true),
            ("w*b*1", "web-b2-2", false),
            ("web?", "web1", true),
            ("web?", "web", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(matches(glob, name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn what_no_name_can_match_is_not_a_glob() {
        for text in ["", "web 1", "web[12]", "web1,web2", "web/*", "wéb"] {
            assert_eq!(Glob::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_obvious_recursion(glob in "[ab*?]{1,8}", name in "[ab]{1,8}") {
            fn obvious(glob: &[u8], name: &[u8]) -> bool {
                match (glob.split_first(), name.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) if obvious(rest, name) => true,
                    (Some((b'*', _)), Some((_, shorter))) => obvious(glob, shorter),
                    (Some((b'?', rest)), Some((_, shorter))) => obvious(rest, shorter),
                    (Some((wanted, rest)), Some((byte, shorter))) => wanted == byte && obvious(rest, shorter),
                    (Some(_), None) | (None, Some(_)) => false,
                }
            }
            prop_assert_eq!(matches(&glob, &name), obvious(glob.as_bytes(), name.as_bytes()));
        }
    }
}
