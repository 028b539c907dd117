//! Files in both directions with stock programs: sftp, scp, rsync, git.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use tests::{patience::SOON, program::run, site::Site};
use tokio::process::Command;

use crate::shell_dialogue::Dialogue;

/// More than one window of a channel, so that flow control has a part in it.
const BIG_FILE_BYTES: usize = 5_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn sftp_puts_and_gets() -> Result<()> {
    let site = Site::start().await?;
    let folder = tempfile::tempdir()?;
    let (tree, there, back) = folders(folder.path())?;
    fs::create_dir(&there)?;
    fs::create_dir(&back)?;
    let script = format!(
        "put {t}/big {h}/big\nget {h}/big {b}/big\nls -l {h}\n",
        t = show(&tree),
        h = show(&there),
        b = show(&back)
    );
    let sftp = site.alice.stock("sftp", &["-b", "-", &Site::destination()])?;
    run(sftp, script.as_bytes(), SOON).await?.ok()?;
    ensure!(fs::read(tree.join("big"))? == fs::read(back.join("big"))?, "the file changed on its way");
    let sessions = site.api().await?.ended_sessions("target", 1).await?;
    ensure!(sessions.first().is_some_and(|session| session["kind"] == "sftp"), "{sessions:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scp_copies_a_tree_there_and_back() -> Result<()> {
    let site = Site::start().await?;
    // Today's protocol (SFTP) and the old one, which is an exec of `scp -t`.
    for protocol in ["-s", "-O"] {
        let folder = tempfile::tempdir()?;
        let (tree, there, back) = folders(folder.path())?;
        let remote = format!("{}:{}", Site::destination(), show(&there));
        run(site.alice.stock("scp", &["-q", protocol, "-rp", &show(&tree), &remote])?, b"", SOON).await?.ok()?;
        run(site.alice.stock("scp", &["-q", protocol, "-rp", &remote, &show(&back)])?, b"", SOON).await?.ok()?;
        same(&tree, &there).await?;
        same(&tree, &back).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rsync_copies_a_tree_there_and_back() -> Result<()> {
    let site = Site::start().await?;
    let folder = tempfile::tempdir()?;
    let (tree, there, back) = folders(folder.path())?;
    let remote = format!("{}:{}/", Site::destination(), show(&there));
    site.alice.with_ssh("rsync", &["-a", &format!("{}/", show(&tree)), &remote]).await?.ok()?;
    site.alice.with_ssh("rsync", &["-a", "--checksum", &remote, &format!("{}/", show(&back))]).await?.ok()?;
    same(&tree, &there).await?;
    same(&tree, &back).await
}

#[tokio::test(flavor = "multi_thread")]
async fn git_clones_over_ssh() -> Result<()> {
    let site = Site::start().await?;
    let folder = tempfile::tempdir()?;
    let (tree, _, back) = folders(folder.path())?;
    for arguments in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-q", "-m", "all of it"]] {
        let mut git = Command::new("git");
        git.arg("-C").arg(&tree).args(["-c", "user.name=Alice", "-c", "user.email=alice@example.com"]).args(arguments);
        run(git, b"", SOON).await?.ok()?;
    }
    let remote = format!("ssh://{}{}", Site::destination(), show(&tree));
    // As in a clone by somebody else's account, git wants to be told that the folder may be trusted.
    let upload = "git -c safe.directory=* upload-pack";
    site.alice.with_ssh("git", &["clone", "-q", "--upload-pack", upload, &remote, &show(&back)]).await?.ok()?;
    let head = async |folder: &Path| {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(["rev-parse", "HEAD"]);
        Ok::<_, anyhow::Error>(run(git, b"", SOON).await?.ok()?.text())
    };
    ensure!(head(&tree).await? == head(&back).await?, "another commit");
    ensure!(fs::read(tree.join("big"))? == fs::read(back.join("big"))?, "the file changed on its way");
    Ok(())
}

/// A tree with an awkward name and a big file, and two folders that do not exist yet.
fn folders(folder: &Path) -> Result<(PathBuf, PathBuf, PathBuf)> {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("sub folder/ünïcode"))?;
    fs::write(tree.join("sub folder/ünïcode/empty"), "")?;
    fs::write(tree.join("small"), "a line\n")?;
    // Bytes of every value, without a pattern that fits a packet.
    let big: Vec<u8> = (0..BIG_FILE_BYTES).map(|index| (index * index / 251 % 256) as u8).collect();
    fs::write(tree.join("big"), big)?;
    Ok((tree, folder.join("there"), folder.join("back")))
}

async fn same(left: &Path, right: &Path) -> Result<()> {
    let mut diff = Command::new("diff");
    diff.arg("-r").arg(left).arg(right);
    run(diff, b"", SOON).await?.ok().map(drop)
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// Both sides are told to give up, in the protocol's words and in the user's.
#[tokio::test(flavor = "multi_thread")]
async fn zmodem_is_refused_at_once() -> Result<()> {
    let site = Site::start().await?;
    let command = r"stty raw -echo; printf '**\030B0100000023be50\r\n'; head -c 5 | od -An -tx1";
    let mut dialogue = Dialogue::start(&site, &["-tt", &Site::destination(), command])?;
    let (mut shown, wanted) = (String::new(), ["rz and sz (ZMODEM) do not pass here", "18 18 18 18 18"]);
    while !wanted.iter().all(|words| shown.contains(words)) {
        shown.push_str(&dialogue.answer().await.with_context(|| shown.clone())?);
    }
    ensure!(shown.contains("\x18\x18\x18\x18\x18"), "{shown:?}");
    Ok(())
}
