//! What is said on a channel, in the words of RFC 4254 and OpenSSH's PROTOCOL.

use russh::{ChannelMsg, Sig};

/// End of write: the other side reads no more (OpenSSH's PROTOCOL, section 2.1). It does not end the other direction.
pub const END_OF_WRITE: &str = "eow@openssh.com";

/// Whether a message is a request that has to be answered.
#[must_use]
pub fn wants_reply(message: &ChannelMsg) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive and mixes both directions")]
    match message {
        ChannelMsg::AgentForward { want_reply }
        | ChannelMsg::Exec { want_reply, .. }
        | ChannelMsg::Request { want_reply, .. }
        | ChannelMsg::RequestPty { want_reply, .. }
        | ChannelMsg::RequestShell { want_reply }
        | ChannelMsg::RequestSubsystem { want_reply, .. }
        | ChannelMsg::RequestX11 { want_reply, .. }
        | ChannelMsg::SetEnv { want_reply, .. } => *want_reply,
        _ => false,
    }
}

/// The name of a signal, without `SIG` (RFC 4254 §6.10).
#[must_use]
pub fn signal_name(signal: &Sig) -> &str {
    match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        Sig::Custom(name) => name,
    }
}
