//! What goes wrong below a bastion's files: a database that another process locks, a disk that is full.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
    task::{JoinHandle, spawn_blocking},
    time::sleep,
};

use crate::{
    patience::{SOON, within},
    program::run,
};

/// Another process that holds the database's write lock, as a backup does; it is let go with this value.
pub struct Lock(Child);

impl Lock {
    /// Locks.
    ///
    /// # Errors
    /// Fails when the lock cannot be had soon.
    pub async fn of(database: &Path) -> Result<Self> {
        let script = "import sqlite3, sys\n\
                      store = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)\n\
                      store.execute('BEGIN IMMEDIATE')\n\
                      print('locked', flush=True)\n\
                      sys.stdin.read()\n";
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut holder = python.spawn().context("python3")?;
        let mut said = [0; 6];
        let output = holder.stdout.as_mut().context("standard output")?;
        within("the lock", SOON, async { Ok(output.read_exact(&mut said).await?) }).await?;
        Ok(Self(holder))
    }

    /// Lets go.
    ///
    /// # Errors
    /// Fails when the process does not end.
    pub async fn release(mut self) -> Result<()> {
        drop(self.0.stdin.take());
        within("the end of the lock", SOON, async { Ok(self.0.wait().await.map(drop)?) }).await
    }
}

/// A small disk in memory; it is there as long as this value.
pub struct Disk(TempDir);

/// A disk that is full, because something else on it takes whatever becomes free; it has room again with the end of
/// this value.
pub struct Full {
    filler: PathBuf,
    task: JoinHandle<()>,
}

/// How often the filler looks whether something became free.
const HUNGER: Duration = Duration::from_millis(50);

/// What the filler writes at a time, as long as there is room for it.
const BLOCK: usize = 8 << 20;

impl Disk {
    /// None where this machine lets nobody mount.
    ///
    /// # Errors
    /// Fails when there is no folder to mount on.
    pub async fn mount(mebibytes: u32) -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let mut mount = Command::new("mount");
        let options = format!("size={mebibytes}m,mode=0700");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        let mounted = run(mount, b"", SOON).await.is_ok_and(|outcome| outcome.code == 0);
        Ok(mounted.then_some(Self(folder)))
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room, and goes on to.
    ///
    /// # Errors
    /// Fails when that fails for another reason than that there is none.
    pub async fn fill(&self) -> Result<Full> {
        let filler = self.path().join("filler");
        let mut file = File::options().append(true).create(true).open(&filler)?;
        let again = file.try_clone()?;
        spawn_blocking(move || take_room(&mut file)).await??;
        let task = tokio::spawn(async move {
            loop {
                sleep(HUNGER).await;
                let Ok(mut file) = again.try_clone() else { return };
                let _ = spawn_blocking(move || take_room(&mut file)).await;
            }
        });
        Ok(Full { filler, task })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg("-l").arg(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} was not unmounted", self.path().display());
        }
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        self.task.abort();
        let emptied = File::options().write(true).open(&self.filler).and_then(|file| file.set_len(0));
        if let Err(error) = emptied.and_then(|()| fs::remove_file(&self.filler)) {
            eprintln!("{}: {error}", self.filler.display());
        }
    }
}

/// Whole blocks as long as there is room, then smaller ones.
fn take_room(file: &mut File) -> std::io::Result<()> {
    let mut block = vec![0_u8; BLOCK];
    while !block.is_empty() {
        match file.write_all(&block) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => block.truncate(block.len() / 2),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
