//! What the languages of databases have in common: statements with strings, and servers that run programs or touch
//! files for one.

use super::Meaning;

/// A statement without its strings, and these: a quote is doubled, or stands behind a backslash.
pub(super) fn without_strings(statement: &str) -> (String, Vec<String>) {
    let (mut text, mut strings) = (String::new(), Vec::new());
    let mut string: Option<(char, String)> = None;
    let mut characters = statement.chars().peekable();
    while let Some(character) = characters.next() {
        match &mut string {
            Some((quote, inside)) if character == *quote => {
                if characters.next_if_eq(quote).is_some() {
                    inside.push(character);
                } else {
                    text.push('\'');
                    strings.extend(string.take().map(|(_, inside)| inside));
                }
            }
            Some((_, inside)) => inside.push(character),
            None if matches!(character, '\'' | '"') => {
                text.push('\'');
                string = Some((character, String::new()));
            }
            None if character == '-' && characters.peek() == Some(&'-') => {
                characters.by_ref().find(|other| *other == '\n');
            }
            None => text.push(character),
        }
    }
    // What nothing ends may be no string at all.
    if let Some((_, inside)) = string {
        text.push_str(&inside);
        strings.push(inside);
    }
    (text, strings)
}

/// What a statement has the server do beside its own language.
pub(super) fn served(statement: &str) -> Vec<Meaning> {
    let (text, strings) = without_strings(statement);
    let text = text.to_ascii_lowercase();
    let mut means = Vec::new();
    let words: Vec<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).collect();
    let says = |names: &[&str]| words.iter().any(|word| names.contains(word));
    let is_copied = says(&["copy", "xp_cmdshell"]) && (says(&["program"]) || says(&["xp_cmdshell"]));
    if is_copied {
        means.extend(strings.iter().cloned().map(Meaning::Shell));
        if strings.is_empty() {
            means.push(Meaning::Unknown);
        }
    }
    if says(RUNS)
        || (says(&["language"]) && words.iter().any(|word| word.starts_with("pl") && LANGUAGES.contains(word)))
    {
        means.extend(strings.iter().cloned().map(Meaning::Maybe));
        means.push(Meaning::Unknown);
    }
    if says(WRITES) || (says(&["copy"]) && says(&["to"])) {
        means.extend(files(&strings, "tee"));
    }
    if says(READS) || (says(&["copy"]) && says(&["from"])) {
        means.extend(files(&strings, "cat"));
    }
    means
}

/// The files that strings name, as what `program` would do with them.
fn files<'s>(strings: &'s [String], program: &'s str) -> impl Iterator<Item = Meaning> + 's {
    strings.iter().filter(|string| string.contains('/')).map(move |file| of_file(program, file))
}

/// What `program` would do with a file.
pub(super) fn of_file(program: &str, file: &str) -> Meaning {
    Meaning::Maybe(format!("{program} '{}'", file.trim().trim_matches(['\'', '"']).replace('\'', "")))
}

/// Functions and statements that run programs, or load code.
const RUNS: &[&str] = &[
    "sys_exec",
    "sys_eval",
    "load_extension",
    "edit",
    "executable",
    "dblink_exec",
    "lo_put",
    "fts3_tokenizer",
    "sp_oacreate",
    "sp_execute_external_script",
    "plpython3u",
    "plpythonu",
    "plperlu",
    "plsh",
    "gexec",
    "soname",
];

/// Languages whose functions run anything.
const LANGUAGES: &[&str] = &["plpython3u", "plpythonu", "plpython2u", "plperlu", "plsh", "pltclu", "plr"];

const WRITES: &[&str] = &["outfile", "dumpfile", "writefile", "lo_export", "export", "backup", "vacuum"];

const READS: &[&str] = &["load_file", "infile", "readfile", "pg_read_file", "pg_read_binary_file", "lo_import"];
