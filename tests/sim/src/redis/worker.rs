//! Workers: real TCP clients under the name that Bull gives to its own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::now_millis;
use super::resp::{command, read_answer};

/// The most finished jobs that are kept.
const KEPT: &str = "-1001";

/// A worker of one queue. Dropped, it is gone as if it had been killed: its connection closes, and
/// the job at hand stays active.
#[derive(Debug)]
pub struct Worker(JoinHandle<io::Result<()>>);

impl Worker {
    /// Connects, takes the name, and works off one job after the other, `pace` each.
    pub async fn start(redis: SocketAddr, queue: &str, pace: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect(redis).await?;
        let mut line = Line { stream: BufReader::new(stream), prefix: format!("bull:{queue}:") };
        let name = format!("bull:{}", STANDARD.encode(queue));
        line.ask(&[b"CLIENT", b"SETNAME", name.as_bytes()]).await?;
        Ok(Self(tokio::spawn(async move {
            loop {
                line.work(pace).await?;
            }
        })))
    }

    /// Whether it still works.
    pub fn alive(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Line {
    stream: BufReader<TcpStream>,
    prefix: String,
}

impl Line {
    async fn ask(&mut self, words: &[&[u8]]) -> io::Result<Option<Vec<u8>>> {
        self.stream.get_mut().write_all(&command(words)).await?;
        read_answer(&mut self.stream).await
    }

    /// Asks for all of it at once, as Bull's scripts do: on a busy machine each round trip counts.
    async fn ask_all<const N: usize>(&mut self, commands: [&[&[u8]]; N]) -> io::Result<()> {
        let all = commands.map(command).concat();
        self.stream.get_mut().write_all(&all).await?;
        for _ in commands {
            read_answer(&mut self.stream).await?;
        }
        Ok(())
    }

    fn key(&self, name: &str) -> Vec<u8> {
        format!("{}{name}", self.prefix).into_bytes()
    }

    /// One job, if one comes within five seconds.
    async fn work(&mut self, pace: Duration) -> io::Result<()> {
        let (wait, active) = (self.key("wait"), self.key("active"));
        let Some(id) = self.ask(&[b"BRPOPLPUSH", &wait, &active, b"5"]).await? else {
            return Ok(());
        };
        let job = [self.prefix.as_bytes(), &id].concat();
        let lock = [&job[..], b":lock"].concat();
        let now = now_millis().to_string();
        self.ask_all([
            &[b"SET", &lock, b"worker", b"PX", b"30000"],
            &[b"HSET", &job, b"processedOn", now.as_bytes()],
        ])
        .await?;
        tokio::time::sleep(pace).await;
        let now = now_millis().to_string();
        let completed = self.key("completed");
        self.ask_all([
            &[b"HSET", &job, b"finishedOn", now.as_bytes()],
            &[b"ZADD", &completed, now.as_bytes(), &id],
            &[b"ZREMRANGEBYRANK", &completed, b"0", KEPT.as_bytes()],
            &[b"LREM", &active, b"1", &id],
            &[b"DEL", &lock],
        ])
        .await
    }
}
