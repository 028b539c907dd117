//! What people do all day with stock kubectl, through the bastion and before a real cluster.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use tests::{
    cluster::{self, Cluster, IMAGE},
    kube_site::{KubeSite, Kubectl, prompts, rules},
    patience::{SOON, until, within},
    program::{Program, run},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// Longer than any limit on a request that ends.
const A_MINUTE: Duration = Duration::from_secs(62);

/// How long a line that is written each second may take on a busy machine.
const ONE_LINE: Duration = Duration::from_secs(10);

/// A shell that prompts once somebody is there: kubectl may attach before or after a first prompt.
const ONE_PROMPT: &str = "read go; exec sh";

async fn site() -> Result<KubeSite> {
    KubeSite::start(rules(&["engineering"], &json!([]))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_watches_arrive_while_they_are_written_for_more_than_a_minute() -> Result<()> {
    let site = site().await?;
    site.makes(&["pod/ticker", "configmap/watched"]).await?;
    let script = "i=0; while sleep 1; do i=$((i+1)); echo tick $i; done";
    let create = ["run", "ticker", "--image", IMAGE, "--image-pull-policy=Never", "--", "sh", "-c", script];
    site.run(&create).await?.ok()?;
    site.run(&["wait", "--for=condition=Ready", "pod/ticker", "--timeout=60s"]).await?.ok()?;
    site.run(&["create", "configmap", "watched", "--from-literal=a=0"]).await?.ok()?;

    let began = Instant::now();
    // A kubelet without CPU time follows late: what counts is that the bastion is no later than it.
    let admin = Cluster::shared().await?;
    let mut direct = admin.kubectl(admin.kubeconfig()).await?;
    direct.args(["logs", "-f", "ticker"]);
    let (_direct, mut direct) = lines(direct)?;
    let (_logs, mut ticks) = lines(site.kubectl(Kubectl::Cluster, &["logs", "-f", "ticker"]).await?)?;
    let watch = ["get", "configmap", "watched", "--watch", "-o", "jsonpath={.data.a}{\"\\n\"}"];
    let (_watch, mut changes) = lines(site.kubectl(Kubectl::Machine, &watch).await?)?;
    ensure!(next(&mut changes, "the object as it is").await? == "0");
    let mut count = 0;
    while began.elapsed() < A_MINUTE {
        // Now and then a kubelet on a busy machine has nothing to say.
        let Ok(line) = tokio::time::timeout(ONE_LINE, direct.next_line()).await else { continue };
        let line = line?.context("the log has ended")?;
        ensure!(next(&mut ticks, &format!("{line} through the bastion")).await? == line);
        count += 1;
    }
    ensure!(count >= 10, "{count} lines in a minute");
    // Nothing happened in it for a minute.
    site.run(&["patch", "configmap", "watched", "-p", r#"{"data":{"a":"1"}}"#]).await?.ok()?;
    ensure!(next(&mut changes, "the change").await? == "1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_patched_and_edited() -> Result<()> {
    let site = site().await?;
    site.makes(&["configmap/edited"]).await?;
    site.run(&["create", "configmap", "edited", "--from-literal=a=0"]).await?.ok()?;
    for (index, kubectl) in [Kubectl::Cluster, Kubectl::Machine].into_iter().enumerate() {
        let patch = json!({ "data": { "a": format!("{index}-patched") } }).to_string();
        site.run_with(kubectl, &["patch", "configmap", "edited", "-p", &patch], b"").await?.ok()?;
        let mut edit = site.kubectl(kubectl, &["edit", "configmap", "edited"]).await?;
        edit.env("KUBE_EDITOR", "sed -i s/patched/edited/");
        run(edit, b"", SOON).await?.ok()?;
        let get = ["get", "configmap", "edited", "-o", "jsonpath={.data.a}"];
        let got = site.run_with(kubectl, &get, b"").await?.ok()?;
        ensure!(got.text() == format!("{index}-edited"), "{got:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_debugged_and_a_pod_is_run_once() -> Result<()> {
    let site = site().await?;
    site.pod("patient").await?;
    for (index, kubectl) in Kubectl::ALL.into_iter().enumerate() {
        let image = ["--image", IMAGE, "--image-pull-policy=Never"];
        let (doctor, once) = (format!("doctor-{index}"), format!("once-{index}"));
        site.makes(&[&format!("pod/{once}")]).await?;
        let debug = ["debug", "-it", "patient", "-c", &doctor];
        let run_once = ["run", "-it", "--rm", "--restart=Never", &once];
        for (command, code) in [(&debug[..], 0), (&run_once, 7)] {
            let mut shell =
                site.terminal(kubectl, &[command, &image, &["--", "sh", "-c", ONE_PROMPT]].concat()).await?;
            shell.wait_for("try pressing enter", SOON).await?;
            shell.type_text("\n").await?;
            shell.wait_until("the shell prompts", SOON, prompts).await?;
            shell.type_text("echo seen by $((40 + 2)); exit 7\n").await?;
            shell.wait_for("seen by 42", SOON).await?;
            let (ended, screen) = shell.finish(SOON).await?;
            ensure!(ended == code, "{kubectl:?}: {ended}\n{}", screen.lines().join("\n"));
        }
    }
    let sessions = site.bastion.api("carol").await?.ended_sessions("demo-cluster", 8).await?;
    ensure!(sessions.iter().all(|session| session["kind"] == "attach"), "each is recorded: {sessions:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_works_behind_kubectl_proxy() -> Result<()> {
    let site = site().await?;
    site.pod("behind").await?;
    // By the path of the cluster, and by its name in TLS, which is left when the path is dropped.
    let ways = [&["--append-server-path"][..], &[]];
    for (kubectl, options) in Kubectl::ALL.into_iter().flat_map(|kubectl| ways.map(|options| (kubectl, options))) {
        let (_proxy, address) = proxy(site.kubectl(Kubectl::Cluster, &[]).await?, options, site.alice.home()).await?;
        let server = format!("--server={address}");
        let behind = async |arguments: &[&str], input: &[u8]| {
            // The kubeconfig of nobody: what the cluster lets in is what the proxy adds.
            let mut command = site.kubectl(kubectl, &[]).await?;
            command.args(["--kubeconfig", "/dev/null", &server]).args(arguments);
            run(command, input, SOON).await
        };
        let pods = behind(&["get", "pods", "behind", "-o", "name"], b"").await?.ok()?;
        ensure!(pods.text() == "pod/behind\n", "{pods:?}");
        let script = "cat; echo err >&2; exit 7";
        let ended = behind(&["exec", "-i", "behind", "--", "sh", "-c", script], b"in").await?;
        ensure!(ended.code == 7 && ended.text() == "in" && ended.complains("err"), "{kubectl:?}: {ended:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cluster_says_of_a_program_that_is_not_there_is_what_kubectl_says() -> Result<()> {
    let site = site().await?;
    site.pod("bare").await?;
    let command = ["exec", "bare", "--", "no-such-program"];
    let admin = Cluster::shared().await?;
    let mut direct = admin.kubectl(admin.kubeconfig()).await?;
    direct.args(command);
    let direct = run(direct, b"", SOON).await?;
    // Each try has a number of its own.
    let without_numbers = |text: &str| {
        let is_word = |word: &&str| word.len() < 32 || !word.chars().all(|c| c.is_ascii_hexdigit());
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_word).map(str::to_owned).collect::<Vec<_>>()
    };
    for kubectl in [Kubectl::Cluster, Kubectl::ClusterSpdy] {
        let through = site.run_with(kubectl, &command, b"").await?;
        ensure!(through.code == direct.code, "{kubectl:?}: {through:?} and {direct:?}");
        let (ours, theirs) = (without_numbers(&through.stderr), without_numbers(&direct.stderr));
        ensure!(
            ours == theirs && through.stderr.contains("no-such-program"),
            "{kubectl:?}: {through:?} and {direct:?}"
        );
    }
    let carol = site.bastion.api("carol").await?;
    for session in carol.ended_sessions("demo-cluster", 2).await? {
        let id = session["id"].as_str().context("an id")?;
        ensure!(carol.cast(id).await?.joined("o").contains("no-such-program"), "it is recorded: {session}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_as_somebody_else_and_kubectl_says_so() -> Result<()> {
    let site = site().await?;
    for arguments in [
        &["auth", "can-i", "delete", "pods", "--as", "nobody"][..],
        &["get", "pods", "--as", "nobody", "--as-group", "nothing"],
        &["delete", "configmap", "kube-root-ca.crt", "--as", "alice"],
    ] {
        for kubectl in [Kubectl::Cluster, Kubectl::Machine] {
            let refused = site.run_with(kubectl, arguments, b"").await?;
            ensure!(refused.code == 1 && refused.stdout.is_empty(), "{kubectl:?}: {refused:?}");
            ensure!(refused.stderr.contains("bastion: --as"), "{kubectl:?}: {refused:?}");
        }
    }
    site.run(&["get", "configmap", "kube-root-ca.crt"]).await?.ok()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_protobuf_and_aggregated_discovery_pass_unchanged() -> Result<()> {
    let site = site().await?;
    site.makes(&["configmap/encoded"]).await?;
    site.run(&["create", "configmap", "encoded", "--from-literal=a=0"]).await?.ok()?;
    let admin = Cluster::shared().await?;
    let mut direct = cluster::kubectl().await?;
    direct.arg("--kubeconfig").arg(admin.kubeconfig());
    let (_through, through) = proxy(site.kubectl(Kubectl::Cluster, &[]).await?, &[], site.alice.home()).await?;
    let (_direct, direct) = proxy(direct, &[], site.alice.home()).await?;

    let http = reqwest::Client::new();
    let get = async |server: &str, path: &str, accepted: &str| {
        let answer = http.get(format!("{server}{path}")).header(ACCEPT, accepted).send().await?.error_for_status()?;
        let kind = answer.headers().get(CONTENT_TYPE).context("a content type")?.to_str()?.to_owned();
        Ok::<_, anyhow::Error>((kind, answer.bytes().await?))
    };
    let protobuf = "application/vnd.kubernetes.protobuf";
    let object = "/api/v1/namespaces/default/configmaps/encoded";
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    for (path, accepted) in [
        (object, protobuf),
        (object, "application/json"),
        ("/apis", aggregated),
        ("/apis/apiregistration.k8s.io/v1/apiservices", protobuf),
        ("/openapi/v3/apis/apps/v1", "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"),
    ] {
        // A list names the revision of its moment, which the cluster's own work may advance in between.
        until(&format!("{path} is the same in {accepted}"), SOON, async || {
            let (ours, theirs) = (get(&through, path, accepted).await?, get(&direct, path, accepted).await?);
            let is_asked_for = ours.0.contains(accepted.split(';').next().unwrap_or_default());
            Ok((ours == theirs && is_asked_for).then_some(()))
        })
        .await?;
    }
    let (_, bytes) = get(&through, object, protobuf).await?;
    let put = http.put(format!("{through}{object}")).header(CONTENT_TYPE, protobuf).body(bytes).send().await?;
    ensure!(put.status().is_success(), "{put:?}");
    Ok(())
}

/// `kubectl proxy` with the credentials of `kubectl`, and its URL.
async fn proxy(mut kubectl: Command, options: &[&str], log: &std::path::Path) -> Result<(Program, String)> {
    kubectl.args(["proxy", "--port=0", "--reject-paths=^$"]).args(options);
    let mut program = Program::start("kubectl-proxy", kubectl, log)?;
    let said = program.line(SOON).await?;
    let address = said.strip_prefix("Starting to serve on ").with_context(|| said.clone())?;
    Ok((program, format!("http://{}", address.trim())))
}

fn lines(mut command: Command) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let lines = BufReader::new(child.stdout.take().context("standard output")?).lines();
    Ok((child, lines))
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>, what: &str) -> Result<String> {
    within(what, ONE_LINE, async { lines.next_line().await?.context("the end") }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kubectl_attaches_to_what_runs() -> Result<()> {
    let site = site().await?;
    site.makes(&["pod/running"]).await?;
    let container = json!({
        "name": "running", "image": IMAGE, "imagePullPolicy": "Never", "stdin": true,
        "command": ["sh", "-c", "while read line; do echo \"got $line\"; done"],
    });
    let pod: Value = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "running" }, "spec": { "containers": [container] },
    });
    site.run_with(Kubectl::Cluster, &["apply", "-f", "-"], pod.to_string().as_bytes()).await?.ok()?;
    site.run(&["wait", "--for=condition=Ready", "pod/running", "--timeout=60s"]).await?.ok()?;
    for kubectl in Kubectl::ALL {
        let mut attach = site.kubectl(kubectl, &["attach", "-i", "running"]).await?;
        attach.stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = attach.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut stdin = child.stdin.take().context("standard input")?;
        let mut output = BufReader::new(child.stdout.take().context("standard output")?).lines();
        tokio::io::AsyncWriteExt::write_all(&mut stdin, format!("{kubectl:?}\n").as_bytes()).await?;
        ensure!(next(&mut output, "the answer").await? == format!("got {kubectl:?}"));
        child.kill().await?;
    }
    Ok(())
}
