//! What the gate decides, in the audit log.

use config::{Login, TargetName, UserName};
use policy::gate::{Decided, Report};
use recorder::SessionId;

use super::{
    start::Sessions,
    tap::{masked_text, visible},
};
use crate::audit::AuditEvent;

/// Writes the decisions of one session.
#[derive(Clone)]
pub struct Reporter {
    /// The audit log.
    pub sessions: Sessions,
    /// The session.
    pub session: SessionId,
    /// Whose.
    pub user: UserName,
    /// On which target.
    pub target: TargetName,
    /// As which account there.
    pub login: Login,
    /// From where.
    pub source: String,
}

impl Reporter {
    /// Writes a decision.
    pub async fn report(&self, report: Report) {
        let Self { session, user, target, login, source, .. } = self.clone();
        let command = visible(&masked_text(report.text.into_bytes().into()));
        let rule = report.verdict.as_ref().and_then(|verdict| verdict.rule.clone());
        let opaque = report.verdict.as_ref().is_none_or(|verdict| verdict.opaque);
        let reason = report.reason;
        let session = Some(session);
        let event = match report.decision {
            Decided::Blocked => {
                AuditEvent::CommandBlocked { session, user, target, login, command, rule, reason, opaque, source }
            }
            Decided::Held | Decided::Observed | Decided::Tripped => AuditEvent::CommandHeld {
                session,
                user,
                target,
                login,
                command,
                rule,
                reason,
                opaque,
                approval: None,
                source,
            },
        };
        self.sessions.audit(&[event]).await;
    }
}
