//! Where cases run: a folder with the stubs, the home and the scripts of `tests/corpus/sandbox`, and one folder for
//! each case. See `enter.sh` there for what keeps a case from doing harm.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use tempfile::TempDir;
use tests::peers;

use crate::{
    case::{Case, Request},
    folder::CaseFolder,
    needs,
};

/// Programs whose runs are compared with `runs` of a case.
const STUBS: [&str; 21] = [
    "rm",
    "shutdown",
    "reboot",
    "poweroff",
    "systemctl",
    "kubectl",
    "psql",
    "mysql",
    "dd",
    "mkfs.ext4",
    "iptables",
    "userdel",
    "crontab",
    "chmod",
    "chown",
    "terraform",
    "docker",
    "curl",
    "wget",
    "scp",
    "ssh",
];

/// Programs that do nothing here either, but that no case was recorded with.
const MORE_STUBS: [&str; 13] = [
    "halt", "mkfs", "useradd", "usermod", "groupdel", "helm", "tofu", "nft", "ufw", "service", "telinit", "wipefs",
    "shred",
];

/// What fish runs by itself, now or never: it asks programs who they are, and loads their completions.
const OWN: [&str; 3] = ["rm --version", "systemctl --version", "kubectl completion fish"];

/// Programs of a day at the prompt that are absent, want a network, or take long: there they only say that they ran.
const DAY_STUBS: &str = "
    airflow amtool ansible ansible-playbook apt apt-cache apt-get argocd aws bat bq cargo code csvcut csvlook
    dagster dbt dig dmesg dpkg du duckdb gcloud gh go gradle gsutil helm host iostat jupyter k6 k9s
    kafka-console-consumer kafka-topics kubectx kubens lsof mtr mvn mysqldump nc netstat nginx npm npx
    patronictl ping pnpm poetry prefect promtool pytest redis-cli rg rsync s3cmd sar smartctl spark-submit stern
    traceroute tree uv vault velero xsv yarn
";

/// The name of the sandbox in which the servers run.
pub(crate) const SERVERS: &str = "servers";

