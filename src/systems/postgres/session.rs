//! The two connections of a name, one for the program's own questions and one for queries of the
//! configuration: each taken out for a look, put back after it, closed when idle.

use std::sync::{Arc, Weak};
use std::time::Duration;

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connection, PORT, Parts, Place, SslMode};
use super::dsn::Dsn;
use super::peer::{Failed, LONGEST_IDLE, Peer, Target};
use super::tls::Terms;
use super::{Answers, Asked, Facts, Question};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::net::Net;
use crate::systems::refusals::{AGAIN, Refusals};
use crate::systems::secrets::Secrets;

/// A configured connection, and what is kept of it between looks.
pub(super) struct Slot {
    connection: Connection,
    /// For the program's own questions.
    own: Lane,
    /// For queries of the configuration.
    foreign: Lane,
    door: Mutex<Door>,
}

/// Who holds it may use a connection: the one that is kept, or a new one.
type Lane = Arc<Mutex<Option<Kept>>>;

/// Which credentials open, and which do not.
#[derive(Default)]
struct Door {
    refusals: Refusals,
    /// The one that was let in last.
    accepted: Option<[u8; 32]>,
}

/// A look that waited for less has not been kept waiting.
const NOTICEABLE: Duration = Duration::from_millis(100);

/// An open connection, and what opened it.
struct Kept {
    peer: Peer,
    digest: [u8; 32],
    /// Closes it when nobody asks any more.
    _idle: Option<AbortOnDropHandle<()>>,
}

/// Whom a slot needs to reach its database.
pub(super) struct Ground<'a> {
    pub(super) net: &'a Net,
    pub(super) secrets: &'a Secrets,
}

