//! What must hold: the table of `docs/architecture.md` names a test for each invariant, and the test is there.

use std::{fs, path::Path};

use anyhow::{Result, ensure};

#[test]
fn every_invariant_has_a_test() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/architecture.md"))?;
    let mut sources = String::new();
    for folder in ["bastion", "policy", "recorder", "tests/it"] {
        append_sources(&root.join(folder), &mut sources)?;
    }
    let rows = page.lines().skip_while(|line| !line.starts_with("| invariant |")).skip(2);
    let mut seen = 0;
    for row in rows.take_while(|line| line.starts_with('|')) {
        let tests: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 3).collect();
        ensure!(!tests.is_empty() || row.contains("compile test"), "no test: {row}");
        for test in tests {
            ensure!(sources.contains(&format!("fn {test}(")), "there is no test {test}");
            seen += 1;
        }
    }
    ensure!(seen > 10, "docs/architecture.md names only {seen} tests");
    Ok(())
}

/// The text of each Rust file below `folder`.
fn append_sources(folder: &Path, sources: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            append_sources(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
