//! What `make storm` blows for minutes, for seconds: crowds, refusals, a hung log, a locked store, a full disk.

use std::time::Duration;

use anyhow::Result;
use tests::storm::Storm;

#[tokio::test(flavor = "multi_thread")]
async fn in_a_storm_others_type_and_log_in_and_afterwards_nothing_is_missing() -> Result<()> {
    // How long things take is for `make storm` to say, on a machine that does nothing else.
    Storm { crowd: 500, phase: Duration::from_secs(3), timed: false }.blow().await
}