impl Slot {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, own: Lane::default(), foreign: Lane::default(), door: Mutex::default() }
    }

    /// Whether this slot is just what `other` is to be.
    pub(super) fn serves(&self, other: &Self) -> bool {
        self.connection == other.connection
    }

    /// Asks all questions over one connection, one after the other.
    pub(super) async fn ask(
        &self,
        ground: &Ground<'_>,
        asked: &Asked,
    ) -> Result<Answers, Obstacle> {
        let is_foreign = |question: &Question| matches!(question, Question::Foreign { .. });
        let foreign = asked.questions.iter().any(is_foreign);
        let lane = if foreign { &self.foreign } else { &self.own };
        let came = Instant::now();
        let Ok(mut held) = timeout_at(asked.until, lane.lock()).await else {
            let because = if foreign {
                "another look's query of this PostgreSQL was still running, and all the time of \
                 this look went by"
            } else {
                "another look was still waiting for this PostgreSQL"
            };
            return Err(Obstacle::ours(Reason::TIMED_OUT, because));
        };
        let waited = came.elapsed();
        let told = self.converse(ground, asked, lane, &mut held).await;
        drop(held);
        if foreign && waited >= NOTICEABLE {
            let given = asked.until.saturating_duration_since(came);
            return kept_waiting(told, waited, given);
        }
        told
    }

    async fn converse(
        &self,
        ground: &Ground<'_>,
        asked: &Asked,
        lane: &Lane,
        held: &mut Option<Kept>,
    ) -> Result<Answers, Obstacle> {
        let Asked { questions, anew, now, until } = asked;
        let target = self.target(ground, *now).await?;
        // It is put back only when it has proved to be of use.
        let kept = held.take().map(|Kept { peer, digest, _idle: _ }| (peer, digest));
        let kept = kept.filter(|(peer, by)| !anew && *by == target.digest && peer.is_fresh());
        let kept = kept.map(|(peer, _)| peer);
        let first = Instant::now();
        let (mut peer, facts) = match kept {
            None => self.dial(ground, &target, *until).await?,
            Some(mut peer) => match Facts::ask(&mut peer, *until).await {
                Ok(facts) => (peer, facts),
                // What was open may have gone unnoticed. A new one tells.
                Err(_) if peer.is_spent() => {
                    drop(peer);
                    self.dial(ground, &target, *until).await?
                }
                Err(obstacle) => return Err(obstacle),
            },
        };
        let answered = first.elapsed();
        let mut answers = Vec::with_capacity(questions.len());
        for (at, question) in questions.iter().enumerate() {
            let share = share(*until, questions.len() - at);
            answers.push(peer.ask(question, share).await);
        }
        let made = peer.made;
        if !peer.is_spent() && Instant::now() < *until {
            *held = Some(keep(lane, peer, target.digest));
        }
        Ok(Answers { facts, made, answered, answers })
    }

    async fn target(&self, ground: &Ground<'_>, now: jiff::Timestamp) -> Result<Target, Obstacle> {
        let Connection { place, sslmode, sslrootcert, channel_binding } = &self.connection;
        let (dsn, told) = match place {
            Place::UrlFrom(source) => (read(ground, source).await?, Some(source)),
            Place::Parts(parts) => (of_parts(ground, parts).await?, None),
        };
        let useless = |what: &str| {
            let place = told.map(SecretSource::place).unwrap_or_default();
            Obstacle::ours(
                Reason::SECRET_MISSING,
                format!("{place} holds no PostgreSQL URL: {what}"),
            )
        };
        let host = dsn.host.ok_or_else(|| useless("it names no host"))?;
        let user = dsn.user.ok_or_else(|| useless("it names no user"))?;
        let mut mode = sslmode.or(dsn.sslmode).unwrap_or_default();
        let named_file = dsn.sslrootcert.filter(|_| sslrootcert.is_none());
        let from_url = match named_file.as_deref() {
            Some("system") => {
                mode = SslMode::VerifyFull;
                None
            }
            Some(path) => Some(SecretSource::File(path.into())),
            None => None,
        };
        let trusted = sslrootcert.as_ref().or(from_url.as_ref());
        let verifies = mode.may_encrypt() && (mode.verifies() || trusted.is_some());
        let roots =
            if verifies { Some(ground.net.roots(ground.secrets, trusted).await?) } else { None };
        let named = mode == SslMode::VerifyFull;
        let terms = Terms { roots, named, host: host.clone(), now };
        let at = HostPort::new(host, dsn.port.unwrap_or(PORT));
        let database = dsn.database.unwrap_or_else(|| user.clone());
        let secret = dsn.password.as_ref().map(ExposeSecret::expose_secret);
        let credential = digest(&[at.to_string().as_str(), &user, secret.unwrap_or_default()]);
        let channel_binding = channel_binding.or(dsn.channel_binding).unwrap_or_default();
        let rest = format!("{mode:?} {channel_binding:?} {trusted:?} {:?}", dsn.schema);
        let of_all = digest(&[&credential[..], database.as_bytes(), rest.as_bytes()]);
        Ok(Target {
            at,
            user,
            password: dsn.password,
            database,
            schema: dsn.schema,
            sslmode: mode,
            channel_binding,
            terms,
            digest: of_all,
            credential,
        })
    }
}

impl Slot {
    /// A new connection. A credential that was not let in before is shown by one look at a time, so
    /// that the other learns of its refusal; with one that was, none waits for another's dialling.
    async fn dial(
        &self,
        ground: &Ground<'_>,
        target: &Target,
        until: Instant,
    ) -> Result<(Peer, Facts), Obstacle> {
        let Ok(door) = timeout_at(until, self.door.lock()).await else {
            let because = "another look was still waiting to be let in by this PostgreSQL";
            return Err(Obstacle::ours(Reason::TIMED_OUT, because));
        };
        if let Some(ago) = door.refusals.against(target.credential, Instant::now()) {
            let because = format!(
                "PostgreSQL at {} refused this password {} ago; {AGAIN}",
                target.at,
                spoken(ago)
            );
            return Err(Obstacle::new(Reason::UNAUTHORIZED, because));
        }
        let alone = (door.accepted != Some(target.credential)).then_some(door);
        let connected = Peer::connect(ground.net, target, until).await;
        let mut door = match alone {
            Some(door) => door,
            None => self.door.lock().await,
        };
        let mut peer = match connected {
            Ok(peer) => {
                door.accepted = Some(target.credential);
                peer
            }
            Err(failed) => {
                if matches!(failed, Failed::Credential(_)) {
                    door.refusals.add(target.credential, Instant::now());
                    door.accepted = None;
                }
                return Err(failed.into_obstacle());
            }
        };
        drop(door);
        let facts = Facts::ask(&mut peer, until).await?;
        Ok((peer, facts))
    }
}

