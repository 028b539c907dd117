//! What most tests start with: a target, a bastion, and somebody who is logged in.

use anyhow::Result;
use serde_json::Value;

use crate::{
    api::Api,
    bastion::{Bastion, Settings, open_rules},
    oidc::Provider,
    peers,
    person::Person,
    s3::S3,
    sshd::Sshd,
    tcp_fault::TcpFault,
};

/// A demo bastion with an sshd target named `target`, and alice logged in at it.
pub struct Site {
    /// The target; its login is [`peers::login`].
    pub sshd: Sshd,
    /// The bastion.
    pub bastion: Bastion,
    /// An engineer.
    pub alice: Person,
}

impl Site {
    /// Starts all with rules that allow engineers everything.
    ///
    /// # Errors
    /// Fails when something does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(open_rules()).await
    }

    /// Starts all with these rules.
    ///
    /// # Errors
    /// Fails when something does not start.
    pub async fn start_with(rules: Value) -> Result<Self> {
        let sshd = Sshd::start().await?;
        let settings = Settings::demo().target(sshd.target("target")?).rules(rules);
        let bastion = settings.start().await?;
        bastion.open(&sshd)?;
        let alice = Person::log_in(&bastion, "alice").await?;
        Ok(Self { sshd, bastion, alice })
    }

    /// The API as alice.
    ///
    /// # Errors
    /// Fails when the login does.
    pub async fn api(&self) -> Result<Api> {
        self.bastion.api("alice").await
    }

    /// The destination of the target for stock programs: `login@target`.
    pub fn destination() -> String {
        format!("{}@target", peers::login())
    }
}

/// A bastion as an operator runs it: `serve`, a certified OpenID provider, recordings in an S3 bucket.
pub struct BucketSite {
    /// The bucket's server, which [`Self::relay`] stands before.
    pub s3: S3,
    /// All the bastion's requests to the bucket go through this.
    pub relay: TcpFault,
    /// The issuer.
    pub provider: Provider,
    /// The target `target`.
    pub sshd: Sshd,
    /// The bastion.
    pub bastion: Bastion,
    /// An engineer, logged in with a browser.
    pub alice: Person,
}

impl BucketSite {
    /// Starts all with rules that allow engineers everything.
    ///
    /// # Errors
    /// Fails when something does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(open_rules()).await
    }

    /// Starts all with these rules.
    ///
    /// # Errors
    /// Fails when something does not start.
    pub async fn start_with(rules: Value) -> Result<Self> {
        let (s3, provider, sshd) = tokio::try_join!(S3::start(), Provider::start(), Sshd::start())?;
        let relay = TcpFault::before(s3.address()).await?;
        let settings = Settings::serve(&provider).bucket(relay.address()).target(sshd.target("target")?).rules(rules);
        let bastion = settings.start().await?;
        bastion.open(&sshd)?;
        let alice = Person::log_in_with_browser(&bastion, "alice").await?;
        Ok(Self { s3, relay, provider, sshd, bastion, alice })
    }

    /// The API as somebody.
    ///
    /// # Errors
    /// Fails when the login does.
    pub async fn api(&self, user: &str) -> Result<Api> {
        Api::log_in_at_provider(&self.bastion, user).await
    }
}
