//! What the documents say can be done: every link leads somewhere, what is there to be copied works, and the README
//! is short.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{
    bastion::Settings,
    patience::{SOON, until},
    peers,
    program::{Outcome, run},
    terminal::{Screen, Terminal},
};

/// What a newcomer reads in five minutes.
const MOST_README_BYTES: u64 = 8192;

/// How long a block of the walkthrough may take: a login among other things.
const BLOCK_LIMIT: Duration = Duration::from_secs(120);

#[test]
fn the_readme_is_short() -> Result<()> {
    let bytes = fs::metadata(root()?.join("README.md"))?.len();
    ensure!(bytes <= MOST_README_BYTES, "README.md has {bytes} bytes, {MOST_README_BYTES} are the most: move to docs/");
    Ok(())
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let mut broken = Vec::new();
    for document in documents()? {
        for link in document.links() {
            if !leads_somewhere(&document, link)? {
                broken.push(format!("{}: {link}", document.name));
            }
        }
    }
    ensure!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
    Ok(())
}

#[test]
fn every_command_and_option_exists() -> Result<()> {
    let mut help = Help::default();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for document in documents()? {
        for command in document.commands() {
            if let Some(problem) = help.problem(&command)? {
                wrong.push(format!("{}: {}: {problem}", document.name, command.join(" ")));
            }
            seen += usize::from(is_bastion(&command));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(seen > 40, "only {seen} commands were found in the documents");
    Ok(())
}

#[test]
fn every_make_target_exists() -> Result<()> {
    let makefile = fs::read_to_string(root()?.join("Makefile"))?;
    for document in documents()? {
        for command in document.commands().iter().filter(|command| command.first().is_some_and(|word| word == "make")) {
            for target in command.iter().skip(1).filter(|word| !word.contains('=') && !word.starts_with('-')) {
                let exists = makefile.contains(&format!("\n{target}:"));
                ensure!(exists, "{}: the Makefile has no target {target}", document.name);
            }
        }
    }
    Ok(())
}

#[test]
fn every_example_of_settings_and_rules_is_accepted() -> Result<()> {
    let mut seen = 0;
    for document in documents()? {
        for block in document.blocks.iter().filter(|block| block.language == "yaml" && !block.has_key("cases")) {
            let folder = tempfile::tempdir()?;
            let (settings, rules) = match block.has_key("roles") {
                true => ("", block.text.as_str()),
                false => (block.text.as_str(), "roles: {}\n"),
            };
            fs::write(folder.path().join("rules.yaml"), rules)?;
            fs::write(folder.path().join("bastion.yaml"), completed(settings))?;
            for file in files_named_in(settings) {
                let path = folder.path().join(file);
                fs::create_dir_all(path.parent().context("a folder")?)?;
                fs::write(path, "secret\n")?;
            }
            let output = bastion_in(folder.path(), &["check", "--config", "bastion.yaml"])?;
            ensure!(output.status.success(), "{}:\n{}\n{}", document.name, block.text, said(&output));
            seen += 1;
        }
    }
    ensure!(seen > 4, "only {seen} examples were found in the documents");
    Ok(())
}

#[test]
fn the_tests_of_rules_pass_as_they_are_shown() -> Result<()> {
    let document = Document::read("docs/rules.md")?;
    let folder = tempfile::tempdir()?;
    let yaml = |key: &str| {
        let block = document.blocks.iter().find(|block| block.language == "yaml" && block.has_key(key));
        block.map(|block| block.text.as_str()).with_context(|| format!("docs/rules.md shows no {key}"))
    };
    fs::write(folder.path().join("rules.yaml"), yaml("roles")?)?;
    fs::write(folder.path().join("cases.yaml"), yaml("cases")?)?;
    let mut seen = BTreeSet::new();
    for command in document.commands() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        // A name of a command alone is no example, and settings are not at hand.
        let ["bastion", arguments @ ..] = words.as_slice() else { continue };
        let ["rules", what, _, ..] = arguments else { continue };
        if arguments.contains(&"--config") {
            continue;
        }
        let output = bastion_in(folder.path(), arguments)?;
        ensure!(output.status.success(), "{words:?}: {}", said(&output));
        seen.insert((*what).to_owned());
    }
    ensure!(seen.len() == 2, "docs/rules.md shows only {seen:?}");
    Ok(())
}

#[test]
fn the_events_that_are_shown_are_events() -> Result<()> {
    let document = Document::read("docs/agents.md")?;
    let help = said(&bastion_in(&root()?, &["run", "--help"])?);
    let (_, named) = help.split_once("Events of --json:").context("the help names no events")?;
    let block = document.blocks.iter().find(|block| block.language == "json").context("docs/agents.md shows none")?;
    for line in block.text.lines() {
        let event: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let name = event.get("event").and_then(Value::as_str).context("an event without a name")?;
        ensure!(named.contains(name), "bastion run --help does not name {name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_five_minutes_go_as_they_are_written() -> Result<()> {
    let readme = Document::read("README.md")?;
    let blocks: Vec<&Block> = readme
        .blocks
        .iter()
        .filter(|block| block.heading == "The first five minutes" && block.language == "sh")
        .collect();
    let [connect, look, decide] = blocks.as_slice() else { anyhow::bail!("README.md has {} blocks", blocks.len()) };
    let rules = fs::read_to_string(root()?.join("bastion/src/demo/rules.yaml"))?;
    let bastion = Settings::demo().rules_text(rules).start().await?;

    // The source tree after `make demo`, as the commands see it.
    let tree = tempfile::tempdir()?;
    fs::create_dir_all(tree.path().join("target/release"))?;
    symlink(peers::bastion()?, tree.path().join("target/release/bastion"))?;
    symlink(bastion.data(), tree.path().join("bastion-data"))?;
    let alice = "export BASTION_HOME=$PWD/bastion-data/alice\n";
    let typed = async |lines: &str| -> Result<Outcome> {
        let lines = lines.replace("https://127.0.0.1:8443", bastion.url());
        let mut shell = tokio::process::Command::new("bash");
        shell.args(["-euc", &lines]).current_dir(tree.path()).env_remove("SSH_AUTH_SOCK").env_remove("BASTION_HOME");
        run(shell, b"", BLOCK_LIMIT).await
    };

    let (log_in, ssh) = connect.text.trim_end().rsplit_once('\n').context("several lines")?;
    typed(log_in).await?.ok()?;
    let shell = pty_process::Command::new("bash").args(["-c", ssh]).current_dir(tree.path());
    let mut terminal = Terminal::start(shell.env("TERM", "xterm").env_remove("SSH_AUTH_SOCK"), 120, 40)?;
    terminal.wait_until("the shell prompts", SOON, prompts).await?;
    terminal.type_text("rm -rf x\r").await?;
    terminal.wait_for("deleting whole trees", SOON).await?;
    terminal.wait_until("the session goes on", SOON, prompts).await?;
    terminal.type_text("systemctl restart demo\r").await?;
    let waiting = format!("{alice}target/release/bastion approvals ls --mine --output json");
    let approval =
        until("the command waits", SOON, async || Ok(first_id(&typed(&waiting).await?.ok()?.text()))).await?;
    ensure!(decide.text.contains(" ID"), "{}", decide.text);
    typed(&decide.text.replace(" ID", &format!(" {approval}"))).await?.ok()?;
    terminal.wait_for("approved by bob", SOON).await?;
    // Where it asks for a password it is given up; what it does is not the walkthrough's.
    terminal.type_text("\x03").await?;
    terminal.wait_until("the command has run", SOON, prompts).await?;
    terminal.type_text("exit\r").await?;
    terminal.finish(SOON).await?;

    let sessions = format!("{alice}target/release/bastion sessions ls --output json");
    let session = first_id(&typed(&sessions).await?.ok()?.text()).context("no session is listed")?;
    let shown = typed(&format!("{alice}{}", look.text.replace(" ID", &format!(" {session}")))).await?.ok()?;
    ensure!(shown.text().contains("systemctl restart demo"), "{shown:?}");
    let cast = fs::read_to_string(bastion.data().join("x.cast"))?;
    ensure!(cast.starts_with("{\"version\":3"), "{cast}");
    Ok(())
}

/// Whether a shell waits for a line, as that of whoever runs the test prompts.
fn prompts(screen: &Screen) -> bool {
    screen.lines().last().is_some_and(|line| line.ends_with(['$', '#', '>', '%']))
}

/// The id of the first item of a listing.
fn first_id(listing: &str) -> Option<String> {
    let items: Value = serde_json::from_str(listing).ok()?;
    Some(items.get(0)?.get("id")?.as_str()?.to_owned())
}

/// A piece of a document that stands there as it is.
struct Block {
    /// What the fence says, or nothing.
    language: String,
    /// The heading that it stands under.
    heading: String,
    text: String,
}

impl Block {
    /// Whether this key is at the top of a block of YAML.
    fn has_key(&self, key: &str) -> bool {
        has_key(&self.text, key)
    }
}

/// A Markdown file of ours.
struct Document {
    /// Its path from the root.
    name: String,
    /// The paragraphs, and the rows of tables, without what stands between backticks.
    prose: Vec<String>,
    /// What stands between backticks.
    spans: Vec<String>,
    headings: Vec<String>,
    blocks: Vec<Block>,
}

/// Everything that people read. README and docs/ are the product's, the rest is for those who work on it.
fn documents() -> Result<Vec<Document>> {
    let root = root()?;
    let mut names: Vec<String> = ["README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "patches/README.md"]
        .into_iter()
        .chain(["tests/corpus/README.md", "bastion/console/README.md"])
        .map(str::to_owned)
        .collect();
    for entry in fs::read_dir(root.join("docs"))? {
        let name = entry?.file_name().into_string().ok().context("a file name")?;
        names.extend(name.ends_with(".md").then(|| format!("docs/{name}")));
    }
    names.sort();
    names.iter().map(|name| Document::read(name)).collect()
}

fn root() -> Result<PathBuf> {
    Ok(peers::tests_folder().parent().context("the workspace")?.to_owned())
}

impl Document {
    fn read(name: &str) -> Result<Self> {
        let text = fs::read_to_string(root()?.join(name)).with_context(|| name.to_owned())?;
        let mut document = Self {
            name: name.to_owned(),
            prose: Vec::new(),
            spans: Vec::new(),
            headings: Vec::new(),
            blocks: Vec::new(),
        };
        let mut lines = text.lines().peekable();
        let mut paragraph = String::new();
        while let Some(line) = lines.next() {
            let trimmed = line.trim_start();
            let indent = line.len() - trimmed.len();
            if let Some(language) = trimmed.strip_prefix("```") {
                document.end(&mut paragraph);
                let inside = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```"));
                let text: String = inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
                document.block(language, text);
            } else if trimmed.is_empty() {
                document.end(&mut paragraph);
            } else if let Some(code) = line.strip_prefix("    ").filter(|_| paragraph.is_empty()) {
                let mut text = format!("{code}\n");
                while let Some(next) = lines.next_if(|line| line.is_empty() || line.starts_with("    ")) {
                    text.push_str(next.get(4..).unwrap_or_default());
                    text.push('\n');
                }
                document.block("", text);
            } else if line.starts_with('#') {
                document.end(&mut paragraph);
                document.headings.push(line.trim_start_matches('#').trim().to_owned());
            } else {
                if line.starts_with('|') {
                    document.end(&mut paragraph);
                }
                paragraph.push_str(line);
                paragraph.push('\n');
            }
        }
        document.end(&mut paragraph);
        Ok(document)
    }

    fn block(&mut self, language: &str, text: String) {
        let heading = self.headings.last().cloned().unwrap_or_default();
        self.blocks.push(Block { language: language.to_owned(), heading, text });
    }

    /// Takes a paragraph that is complete.
    fn end(&mut self, paragraph: &mut String) {
        let mut prose = String::new();
        for (number, part) in paragraph.split('`').enumerate() {
            match number % 2 {
                0 => prose.push_str(part),
                _ => self.spans.push(part.replace('\n', " ")),
            }
        }
        self.prose.push(prose);
        paragraph.clear();
    }

    /// Where its links lead.
    fn links(&self) -> impl Iterator<Item = &str> {
        let starts = self.prose.iter().flat_map(|paragraph| paragraph.split("](").skip(1));
        starts.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link)
    }

    /// The names of its headings in a link, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for heading in &self.headings {
            let heading = heading.to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let mut name = anchor.clone();
            let mut number = 0;
            while !anchors.insert(name.clone()) {
                number += 1;
                name = format!("{anchor}-{number}");
            }
        }
        anchors
    }

    /// The commands that it shows, each as words.
    fn commands(&self) -> Vec<Vec<String>> {
        let blocks = self.blocks.iter().filter(|block| matches!(block.language.as_str(), "" | "sh"));
        let lines = blocks.flat_map(|block| block.text.lines()).chain(self.spans.iter().map(String::as_str));
        lines.flat_map(commands).collect()
    }
}

/// Whether a link leads to a file of ours, and to a heading in it; what is elsewhere is not looked at.
fn leads_somewhere(document: &Document, link: &str) -> Result<bool> {
    if link.contains("://") {
        return Ok(true);
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let folder = Path::new(&document.name).parent().unwrap_or(Path::new(""));
    let path = if path.is_empty() { PathBuf::from(&document.name) } else { folder.join(path) };
    let Ok(found) = root()?.join(&path).canonicalize() else { return Ok(false) };
    let Some(anchor) = anchor else { return Ok(true) };
    let root = root()?.canonicalize()?;
    let name = found.strip_prefix(&root)?.to_str().context("a file name")?;
    Ok(name.ends_with(".md") && Document::read(name)?.anchors().contains(anchor))
}

/// The commands of a line of shell, without variables before them, redirections and comments.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut command, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | ';' | '|' | '&' | '<' | '>' | '(' | ')') => {
                command.extend(word.take());
                if c != ' ' {
                    all.push(std::mem::take(&mut command));
                }
            }
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    command.extend(word);
    all.push(command);
    for command in &mut all {
        let variables = command.iter().take_while(|word| word.contains('=') && !word.starts_with('-')).count();
        command.drain(..variables);
    }
    all.retain(|command| !command.is_empty());
    all
}

fn is_bastion(command: &[String]) -> bool {
    command.first().is_some_and(|program| program == "bastion" || program == "target/release/bastion")
}

/// What `bastion … --help` says.
#[derive(Default)]
struct Help(BTreeMap<Vec<String>, String>);

impl Help {
    /// What the program does not know of a command, if it is one of its own.
    fn problem(&mut self, command: &[String]) -> Result<Option<String>> {
        if !is_bastion(command) {
            return Ok(None);
        }
        let mut path = Vec::new();
        for word in command.iter().skip(1).take_while(|word| *word != "--") {
            let help = self.of(&path)?;
            if let Some(option) = word.strip_prefix('-').map(|_| word.split('=').next().unwrap_or_default()) {
                let mut options = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
                if !options.any(|line| line.split([' ', ',']).any(|known| known == option)) {
                    return Ok(Some(format!("there is no option {option}")));
                }
            } else if let Some((_, list)) = help.split_once("\nCommands:\n") {
                let mut names = list.lines().take_while(|line| !line.is_empty());
                if !names.any(|line| line.strip_prefix("  ").and_then(|line| line.split(' ').next()) == Some(word)) {
                    return Ok(Some(format!("there is no command {word}")));
                }
                path.push(word.clone());
            }
        }
        Ok(None)
    }

    fn of(&mut self, path: &[String]) -> Result<String> {
        if let Some(help) = self.0.get(path) {
            return Ok(help.clone());
        }
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let output = bastion_in(&root()?, &arguments)?;
        ensure!(output.status.success(), "{arguments:?}: {}", said(&output));
        let help = String::from_utf8(output.stdout)?;
        self.0.insert(path.to_owned(), help.clone());
        Ok(help)
    }
}

fn bastion_in(folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(peers::bastion()?);
    Ok(command.args(arguments).current_dir(folder).env("BASTION_HOME", folder.join("home")).output()?)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// These settings with the sections that every `bastion.yaml` must have.
fn completed(settings: &str) -> String {
    let sections = [
        ("names", "[bastion.example.com]"),
        ("identity", "{ oidc: { issuer: https://id.example.com, client_id: bastion } }"),
        ("targets", "[]"),
        ("recording", "{ storage: file:///srv/recordings }"),
        ("rules", "[rules.yaml]"),
    ];
    let missing = sections.iter().filter(|(key, _)| !has_key(settings, key));
    missing.map(|(key, value)| format!("{key}: {value}\n")).collect::<String>() + settings
}

fn has_key(yaml: &str, key: &str) -> bool {
    yaml.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
}

/// The secrets that settings refer to.
fn files_named_in(settings: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | ',' | '}');
    let names = settings.split("file:").skip(1).filter_map(move |rest| rest.split(ends).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('/'))
}
