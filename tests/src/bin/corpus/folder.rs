//! The folder of one case: what it finds, and what it leaves behind.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::comparable;

/// More of a file is not compared.
const MOST_BYTES_OF_A_FILE: usize = 64 * 1024;

/// What a case left behind.
pub(crate) struct CaseFolder(pub(crate) PathBuf);

impl CaseFolder {
    /// Whether the shell of the case has started, with the stubs in place.
    pub(crate) fn started(&self) -> bool {
        self.0.join("ready").exists()
    }

    /// The programs that ran, as the stubs wrote them.
    ///
    /// # Errors
    /// Fails when the log is not what stubs write.
    pub(crate) fn runs(&self) -> Result<Vec<Vec<String>>> {
        let Ok(log) = fs::read(self.0.join("log")) else { return Ok(Vec::new()) };
        let text = String::from_utf8_lossy(&log);
        let mut words = text.split_terminator('\0').map(str::to_owned);
        let mut runs = Vec::new();
        while let Some(count) = words.next() {
            let count: usize = count.parse().with_context(|| format!("a broken log: {text:?}"))?;
            runs.push(words.by_ref().take(count + 1).collect());
        }
        Ok(runs)
    }

    /// [`Self::runs`] without what shells run by themselves and what no case was recorded with.
    ///
    /// # Errors
    /// Fails when the log is not what stubs write.
    pub(crate) fn comparable_runs(&self) -> Result<Vec<Vec<String>>> {
        Ok(comparable(self.runs()?))
    }

    /// The files and folders of the home folder with their contents, as far as a case may have to do with them: not
    /// those with a dot, which programs keep for themselves.
    ///
    /// # Errors
    /// Fails when the folder is gone.
    pub(crate) fn files(&self) -> Result<BTreeMap<String, String>> {
        let mut files = BTreeMap::new();
        read_files(&self.0.join("home"), "", &mut files)?;
        Ok(files)
    }

    /// The simple commands that the shell of a day ran, as its trap wrote them.
    pub(crate) fn commands(&self) -> Vec<String> {
        let log = fs::read(self.0.join("ran")).unwrap_or_default();
        String::from_utf8_lossy(&log).split_terminator('\0').map(str::to_owned).collect()
    }

    /// Asks the sandbox of a day to end everything but its shell.
    ///
    /// # Errors
    /// Fails when the folder is gone.
    pub(crate) fn rescue(&self) -> Result<()> {
        Ok(fs::write(self.0.join("rescue"), "")?)
    }

    /// A file of the home folder.
    pub(crate) fn home_file(&self, path: &str) -> Option<String> {
        let bytes = fs::read(self.0.join("home").join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether something of this name was left in the folder.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }

    /// Writes a file of the home folder.
    ///
    /// # Errors
    /// Fails when the path leads elsewhere, or it cannot be written.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(inside, "{path} is not below the home folder");
        let file = self.0.join("home").join(path);
        fs::create_dir_all(file.parent().context("a file without a folder")?)?;
        fs::write(file, text)?;
        Ok(())
    }

    /// The environment that the SSH request had set.
    pub(crate) fn environment(&self) -> Vec<String> {
        let text = fs::read(self.0.join("env")).unwrap_or_default();
        String::from_utf8_lossy(&text).split_terminator('\0').map(str::to_owned).collect()
    }

    /// Ends everything that the case has started.
    pub(crate) fn end(&self) {
        let pid = fs::read_to_string(self.0.join("pid")).ok();
        let pid = pid.and_then(|text| text.trim().parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { return };
        // The number may be somebody else's by now.
        let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains(&self.0.display().to_string()) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Files below a folder, by path; folders end with a slash.
fn read_files(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            read_files(&entry.path(), &format!("{path}/"), files)?;
            files.insert(path + "/", String::new());
        } else if kind.is_file() {
            let bytes = fs::read(entry.path())?;
            let head = bytes.get(..MOST_BYTES_OF_A_FILE).unwrap_or(&bytes);
            files.insert(path, String::from_utf8_lossy(head).into_owned());
        } else {
            files.insert(path, String::new());
        }
    }
    Ok(())
}
