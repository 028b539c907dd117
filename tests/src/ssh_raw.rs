//! An SSH client that sends what it likes, packet by packet (RFC 4253, 4252): what no client library lets a test send.
//!
//! One key exchange (curve25519-sha256), one cipher (aes256-gcm@openssh.com, RFC 5647), one way to log in (a
//! certificate for an Ed25519 key). It believes any host key: who the bastion is, is tested elsewhere.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral},
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::Ed25519KeyPair,
};
use data_encoding::BASE64;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::{patience::within, person::Person};

mod channels;
mod wire;

pub use self::{
    channels::{Ended, Opened, Reply},
    wire::{Reader, Wire},
};

/// How long the bastion may take for one packet.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers of messages.
pub mod msg {
    #![expect(missing_docs, reason = "the names are those of the RFCs")]
    pub const DISCONNECT: u8 = 1;
    pub const IGNORE: u8 = 2;
    pub const DEBUG: u8 = 4;
    pub const SERVICE_REQUEST: u8 = 5;
    pub const SERVICE_ACCEPT: u8 = 6;
    pub const EXT_INFO: u8 = 7;
    pub const KEXINIT: u8 = 20;
    pub const NEWKEYS: u8 = 21;
    pub const KEX_ECDH_INIT: u8 = 30;
    pub const KEX_ECDH_REPLY: u8 = 31;
    pub const USERAUTH_REQUEST: u8 = 50;
    pub const USERAUTH_FAILURE: u8 = 51;
    pub const USERAUTH_SUCCESS: u8 = 52;
    pub const USERAUTH_BANNER: u8 = 53;
    pub const USERAUTH_PK_OK: u8 = 60;
    pub const GLOBAL_REQUEST: u8 = 80;
    pub const REQUEST_SUCCESS: u8 = 81;
    pub const REQUEST_FAILURE: u8 = 82;
    pub const CHANNEL_OPEN: u8 = 90;
    pub const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
    pub const CHANNEL_OPEN_FAILURE: u8 = 92;
    pub const CHANNEL_WINDOW_ADJUST: u8 = 93;
    pub const CHANNEL_DATA: u8 = 94;
    pub const CHANNEL_EXTENDED_DATA: u8 = 95;
    pub const CHANNEL_EOF: u8 = 96;
    pub const CHANNEL_CLOSE: u8 = 97;
    pub const CHANNEL_REQUEST: u8 = 98;
    pub const CHANNEL_SUCCESS: u8 = 99;
    pub const CHANNEL_FAILURE: u8 = 100;
}

/// The key and certificate of a login.
pub struct Credential {
    key: Ed25519KeyPair,
    certificate: Vec<u8>,
}

/// One connection.
pub struct RawSsh {
    stream: BufReader<TcpStream>,
    versions: (Vec<u8>, Vec<u8>),
    session: Vec<u8>,
    seal: Option<Sealed>,
    open: Option<Sealed>,
    /// The names that the server offered, in the order of its KEXINIT.
    pub offered: Vec<String>,
    next_channel: u32,
}

/// One direction of an encrypted connection.
struct Sealed {
    key: LessSafeKey,
    fixed: [u8; 4],
    count: u64,
}

impl Credential {
    /// What `bastion login` left in the folder of a person without an agent.
    ///
    /// # Errors
    /// Fails when it is not there.
    pub fn of(person: &Person) -> Result<Self> {
        Self::read(&person.home().join("id_ed25519"), &person.home().join("id_ed25519-cert.pub"))
    }

    fn read(key: &Path, certificate: &Path) -> Result<Self> {
        let key = russh::keys::load_secret_key(key, None).with_context(|| key.display().to_string())?;
        let pair = key.key_data().ed25519().context("an Ed25519 key")?;
        let key = Ed25519KeyPair::from_seed_unchecked(pair.private.as_ref()).map_err(|_| anyhow::anyhow!("a seed"))?;
        let text = fs::read_to_string(certificate)?;
        let blob = text.split_whitespace().nth(1).context("a certificate")?;
        Ok(Self { key, certificate: BASE64.decode(blob.as_bytes())? })
    }
}

