//! What the gate decides, in the audit log.

use config::{Login, RuleName, TargetName, UserName};
use policy::{
    RuleEffect, Subject, Verdict,
    gate::{Decided, Question, Report},
};
use recorder::SessionId;

use super::{sessions::Sessions, tap::shown};
use crate::{
    approval::ApprovalId,
    audit::{AuditEvent, CommandEvent, CommandHeldEvent, CommandObservedEvent, WouldHave},
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
        let Report { decision, text, verdict, reason } = report;
        let verdict = verdict.as_ref();
        let command = self.command(
            shown(text),
            verdict.and_then(|verdict| verdict.rule.clone()),
            reason,
            verdict.is_none_or(|verdict| verdict.opaque),
        );
        let event = match decision {
            Decided::Blocked => AuditEvent::CommandBlocked(command),
            Decided::Held => AuditEvent::CommandHeld(CommandHeldEvent { command, approval: None }),
            Decided::Observed => {
                let effect = match verdict.map(|verdict| verdict.effect) {
                    Some(RuleEffect::Block) => WouldHave::Block,
                    Some(RuleEffect::Allow | RuleEffect::Approve) | None => WouldHave::Approve,
                };
                AuditEvent::CommandObserved(CommandObservedEvent { command, effect })
            }
            Decided::Tripped => {
                let CommandEvent { user, target, login, command, reason, source, .. } = command;
                AuditEvent::GateTripped { session: self.session, user, target, login, command, reason, source }
            }
        };
        self.sessions.audit(&[event]).await;
    }

    /// Writes that a line waits for other people.
    pub async fn asked(&self, question: &Question, approval: Option<ApprovalId>) {
        let Verdict { rule, message, opaque, .. } = question.verdict.clone();
        let command = self.command(shown(question.text.clone()), rule, message, opaque);
        self.sessions.audit(&[AuditEvent::CommandHeld(CommandHeldEvent { command, approval })]).await;
    }

    fn command(&self, command: String, rule: Option<RuleName>, reason: String, opaque: bool) -> CommandEvent {
        CommandEvent {
            session: Some(self.session),
            user: self.user.clone(),
            target: self.target.clone(),
            login: self.login.clone(),
            command,
            rule,
            reason,
            opaque,
            source: self.source.clone(),
        }
    }
}
