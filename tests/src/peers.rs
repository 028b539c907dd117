//! Where the programs of the peers are, and what to do about a missing one.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// The first of `names` that is found on `PATH`, in `/usr/sbin` or in the cache of peers.
///
/// # Errors
/// Says how to install the program when it is nowhere.
pub fn find(names: &[&str], install: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let cache = cache();
    let folders = [cache.clone(), cache.join("asciinema/bin"), cache.join("bin")]
        .into_iter()
        .chain(env::split_paths(&path))
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/lib/openssh")]);
    for folder in folders {
        for name in names {
            let candidate = folder.join(name);
            if candidate.is_file() {
                return Ok(candidate);
            }
        }
    }
    bail!("{} is missing: {install}", names.join(" or "))
}

/// The folder in which `make setup` keeps the peers that no Debian package has.
pub fn cache() -> PathBuf {
    match (env::var_os("BASTION_PEERS"), env::var_os("HOME")) {
        (Some(folder), _) => folder.into(),
        (None, Some(home)) => Path::new(&home).join(".cache/bastion-peers"),
        (None, None) => PathBuf::from(".bastion-peers"),
    }
}

/// The `tests` folder of the source tree.
pub fn tests_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program under test: `BASTION_BIN`, or the one that Cargo built beside this test.
///
/// # Errors
/// Says how to build it when it is not there.
pub fn bastion() -> Result<PathBuf> {
    if let Some(program) = env::var_os("BASTION_BIN") {
        return Ok(program.into());
    }
    let test = env::current_exe().context("where is this test?")?;
    let found = test.ancestors().skip(1).take(2).map(|folder| folder.join("bastion")).find(|path| path.is_file());
    found.with_context(|| {
        format!("bastion is not built beside {}: run `make build`, or set BASTION_BIN", test.display())
    })
}

/// A loopback port that nobody listens on.
///
/// Linux gives odd ports to listeners and even ones to outgoing connections first, so nobody takes it by accident
/// before the peer does.
///
/// # Errors
/// Fails when the machine has no free port.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).context("no free port")?.local_addr()?.port())
}

/// The account that runs the test, which is also the login on targets.
pub fn login() -> String {
    env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| {
        let root = rustix::process::getuid().is_root();
        if root { "root".to_owned() } else { env::var("LOGNAME").unwrap_or_default() }
    })
}
