//! "Did you mean …": the known word that is nearest to a misspelt one.

/// The candidate that `word` was most likely meant to be, if one is near enough.
///
/// Case, `-` and `_` are not counted as differences.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    // A third of the letters may be wrong: enough for a typing slip, too little for another word.
    let tolerance = (folded.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_and_another_word_finds_nothing() {
        let known = ["login_grace_time", "max_connections", "ssh"];
        assert_eq!(nearest("login_grace_tiem", known), Some("login_grace_time"));
        assert_eq!(nearest("loginGraceTime", known), Some("login_grace_time"));
        assert_eq!(nearest("shh", known), Some("ssh"));
        assert_eq!(nearest("colour", known), None);
    }
}
