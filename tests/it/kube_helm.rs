//! Helm through the bastion: a small chart from its installation to its end.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{
    cluster::IMAGE,
    kube_site::{COMMAND_LIMIT, KubeSite, Kubectl, rules},
    peers,
    program::{Outcome, run},
};
use tokio::process::Command;

/// Two kinds of objects; the pods have to run before Helm is content.
const TEMPLATE: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { greeting: {{ .Values.greeting | quote }} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { release: {{ .Release.Name }} } }
  template:
    metadata: { labels: { release: {{ .Release.Name }} } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - { name: main, image: {{ .Values.image | quote }}, imagePullPolicy: Never, command: [sleep, infinity] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn helm_installs_upgrades_rolls_back_and_uninstalls() -> Result<()> {
    let site = KubeSite::start(rules(&["engineering"], &json!([]))).await?;
    let secrets = (1..=3).map(|revision| format!("secret/sh.helm.release.v1.small.v{revision}"));
    let objects = ["deployment/small".to_owned(), "configmap/small".to_owned()].into_iter().chain(secrets);
    site.makes(&objects.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let chart = site.alice.home().join("chart");
    write_chart(&chart)?;
    let path = chart.display().to_string();

    helm(&site, &["install", "small", &path, "--wait", "--timeout=90s"]).await?;
    ensure!(greeting(&site).await? == "hello");
    helm(&site, &["upgrade", "small", &path, "--set=greeting=good day", "--set=replicas=2", "--wait"]).await?;
    ensure!(greeting(&site).await? == "good day");
    helm(&site, &["rollback", "small", "1", "--wait"]).await?;
    ensure!(greeting(&site).await? == "hello");
    let history = helm(&site, &["history", "small", "-o", "json"]).await?;
    ensure!(history.text().contains("Rollback to 1"), "{history:?}");
    helm(&site, &["uninstall", "small", "--wait"]).await?;
    let gone = site.run(&["get", "deployment,configmap", "small", "--ignore-not-found", "-o", "name"]).await?.ok()?;
    ensure!(gone.stdout.is_empty(), "{gone:?}");
    Ok(())
}

fn write_chart(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("templates"))?;
    fs::write(
        folder.join("Chart.yaml"),
        json!({ "apiVersion": "v2", "name": "small", "version": "1.0.0" }).to_string(),
    )?;
    let values = json!({ "greeting": "hello", "replicas": 1, "image": IMAGE });
    fs::write(folder.join("values.yaml"), values.to_string())?;
    Ok(fs::write(folder.join("templates/all.yaml"), TEMPLATE)?)
}

async fn helm(site: &KubeSite, arguments: &[&str]) -> Result<Outcome> {
    let install = "`make setup` builds it: go install helm.sh/helm/v3/cmd/helm@v3.22.0";
    let mut command = Command::new(peers::find(&["helm"], install)?);
    site.surround(&mut command)?;
    command.arg("--kubeconfig").arg(site.kubeconfig()).args(arguments);
    run(command, b"", COMMAND_LIMIT).await?.ok()
}

async fn greeting(site: &KubeSite) -> Result<String> {
    let get = ["get", "configmap", "small", "-o", "jsonpath={.data.greeting}"];
    Ok(site.run_with(Kubectl::Cluster, &get, b"").await?.ok()?.text())
}
