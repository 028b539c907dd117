//! What waits for other people: the connection, where the role says so, and the command, where a rule does. The user's
//! side is open by then, and its user is told.

use policy::{Hold, Input, Verdict};

use super::{Run, blocked, door::DoorWriter, refuse};
use crate::{
    approval::ApprovalKind,
    kube::front::decision::for_each_connection,
    session::{
        applicant::Judged,
        approve::{HeldReader, approve},
        leg::UserReader,
        voice::{Said, Voice},
    },
};

impl Run {
    /// Waits until other people have approved the connection; whether it may go on then. The user was told if not.
    pub(super) async fn connection_approved<R: UserReader>(
        &mut self,
        hold: Hold,
        reader: &mut HeldReader<R>,
        writer: &DoorWriter,
    ) -> bool {
        let mut new = self.applicant.question(ApprovalKind::Session, self.command.act(None), hold.approvers);
        new.because = for_each_connection(&hold.role);
        let approvals = &self.applicant.sessions.approvals;
        match approve(approvals, new, (reader, writer), Voice::Words, async |_| {}).await {
            Ok(granted) => self.standing.approved.extend(granted.approved_session()),
            Err(unapproved) => {
                unapproved.tell(writer, Voice::Words).await;
                return false;
            }
        }
        // What was true before a wait need not be true after it.
        if let Some(lost) = self.standing.lost_now() {
            refuse(writer, blocked(lost)).await;
            return false;
        }
        true
    }

    /// Waits for other people; if it may start then, what is to be done with its input. The user was told if not.
    pub(super) async fn approved<R: UserReader>(
        &self,
        verdict: &Verdict,
        stdin: Option<&[u8]>,
        reader: &mut HeldReader<R>,
        writer: &DoorWriter,
    ) -> Option<Input> {
        let shown = self.command.request().shown(stdin.filter(|stdin| !stdin.is_empty()));
        let (act, legs) = (self.command.act(stdin), (reader, writer));
        if let Err(unapproved) = self.applicant.command_approved(verdict, act, &shown, legs, Voice::Words).await {
            unapproved.tell(writer, Voice::Words).await;
            return None;
        }
        // The rules may have changed in the meantime.
        match self.judge(stdin).await {
            Judged::Allowed(input) => Some(input),
            Judged::Held(again) if again.rule == verdict.rule => Some(again.input),
            Judged::Held(_) | Judged::NeedsStdin => {
                refuse(writer, blocked("the rules have changed while it waited; ask again".to_owned())).await;
                None
            }
            Judged::Refused { rule, reason } => {
                refuse(writer, Said::Blocked { rule, message: reason, approval: None }).await;
                None
            }
        }
    }
}
