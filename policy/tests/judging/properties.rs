//! What holds of every text: no panic, an answer in time, and no way around a block by spelling.

use std::time::{Duration, Instant};

use config::{RuleDoc, rules::RuleEffect};
use policy::RuleSet;
use proptest::prelude::*;
use shell::{self, Folder, ParseContext, Shell};

use crate::judged::{Case, rules, verdict};

const SHELLS: [Shell; 7] = [Shell::Ash, Shell::Bash, Shell::Dash, Shell::Fish, Shell::Sh, Shell::Unknown, Shell::Zsh];

fn case(mode: &str, command: &str) -> Case {
    Case {
        id: String::new(),
        mode: mode.to_owned(),
        shell: Shell::Bash,
        command: vec![command.to_owned()],
        stdin: None,
        expected: "block".to_owned(),
        also: Vec::new(),
    }
}

fn effect(rules: &RuleSet, command: &str) -> RuleEffect {
    verdict(rules, &case("exec", command)).map_or(RuleEffect::Allow, |verdict| verdict.effect)
}

fn parse_everywhere(text: &str) {
    for shell in SHELLS {
        for interactive in [false, true] {
            let cx = ParseContext {
                shell,
                interactive,
                opens: false,
                folder: Folder::Known("/srv".to_owned()),
                ..ParseContext::default()
            };
            let _ = shell::parse(text, &cx);
        }
    }
    let _ = shell::argv(&[text.to_owned(), "-c".to_owned(), text.to_owned()], Some(text), &ParseContext::default());
}

/// Pieces of shell code that are likely to trip a parser.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "rm", "-rf", "/x", " ", "\n", ";", "&&", "||", "|", "&", "(", ")", "{", "}", "((", "))", "[[", "]]", "[", "]",
        "$(", "`", "${", "$((", "'", "\"", "\\", "$'", "<<E\n", "\nE\n", "<<<", "<(", ">(", ">", "if", "then", "fi",
        "for", "in", "do", "done", "case", "esac", ";;", "while", "!", "~", "*", "?", "{a,b}", "{1..9}", "$x", "$@",
        "#", "=", "a=", "a[", "eval", "sh -c", "sudo", "-u", "env", "xargs", "find", "-exec", "\\;", "é", "\u{202e}",
        "\0", "\r", "begin", "end", "switch", "set", "and", "&|", "[(", "\\x72", "\\155", "\\u", "always", ">!",
        "\\$'", "read", "awk", "sed", "s/a/b/e", "time", "coproc", "function", "f()", "%s", "printf", "echo", "| sh",
        "@P", ":-",
    ]);
    prop::collection::vec((pieces, any::<bool>()), 0..40).prop_map(|pieces| {
        pieces.into_iter().map(|(piece, blank)| if blank { format!("{piece} ") } else { piece.to_owned() }).collect()
    })
}

/// Pieces of which shells make different things.
fn quotes() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "'", "'", "\\", "$'", "$\"", "\"", "#", " # ", ";", " ", "a", "echo ", "(", ")", "{", "}", "&", "|", "\n",
        "\\x61", "=a", "[", "]", "$x", "`", "\\'", "\\\\", ">!", "<<E\n", "\nE\n", "end", "begin;", "if a;", ", ",
        "$(", "${",
    ]);
    prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