/// The folder of all cases of a run.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// Makes the folder.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub(crate) fn new() -> Result<Self> {
        let sandbox = Self { folder: tempfile::Builder::new().prefix("bastion-corpus-").tempdir()? };
        let root = sandbox.folder.path();
        for folder in ["cases", "scratch", "home", "layer/stubs/day", "layer/home/me", "layer/srv/data"] {
            fs::create_dir_all(root.join(folder))?;
        }
        for script in ["enter.sh", "inside.sh"] {
            let text = fs::read_to_string(source(script))?.replace("FOLDER", &root.display().to_string());
            write_program(&root.join(script), &text)?;
        }
        sandbox.write_stubs()?;
        sandbox.write_home()?;
        Ok(sandbox)
    }

    /// What goes into `sshd_config`.
    pub(crate) fn sshd_lines(&self) -> String {
        format!("Subsystem sftp internal-sftp\nForceCommand {}\n", self.folder.path().join("enter.sh").display())
    }

    /// Makes the folder of a case, which the wrapper finds by `name`.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub(crate) fn prepare(&self, name: &str, case: &Case) -> Result<CaseFolder> {
        let shell = if case.shell == "protocol" { "bash" } else { &case.shell };
        let folder = self.folder_of(name, shell)?;
        fs::write(folder.0.join("history"), case.preset_histfile.as_deref().unwrap_or_default())?;
        if let Some(Request::Words(words)) = &case.command {
            fs::write(folder.0.join("argv"), words.iter().map(|word| format!("{word}\0")).collect::<String>())?;
        }
        for (path, text) in &case.home {
            folder.write(path, text)?;
        }
        if !needs::servers(case).is_empty() {
            self.connect(&folder)?;
        }
        Ok(folder)
    }

    /// Makes the folder for a day in bash, with servers.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub(crate) fn prepare_day(&self, name: &str, files: &[(&str, &str)]) -> Result<CaseFolder> {
        let folder = self.folder_of(name, "bash")?;
        fs::write(folder.0.join("day"), "")?;
        for (path, text) in files {
            folder.write(path, text)?;
        }
        self.connect(&folder)?;
        Ok(folder)
    }

    /// Makes the folder for the servers.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub(crate) fn prepare_servers(&self) -> Result<CaseFolder> {
        self.folder_of(SERVERS, SERVERS)
    }

    /// The script that runs a case.
    pub(crate) fn enter(&self) -> PathBuf {
        self.folder.path().join("enter.sh")
    }

    /// An empty folder, with the home that every case finds.
    fn folder_of(&self, name: &str, shell: &str) -> Result<CaseFolder> {
        let folder = CaseFolder(self.folder.path().join("cases").join(name));
        let _ = fs::remove_dir_all(&folder.0);
        fs::create_dir_all(&folder.0)?;
        fs::write(folder.0.join("shell"), shell)?;
        copy_folder(&self.folder.path().join("home"), &folder.0.join("home"))?;
        Ok(folder)
    }

    /// Where servers listen, if some do.
    fn connect(&self, folder: &CaseFolder) -> Result<()> {
        let sockets = self.folder.path().join("cases").join(SERVERS).join("sockets");
        if sockets.exists() {
            symlink(sockets, folder.0.join("sockets"))?;
        }
        Ok(())
    }

    /// First in `PATH`, and in place of the real ones, so that a path or a reset `PATH` finds them, too.
    fn write_stubs(&self) -> Result<()> {
        let layer = self.folder.path().join("layer");
        let stubs = layer.join("stubs");
        let stub = fs::read_to_string(source("stub.sh"))?;
        let mut programs: Vec<(&str, String)> =
            STUBS.iter().chain(&MORE_STUBS).map(|name| (*name, stub.clone())).collect();
        for (name, script) in [
            ("sudo", "sudo.sh"),
            ("doas", "sudo.sh"),
            ("editor", "editor.sh"),
            ("psql", "client.sh"),
            ("mysql", "client.sh"),
            ("mysqlreal", "client.sh"),
            ("run.sh", "run.sh"),
            ("servers.sh", "servers.sh"),
            ("day.sh", "day.sh"),
        ] {
            programs.push((name, fs::read_to_string(source(script))?));
        }
        for (name, text) in programs {
            write_program(&stubs.join(name), &text)?;
            for folder in ["usr/bin", "usr/sbin", "bin", "sbin"] {
                let real = Path::new("/").join(folder);
                if !real.is_symlink() && real.join(name).exists() {
                    fs::create_dir_all(layer.join(folder))?;
                    write_program(&layer.join(folder).join(name), &text)?;
                }
            }
        }
        for name in DAY_STUBS.split_whitespace() {
            write_program(&stubs.join("day").join(name), &stub)?;
        }
        Ok(())
    }

    /// The files that the corpus promises, and start-up files with a prompt and nothing else.
    fn write_home(&self) -> Result<()> {
        let layer = self.folder.path().join("layer");
        let home = self.folder.path().join("home");
        for folder in [".config/fish", ".local/share/fish/generated_completions"] {
            fs::create_dir_all(home.join(folder))?;
        }
        for (from, to) in [
            (".bashrc", ".bashrc"),
            (".ashrc", ".ashrc"),
            (".zshrc", ".zshrc"),
            ("config.fish", ".config/fish/config.fish"),
        ] {
            fs::copy(source("home").join(from), home.join(to))?;
        }
        for (name, text) in [
            ("unique_file_name", "unique\n"),
            ("ambA.txt", "a\n"),
            ("ambB.txt", "b\n"),
            ("with space.txt", "s\n"),
            ("script.sh", "#!/bin/sh\necho hello\n"),
            ("script2.sh", "#!/bin/sh\nrm -rf /srv/data\n"),
            ("f", "a line\n"),
        ] {
            fs::write(home.join(name), text)?;
        }
        fs::write(layer.join("srv/data/keep"), "precious\n")?;
        fs::create_dir_all(layer.join("etc"))?;
        fs::write(layer.join("etc/shadow"), "root:*:20000:0:99999:7:::\n")?;
        Ok(())
    }
}

/// The runs that a recorded case can be compared by.
pub(crate) fn comparable(runs: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let known = |run: &Vec<String>| run.first().is_some_and(|name| STUBS.contains(&name.as_str()));
    without_own(runs).into_iter().filter(known).collect()
}

/// The runs without what shells run by themselves.
pub(crate) fn without_own(mut runs: Vec<Vec<String>>) -> Vec<Vec<String>> {
    runs.retain(|run| !OWN.iter().any(|words| words.split(' ').eq(run.iter().map(String::as_str))));
    runs
}

/// Fails with the reason when this machine cannot run cases.
///
/// # Errors
/// See above.
pub(crate) fn check_machine() -> Result<()> {
    for shell in ["bash", "zsh", "dash", "busybox", "fish"] {
        peers::find(&[shell], &format!("install the Debian package {shell}"))?;
    }
    let mut probe = std::process::Command::new("unshare");
    if !rustix::process::getuid().is_root() {
        probe.args(["--user", "--map-root-user"]);
    }
    let output = probe.args(["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "true"]).output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("this machine makes no namespaces, and without them no case runs: {reason}");
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn source(name: &str) -> PathBuf {
    peers::tests_folder().join("corpus/sandbox").join(name)
}

fn write_program(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}
