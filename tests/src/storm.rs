//! Everything at once that strangers and a bad day can do, and what somebody else notices of it.
//!
//! Nobody reads the log from the start. Then, phase by phase, come a crowd of silent connections at every port;
//! refused logins and refused channels; a store that another process locks; a disk that is full. Meanwhile somebody
//! types, logs in again and again, and asks `/readyz`. The phases print what they notice.
//!
//! Demanded is, in every phase, that keys are echoed and that `/readyz` tells the truth; that nobody is refused whose
//! session can be written down, and that the others are told why; at the end, without a restart, that all is well,
//! that memory and disk have not grown, and that no audit event, no end of a session and no typed key is missing.
//! With [`Storm::timed`] it is demanded, too, that echoes and logins are about as fast as in calm weather.
//!
//! | module | |
//! | --- | --- |
//! | `scene` | who is in the storm |
//! | `noticed` | what they notice, and what is demanded of it |
//! | `typist` | somebody in a terminal, and somebody whose session ends in the middle of it |
//! | `strangers` | those who storm |
//! | `aftermath` | what must be there afterwards |

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::time::{Instant, sleep};

use self::{aftermath::Aftermath, noticed::Weather, scene::Scene, strangers::Outside};
use crate::{
    patience::{SOON, until},
    store_fault::Lock,
};

mod aftermath;
mod noticed;
mod scene;
mod strangers;
mod typist;

/// What the data folder may grow by: lines of the audit log and small recordings.
const MAX_GROWTH: u64 = 64 << 20;

/// What the memory may grow by: buffers of as many connections as may be there without a login at three ports.
const MAX_MEMORY: u64 = 512 << 20;

/// How long it may take, where that counts, until it works again after its store or its disk does. Events that wait are tried once a
/// second, a try ends after five, and `/readyz` looks again after one.
const RECOVERY: Duration = Duration::from_secs(10);

/// How bad the storm is.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Silent connections at each port.
    pub crowd: usize,
    /// How long each phase lasts; the gathering of the crowds lasts as long as it takes.
    pub phase: Duration,
    /// Whether it counts how long things take.
    pub timed: bool,
}

impl Storm {
    /// Blows, and prints what was noticed.
    ///
    /// # Errors
    /// Fails when something that is demanded is not so.
    pub async fn blow(self) -> Result<()> {
        take_all_files()?;
        let mut scene = Scene::start().await?;
        let (memory, data) = (scene.memory()?, scene.size()?);
        let calm = scene.notice("calm", Weather::Fair, sleep(self.phase)).await?.0;

        let outside = Outside::new()?;
        let gathering = outside.gather(scene.ports(), self.crowd);
        let crowds = scene.notice("the crowds gather", Weather::Fair, gathering).await?.1?;
        let crowded = scene.notice("crowds", Weather::Fair, sleep(self.phase)).await?.0;
        let refusals = outside.refusals(&scene)?;
        let refused = scene.notice("crowds, refusals", Weather::Fair, sleep(self.phase)).await?.0;

        let witness = scene.witness(41).await?;
        let lock = Lock::of(&scene.database()).await?;
        let locked = scene.endure("crowds, refusals, locked store", self.phase, witness).await?;
        lock.release().await?;
        self.recovered(&scene).await?;

        let witness = scene.witness(42).await?;
        let full = match scene.fill_disk().await? {
            Some(full) => {
                let noticed = scene.endure("crowds, refusals, full disk", self.phase, witness).await?;
                drop(full);
                self.recovered(&scene).await?;
                Some(noticed)
            }
            None => {
                eprintln!("storm: {:<32} skipped: this machine lets nobody mount a small disk", "… full disk");
                None
            }
        };
        let crowd = crowds.iter().map(|crowd| (crowd.opened(), crowd.held())).collect::<Vec<_>>();
        eprintln!("storm: connections opened and held at each port: {crowd:?}");
        let refusals = refusals.stop().await?;
        drop(crowds);
        drop(outside);

        let after = scene.notice("afterwards", Weather::Fair, sleep(self.phase)).await?.0;
        let (grown, more) = (scene.memory()?.saturating_sub(memory), scene.size()?.saturating_sub(data));
        eprintln!("storm: {} MiB of memory and {} MiB of disk more than before", grown >> 20, more >> 20);
        ensure!(grown < MAX_MEMORY && more < MAX_GROWTH, "{grown} bytes of memory, {more} bytes of disk");
        Aftermath::of(scene, refusals).await?.is_complete()?;
        // While the crowds gather it is they who take the processors, as fast as they can: that is printed only.
        let stormy = [Some(&crowded), Some(&refused), Some(&locked), full.as_ref(), Some(&after)];
        let slow: Vec<_> = stormy.into_iter().flatten().filter_map(|phase| phase.slower_than(&calm)).collect();
        ensure!(!self.timed || slow.is_empty(), "{}", slow.join("; "));
        Ok(())
    }

    /// Fails unless sessions start again and `/readyz` says so.
    async fn recovered(self, scene: &Scene) -> Result<()> {
        let (began, most) = (Instant::now(), if self.timed { RECOVERY } else { SOON });
        until("somebody logs in again", most, async || Ok(scene.log_in().await.is_ok().then_some(()))).await?;
        let logins = began.elapsed();
        until("it is ready again", most, async || Ok(scene.ready().await?.is_none().then_some(()))).await?;
        eprintln!(
            "storm: logins after {:.1} s, ready after {:.1} s",
            logins.as_secs_f64(),
            began.elapsed().as_secs_f64()
        );
        Ok(())
    }
}

/// Three crowds take more files than a login shell may open.
fn take_all_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit })?)
}