/// Pieces among which a line of its own is always a command: nothing that quotes.
fn plain_soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "x", ";", "&&", "||", "|", "&", "\n", "!", "(", ")", "{", "}", "if", "then", "else", "fi", "while", "do",
        "done", "until", "esac", ">o", "<i", "$x", "*", "time", "sudo", "a=1", "f()", "for", "in", "case", ";;",
    ]);
    prop::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_without_a_panic(text in ".{0,200}") {
        parse_everywhere(&text);
    }

    #[test]
    fn any_bytes_are_parsed_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        parse_everywhere(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_soup_of_shell_code_is_parsed_without_a_panic(text in soup()) {
        parse_everywhere(&text);
    }

    #[test]
    fn code_beside_a_blocked_command_never_lets_it_through(before in plain_soup(), after in plain_soup()) {
        // What cannot be read is held; what can be read has the command in it.
        let text = format!(":\n{before}\nrm -rf /srv/data\n{after}");
        prop_assert_ne!(effect(&rules(), &text), RuleEffect::Allow, "{}", text);
    }

    #[test]
    fn what_one_shell_surely_runs_is_not_let_through_where_the_shell_is_not_known(
        before in quotes(),
        after in quotes(),
        typed in any::<bool>(),
    ) {
        let text = format!("{before}; rm -rf /srv/data {after}");
        let rules = rules();
        let mode = if typed { "typed" } else { "exec" };
        let judged = |shell| verdict(&rules, &Case { shell, ..case(mode, &text) }).map(|verdict| verdict.effect);
        let unknown = judged(Shell::Unknown);
        for shell in SHELLS {
            let place = ParseContext { shell, interactive: typed, ..ParseContext::default() };
            if shell::parse(&text, &place).opaque.is_empty() && judged(shell) == Some(RuleEffect::Block) {
                prop_assert_ne!(unknown, Some(RuleEffect::Allow), "{:?}: {}", shell, text);
            }
        }
    }

    #[test]
    fn a_further_block_rule_never_lets_more_through(text in soup(), program in "(rm|sh|echo|x|\\*)") {
        let source = include_str!("../../../tests/corpus/rules.yaml");
        let more = format!("{source}\n  - {{ name: further, effect: block, match: {{ command: {{ program: ['{program}'] }} }} }}\n");
        let more = RuleSet::compile(&[RuleDoc::parse(&more, "more.yaml").unwrap()]).unwrap();
        prop_assert!(effect(&more, &text) >= effect(&rules(), &text), "{}", text);
    }

    #[test]
    fn spellings_of_the_options_of_rm_are_judged_alike(
        recursive in prop::sample::select(vec!["-r", "-R", "--recursive", "--recurs", "-dr", "-rv"]),
        force in prop::sample::select(vec!["-f", "--force", "--forc", "-vf", "-fI"]),
        order in any::<bool>(),
        place in 0..3_usize,
        quoted in any::<bool>(),
    ) {
        let (first, second) = if order { (recursive, force) } else { (force, recursive) };
        let quote = |word: &str| if quoted { format!("'{word}'") } else { word.to_owned() };
        let (first, second) = (quote(first), quote(second));
        let text = match place {
            0 => format!("rm {first} {second} /srv/data"),
            1 => format!("rm {first} /srv/data {second}"),
            _ => format!("rm /srv/data {first} {second}"),
        };
        prop_assert_eq!(effect(&rules(), &text), RuleEffect::Block, "{}", text);
    }

    #[test]
    fn any_stack_of_wrappers_is_unwrapped(wrappers in prop::collection::vec(prop::sample::select(WRAPPERS.to_vec()), 0..5)) {
        let mut text = "rm -rf /srv/data".to_owned();
        for wrapper in &wrappers {
            text = match wrapper.strip_suffix("CODE") {
                Some(front) => format!("{front}'{}'", text.replace('\'', r"'\''")),
                None => format!("{wrapper} {text}"),
            };
        }
        // A wrapper that takes words cannot take a list; none of these makes one.
        prop_assert_eq!(effect(&rules(), &text), RuleEffect::Block, "{}", text);
    }
}

const WRAPPERS: [&str; 34] = [
    "sudo",
    "sudo -n -u root",
    "sudo --user=root --",
    "doas",
    "env",
    "env -i A=1",
    "env -u X --",
    "nohup",
    "nice -n 5",
    "nice",
    "timeout 5",
    "timeout -k 1 -s INT 5",
    "setsid",
    "stdbuf -oL",
    "command",
    "builtin",
    "exec",
    "ionice -c 3",
    "taskset -c 0",
    "chrt -f 1",
    "flock /tmp/l",
    "strace -f",
    "chroot /",
    "unshare -r",
    "nsenter -t 1 -m",
    "busybox",
    "xargs",
    "xargs -n 1",
    "sh -c CODE",
    "bash -lc CODE",
    "eval CODE",
    "su -c CODE",
    "ssh host CODE",
    "kubectl exec p --",
];

