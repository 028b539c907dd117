//! The Dockerfile names only what is there, and ends in one binary without a shell or root. It is not built here:
//! that needs a container engine.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use tests::peers;

#[test]
fn the_dockerfile_names_what_exists() -> Result<()> {
    let root = peers::tests_folder().parent().context("the workspace")?;
    let dockerfile = fs::read_to_string(root.join("Dockerfile"))?;
    let makefile = fs::read_to_string(root.join("Makefile"))?;
    let lines: Vec<Vec<&str>> = dockerfile.lines().map(|line| line.split_whitespace().collect()).collect();

    let stages: Vec<&str> = lines.iter().filter_map(|line| after(line, "AS")).collect();
    for line in lines.iter().filter(|line| line.first() == Some(&"COPY")) {
        match line.iter().find_map(|word| word.strip_prefix("--from=")) {
            Some(stage) => ensure!(stages.contains(&stage), "{line:?} copies from a stage that is not there"),
            None => {
                for source in line.iter().skip(1).rev().skip(1).filter(|word| !word.starts_with("--")) {
                    ensure!(root.join(source).exists(), "{source} is not in the tree");
                }
            }
        }
    }
    let targets: Vec<&str> =
        lines.iter().filter(|line| line.first() == Some(&"RUN")).filter_map(|line| after(line, "make")).collect();
    ensure!(!targets.is_empty(), "the image is built without the Makefile");
    for target in targets {
        ensure!(makefile.contains(&format!("\n{target}:")), "the Makefile has no target {target}");
    }
    let manifest = fs::read_to_string(root.join("bastion/Cargo.toml"))?;
    ensure!(manifest.contains("name = \"bastion\"") && dockerfile.contains("target/dist/bastion"));
    let rust = after_text(&fs::read_to_string(root.join("Cargo.toml"))?, "rust-version = \"")?;
    let image = after_text(&dockerfile, "/rust:")?;
    ensure!(minor(&image)? >= minor(&rust)?, "the image has Rust {image}, the workspace wants {rust}");
    ignored_files_are_not_needed(root)
}

#[test]
fn the_image_has_one_binary_no_shell_and_no_root() -> Result<()> {
    let root = peers::tests_folder().parent().context("the workspace")?;
    let dockerfile = fs::read_to_string(root.join("Dockerfile"))?;
    let (_, last) = dockerfile.rsplit_once("\nFROM ").context("a last stage")?;
    ensure!(last.starts_with("gcr.io/distroless/"), "{last}");
    ensure!(!last.lines().any(|line| line.starts_with("RUN")), "the last stage has no shell to run anything");
    let user = last.lines().find_map(|line| line.strip_prefix("USER ")).context("a user")?;
    ensure!(!user.starts_with('0') && !user.starts_with("root"), "{user}");
    let copied = "/usr/local/bin/bastion";
    ensure!(last.contains(&format!("/out/bastion {copied}")) && last.contains(&format!("ENTRYPOINT [\"{copied}\"]")));
    Ok(())
}

fn ignored_files_are_not_needed(root: &Path) -> Result<()> {
    let ignored = fs::read_to_string(root.join(".dockerignore"))?;
    for needed in ["Cargo.lock", "Makefile", "patches", "bastion", "tests"] {
        ensure!(!ignored.lines().any(|line| line == needed), "{needed} is kept out of the build");
    }
    Ok(())
}

/// The word after `word`.
fn after<'line>(line: &[&'line str], word: &str) -> Option<&'line str> {
    line.iter().skip_while(|found| **found != word).nth(1).copied()
}

fn after_text(text: &str, label: &str) -> Result<String> {
    let (_, rest) = text.split_once(label).with_context(|| label.to_owned())?;
    Ok(rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect())
}

fn minor(version: &str) -> Result<u32> {
    Ok(version.split('.').nth(1).context("a minor version")?.parse()?)
}
