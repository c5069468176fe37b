//! An answer whose head has come: its body, piece by piece, and the end of its connection.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connected, Peer, Stream};
use super::{dial, handshake, within};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The most bytes of a response's head.
const LONGEST_HEAD: usize = 64 * 1024;
/// The most header fields of a response.
const MOST_FIELDS: usize = 100;
/// How long a peer is given to hang up once we have.
const GOODBYE: Duration = Duration::from_millis(500);

/// An answer whose head has come. Its connection breaks off when it is dropped.
pub struct Opened {
    /// Who answers.
    pub peer: Peer,
    /// The status and the header fields.
    pub head: Parts,
    body: Incoming,
    connection: AbortOnDropHandle<()>,
    end: oneshot::Sender<()>,
}

impl Opened {
    /// Sends `request` and waits for the head of the answer.
    ///
    /// # Errors
    /// What the peer did instead of answering.
    pub(super) async fn ask(
        connected: Connected,
        request: http::Request<Full<Bytes>>,
        until: Instant,
    ) -> Result<Self, Obstacle> {
        let Connected { stream, peer } = connected;
        let started = Instant::now();
        let silence = || format!("{peer} sends no answer within {}", spoken(started.elapsed()));
        let told = |error| broken(&peer, &error);
        let (answer, connection, end) = within(until, silence, async {
            let (mut sender, connection) =
                bounded().handshake(TokioIo::new(stream)).await.map_err(told)?;
            let (end, ended) = oneshot::channel();
            let connection = AbortOnDropHandle::new(tokio::spawn(drive(connection, ended)));
            let answer = sender.send_request(request).await.map_err(told)?;
            Ok((answer, connection, end))
        })
        .await?;
        let (head, body) = answer.into_parts();
        Ok(Self { peer, head, body, connection, end })
    }

    /// The next piece of the body; none at its end.
    ///
    /// # Errors
    /// What the peer did in the middle of it. [`Reason::TIMED_OUT`]: nothing came until `until`.
    pub async fn piece(&mut self, until: Instant) -> Result<Option<Bytes>, Obstacle> {
        loop {
            let frame = match timeout_at(until, self.body.frame()).await {
                Ok(Some(frame)) => frame.map_err(|error| broken(&self.peer, &error))?,
                Ok(None) => return Ok(None),
                Err(_) => {
                    let because = format!("{} stops in the middle of its answer", self.peer);
                    return Err(Obstacle::new(Reason::TIMED_OUT, because));
                }
            };
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// Ends an answer in the middle as a polite client does: TLS says goodbye, the socket is closed
    /// and not reset.
    pub async fn hang_up(self) {
        let Self { peer: _, head: _, body: _body, connection, end } = self;
        if end.send(()).is_ok() {
            connection.await.ok();
        }
    }
}

/// HTTP/1 with bounds on what is read of a head.
pub(super) fn bounded() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_header_size(LONGEST_HEAD).max_buf_size(2 * LONGEST_HEAD).max_headers(MOST_FIELDS);
    builder
}

type Connection = http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>;

/// Drives a connection until its peer ends it or we do.
async fn drive(mut connection: Connection, ended: oneshot::Receiver<()>) {
    tokio::select! {
        // Whoever reads the body hears of it.
        _ = &mut connection => {}
        Ok(()) = ended => {
            let mut stream = connection.into_parts().io.into_inner();
            let until = Instant::now() + GOODBYE;
            let goodbye = async {
                stream.shutdown().await?;
                let mut rest = [0; 4096];
                while stream.read(&mut rest).await? > 0 {}
                Ok::<_, io::Error>(())
            };
            timeout_at(until, goodbye).await.ok();
        }
    }
}

/// Reads an error of hyper, or of the socket or TLS below it.
pub(super) fn broken(peer: &impl fmt::Display, error: &hyper::Error) -> Obstacle {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = cause {
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            return of_the_socket(peer, inner);
        }
        cause = inner.source();
    }
    let (reason, said) = if error.is_parse_too_large() {
        (
            Reason::TOO_LARGE,
            format!("sends a head of more than {LONGEST_HEAD} bytes or {MOST_FIELDS} fields"),
        )
    } else if error.is_parse() {
        (Reason::GARBLED, format!("answers something that is not HTTP/1: {error}"))
    } else if error.is_timeout() {
        (Reason::TIMED_OUT, "does not answer".to_owned())
    } else {
        (Reason::RESET, "closes the connection before its answer is complete".to_owned())
    };
    Obstacle::new(reason, format!("{peer} {said}"))
}

fn of_the_socket(peer: &impl fmt::Display, error: &io::Error) -> Obstacle {
    if handshake::is_of_tls(error) {
        return handshake::obstacle(peer, error);
    }
    if [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput].contains(&error.kind()) {
        let said = legible(&error.to_string(), 200);
        return Obstacle::new(Reason::GARBLED, format!("{peer} garbles its answer's body: {said}"));
    }
    dial::obstacle(peer, error)
}