fn keep(lane: &Lane, peer: Peer, digest: [u8; 32]) -> Kept {
    let lane: Weak<Mutex<Option<Kept>>> = Arc::downgrade(lane);
    let idle = tokio::spawn(async move {
        sleep(LONGEST_IDLE).await;
        if let Some(lane) = lane.upgrade() {
            let kept = lane.lock().await.take();
            // Dropping it stops this very task, so that comes last.
            drop(kept);
        }
    });
    Kept { peer, digest, _idle: Some(AbortOnDropHandle::new(idle)) }
}

/// What a look was told that had waited for another's query: of what took too long then, neither
/// the query nor the server is to blame.
fn kept_waiting(
    told: Result<Answers, Obstacle>,
    waited: Duration,
    given: Duration,
) -> Result<Answers, Obstacle> {
    let excused = |obstacle: Obstacle| {
        if obstacle.reason != Reason::TIMED_OUT {
            return obstacle;
        }
        let because = format!(
            "another look's query of this PostgreSQL was still running for {} of the {} that this \
             look had: the rest did not suffice",
            spoken(waited),
            spoken(given)
        );
        Obstacle::ours(Reason::TIMED_OUT, because)
    };
    let mut told = told.map_err(excused)?;
    for answer in &mut told.answers {
        if let Err(obstacle) = answer {
            *obstacle = excused(obstacle.clone());
        }
    }
    Ok(told)
}

async fn read(ground: &Ground<'_>, source: &SecretSource) -> Result<Dsn, Obstacle> {
    let text = ground.secrets.read(source).await?;
    Dsn::parse(text.expose_secret()).map_err(|why| {
        let because =
            format!("{} holds no PostgreSQL URL that leads anywhere: {why}", source.place());
        Obstacle::ours(Reason::SECRET_MISSING, because)
    })
}

async fn of_parts(ground: &Ground<'_>, parts: &Parts) -> Result<Dsn, Obstacle> {
    let Parts { host, port, database, user, password } = parts;
    let password = match password {
        Some(source) => Some(ground.secrets.read(source).await?),
        None => None,
    };
    Ok(Dsn {
        host: Some(host.clone()),
        port: Some(*port),
        user: Some(user.clone()),
        password,
        database: database.clone(),
        ..Dsn::default()
    })
}

fn digest<P: AsRef<[u8]>>(parts: &[P]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts.iter().map(AsRef::as_ref) {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// An equal share of the time left, for the first of `parts`.
fn share(until: Instant, parts: usize) -> Instant {
    let now = Instant::now();
    let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
    now + until.saturating_duration_since(now) / parts
}

#[cfg(test)]
mod tests {
    use super::super::{Made, Rows};
    use super::*;

    #[test]
    fn what_took_too_long_after_waiting_is_nobody_elses_fault() {
        let second = Duration::from_secs(1);
        let late = || Obstacle::new(Reason::TIMED_OUT, "PostgreSQL broke the query off");
        let gone = || Obstacle::new(Reason::REFUSED, "gone");
        let facts =
            Facts { version: 150_014, in_recovery: false, superuser: false, sees_all: true };
        let made = Made { took: second, encrypted: false };
        let answers = vec![Ok(Rows::default()), Err(late()), Err(gone())];
        let told = Answers { facts, made, answered: second, answers };
        let told = kept_waiting(Ok(told), 6 * second, 10 * second).unwrap();
        let because = "another look's query of this PostgreSQL was still running for 6s of the 10s \
                       that this look had: the rest did not suffice";
        let ours = Obstacle::ours(Reason::TIMED_OUT, because);
        assert_eq!(told.answers, [Ok(Rows::default()), Err(ours.clone()), Err(gone())]);
        assert_eq!(kept_waiting(Err(late()), 6 * second, 10 * second).unwrap_err(), ours);
        assert_eq!(kept_waiting(Err(gone()), 6 * second, 10 * second).unwrap_err(), gone());
    }
}
