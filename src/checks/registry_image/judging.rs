//! Judges what registries said.

use super::looking::Looked;
use super::{
    DEPLOYMENT_MISSING, FETCHABLE, IMAGE_INVALID, MOVED, PLATFORM_MISSING, PLATFORM_UNKNOWN,
    RegistryImage, Seen,
};
use crate::model::finding::{Finding, Obstacle, Verdict};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::Reason;
use crate::systems::registry::{Built, Fit};

/// What may come of a question, as labels name it.
pub(super) const OUTCOMES: [&str; 3] = ["found", "missing", "unknown"];
/// The longest reference that a sentence repeats, in characters.
const LONGEST_REFERENCE: usize = 300;
/// The most platforms that a sentence names.
const MOST_PLATFORMS: usize = 8;

impl RegistryImage {
    pub(super) fn judge_seen(&self, seen: &Seen) -> Judgement {
        let Seen { images, without, missing, unseen } = seen;
        let mut judgement = Judgement::new();
        let mut counts = [0_u32; 3];
        for looked in images {
            let answer = self.judge_image(looked);
            let subject = if looked.subject.is_empty() { &looked.image } else { &looked.subject };
            judgement.add(legible(subject, LONGEST_REFERENCE), answer);
            let verdict = judgement.lines().last().map_or(Verdict::Unknown, |line| line.verdict);
            counts[match verdict {
                Verdict::Pass | Verdict::Warn => 0,
                Verdict::Fail => 1,
                Verdict::Unknown => 2,
            }] += 1;
        }
        for (subject, obstacle) in without {
            judgement.add(subject.clone(), obstacle.clone());
        }
        for name in missing {
            let because = "no ReplicaSet of this Deployment is there";
            judgement.add(name.clone(), Finding::fail(DEPLOYMENT_MISSING, because));
        }
        unseen.tell(&mut judgement);
        for (outcome, count) in OUTCOMES.into_iter().zip(counts) {
            judgement.measure(FETCHABLE.is(f64::from(count), [outcome]));
        }
        judgement
    }

    fn judge_image(&self, looked: &Looked) -> Answer {
        let image = legible(&looked.image, LONGEST_REFERENCE);
        // A line's subject is not said again.
        let it = if looked.subject.is_empty() { "it" } else { &image };
        match &looked.answer {
            None => Finding::fail(IMAGE_INVALID, format!("`{image}` is no reference to an image"))
                .into(),
            Some(Ok(built)) => self.judge_built(it, built, looked),
            Some(Err(obstacle)) => {
                // That we ask too often says nothing of the image.
                let ours = obstacle.ours || obstacle.reason == Reason::THROTTLED;
                let subject = if looked.subject.is_empty() { looked.image.as_str() } else { "" };
                let because = obstacle.because.strip_prefix(subject);
                let because = because.and_then(|because| because.strip_prefix(": "));
                let because = because.unwrap_or(&obstacle.because).to_owned();
                Obstacle { because, ours, ..obstacle.clone() }.into_failure().into()
            }
        }
    }

    fn judge_built(&self, it: &str, built: &Built, looked: &Looked) -> Answer {
        let Built { digest, parts, fit } = built;
        let wanted = self.wanted();
        match fit {
            Fit::Yes => {}
            Fit::No(others) => {
                let built_for = match others.len() {
                    0 => "nothing that is told".to_owned(),
                    count if count > MOST_PLATFORMS => format!("{count} platforms"),
                    _ => others.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
                };
                let because = format!("{it} is built for {built_for}, and not for {wanted}");
                return Finding::fail(PLATFORM_MISSING, because).into();
            }
            Fit::Untold(why) => {
                let because = format!("whether {it} is built for {wanted} is not told: {why}");
                return Obstacle::new(PLATFORM_UNKNOWN, because).into();
            }
        }
        let is_it = |running: &&String| *running == digest || parts.contains(running);
        let mut others = looked.running.iter().filter(|running| !is_it(running));
        if let Some(other) = others.next() {
            let because = format!("{it} is {digest} by now, and {other} runs");
            return Finding::warn(MOVED, because).into();
        }
        let as_it_runs = if looked.running.is_empty() { "" } else { ", as it runs" };
        Finding::pass(format!("{it} can be fetched: {digest}{as_it_runs}")).into()
    }
}