#[test]
fn bombs_and_long_lines_are_answered_at_once() {
    let deep =
        |open: &str, close: &str, times: usize| format!(":; {}rm -rf x{}", open.repeat(times), close.repeat(times));
    let mut texts = vec![
        "x".repeat(1 << 20),
        "rm -rf ".repeat(1 << 17),
        "{a,b}".repeat(10_000),
        "{1..1000000000}".to_owned(),
        "{a,b}{c,d}".repeat(30),
    ];
    texts.extend(
        ["a\n", "$x ", "'a' ", "\"$x\" ", "a;", "a|", "*", "[", "~/", "a=b "]
            .map(|piece| piece.repeat(65_000 / piece.len())),
    );
    // Values that are run, and files whose lines are.
    texts.extend(["git -c core.pager='a b' ", "PAGER=x ", "echo 'a b' > ~/.bashrc; ", "> ~/.profile "].map(|piece| {
        let (start, more) =
            if piece.starts_with("git") { ("git ", piece.trim_start_matches("git ")) } else { ("", piece) };
        format!("{start}{}", more.repeat(65_000 / more.len()))
    }));
    let nests = [
        ("(", ")"),
        ("( ", " )"),
        ("{ ", "; }"),
        ("$(", ")"),
        ("\"$(", ")\""),
        ("`", "`"),
        ("${x:-", "}"),
        ("if ", "; then :; fi"),
        ("while ", "; do :; done"),
        ("case x in x) ", ";; esac"),
        ("! ", ""),
        ("[[ ( ", " ) ]]"),
        ("((", "))"),
        ("f() { ", "; }"),
        ("coproc { ", "; }"),
        ("eval ", ""),
        ("sudo ", ""),
        ("<(", ")"),
        ("a=(", ")"),
        ("cat <(", ")"),
        ("time ", ""),
        ("-- ", ""),
        ("function ", ""),
        ("sudo function ", ""),
        ("coproc ", ""),
        ("$((", "))"),
        ("echo $(( ", " ))"),
        ("for x in a; do ", "; done"),
    ];
    for (open, close) in nests {
        texts.extend([8, 16, 30, 60, 64, 100, 2000, 60_000].map(|times| deep(open, close, times)));
    }
    let rules = rules();
    for text in texts {
        let start = Instant::now();
        let verdict = verdict(&rules, &case("exec", &text));
        let took = start.elapsed();
        let head: String = text.chars().take(20).collect();
        // Ten milliseconds in a release build; tests run without optimization, beside others.
        assert!(took < Duration::from_secs(3), "{head:?} of {} bytes took {took:?}", text.len());
        // Arithmetic runs nothing.
        if text.contains("rm -rf") && !text.contains("((") {
            assert!(verdict.is_some_and(|verdict| verdict.effect != RuleEffect::Allow), "{head:?}");
        }
    }
}

#[test]
fn words_that_lead_on_do_not_exhaust_the_stack() {
    for word in ["--", "{", "function", "sudo", "{x}"] {
        for count in [40, 4000, 20_000] {
            let words = vec![word.to_owned(); count];
            let parsed = shell::argv(&words, None, &ParseContext::default());
            assert!(!parsed.opaque.is_empty(), "{count} times {word}");
        }
    }
}

#[test]
fn control_characters_are_held_and_never_shown() {
    for text in ["rm\r-rf x", "ls\0", "ls \u{1b}[2J", "echo \u{8}\u{8}x"] {
        let verdict = verdict(&rules(), &case("exec", text)).unwrap();
        assert_ne!(verdict.effect, RuleEffect::Allow, "{text:?}");
        let shown = [verdict.message, verdict.because].into_iter().chain(verdict.commands).collect::<String>();
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}
