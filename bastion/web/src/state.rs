//! [`WebState`]: what requests are answered from.

use std::{collections::HashMap, sync::Arc};

use api::info::BastionInfo;
use approval::Approvals;
use config::{Cluster, Target, TargetName};
use identity::{kube_credential::KubeCredentials, login::LoginService};
use ledger::{audit::AuditLog, store::Store};
use policy::RuleSet;
use recorder::Recorder;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{limits::LoginLimiter, readiness::Readiness};

/// What requests are answered from. Cheap to clone.
#[derive(Clone)]
pub struct WebState(Arc<Parts>);

/// The parts of a [`WebState`].
pub struct Parts {
    /// What the bastion remembers.
    pub store: Arc<dyn Store>,
    /// What happens.
    pub log: AuditLog,
    /// Logins and certificates.
    pub logins: Arc<LoginService>,
    /// The rules as they are now; a reload replaces them.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// The hosts behind the bastion.
    pub targets: Arc<[Target]>,
    /// The Kubernetes clusters, where there are any.
    pub kube: Option<KubeAccess>,
    /// Where recordings are read.
    pub recorder: Arc<Recorder>,
    /// What waits for other people.
    pub approvals: Approvals,
    /// From then on new people are to go elsewhere.
    pub draining: CancellationToken,
    /// What `GET /api/v1/info` tells everybody.
    pub info: BastionInfo,
    /// The web front's URL as browsers see it.
    pub url: Url,
    pub(super) login_limiter: LoginLimiter,
    pub(super) readiness: Readiness,
}

impl WebState {
    /// Puts the parts together.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own, named by its type")]
    pub fn new(
        store: Arc<dyn Store>,
        log: AuditLog,
        logins: Arc<LoginService>,
        rules: watch::Receiver<Arc<RuleSet>>,
        targets: Arc<[Target]>,
        kube: Option<KubeAccess>,
        recorder: Arc<Recorder>,
        approvals: Approvals,
        draining: CancellationToken,
        info: BastionInfo,
        url: Url,
    ) -> Self {
        let login_limiter = LoginLimiter::default();
        let readiness = Readiness::default();
        Self(Arc::new(Parts {
            store,
            log,
            logins,
            rules,
            targets,
            kube,
            recorder,
            approvals,
            draining,
            info,
            url,
            login_limiter,
            readiness,
        }))
    }

    /// The rules as they are now.
    pub(super) fn rules(&self) -> Arc<RuleSet> {
        Arc::clone(&self.rules.borrow())
    }
}

impl std::ops::Deref for WebState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The Kubernetes clusters, and the credentials for their front.
#[derive(Clone)]
pub struct KubeAccess {
    /// Issues credentials.
    pub credentials: KubeCredentials,
    /// The clusters behind the bastion.
    pub clusters: Arc<[Cluster]>,
    /// The front's URL as users see it.
    pub url: Url,
    /// What clusters are called in TLS; those that the certificate covers.
    pub server_names: Arc<HashMap<TargetName, String>>,
}
