//! Which Meta keys a shell may get at its prompt.

/// Whether Meta and this character only edits, in the key bindings that bash, zsh and fish come with.
///
/// Not among them, for they run something or hide what follows: `#` (accepts, bash), `a` `A` (accept, zsh), `e` `v`
/// (editor, fish), `h` `H` `?` `o` (run a program), `n` `p` `N` `P` (read a search string, in which the marks of
/// a paste are lost, bash), `q` `Q` (put the line aside, zsh), `x` `z` (run any widget, zsh).
pub(super) fn meta(char: char) -> bool {
    matches!(
        char,
        '0'..='9'
            | '-'
            | '.'
            | '_'
            | '<'
            | '>'
            | '^'
            | '!'
            | '@'
            | '$'
            | '*'
            | '='
            | '/'
            | '~'
            | '&'
            | '\\'
            | 'b'
            | 'c'
            | 'd'
            | 'f'
            | 'l'
            | 'r'
            | 's'
            | 't'
            | 'u'
            | 'y'
            | 'B'
            | 'C'
            | 'D'
            | 'F'
            | 'L'
            | 'R'
            | 'T'
            | 'U'
    )
}
