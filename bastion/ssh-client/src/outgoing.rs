//! A connection on which we are the client: its server may open no channel towards us.
//!
//! A client opens sessions; it is asked for nothing that would let a server open a channel (no forwarding of ports,
//! agent or X11). "Implementations MUST reject any X11 channel open requests if they have not requested X11
//! forwarding" (RFC 4254 §6.3.2), and the same holds for forwarded ports (§7.2). The engine's own answer is to accept
//! them. A server that goes on trying has nothing honest in mind: its connection is ended.

use std::{fmt::Debug, future::Future};

use russh::{
    Channel, ChannelId, ChannelOpenFailure,
    client::{self, ChannelOpenHandle, Msg, Session},
    keys::PublicKeyOrCertificate,
};

/// The channels that a server may try to open before its connection is ended. An honest one tries none.
const MOST_OPENS: u32 = 16;

/// The server tried to open more channels than `MOST_OPENS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it goes on opening channels that nobody asked for")]
pub struct OpensChannels;

/// What a connection wants to know of its server.
pub trait Server: Send {
    /// Why there is no connection.
    type Error: From<russh::Error> + From<OpensChannels> + Send + Debug;

    /// Whether this proves that the server is the one that is meant.
    fn check(&mut self, shown: &PublicKeyOrCertificate) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// What it says before it lets anybody in.
    fn says(&mut self, _banner: &str) {}
}

/// Refuses every channel that the server opens.
pub struct Outgoing<S> {
    server: S,
    opens: u32,
}

impl<S: Server> Outgoing<S> {
    /// A connection to `server`.
    pub fn to(server: S) -> Self {
        Self { server, opens: 0 }
    }

    async fn refuse(&mut self, kind: &str, reply: ChannelOpenHandle) -> Result<(), S::Error> {
        self.opens += 1;
        if self.opens > MOST_OPENS {
            tracing::warn!(opens = self.opens, "a server goes on opening channels; its connection is ended");
            return Err(OpensChannels.into());
        }
        tracing::warn!(kind, "a server tried to open a channel that nobody asked for");
        reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        Ok(())
    }
}

impl<S: Server> client::Handler for Outgoing<S> {
    type Error = S::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, S::Error> {
        self.server.check(shown).await
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), S::Error> {
        self.server.says(banner);
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), S::Error> {
        self.refuse("session", reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), S::Error> {
        self.refuse("auth-agent", reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), S::Error> {
        self.refuse("x11", reply).await
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), S::Error> {
        self.refuse("forwarded-tcpip", reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), S::Error> {
        self.refuse("forwarded-streamlocal", reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), S::Error> {
        self.refuse("direct-tcpip", reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), S::Error> {
        self.refuse("direct-streamlocal", reply).await
    }

    /// So that those of unknown types are counted, too.
    async fn should_accept_unknown_server_channel(&mut self, _: ChannelId, _: &str) -> bool {
        true
    }

    async fn server_channel_open_unknown(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), S::Error> {
        self.refuse("unknown", reply).await
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use russh::{
        keys::{PrivateKey, ssh_key::private::Ed25519Keypair},
        server::{self, Auth},
    };
    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    struct AnyServer;

    #[derive(Debug, thiserror::Error)]
    enum AnyError {
        #[error(transparent)]
        Opens(#[from] OpensChannels),
        #[error(transparent)]
        Ssh(#[from] russh::Error),
    }

    impl Server for AnyServer {
        type Error = AnyError;

        async fn check(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, AnyError> {
            Ok(true)
        }
    }

    /// Gives its handle away once somebody has logged in.
    struct Opener(Option<oneshot::Sender<server::Handle>>);

    impl server::Handler for Opener {
        type Error = russh::Error;

        async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
            Ok(Auth::Accept)
        }

        async fn auth_succeeded(&mut self, session: &mut server::Session) -> Result<(), russh::Error> {
            if let Some(sender) = self.0.take() {
                let _ = sender.send(session.handle());
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_server_gets_no_channel_and_soon_no_connection() {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let config = server::Config {
            keys: vec![PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]))],
            ..server::Config::default()
        };
        let (sender, receiver) = oneshot::channel();
        let serving = tokio::spawn(server::run_stream(Arc::new(config), theirs, Opener(Some(sender))));
        let mut client = client::connect_stream(Arc::default(), ours, Outgoing::to(AnyServer)).await.unwrap();
        assert!(client.authenticate_none("user").await.unwrap().success());
        let server = receiver.await.unwrap();

        for number in 0..MOST_OPENS {
            let opened = match number % 7 {
                0 => server.channel_open_session().await,
                1 => server.channel_open_agent().await,
                2 => server.channel_open_x11("127.0.0.1", 6000).await,
                3 => server.channel_open_forwarded_tcpip("127.0.0.1", 22, "127.0.0.1", 40_000).await,
                4 => server.channel_open_forwarded_streamlocal("/tmp/s").await,
                5 => server.channel_open_direct_tcpip("127.0.0.1", 22, "127.0.0.1", 40_000).await,
                _ => server.channel_open_direct_streamlocal("/tmp/s").await,
            };
            assert!(matches!(opened, Err(russh::Error::ChannelOpenFailure(_))), "{number}: {opened:?}");
        }
        let one_more = timeout(Duration::from_secs(20), server.channel_open_session()).await.expect("an answer");
        assert!(!matches!(one_more, Ok(_) | Err(russh::Error::ChannelOpenFailure(_))), "{one_more:?}");
        let ended = timeout(Duration::from_secs(20), client).await.expect("its end");
        assert!(matches!(ended, Err(AnyError::Opens(OpensChannels))), "{ended:?}");
        drop(serving);
    }
}
