//! [`Agent`]: the user's ssh-agent, asked to hold a key until the login ends.
//!
//! The three messages of draft-miller-ssh-agent that are needed, written here because the key's
//! comment matters: it is what `ssh-add -l` shows, and russh's agent client sends an empty one.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use russh::keys::ssh_key::encoding::{Decode as _, Encode, Reader as _};
use russh::keys::ssh_key::{self, PrivateKey, PublicKey};

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    stream: UnixStream,
}

impl Agent {
    /// The agent that `SSH_AUTH_SOCK` names, if it answers.
    #[must_use]
    pub fn connect() -> Option<Self> {
        let socket = std::env::var_os("SSH_AUTH_SOCK").filter(|value| !value.is_empty())?;
        UnixStream::connect(socket).and_then(Self::over).ok()
    }

    /// The agent at the other end of a socket.
    ///
    /// # Errors
    ///
    /// When the socket takes no time limit.
    pub fn over(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream })
    }

    /// Hands a key to the agent for a time. A key that it holds already gets the new time.
    ///
    /// # Errors
    ///
    /// When the agent refuses (it may be locked) or does not answer.
    pub fn add(&mut self, key: &PrivateKey, comment: &str, lifetime: Duration) -> io::Result<()> {
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        let mut message = vec![SSH_AGENTC_ADD_ID_CONSTRAINED];
        key.key_data().encode(&mut message).map_err(encoding)?;
        comment.encode(&mut message).map_err(encoding)?;
        message.push(SSH_AGENT_CONSTRAIN_LIFETIME);
        seconds.encode(&mut message).map_err(encoding)?;
        self.succeed(&message)
    }

    /// Takes a key back.
    ///
    /// # Errors
    ///
    /// When the agent does not hold it or does not answer.
    pub fn remove(&mut self, key: &PublicKey) -> io::Result<()> {
        let mut message = vec![SSH_AGENTC_REMOVE_IDENTITY];
        key.to_bytes().map_err(io::Error::other)?.encode(&mut message).map_err(encoding)?;
        self.succeed(&message)
    }

    /// Whether the agent holds this key.
    ///
    /// # Errors
    ///
    /// When the agent does not answer.
    pub fn holds(&mut self, key: &PublicKey) -> io::Result<bool> {
        let wanted = key.to_bytes().map_err(io::Error::other)?;
        let answer = self.ask(&[SSH_AGENTC_REQUEST_IDENTITIES])?;
        let Some((&SSH_AGENT_IDENTITIES_ANSWER, mut rest)) = answer.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the agent refused to list its keys"));
        };
        for _ in 0..u32::decode(&mut rest).map_err(encoding)? {
            let blob = Vec::<u8>::decode(&mut rest).map_err(encoding)?;
            if blob == wanted {
                return Ok(true);
            }
            rest.drain_prefixed().map_err(encoding)?;
        }
        Ok(false)
    }

    fn succeed(&mut self, message: &[u8]) -> io::Result<()> {
        match self.ask(message)?.first() {
            Some(&SSH_AGENT_SUCCESS) => Ok(()),
            _ => Err(io::Error::other("the agent refused")),
        }
    }

    fn ask(&mut self, message: &[u8]) -> io::Result<Vec<u8>> {
        let length = u32::try_from(message.len()).map_err(io::Error::other)?;
        self.stream.write_all(&length.to_be_bytes())?;
        self.stream.write_all(message)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_ANSWER_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the agent's answer is too long"));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

fn encoding(error: ssh_key::encoding::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// An agent may ask a person before it answers, but a connection does not wait for long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The same limit as OpenSSH's agent client has.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

const SSH_AGENT_SUCCESS: u8 = 6;
const SSH_AGENTC_REQUEST_IDENTITIES: u8 = 11;
const SSH_AGENT_IDENTITIES_ANSWER: u8 = 12;
const SSH_AGENTC_REMOVE_IDENTITY: u8 = 18;
const SSH_AGENTC_ADD_ID_CONSTRAINED: u8 = 25;
const SSH_AGENT_CONSTRAIN_LIFETIME: u8 = 1;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use super::*;
    use crate::key;

    struct StockAgent(Child);

    impl Drop for StockAgent {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    fn start(socket: &Path) -> Option<StockAgent> {
        let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(socket).stdout(Stdio::null()).spawn();
        let agent = StockAgent(agent.ok()?);
        let deadline = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(socket).is_err() {
            assert!(Instant::now() < deadline, "the agent did not start");
            std::thread::yield_now();
        }
        Some(agent)
    }

    #[test]
    fn the_stock_agent_takes_shows_and_gives_back_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let Some(_running) = start(&socket) else {
            eprintln!("skipped: there is no ssh-agent on this machine");
            return;
        };
        let mut agent = Agent::over(UnixStream::connect(&socket).unwrap()).unwrap();
        let keys = ["alice", "bob"].map(|user| key::generate(user).unwrap());
        for key in &keys {
            assert!(!agent.holds(key.public_key()).unwrap());
            agent.add(key, "bastion alice", Duration::from_secs(600)).unwrap();
        }
        for key in &keys {
            assert!(agent.holds(key.public_key()).unwrap());
        }
        let listed = Command::new("ssh-add").arg("-l").env("SSH_AUTH_SOCK", &socket).output().unwrap();
        assert!(String::from_utf8_lossy(&listed.stdout).contains(" bastion alice (ED25519)"), "{listed:?}");
        agent.remove(keys[0].public_key()).unwrap();
        assert!(!agent.holds(keys[0].public_key()).unwrap());
        assert!(agent.holds(keys[1].public_key()).unwrap());
        assert!(agent.remove(keys[0].public_key()).is_err());
    }

    #[test]
    fn an_agent_that_talks_nonsense_is_an_error() {
        for answer in [&b""[..], b"\xff\xff\xff\xff", b"\0\0\0\x01\x05", b"\0\0\0\x05\x0c\0\0\0\x09"] {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            theirs.write_all(answer).unwrap();
            theirs.shutdown(std::net::Shutdown::Write).unwrap();
            let mut agent = Agent::over(ours).unwrap();
            assert!(agent.holds(key::generate("alice").unwrap().public_key()).is_err(), "{answer:?}");
        }
    }
}
