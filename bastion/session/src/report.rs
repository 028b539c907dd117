//! What the gate decides about a typed line, in the audit log.

use gate::{Decided, Report};
use ledger::audit::{AuditEvent, CommandEvent, CommandHeldEvent, CommandObservedEvent, WouldHave, log::LogFull};
use policy::RuleEffect;

use super::{tap::shown, visit::Visit};

impl Visit {
    /// Writes a decision. Never waits.
    ///
    /// # Errors
    ///
    /// When the audit log has no room: then nothing more may be typed.
    pub fn report(&self, report: Report) -> Result<(), LogFull> {
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
                // Nothing is typed before there is a session.
                let Some(session) = self.session else { return Ok(()) };
                let CommandEvent { user, target, login, command, reason, source, .. } = command;
                AuditEvent::GateTripped { session, user, target, login, command, reason, source }
            }
        };
        self.sessions.log.record(event)
    }
}
