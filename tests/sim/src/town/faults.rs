//! What can go wrong in the town, and what it turns.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;

use super::{API, BACKUP_AGE, BACKUPS, LASTS, NOTIFIER, Town, UI, began, until};
use crate::kubernetes::{story, trackdechets};
use crate::net::mill::Sort;
use crate::net::site::Answer;
use crate::s3::POSTGRES_BUCKET;

const MAIL: &str = "queue_sendmail";
const WEBHOOKS: &str = "queue_webhooks_production";

/// Something that can go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// The items of the demo's checklist that turn, each with the reason that it must give.
    pub turns: &'static [(&'static str, &'static str)],
}

/// All faults.
pub const FAULTS: &[Fault] = &[
    Fault {
        name: "worker-dies",
        about: "the worker of queue_sendmail is killed, and forty mails wait since twenty minutes",
        turns: &[("queue-workers", "NoWorkers")],
    },
    Fault {
        name: "queue-paused",
        about: "queue_webhooks_production is paused",
        turns: &[("queue-workers", "QueuePaused")],
    },
    Fault {
        name: "redis-refuses",
        about: "the queue store refuses connections",
        turns: &[("queue-workers", "Refused")],
    },
    Fault {
        name: "backup-stale",
        about: "the newest dump of PostgreSQL is three days old",
        turns: &[("postgres-backup", "BackupTooOld")],
    },
    Fault {
        name: "bucket-gone",
        about: "the bucket of PostgreSQL's dumps is deleted",
        turns: &[("postgres-backup", "BucketMissing")],
    },
    Fault {
        name: "store-refuses",
        about: "the object store refuses connections",
        turns: &[("postgres-backup", "Refused"), ("mongodb-backup", "Refused")],
    },
    Fault {
        name: "certificate-expiring",
        about: "the API shows a certificate that ends in five days",
        turns: &[("tls-certificates", "CertificateExpiring")],
    },
    Fault {
        name: "certificate-of-another",
        about: "the API shows a certificate for another name",
        turns: &[("tls-certificates", "NameMismatch"), ("api-health", "NameMismatch")],
    },
    Fault {
        name: "pod-crash-loops",
        about: "a pod of the API crashes again and again",
        turns: &[("pods-running", "CrashLoopBackOff")],
    },
    Fault {
        name: "image-missing",
        about: "a pod of the UI can't pull its image",
        turns: &[("pods-running", "ImagePullBackOff"), ("images-pullable", "ImagePullBackOff")],
    },
    Fault {
        name: "cron-runs-twice",
        about: "the singleton cron is scaled to two",
        turns: &[("deployments-ready", "TooMany")],
    },
    Fault {
        name: "api-in-trouble",
        about: "the API answers 500",
        turns: &[("api-health", "ServerError")],
    },
    Fault {
        name: "ui-blank",
        about: "the UI answers 200 with an empty page",
        turns: &[("ui-accessible", "WrongBody")],
    },
    Fault {
        name: "domain-moved",
        about: "the API's name leads to another address",
        turns: &[("dns-load-balancer", "UnexpectedRecords")],
    },
];

impl Town {
    /// Puts a fault into the system that it is about.
    ///
    /// # Errors
    /// There is no fault of this name, or the system does not take it.
    pub async fn inject(&self, fault: &str) -> Result<()> {
        match fault {
            "worker-dies" => {
                self.dismiss(MAIL);
                self.redis.queue(MAIL).add(40, Duration::from_mins(20));
            }
            "queue-paused" => self.redis.queue(WEBHOOKS).pause(),
            "redis-refuses" => self.redis.refuse().await,
            "backup-stale" => self.dump_again(SignedDuration::from_hours(75)),
            "bucket-gone" => self.s3.delete(POSTGRES_BUCKET),
            "store-refuses" => self.s3.stop(),
            "certificate-expiring" => self.certify(&[UI, API, NOTIFIER], 5)?,
            "certificate-of-another" => self.certify(&["other.example.org"], LASTS)?,
            "pod-crash-loops" => story::crash_loop(&self.kubernetes, &self.pod("api")?)?,
            "image-missing" => story::fail_to_pull(&self.kubernetes, &self.pod("ui")?)?,
            "cron-runs-twice" => story::scale(&self.kubernetes, &named("cron"), 2)?,
            "api-in-trouble" => self.api.answer("/ping", Answer::new(500, "out of order")),
            "ui-blank" => self.ui.answer("*", Answer::new(200, "")),
            "domain-moved" => self.names.point(API, "192.0.2.99".parse()?),
            stranger => bail!("there is no fault `{stranger}`"),
        }
        Ok(())
    }

    /// Takes a fault out again.
    ///
    /// # Errors
    /// There is no fault of this name, or the system does not heal.
    pub async fn heal(&self, fault: &str) -> Result<()> {
        match fault {
            "worker-dies" => {
                self.redis.queue(MAIL).drain();
                self.employ(MAIL).await?;
            }
            "queue-paused" => self.redis.queue(WEBHOOKS).resume(),
            "redis-refuses" => {
                self.redis.accept().await?;
                for queue in crate::redis::TRACKDECHETS_QUEUES {
                    self.employ(queue).await?;
                }
            }
            "backup-stale" | "bucket-gone" => self.dump_again(BACKUP_AGE),
            "store-refuses" => self.s3.start_again().await?,
            "certificate-expiring" | "certificate-of-another" => {
                self.certify(&[UI, API, NOTIFIER], LASTS)?;
            }
            "pod-crash-loops" => story::recover(&self.kubernetes, &self.pod("api")?)?,
            "image-missing" => story::recover(&self.kubernetes, &self.pod("ui")?)?,
            "cron-runs-twice" => story::scale(&self.kubernetes, &named("cron"), 1)?,
            "api-in-trouble" | "ui-blank" => self.open_sites(),
            "domain-moved" => self.names.point(API, super::LOAD_BALANCER.parse()?),
            stranger => bail!("there is no fault `{stranger}`"),
        }
        Ok(())
    }

    fn dump_again(&self, age: SignedDuration) {
        self.s3.delete(POSTGRES_BUCKET);
        self.s3.fill_postgres(self.founded, age, BACKUPS);
    }

    fn certify(&self, names: &[&str], days: i64) -> Result<()> {
        let (from, to) = (began(self.founded), until(self.founded, days));
        self.api.certify(&self.mill.issue(Sort::Good, names, from, to)?)
    }

    /// The first pod of a part of the application, by name.
    fn pod(&self, part: &str) -> Result<String> {
        let pods = self.kubernetes.list("pods", Some(trackdechets::NAMESPACE))?;
        let name = pods
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["app"] == part)
            .filter_map(|pod| pod["metadata"]["name"].as_str())
            .min();
        name.map(named).with_context(|| format!("no pod of {part}"))
    }
}

fn named(object: &str) -> String {
    format!("{}/{object}", trackdechets::NAMESPACE)
}
