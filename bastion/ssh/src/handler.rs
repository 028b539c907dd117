//! russh's callbacks for one user connection, outer or inside a jump. Each one
//! becomes a question to [`auth`](super::auth) or [`connection`](super::connection);
//! it decides nothing itself.
//!
//! Channels are confirmed, and requests on them answered, by the task of the channel
//! ([`admission`]), in the order of the requests.

use std::{borrow::Cow, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc};

use api::refusal::ReasonCode;
use config::TargetName;
use futures_util::FutureExt as _;
use identity::{login::LiveLogin, ssh_certificate::AuthenticateError};
use ledger::audit::AuditEvent;
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Sig,
    keys::Certificate,
    server::{self, Auth, CertificateVerdict, ChannelOpenHandle, Msg, PublicKeyOffer, Session},
};
use ssh_client::destination::{self, AskedDestination, Destination};
use tokio::sync::{Semaphore, oneshot};
use tracing::{Instrument, Span, debug, info};

use super::{
    admission,
    connection::{Arrival, Connection, Front},
    listener,
};

/// Where a connection comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entrance {
    /// From the network.
    Front,
    /// Inside a jump: the bastion answers as this target.
    Jump(TargetName),
}

/// The state of one connection as russh's callbacks see it.
pub struct Handler {
    front: Arc<Front>,
    entrance: Entrance,
    source: SocketAddr,
    /// Told when the user is authenticated, and under which login; dropped with the handler.
    authenticated: Option<oneshot::Sender<LiveLogin>>,
    login: Option<LiveLogin>,
    connection: Option<Arc<Connection>>,
    channels: Arc<Semaphore>,
    /// Whether the client has said that it opens no more sessions, and wants nobody else to.
    no_more_sessions: bool,
    /// Whether the user has been told how to get a certificate.
    instructed: bool,
    /// The last refused certificate, so that the same refusal is not audited at every attempt.
    last_refusal: Option<String>,
}

impl Handler {
    /// A handler for a connection from `source`; `authenticated` is told once.
    #[must_use]
    pub fn new(
        front: Arc<Front>,
        entrance: Entrance,
        source: SocketAddr,
        authenticated: oneshot::Sender<LiveLogin>,
    ) -> Self {
        let channels = Arc::new(Semaphore::new(front.max_channels));
        Self {
            front,
            entrance,
            source,
            authenticated: Some(authenticated),
            login: None,
            connection: None,
            channels,
            no_more_sessions: false,
            instructed: false,
            last_refusal: None,
        }
    }

    /// Writes why a certificate was refused, and gives the text for the user.
    async fn refused(&mut self, certificate: &Certificate, error: &AuthenticateError) -> String {
        let reason = error.to_string();
        let text = format!("bastion: {reason}\r\n");
        if self.last_refusal.as_ref() != Some(&reason) {
            info!(peer.addr = %self.source, reason, "certificate refused");
            let key_id = Some(certificate.key_id().chars().take(256).collect());
            let source = self.source.to_string();
            self.last_refusal = Some(reason.clone());
            let event = AuditEvent::ConnectionRefused { key_id, reason, source };
            // What finds no room is counted: it is a refusal.
            let _ = self.front.sessions.audit(event).await;
        }
        text
    }

    /// Where the user name and the entrance lead.
    fn connect(&self, arrival: Arrival, user_name: &str) -> Arc<Connection> {
        let front = Arc::clone(&self.front);
        match &self.entrance {
            Entrance::Front => match destination::parse(user_name) {
                Ok(AskedDestination::Bastion) => Connection::jump(front, arrival),
                Ok(AskedDestination::Target(destination)) => Connection::to_target(front, arrival, destination),
                Err(error) => Connection::nowhere(front, arrival, error.to_string()),
            },
            Entrance::Jump(target) => match user_name.parse() {
                Ok(login) => Connection::to_target(front, arrival, Destination { login, target: target.clone() }),
                Err(error) => Connection::nowhere(front, arrival, error.to_string()),
            },
        }
    }

