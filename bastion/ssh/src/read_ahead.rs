//! [`ReadAhead`]: reads from a socket in large pieces, and holds no memory while nothing comes.
//!
//! SSH packets are read in two steps, their length first. A buffer around the
//! socket makes one call of many; one that stays would cost each idle
//! connection its whole size, and most connections are idle.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// The first size of the buffer, and that of a person who types.
const LEAST_BYTES: usize = 4 * 1024;

/// The largest: two packets of the largest size. More does not make transfers faster.
const MOST_BYTES: usize = 64 * 1024;

/// A stream that is read ahead.
#[derive(Debug)]
pub struct ReadAhead<S> {
    stream: S,
    /// What was read and is not taken yet; without memory when that is nothing.
    ahead: BytesMut,
    /// The size of the next buffer: follows how much comes at once.
    size: usize,
}

impl<S> ReadAhead<S> {
    /// Reads `stream` ahead.
    pub fn new(stream: S) -> Self {
        Self { stream, ahead: BytesMut::new(), size: LEAST_BYTES }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ahead.is_empty() {
            // Dropped again when nothing is there to be read.
            let mut fresh = BytesMut::with_capacity(this.size);
            match poll_read_buf(Pin::new(&mut this.stream), cx, &mut fresh) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(read)) if read >= this.size => this.size = (this.size * 4).min(MOST_BYTES),
                Poll::Ready(Ok(read)) if read < this.size / 16 => this.size = (this.size / 4).max(LEAST_BYTES),
                Poll::Ready(Ok(_)) => {}
            }
            this.ahead = fresh;
        }
        let taken = this.ahead.len().min(buf.remaining());
        buf.put_slice(this.ahead.get(..taken).unwrap_or_default());
        this.ahead.advance(taken);
        if this.ahead.is_empty() {
            this.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_is_read_is_what_was_written_and_idle_holds_nothing() {
        let (mut near, far) = tokio::io::duplex(1 << 20);
        let mut far = ReadAhead::new(far);
        let bytes: Vec<u8> = (0..500_000_u32).map(|n| n as u8).collect();
        near.write_all(&bytes).await.unwrap();
        let mut read = vec![0; bytes.len()];
        for part in read.chunks_mut(30_001) {
            far.read_exact(part).await.unwrap();
        }
        assert_eq!(read, bytes);
        assert_eq!(far.size, MOST_BYTES, "bulk is read in large pieces");
        {
            let mut byte = [0; 4];
            let mut reading = Box::pin(far.read(&mut byte));
            assert!(poll!(&mut reading).is_pending());
        }
        assert_eq!(far.ahead.capacity(), 0);
        for key in *b"keys" {
            near.write_all(&[key]).await.unwrap();
            assert_eq!(far.read_u8().await.unwrap(), key);
        }
        assert_eq!((far.size, far.ahead.capacity()), (LEAST_BYTES, 0));
        drop(near);
        assert_eq!(far.read(&mut [0; 4]).await.unwrap(), 0);
    }
}
