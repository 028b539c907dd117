//! What the gate decides, in the audit log.

use config::{Login, TargetName, UserName};
use policy::{
    RuleEffect, Subject,
    gate::{Decided, Question, Report},
};
use recorder::SessionId;

use super::{start::Sessions, tap::shown};
use crate::{
    approval::ApprovalId,
    audit::{AuditEvent, WouldHave},
};

/// Writes the decisions of one session.
#[derive(Clone)]
pub struct Reporter {
    /// The audit log.
    pub sessions: Sessions,
    /// The session.
    pub session: SessionId,
    /// Whose.
    pub user: UserName,
    /// Whose, as the issuer knows them.
    pub subject: Subject,
    /// Why, in the user's words.
    pub reason: Option<String>,
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
        let command = shown(report.text);
        let verdict = report.verdict.as_ref();
        let rule = verdict.and_then(|verdict| verdict.rule.clone());
        let opaque = verdict.is_none_or(|verdict| verdict.opaque);
        let reason = report.reason;
        let effect = match verdict.map(|verdict| verdict.effect) {
            Some(RuleEffect::Block) => WouldHave::Block,
            Some(RuleEffect::Allow | RuleEffect::Approve) | None => WouldHave::Approve,
        };
        let (held, approval) = (Some(session), None);
        let event = match report.decision {
            Decided::Blocked => {
                AuditEvent::CommandBlocked { session: held, user, target, login, command, rule, reason, opaque, source }
            }
            Decided::Held => AuditEvent::CommandHeld {
                session: held,
                user,
                target,
                login,
                command,
                rule,
                reason,
                opaque,
                approval,
                source,
            },
            Decided::Observed => AuditEvent::CommandObserved {
                session: held,
                user,
                target,
                login,
                command,
                effect,
                rule,
                reason,
                opaque,
                source,
            },
            Decided::Tripped => AuditEvent::GateTripped { session, user, target, login, command, reason, source },
        };
        self.sessions.audit(&[event]).await;
    }

    /// Writes that a line waits for other people.
    pub async fn asked(&self, question: &Question, approval: Option<ApprovalId>) {
        let Self { session, user, target, login, source, .. } = self.clone();
        let verdict = &question.verdict;
        let event = AuditEvent::CommandHeld {
            session: Some(session),
            user,
            target,
            login,
            command: shown(question.text.clone()),
            rule: verdict.rule.clone(),
            reason: verdict.message.clone(),
            opaque: verdict.opaque,
            approval,
            source,
        };
        self.sessions.audit(&[event]).await;
    }
}