    /// The authenticated connection. russh lets no channel be opened before there is one.
    fn connection(&self) -> Result<&Arc<Connection>, russh::Error> {
        self.connection.as_ref().ok_or(russh::Error::NotAuthenticated)
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let tasks = self.front.tasks.clone();
            tasks.spawn(async move { connection.close().await });
        }
    }
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        // A plain key is never a way in: refused before the client signs, so that an agent with many keys asks nobody.
        Ok(if offer.certificate.is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_certificate_offered(
        &mut self,
        _user: &str,
        certificate: &Certificate,
    ) -> Result<CertificateVerdict, russh::Error> {
        Ok(match self.front.authenticator.authenticate(certificate, self.source.ip()).await {
            Ok(_) => CertificateVerdict::Accept,
            Err(error) => CertificateVerdict::Refuse { banner: Some(self.refused(certificate, &error).await) },
        })
    }

    async fn auth_openssh_certificate(&mut self, user: &str, certificate: &Certificate) -> Result<Auth, russh::Error> {
        match self.front.authenticator.authenticate(certificate, self.source.ip()).await {
            Ok((login, proof)) => {
                let name = login.subject().name.clone();
                Span::current().record("subject.id", name.as_str());
                let event = AuditEvent::ConnectionAuthenticated {
                    user: name,
                    serial: proof.certificate.serial(),
                    source: self.source.to_string(),
                };
                if let Err(full) = self.front.sessions.audit(event).await {
                    info!(peer.addr = %self.source, %full, "connection refused");
                    return Ok(Auth::reject());
                }
                self.login = Some(proof.login.clone());
                let arrival = Arrival { user: login.authenticated().clone(), proof, source: self.source };
                self.connection = Some(self.connect(arrival, user));
                Ok(Auth::Accept)
            }
            Err(error) => {
                self.refused(certificate, &error).await;
                Ok(Auth::reject())
            }
        }
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<server::Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        // No questions: the method only carries the instructions to people whose client has no certificate.
        Ok(match response {
            // Clients repeat the method a few times; once is enough.
            None if self.instructed => Auth::reject(),
            None => {
                self.instructed = true;
                Auth::Partial {
                    name: Cow::Borrowed(""),
                    instructions: Cow::Owned(self.front.authenticator.instructions()),
                    prompts: Cow::Borrowed(&[]),
                }
            }
            Some(_) => Auth::reject(),
        })
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), russh::Error> {
        if let (Some(authenticated), Some(login)) = (self.authenticated.take(), self.login.take()) {
            // The waiting side may have given up at this very moment; it closes the connection then.
            let _ = authenticated.send(login);
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let connection = Arc::clone(self.connection()?);
        if self.no_more_sessions {
            let reason = "the client has said that no more sessions follow (no-more-sessions@openssh.com)".to_owned();
            connection.refuse("session", &reason).await;
            reply.reject(ChannelOpenFailure::Other { code: ADMINISTRATIVELY_PROHIBITED, reason }).await;
            return Ok(());
        }
        let Ok(place) = Arc::clone(&self.channels).try_acquire_owned() else {
            connection.refuse_for(ReasonCode::LimitReached, "session", TOO_MANY_CHANNELS).await;
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let handle = session.handle();
        let span = tracing::info_span!("ssh.channel", channel = %channel.id());
        self.front.tasks.spawn(
            async move {
                let id = channel.id();
                let opened = admission::open(connection, channel, reply, handle.clone());
                if AssertUnwindSafe(opened).catch_unwind().await.is_err() {
                    // A fault of ours: nobody else would close the channel, and its user would wait for ever.
                    let _ = handle.close(id).await;
                }
                drop(place);
            }
            .instrument(span),
        );
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        let connection = Arc::clone(self.connection()?);
        let target = match connection.jump_to(host, port).await {
            Ok(target) => target,
            Err(reason) => {
                reply.reject(ChannelOpenFailure::Other { code: ADMINISTRATIVELY_PROHIBITED, reason }).await;
                return Ok(());
            }
        };
        let Ok(place) = Arc::clone(&self.channels).try_acquire_owned() else {
            connection.refuse_for(ReasonCode::LimitReached, "direct-tcpip", TOO_MANY_CHANNELS).await;
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        reply.accept().await;
        let (front, source) = (Arc::clone(&self.front), self.source);
        let span = tracing::info_span!("ssh.jump", target.name = %target, subject.id = tracing::field::Empty);
        self.front.tasks.spawn(
            async move {
                listener::serve(front, Entrance::Jump(target), source, channel.into_stream(), || ()).await;
                drop(place);
            }
            .instrument(span),
        );
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        let reason = "Unix-socket forwarding through the bastion is not allowed".to_owned();
        self.connection()?.refuse("streamlocal-forward", &reason).await;
        reply.reject(ChannelOpenFailure::Other { code: ADMINISTRATIVELY_PROHIBITED, reason }).await;
        Ok(())
    }

    async fn global_request(&mut self, name: &str, _data: &[u8], _session: &mut Session) -> Result<bool, russh::Error> {
        self.no_more_sessions |= name == NO_MORE_SESSIONS;
        Ok(name == NO_MORE_SESSIONS)
    }

    async fn channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        // Dropped without an answer, the handle refuses.
        self.connection()?.refuse("x11", "a user opens no X11 channels").await;
        Ok(())
    }

    async fn channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host: &str,
        _port: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.connection()?.refuse("forwarded-tcpip", "a user opens no channels for forwarded ports").await;
        Ok(())
    }

    async fn agent_request(&mut self, _channel: ChannelId, _session: &mut Session) -> Result<bool, russh::Error> {
        self.connection()?.refuse("agent-forward", "agent forwarding through the bastion is not allowed").await;
        Ok(false)
    }

    async fn x11_request(
        &mut self,
        _channel: ChannelId,
        _single_connection: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.connection()?.refuse("x11-forward", "X11 forwarding through the bastion is not allowed").await;
        Ok(())
    }

    async fn tcpip_forward(
        &mut self,
        address: &str,
        port: &mut u32,
        _session: &mut Session,
    ) -> Result<bool, russh::Error> {
        let what = format!("remote-forward of {address}:{port}");
        self.connection()?.refuse(&what, "port forwarding through the bastion is not allowed").await;
        Ok(false)
    }

    async fn streamlocal_forward(&mut self, socket_path: &str, _session: &mut Session) -> Result<bool, russh::Error> {
        let what = format!("remote-forward of {socket_path}");
        self.connection()?.refuse(&what, "Unix-socket forwarding through the bastion is not allowed").await;
        Ok(false)
    }

    async fn signal(&mut self, channel: ChannelId, signal: Sig, _session: &mut Session) -> Result<(), russh::Error> {
        debug!(%channel, ?signal, "signal");
        Ok(())
    }
}

/// A client that opens no more sessions says so, against whoever might take it over (OpenSSH's PROTOCOL, section 2.2).
const NO_MORE_SESSIONS: &str = "no-more-sessions@openssh.com";

/// Why a channel is refused beyond `listen.max_channels`.
const TOO_MANY_CHANNELS: &str = "too many channels on this connection";

/// `SSH_OPEN_ADMINISTRATIVELY_PROHIBITED` (RFC 4254 §5.1).
const ADMINISTRATIVELY_PROHIBITED: u32 = 1;
