//! [`Visit`]: who came, from where, to what and why. A front makes it once for what is asked for; it is carried from
//! there to the rules, other people, the recording and the audit log. What becomes of the request before a session
//! starts is written down here, whichever front it came from.

use std::net::SocketAddr;

use api::refusal::{ReasonCode, Refusal};
use approval::{ApprovalId, ApprovalKind, Needed, NewApproval};
use config::{Login, RuleName, TargetName};
use identity::Authenticated;
use ledger::audit::{AuditEvent, CommandEvent, CommandHeldEvent, CommandObservedEvent, WouldHave};
use policy::{Input, Protocol, RuleEffect, Verdict, approval::Act};
use recorder::SessionId;

use super::{
    approve::{HeldReader, approve},
    leg::{UserReader, UserWriter},
    request::{Blocked, Judgement, Request},
    sessions::Sessions,
};

/// Who wants to start something, and where.
#[derive(Clone)]
pub struct Visit {
    /// The audit log, and what waits for other people.
    pub sessions: Sessions,
    /// Who.
    pub user: Authenticated,
    /// On which target.
    pub target: TargetName,
    /// As which account there; in a cluster: in which pod.
    pub login: Login,
    /// How it is asked for.
    pub protocol: Protocol,
    /// In which container of the pod, where that was said.
    pub container: Option<String>,
    /// From where.
    pub source: SocketAddr,
    /// Why, in their own words.
    pub reason: Option<String>,
    /// In which session, once it has started.
    pub session: Option<SessionId>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Judged {
    /// It may start, and that is to be done with its standard input.
    Allowed(Input),
    /// Its standard input has to be judged first.
    NeedsStdin {
        /// Whether it may be judged command by command where its sender waits for answers.
        by_command: bool,
    },
    /// It has to wait for other people.
    Held(Box<Verdict>),
    /// It may not start.
    Refused(Refusal),
}

impl Visit {
    /// Writes down what the rules said to `request`, where that is to be known; then it is the answer.
    pub async fn judged(&self, verdict: Judgement, request: Request<'_>, stdin: Option<&[u8]>) -> Judged {
        let (event, judged) = match verdict {
            Judgement::Allow { observed: None, input } => return Judged::Allowed(input),
            Judgement::NeedsStdin { by_command } => return Judged::NeedsStdin { by_command },
            Judgement::Hold(verdict) => return Judged::Held(verdict),
            Judgement::Allow { observed: Some(verdict), input } => {
                let effect = if verdict.effect == RuleEffect::Block { WouldHave::Block } else { WouldHave::Approve };
                let Verdict { rule, message, opaque, .. } = *verdict;
                let command = self.command(request.shown(stdin), rule, message, opaque);
                (AuditEvent::CommandObserved(CommandObservedEvent { command, effect }), Judged::Allowed(input))
            }
            Judgement::Block(Blocked { rule, reason, opaque, .. }) => {
                let command = self.command(request.shown(stdin), rule.clone(), reason.clone(), opaque);
                let refusal = Refusal::new(ReasonCode::CommandBlocked, reason).by_rule(rule);
                (AuditEvent::CommandBlocked(command), Judged::Refused(refusal))
            }
        };
        match self.sessions.audit(event).await {
            Ok(()) => judged,
            Err(full) => Judged::Refused(Refusal::new(ReasonCode::AuditUnavailable, full.to_string())),
        }
    }

    /// What other people are asked.
    #[must_use]
    pub fn question(&self, kind: ApprovalKind, act: Act, needed: Needed) -> NewApproval {
        NewApproval {
            kind,
            requester: self.user.subject().clone(),
            target: self.target.clone(),
            login: self.login.clone(),
            session: self.session,
            rule: None,
            act: Act { container: act.container.clone().or_else(|| self.container.clone()), ..act },
            commands: Vec::new(),
            screen: None,
            reason: self.reason.clone(),
            because: String::new(),
            needed,
            source: self.source.to_string(),
        }
    }

    /// What other people are asked about what a rule wants approved.
    ///
    /// # Errors
    ///
    /// When the rule names nobody.
    pub fn command_question(&self, verdict: &Verdict, act: Act) -> Result<NewApproval, Refusal> {
        let Some(needed) = verdict.approvers.clone() else {
            let message = format!("{}, and the rules name nobody who can approve it", verdict.message);
            return Err(Refusal::new(ReasonCode::ApprovalCannotBeAsked, message).by_rule(verdict.rule.clone()));
        };
        Ok(NewApproval {
            rule: verdict.rule.clone(),
            commands: verdict.commands.clone(),
            because: verdict.message.clone(),
            ..self.question(ApprovalKind::Command, act, needed)
        })
    }

    /// Waits for the approval of a command: exactly `act`, which the audit log has as `shown`.
    ///
    /// # Errors
    ///
    /// When it is not given.
    pub async fn command_approved<R: UserReader, W: UserWriter>(
        &self,
        verdict: &Verdict,
        act: Act,
        shown: &str,
        legs: (&mut HeldReader<R>, &W),
    ) -> Result<(), Refusal> {
        let new = match self.command_question(verdict, act) {
            Ok(new) => new,
            Err(refusal) => {
                self.held(shown, verdict, None).await;
                return Err(refusal);
            }
        };
        let mut was_asked = false;
        let asked = async |id| {
            was_asked = true;
            self.held(shown, verdict, Some(id)).await;
        };
        let outcome = approve(&self.sessions.approvals, new, legs, asked).await;
        if outcome.is_err() && !was_asked {
            self.held(shown, verdict, None).await;
        }
        outcome.map(drop)
    }

    /// Writes that a request waits for an approval, or cannot get one.
    pub(super) async fn held(&self, command: &str, verdict: &Verdict, approval: Option<ApprovalId>) {
        let Verdict { rule, message, opaque, .. } = verdict;
        let command = self.command(command.to_owned(), rule.clone(), message.clone(), *opaque);
        let event = AuditEvent::CommandHeld(CommandHeldEvent { command, approval });
        if let Err(full) = self.sessions.audit(event).await {
            // The approval itself is in the store, or was refused.
            tracing::error!(%full, "a held command was not written down");
        }
    }

    pub(super) fn command(
        &self,
        command: String,
        rule: Option<RuleName>,
        reason: String,
        opaque: bool,
    ) -> CommandEvent {
        CommandEvent {
            session: self.session,
            user: self.user.subject().name.clone(),
            target: self.target.clone(),
            login: self.login.clone(),
            command,
            rule,
            reason,
            opaque,
            source: self.source.to_string(),
        }
    }
}
