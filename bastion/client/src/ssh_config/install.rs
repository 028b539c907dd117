//! The one line that `bastion ssh-config --install` adds to `~/.ssh/config`.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::block::carried;
use crate::exit::CommandError;
use crate::home::{SECRET, write_atomically};

/// `~/.ssh/config`, which need not exist.
pub(super) fn user_config_path() -> Result<PathBuf, CommandError> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or_else(|| CommandError::Usage("there is no home folder to install into".to_owned()))?;
    Ok(home.join(".ssh/config"))
}

/// Puts an `Include` of `block` at the top of `user_config`, unless it is there. Tells whether
/// the file changed; everything else in it stays.
pub(super) fn include(user_config: &Path, block: &Path) -> Result<bool, CommandError> {
    let line = include_line(block)?;
    // Dotfiles are often links into another folder: the link must stay one.
    let file = fs::canonicalize(user_config).unwrap_or_else(|_| user_config.to_path_buf());
    let old = match fs::read(&file) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            return Err(anyhow::Error::new(error).context(format!("cannot read {}", file.display())).into());
        }
    };
    if is_included(&old, &line) {
        return Ok(false);
    }
    if let Some(folder) = file.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let mut new = format!("{line}\n").into_bytes();
    if !old.is_empty() {
        new.push(b'\n');
    }
    new.extend_from_slice(&old);
    write_atomically(&file, &new, SECRET)?;
    Ok(true)
}

/// Below a `Host` or `Match` line an `Include` holds for that block only, so it does not count.
fn is_included(config: &[u8], line: &str) -> bool {
    config
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .take_while(|written| {
            let word = written.split(|byte| byte.is_ascii_whitespace() || *byte == b'=').next().unwrap_or_default();
            !word.eq_ignore_ascii_case(b"host") && !word.eq_ignore_ascii_case(b"match")
        })
        .any(|written| written == line.as_bytes())
}

fn include_line(block: &Path) -> Result<String, CommandError> {
    let text = carried(block)?;
    // `Include` takes a pattern, and knows no way to write these characters plainly.
    if text.contains(['*', '?', '[', '%']) {
        return Err(CommandError::Usage(format!(
            "ssh_config cannot include {}: it contains one of * ? [ %; set BASTION_HOME to a plainer path",
            block.display()
        )));
    }
    Ok(format!("Include \"{text}\""))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn the_line_comes_first_once_and_the_rest_stays() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".ssh/config");
        let block = Path::new("/home/alice/.bastion/ssh_config");
        assert!(include(&file, block).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "Include \"/home/alice/.bastion/ssh_config\"\n");

        fs::write(&file, "Host *\n  ForwardAgent no\n").unwrap();
        assert!(include(&file, block).unwrap());
        assert!(!include(&file, block).unwrap());
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            "Include \"/home/alice/.bastion/ssh_config\"\n\nHost *\n  ForwardAgent no\n"
        );
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_line_inside_another_block_does_not_count() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config");
        fs::write(&file, "host=web\n  Include \"/b/ssh_config\"\n").unwrap();
        assert!(include(&file, Path::new("/b/ssh_config")).unwrap());
        assert!(fs::read_to_string(&file).unwrap().starts_with("Include \"/b/ssh_config\"\n"));
    }

    #[test]
    fn a_linked_config_stays_a_link() {
        let home = tempfile::tempdir().unwrap();
        let dotfiles = home.path().join("dotfiles");
        let file = home.path().join("config");
        fs::write(&dotfiles, "Host *\n").unwrap();
        symlink(&dotfiles, &file).unwrap();
        assert!(include(&file, Path::new("/b/ssh_config")).unwrap());
        assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&dotfiles).unwrap(), "Include \"/b/ssh_config\"\n\nHost *\n");
    }

    #[test]
    fn a_path_that_is_a_pattern_is_refused() {
        for path in ["/a*/x", "/a?/x", "/a[b]/x", "/a%b/x", "/a\"b/x"] {
            assert!(include_line(Path::new(path)).is_err(), "{path}");
        }
    }
}
