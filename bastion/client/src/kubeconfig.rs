//! `bastion kubeconfig CLUSTER`: the context with which plain `kubectl` goes through the bastion.
//!
//! It holds no secret: the credential comes from `bastion credential kube`, which kubectl calls.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow};
use api::clusters::ClusterItem;
use api::page::Page;
use clap::Args;
use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::exit::CommandError;
use super::home::{BastionHome, PUBLIC, SECRET, write_atomically};
use super::output::print;

/// Arguments of `bastion kubeconfig`.
#[derive(Debug, Args)]
pub struct KubeconfigOptions {
    /// The cluster's name; left out, those you may reach are named.
    #[arg(value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// Add the context to the kubeconfig that kubectl uses, and make it the current one.
    #[arg(long)]
    pub install: bool,
    /// Use bearer tokens in place of client certificates: where a balancer before the bastion ends TLS.
    #[arg(long)]
    pub token: bool,
}

/// Prints or installs the context.
///
/// # Errors
///
/// When there is no login, no such cluster, or a file cannot be written.
pub async fn run(home: &BastionHome, options: &KubeconfigOptions) -> Result<(), CommandError> {
    let login = home.login_at(Timestamp::now())?;
    let page: Page<Value> = home.client_of(&login)?.get("clusters", &[]).await?;
    let clusters: Vec<ClusterItem> =
        page.items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect();
    let names: Vec<_> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let reachable = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let Some(name) = &options.cluster else {
        return Err(CommandError::Usage(format!("name a cluster; you may reach: {reachable}")));
    };
    let Some(cluster) = clusters.iter().find(|cluster| cluster.name == *name) else {
        return Err(CommandError::Refused(format!(
            "unknown cluster {name:?}, or none of your roles reaches it; you may reach: {reachable}"
        )));
    };
    let program = std::env::current_exe()?;
    let kubeconfig = kubeconfig(home, cluster, home.ca_pem()?.as_deref(), &program, options.token)?;
    // JSON is YAML, and kubectl reads both.
    let text = serde_json::to_string_pretty(&kubeconfig).context("cannot write the kubeconfig")? + "\n";
    if options.install { install(home, cluster, &text) } else { print(&text) }
}

fn kubeconfig(
    home: &BastionHome,
    cluster: &ClusterItem,
    ca: Option<&[u8]>,
    program: &Path,
    token: bool,
) -> Result<Value, CommandError> {
    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| CommandError::Usage(format!("{} is not UTF-8: kubectl cannot use it", path.display())))
    };
    let mut server = serde_json::Map::new();
    server.insert("server".to_owned(), json!(cluster.server));
    if let Some(ca) = ca {
        server.insert("certificate-authority-data".to_owned(), BASE64.encode(ca).into());
    }
    // The path stays: clients that do not know the setting go by it, and those that drop it, as `kubectl proxy` does,
    // go by the name. Before a balancer that ends TLS the certificate is not ours.
    if let Some(name) = cluster.tls_server_name.as_ref().filter(|_| !token) {
        server.insert("tls-server-name".to_owned(), name.as_str().into());
    }
    let mut arguments = vec!["credential", "kube"];
    if token {
        arguments.push("--token");
    }
    let name = context_name(cluster);
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": server }],
        "users": [{ "name": name, "user": { "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": text(program)?,
            "args": arguments,
            "env": [{ "name": "BASTION_HOME", "value": text(home.folder())? }],
            "interactiveMode": "Never",
            "installHint": "the bastion program that wrote this kubeconfig is gone; run \"bastion kubeconfig\" again",
        } } }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "current-context": name,
    }))
}

/// Merges it into the person's own file with kubectl, which knows how.
fn install(home: &BastionHome, cluster: &ClusterItem, text: &str) -> Result<(), CommandError> {
    let lock = home.lock()?;
    let ours = home.folder().join(format!("kubeconfig-{}", cluster.name));
    write_atomically(&ours, text.as_bytes(), PUBLIC)?;
    // Some kubectls ask the cluster for its version first, and so call our plugin, which may want the lock.
    drop(lock);
    let file = own_file()?;
    if file.exists() {
        let both = std::env::join_paths([&ours, &file]).context("the path of the kubeconfig has a \":\" in it")?;
        let merged = Command::new("kubectl")
            .args(["config", "view", "--flatten", "--output", "json"])
            .env("KUBECONFIG", both)
            .stdin(std::process::Stdio::null())
            .output()
            .context("kubectl is needed to merge into an existing kubeconfig")?;
        if !merged.status.success() {
            let said = String::from_utf8_lossy(&merged.stderr).trim().to_owned();
            return Err(anyhow!("kubectl could not merge {}: {said}", file.display()).into());
        }
        write_atomically(&file, &merged.stdout, SECRET)?;
    } else {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        write_atomically(&file, text.as_bytes(), SECRET)?;
    }
    eprintln!("{} has the context {}, which is now the current one", file.display(), context_name(cluster));
    Ok(())
}

/// The first file of `KUBECONFIG`, else `~/.kube/config`; a link stays one.
fn own_file() -> Result<PathBuf, CommandError> {
    let named = std::env::var_os("KUBECONFIG")
        .and_then(|list| std::env::split_paths(&list).find(|path| !path.as_os_str().is_empty()));
    let file = match named {
        Some(file) => file,
        None => std::env::home_dir()
            .filter(|home| !home.as_os_str().is_empty())
            .ok_or_else(|| CommandError::Usage("there is no home folder to install into".to_owned()))?
            .join(".kube/config"),
    };
    Ok(std::fs::canonicalize(&file).unwrap_or(file))
}

fn context_name(cluster: &ClusterItem) -> String {
    format!("bastion-{}", cluster.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_names_the_front_the_ca_and_the_plugin_and_holds_no_secret() {
        let home = BastionHome::at(Path::new("/home/alice/.bastion")).unwrap();
        let cluster: ClusterItem = serde_json::from_value(json!({
            "name": "prod", "server": "https://b.example:6443/clusters/prod", "tls_server_name": "prod.kube.b.example",
        }))
        .unwrap();
        let program = Path::new("/usr/bin/bastion");
        let written = kubeconfig(&home, &cluster, Some(b"PEM"), program, false).unwrap();
        assert_eq!(
            written["clusters"][0]["cluster"],
            json!({
                "server": "https://b.example:6443/clusters/prod",
                "certificate-authority-data": "UEVN",
                "tls-server-name": "prod.kube.b.example",
            })
        );
        let exec = &written["users"][0]["user"]["exec"];
        assert_eq!(exec["command"], "/usr/bin/bastion");
        assert_eq!(exec["args"], json!(["credential", "kube"]));
        assert_eq!(exec["env"], json!([{ "name": "BASTION_HOME", "value": "/home/alice/.bastion" }]));
        assert_eq!(written["current-context"], "bastion-prod");
        let with_token = kubeconfig(&home, &cluster, None, program, true).unwrap();
        assert_eq!(with_token["users"][0]["user"]["exec"]["args"], json!(["credential", "kube", "--token"]));
        assert_eq!(with_token["clusters"][0]["cluster"], json!({ "server": "https://b.example:6443/clusters/prod" }));
    }
}
