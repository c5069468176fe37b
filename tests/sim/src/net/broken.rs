//! Servers that are broken on purpose: each accepts connections, then does one wrong thing.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// The wrong thing that is done.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Reads, and says nothing, ever.
    Silent,
    /// Resets the connection as soon as a byte has come.
    Reset,
    /// Hangs up politely as soon as a byte has come.
    HangsUp,
    /// Says this once a byte has come, then hangs up.
    Says(Bytes),
    /// Says this once a byte has come, then nothing more, and holds the line.
    SaysAndHolds(Bytes),
    /// Says the first once a byte has come, then the second again and again without end.
    Endless(Bytes, Bytes),
    /// Says this byte by byte, a tenth of a second apart.
    Drips(Bytes),
}

/// A running broken server; it stops when dropped.
pub struct Broken {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Broken {
    /// Starts one at a free port of 127.0.0.1.
    pub async fn start(fault: Fault) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(misbehave(stream, fault.clone()));
            }
        });
        Ok(Self { address, _serving: AbortOnDropHandle::new(serving) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Errors end it: the client has hung up.
async fn misbehave(mut stream: TcpStream, fault: Fault) -> std::io::Result<()> {
    let mut came = [0; 16 * 1024];
    if stream.read(&mut came).await? == 0 {
        return Ok(());
    }
    match fault {
        Fault::Silent => hold(stream).await?,
        Fault::Reset => stream.set_zero_linger()?,
        Fault::HangsUp => stream.shutdown().await?,
        Fault::Says(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            // What still comes is read, so that closing does not turn into a reset.
            hold(stream).await?;
        }
        Fault::SaysAndHolds(bytes) => {
            stream.write_all(&bytes).await?;
            hold(stream).await?;
        }
        Fault::Endless(first, again) => {
            stream.write_all(&first).await?;
            loop {
                stream.write_all(&again).await?;
            }
        }
        Fault::Drips(bytes) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    Ok(())
}

async fn hold(mut stream: TcpStream) -> std::io::Result<()> {
    let mut came = [0; 1024];
    while stream.read(&mut came).await? > 0 {}
    Ok(())
}
