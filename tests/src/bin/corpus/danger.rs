//! Whether words that ran are dangerous by the rules that the corpus assumes.
//!
//! Deliberately another and simpler way than the product's own: it looks at words that really ran.

/// Whether these words are what some rule of the corpus is about.
pub(crate) fn dangerous(words: &[String]) -> bool {
    let Some((name, arguments)) = words.split_first() else { return false };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let any = |wanted: &[&str]| arguments.iter().any(|word| wanted.contains(word));
    let harmless = any(&["--help", "--version"]);
    match name.as_str() {
        "rm" => deletes_trees(&arguments),
        "shutdown" | "reboot" | "halt" | "poweroff" => !harmless,
        "systemctl" => any(&[
            "poweroff", "reboot", "halt", "start", "stop", "restart", "reload", "enable", "disable", "mask", "kill",
        ]),
        "dd" => arguments.iter().any(|word| word.starts_with("of=/dev/sd") || word.starts_with("of=/dev/nvme")),
        "mkfs.ext4" => arguments.iter().any(|word| word.starts_with("/dev/")),
        "iptables" => any(&["-F", "--flush", "-X"]),
        "userdel" => !harmless,
        "kubectl" | "docker" => verb(&arguments, &["delete", "drain"]) || after_dashes(words).is_some_and(dangerous),
        "psql" | "mysql" => arguments.iter().any(|word| drops(word)),
        "crontab" => !any(&["-l"]),
        "chmod" => any(&["777", "0777", "666", "a+rwx", "a+w", "o+w", "u+s", "+s", "-R", "--recursive"]),
        "chown" => any(&["-R", "--recursive"]),
        "terraform" => any(&["destroy", "apply"]),
        "scp" => arguments.last().is_some_and(|word| word.contains("/etc/")),
        _ => false,
    }
}

fn deletes_trees(arguments: &[&str]) -> bool {
    let options: Vec<&&str> = arguments.iter().take_while(|word| **word != "--").collect();
    let flag = |letters: &[char], long: &str| {
        options.iter().any(|word| match word.strip_prefix("--") {
            Some(name) => !name.is_empty() && long.starts_with(name),
            None => word.starts_with('-') && word.contains(letters),
        })
    };
    flag(&['r', 'R'], "recursive") && flag(&['f'], "force")
}

/// Whether the first word that is no option is one of these, also behind the value of an option such as `-n`.
fn verb(arguments: &[&str], verbs: &[&str]) -> bool {
    let mut words = arguments.iter().take(3).filter(|word| !word.starts_with('-'));
    words.next().is_some_and(|word| verbs.contains(word)) || words.next().is_some_and(|word| verbs.contains(word))
}

fn after_dashes(words: &[String]) -> Option<&[String]> {
    let at = words.iter().position(|word| word == "--")?;
    words.get(at + 1..)
}

fn drops(statement: &str) -> bool {
    let statement = statement.to_ascii_lowercase();
    ["drop ", "truncate ", "delete from "].iter().any(|verb| statement.contains(verb))
}

#[cfg(test)]
mod tests {
    use super::dangerous;

    fn judged(line: &str) -> bool {
        dangerous(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_ran_is_judged_by_its_words() {
        for line in ["rm -rf /x", "rm /x -f -R", "rm --rec --force x", "reboot", "kubectl exec p -- rm -rf /"] {
            assert!(judged(line), "{line}");
        }
        for line in
            ["rm -r x", "rm --version", "rm -- -rf", "systemctl status x", "kubectl get pods", "shutdown --help"]
        {
            assert!(!judged(line), "{line}");
        }
    }
}
