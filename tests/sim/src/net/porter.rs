//! A porter: speaks a protocol in the clear, by a script, then leads on to a server of TLS.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A line of the script.
#[derive(Clone, Debug)]
pub enum Step {
    /// Says this.
    Says(Bytes),
    /// Waits for exactly these bytes; hangs up at others.
    Hears(Bytes),
    /// Waits for a line that begins so; hangs up at others.
    HearsLine(&'static str),
    /// Says this again and again without end.
    Babbles(Bytes),
}

/// A running porter; it stops when dropped.
pub struct Porter {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Porter {
    /// Starts one at a free port of 127.0.0.1, who leads on to `onward`.
    pub async fn start(script: Vec<Step>, onward: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, script.clone(), onward));
            }
        });
        Ok(Self { address, _serving: AbortOnDropHandle::new(serving) })
    }

    /// PostgreSQL: answers an `SSLRequest` with this byte, and leads on.
    pub async fn postgres(answer: u8, onward: SocketAddr) -> Result<Self> {
        let request = Bytes::from_static(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
        let answer = Bytes::copy_from_slice(&[answer]);
        Self::start(vec![Step::Hears(request), Step::Says(answer)], onward).await
    }

    /// SMTP: greets, answers EHLO and STARTTLS with these words, and leads on.
    pub async fn smtp(
        greeting: &'static str,
        offer: &'static str,
        go: &'static str,
        onward: SocketAddr,
    ) -> Result<Self> {
        let says = |text: &'static str| Step::Says(Bytes::from_static(text.as_bytes()));
        let script = vec![
            says(greeting),
            Step::HearsLine("EHLO ["),
            says(offer),
            Step::HearsLine("STARTTLS\r\n"),
            says(go),
        ];
        Self::start(script, onward).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn receive(stream: TcpStream, script: Vec<Step>, onward: SocketAddr) -> Result<()> {
    let mut stream = BufStream::new(stream);
    for step in script {
        match step {
            Step::Says(text) => {
                stream.write_all(&text).await?;
                stream.flush().await?;
            }
            Step::Hears(wanted) => {
                let mut heard = vec![0; wanted.len()];
                stream.read_exact(&mut heard).await?;
                anyhow::ensure!(heard == wanted, "something else was said");
            }
            Step::HearsLine(begins) => {
                let mut line = String::new();
                stream.read_line(&mut line).await?;
                anyhow::ensure!(line.starts_with(begins), "something else was said");
            }
            Step::Babbles(text) => loop {
                stream.write_all(&text).await?;
                stream.flush().await?;
            },
        }
    }
    let mut onward = TcpStream::connect(onward).await?;
    copy_bidirectional(&mut stream, &mut onward).await?;
    Ok(())
}
