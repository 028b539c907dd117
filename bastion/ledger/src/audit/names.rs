//! What an [`AuditEvent`] is called, and whom and which session it names.

use config::UserName;
use recorder::SessionId;

use super::AuditEvent;

impl AuditEvent {
    /// The `kind` of its JSON form.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AccessEnded { .. } => "access_ended",
            Self::AccessGranted { .. } => "access_granted",
            Self::AccessRefused { .. } => "access_refused",
            Self::ApprovalDecided { .. } => "approval_decided",
            Self::ApprovalRequested { .. } => "approval_requested",
            Self::ApprovalVoted { .. } => "approval_voted",
            Self::CertificateIssued { .. } => "certificate_issued",
            Self::ChannelOpened { .. } => "channel_opened",
            Self::ChannelRefused { .. } => "channel_refused",
            Self::CommandBlocked(_) => "command_blocked",
            Self::CommandHeld(_) => "command_held",
            Self::CommandObserved(_) => "command_observed",
            Self::ConnectionAuthenticated { .. } => "connection_authenticated",
            Self::ConnectionRefused { .. } => "connection_refused",
            Self::GateTripped { .. } => "gate_tripped",
            Self::KubeRequest(_) => "kube_request",
            Self::LoginFailed { .. } => "login_failed",
            Self::LoggedIn { .. } => "logged_in",
            Self::LoggedOut { .. } => "logged_out",
            Self::NameBound { .. } => "name_bound",
            Self::NameReleased { .. } => "name_released",
            Self::PortClosed(_) => "port_closed",
            Self::PortOpened(_) => "port_opened",
            Self::PortRefused(_) => "port_refused",
            Self::RecordingFailed { .. } => "recording_failed",
            Self::RecordingViewed { .. } => "recording_viewed",
            Self::RefusalsSummed { .. } => "refusals_summed",
            Self::RevokedKeysRejected { .. } => "revoked_keys_rejected",
            Self::RevokedKeysReloaded { .. } => "revoked_keys_reloaded",
            Self::RulesRejected { .. } => "rules_rejected",
            Self::RulesReloaded { .. } => "rules_reloaded",
            Self::SessionEnded { .. } => "session_ended",
            Self::SessionStarted { .. } => "session_started",
            Self::StoreRecovered { .. } => "store_recovered",
            Self::TargetUnavailable { .. } => "target_unavailable",
            Self::UnreadableRow { .. } => "unreadable_row",
        }
    }

    /// The user it names. An event about a session leaves it to the session's row where it is `None`.
    #[must_use]
    pub fn user(&self) -> Option<&UserName> {
        match self {
            Self::AccessEnded { user, .. }
            | Self::AccessGranted { user, .. }
            | Self::AccessRefused { user, .. }
            | Self::ApprovalDecided { user, .. }
            | Self::ApprovalRequested { user, .. }
            | Self::ApprovalVoted { user, .. }
            | Self::CertificateIssued { user, .. }
            | Self::ChannelOpened { user, .. }
            | Self::ChannelRefused { user, .. }
            | Self::ConnectionAuthenticated { user, .. }
            | Self::GateTripped { user, .. }
            | Self::LoggedIn { user, .. }
            | Self::LoggedOut { user, .. }
            | Self::NameBound { user, .. }
            | Self::NameReleased { user, .. }
            | Self::RecordingViewed { user, .. }
            | Self::SessionStarted { user, .. }
            | Self::TargetUnavailable { user, .. } => Some(user),
            Self::CommandBlocked(command) => Some(&command.user),
            Self::CommandHeld(held) => Some(&held.command.user),
            Self::CommandObserved(observed) => Some(&observed.command.user),
            Self::KubeRequest(request) => Some(&request.user),
            Self::PortClosed(closed) => Some(&closed.port.user),
            Self::PortOpened(port) => Some(&port.user),
            Self::PortRefused(refused) => Some(&refused.port.user),
            Self::RefusalsSummed { user, .. } => user.as_ref(),
            Self::ConnectionRefused { .. }
            | Self::LoginFailed { .. }
            | Self::RecordingFailed { .. }
            | Self::RevokedKeysRejected { .. }
            | Self::RevokedKeysReloaded { .. }
            | Self::RulesRejected { .. }
            | Self::RulesReloaded { .. }
            | Self::SessionEnded { .. }
            | Self::StoreRecovered { .. }
            | Self::UnreadableRow { .. } => None,
        }
    }

    /// The session it is about.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::ApprovalDecided { session, .. }
            | Self::ApprovalRequested { session, .. }
            | Self::ApprovalVoted { session, .. } => *session,
            Self::CommandBlocked(command) => command.session,
            Self::CommandHeld(held) => held.command.session,
            Self::CommandObserved(observed) => observed.command.session,
            Self::RecordingFailed { session, .. }
            | Self::GateTripped { session, .. }
            | Self::RecordingViewed { session, .. }
            | Self::SessionEnded { session, .. }
            | Self::SessionStarted { session, .. } => Some(*session),
            Self::AccessEnded { .. }
            | Self::AccessGranted { .. }
            | Self::AccessRefused { .. }
            | Self::CertificateIssued { .. }
            | Self::ChannelOpened { .. }
            | Self::ChannelRefused { .. }
            | Self::ConnectionAuthenticated { .. }
            | Self::ConnectionRefused { .. }
            | Self::KubeRequest(_)
            | Self::LoginFailed { .. }
            | Self::LoggedIn { .. }
            | Self::LoggedOut { .. }
            | Self::NameBound { .. }
            | Self::NameReleased { .. }
            | Self::PortClosed(_)
            | Self::PortOpened(_)
            | Self::PortRefused(_)
            | Self::RefusalsSummed { .. }
            | Self::RevokedKeysRejected { .. }
            | Self::RevokedKeysReloaded { .. }
            | Self::RulesRejected { .. }
            | Self::RulesReloaded { .. }
            | Self::StoreRecovered { .. }
            | Self::TargetUnavailable { .. }
            | Self::UnreadableRow { .. } => None,
        }
    }
}