impl RawSsh {
    /// Connects, and exchanges version strings.
    ///
    /// # Errors
    /// Fails when nobody answers.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let mut stream = BufReader::new(TcpStream::connect(address).await?);
        let ours = b"SSH-2.0-raw".to_vec();
        stream.write_all(&[&ours[..], b"\r\n"].concat()).await?;
        let mut theirs = Vec::new();
        within("the version", PATIENCE, async {
            while !theirs.ends_with(b"\n") {
                theirs.push(stream.read_u8().await?);
            }
            Ok(())
        })
        .await?;
        theirs.truncate(theirs.len() - if theirs.ends_with(b"\r\n") { 2 } else { 1 });
        ensure!(theirs.starts_with(b"SSH-2.0-"), "{:?}", String::from_utf8_lossy(&theirs));
        Ok(Self {
            stream,
            versions: (ours, theirs),
            session: Vec::new(),
            seal: None,
            open: None,
            offered: Vec::new(),
            next_channel: 0,
        })
    }

    /// Connects, agrees on keys and logs in as `user`, such as `root@web1`.
    ///
    /// # Errors
    /// Fails when the bastion does not let it in.
    pub async fn log_in(address: SocketAddr, credential: &Credential, user: &str) -> Result<Self> {
        let mut client = Self::connect(address).await?;
        client.agree("curve25519-sha256,kex-strict-c-v00@openssh.com", "none").await?;
        client.ask_for_authentication().await?;
        let answer = client.authenticate(credential, user).await?;
        ensure!(answer == msg::USERAUTH_SUCCESS, "the login as {user} was answered by {answer}");
        Ok(client)
    }

    /// The key exchange; `kex` and `compression` are the lists that it offers.
    ///
    /// # Errors
    /// Fails when it does.
    pub async fn agree(&mut self, kex: &str, compression: &str) -> Result<()> {
        let cipher = "aes256-gcm@openssh.com";
        let host_keys = "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519";
        let mut ours = Wire::message(msg::KEXINIT).bytes(&[7; 16]);
        for names in [kex, host_keys, cipher, cipher, "none", "none", compression, compression, "", ""] {
            ours = ours.text(names);
        }
        let ours = ours.flag(false).number(0).into_bytes();
        self.send(&ours).await?;
        let theirs = self.expect(msg::KEXINIT).await?;
        let mut reader = Reader::of(theirs.get(17..).context("a short KEXINIT")?);
        self.offered.clear();
        for _ in 0..10 {
            self.offered.push(reader.text()?);
        }
        let secret =
            EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(|_| anyhow::anyhow!("a key"))?;
        let public = secret.compute_public_key().map_err(|_| anyhow::anyhow!("a key"))?;
        self.send(&Wire::message(msg::KEX_ECDH_INIT).string(public.as_ref()).into_bytes()).await?;
        let reply = self.expect(msg::KEX_ECDH_REPLY).await?;
        let mut reader = Reader::of(reply.get(1..).context("a short reply")?);
        let (host_key, their_public) = (reader.string()?, reader.string()?);
        let their_key = UnparsedPublicKey::new(&X25519, &their_public);
        let shared = agree_ephemeral(secret, their_key, anyhow::anyhow!("no agreement"), |shared| Ok(shared.to_vec()))?;
        let shared = Wire::default().integer(&shared).into_bytes();
        let mut hashed = Wire::default();
        for part in
            [&self.versions.0, &self.versions.1, &ours, &theirs, &host_key, &public.as_ref().to_vec(), &their_public]
        {
            hashed = hashed.string(part);
        }
        let hash = digest(&SHA256, &hashed.bytes(&shared).into_bytes()).as_ref().to_vec();
        if self.session.is_empty() {
            self.session.clone_from(&hash);
        }
        self.send(&[msg::NEWKEYS]).await?;
        self.expect(msg::NEWKEYS).await?;
        let derive = |letter: u8| {
            let text = [&shared[..], &hash, &[letter], &self.session].concat();
            digest(&SHA256, &text).as_ref().to_vec()
        };
        self.seal = Some(Sealed::new(&derive(b'C'), &derive(b'A'))?);
        self.open = Some(Sealed::new(&derive(b'D'), &derive(b'B'))?);
        Ok(())
    }

    /// Asks for the service that logs people in.
    ///
    /// # Errors
    /// Fails when there is none.
    pub async fn ask_for_authentication(&mut self) -> Result<()> {
        self.send(&Wire::message(msg::SERVICE_REQUEST).text("ssh-userauth").into_bytes()).await?;
        self.expect(msg::SERVICE_ACCEPT).await.map(drop)
    }

    /// Shows the certificate with a signature, and gives the number of the answer.
    ///
    /// # Errors
    /// Fails when the connection ends.
    pub async fn authenticate(&mut self, credential: &Credential, user: &str) -> Result<u8> {
        self.authenticate_as(credential, user, user).await
    }

    /// Sends a request for one user name with the signature of a request for another.
    ///
    /// # Errors
    /// Fails when the connection ends.
    pub async fn authenticate_as(&mut self, credential: &Credential, user: &str, signed: &str) -> Result<u8> {
        let request = self.request_of(credential, user, true);
        let signed = self.request_of(credential, signed, true);
        let signed = Wire::default().string(&self.session).bytes(&signed).into_bytes();
        let signature = credential.key.sign(&signed);
        let signature = Wire::default().text("ssh-ed25519").string(signature.as_ref()).into_bytes();
        self.send(&Wire::default().bytes(&request).string(&signature).into_bytes()).await?;
        self.authentication_answer().await
    }

    /// Offers the certificate without a signature, and gives the number of the answer.
    ///
    /// # Errors
    /// Fails when the connection ends.
    pub async fn offer(&mut self, credential: &Credential, user: &str) -> Result<u8> {
        let request = self.request_of(credential, user, false);
        self.send(&request).await?;
        self.authentication_answer().await
    }

    fn request_of(&self, credential: &Credential, user: &str, is_signed: bool) -> Vec<u8> {
        let request = Wire::message(msg::USERAUTH_REQUEST).text(user).text("ssh-connection").text("publickey");
        request.flag(is_signed).text("ssh-ed25519-cert-v01@openssh.com").string(&credential.certificate).into_bytes()
    }

    /// The number of the next message that is no banner.
    ///
    /// # Errors
    /// Fails when the connection ends.
    pub async fn authentication_answer(&mut self) -> Result<u8> {
        loop {
            let packet = self.receive().await?.context("the connection ended")?;
            match packet.first() {
                Some(&(msg::USERAUTH_BANNER | msg::EXT_INFO)) => {}
                Some(answer) => return Ok(*answer),
                None => bail!("an empty packet"),
            }
        }
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// Fails when the connection is gone.
    pub async fn send(&mut self, payload: &[u8]) -> Result<()> {
        let packet = self.packet(payload)?;
        self.send_bytes(&packet).await
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// Fails when the connection is gone.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        within("sending", PATIENCE, async { Ok(self.stream.write_all(bytes).await?) }).await
    }

    /// The packet as it goes over the network.
    ///
    /// # Errors
    /// Fails when it cannot be encrypted.
    pub fn packet(&mut self, payload: &[u8]) -> Result<Vec<u8>> {
        // With AES-GCM the length is not encrypted, and not counted (RFC 5647 §7.2).
        let (counted, block) = if self.seal.is_some() { (1, 16) } else { (5, 8) };
        let mut padding = block - (counted + payload.len()) % block;
        if padding < 4 {
            padding += block;
        }
        let length = u32::try_from(1 + payload.len() + padding)?;
        let mut body = vec![u8::try_from(padding)?];
        body.extend_from_slice(payload);
        body.resize(body.len() + padding, 0);
        if let Some(seal) = &mut self.seal {
            let nonce = seal.nonce();
            let tag = seal
                .key
                .seal_in_place_separate_tag(nonce, Aad::from(length.to_be_bytes()), &mut body)
                .map_err(|_| anyhow::anyhow!("cannot encrypt"))?;
            body.extend_from_slice(tag.as_ref());
        }
        Ok([&length.to_be_bytes()[..], &body].concat())
    }

    /// The next packet; nothing once the bastion has closed.
    ///
    /// # Errors
    /// Fails when it is no packet, or does not come.
    pub async fn receive(&mut self) -> Result<Option<Vec<u8>>> {
        within("the next packet", PATIENCE, async {
            loop {
                let Some(packet) = self.read_packet().await? else { return Ok(None) };
                match packet.first() {
                    Some(&(msg::IGNORE | msg::DEBUG)) => {}
                    Some(&msg::DISCONNECT) => return Ok(None),
                    _ => return Ok(Some(packet)),
                }
            }
        })
        .await
    }

    async fn read_packet(&mut self) -> Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        // A connection that is cut may be reset.
        if self.stream.read_exact(&mut length).await.is_err() {
            return Ok(None);
        }
        let count = usize::try_from(u32::from_be_bytes(length))?;
        ensure!(count <= 256 * 1024, "a packet of {count} bytes");
        let tag = if self.open.is_some() { 16 } else { 0 };
        let mut body = vec![0; count + tag];
        if self.stream.read_exact(&mut body).await.is_err() {
            return Ok(None);
        }
        let plain = match &mut self.open {
            Some(open) => {
                let nonce = open.nonce();
                let opened = open.key.open_in_place(nonce, Aad::from(length), &mut body);
                opened.map_err(|_| anyhow::anyhow!("a packet that does not decrypt"))?
            }
            None => &mut body[..],
        };
        let padding = usize::from(*plain.first().context("an empty packet")?);
        let end = plain.len().checked_sub(padding).context("too much padding")?;
        Ok(Some(plain.get(1..end).context("too much padding")?.to_vec()))
    }

    /// The next packet, which must be of this kind.
    ///
    /// # Errors
    /// Fails when it is not.
    pub async fn expect(&mut self, kind: u8) -> Result<Vec<u8>> {
        let packet = self.receive().await?.with_context(|| format!("the connection ended before message {kind}"))?;
        ensure!(packet.first() == Some(&kind), "message {:?} and not {kind}", packet.first());
        Ok(packet)
    }
}

impl Sealed {
    fn new(key: &[u8], iv: &[u8]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| anyhow::anyhow!("a key of the wrong length"))?;
        let (fixed, count) = (iv.get(..4).context("an IV")?, iv.get(4..12).context("an IV")?);
        let count = u64::from_be_bytes(count.try_into()?);
        Ok(Self { key: LessSafeKey::new(key), fixed: fixed.try_into()?, count })
    }

    fn nonce(&mut self) -> Nonce {
        let mut nonce = [0; 12];
        let (fixed, count) = nonce.split_at_mut(4);
        fixed.copy_from_slice(&self.fixed);
        count.copy_from_slice(&self.count.to_be_bytes());
        self.count = self.count.wrapping_add(1);
        Nonce::assume_unique_for_key(nonce)
    }
}
