//! `tool`: a program is on PATH and new enough, in one-shot runs on a workstation.
//! Subject: the program. A daemon runs on no workstation: there the item does not apply, and nothing
//! is started.

mod program;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubernetes_api::VERSION;
use super::kubernetes_api::version as server;
use super::{Check, Look};
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, Right};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::version::Version;
use crate::systems::programs::{Ran, Trouble};

use program::Program;

const NOT_ON_PATH: Reason = Reason::new("NotOnPath");
const PROGRAM_FAILED: Reason = Reason::new("ProgramFailed");
const VERSION_UNREADABLE: Reason = Reason::new("VersionUnreadable");
const VERSION_TOO_OLD: Reason = Reason::new("VersionTooOld");
const VERSIONS_APART: Reason = Reason::new("VersionsApart");
const SERVER_UNKNOWN: Reason = Reason::new("ServerVersionUnknown");

/// A program is on PATH and new enough, in one-shot runs on a workstation (`vigie once`). In the
/// daemon it does not apply.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Programs, the first of which that will do counts.
    programs: Vec<Program>,
    /// The most minor versions that it may be apart from the API server; `1` is what `kubectl`
    /// promises.
    #[serde(default)]
    minors_from_server: Option<u64>,
}

/// What a look saw.
#[derive(Debug)]
pub struct Seen {
    /// What came of each program, in their order.
    ran: Vec<Result<Ran, Trouble>>,
    /// The API server's version, where it is compared with.
    server: Option<Result<Version, Obstacle>>,
}

impl Check for Tool {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(NOT_ON_PATH, "No such program is in a folder of PATH."),
        Documented::fails(
            PROGRAM_FAILED,
            "The program can't be started, or ended with another code than 0.",
        ),
        Documented::fails(Reason::TIMED_OUT, "The program did not end in time, and was killed."),
        Documented::blinds(VERSION_UNREADABLE, "What the program printed holds no version."),
        Documented::fails(VERSION_TOO_OLD, "The program is older than `at_least`."),
        Documented::fails(
            VERSIONS_APART,
            "The program is more minor versions apart from the API server than allowed.",
        ),
        Documented::blinds(
            SERVER_UNKNOWN,
            "The API server does not tell its version; the sentence says what came instead.",
        ),
        Documented::blinds(
            Reason::NOT_A_WORKSTATION,
            "A daemon runs on no workstation: the item does not apply.",
        ),
    ];
    const MEASURES: &'static [&'static Measure] = &[];

    fn flaws(&self) -> Vec<String> {
        let mut flaws: Vec<_> = self.programs.iter().filter_map(Program::flaw).collect();
        if self.programs.is_empty() {
            flaws.push("`programs` names none".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let rights = self.minors_from_server.map(|_| Right::path(VERSION));
        Needs { rights: rights.into_iter().collect(), ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        Vec::new()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let mut ran = Vec::new();
        for program in &self.programs {
            let (name, args) = (program.name(), program.args());
            ran.push(look.systems.programs.run(name, &args, look.until()).await);
            if ran.last() == Some(&Err(Trouble::Away)) {
                let because = "the daemon runs on nobody's workstation: `vigie once` looks there";
                return Err(Obstacle::ours(Reason::NOT_A_WORKSTATION, because));
            }
        }
        let server = match self.minors_from_server {
            Some(_) => Some(server_version(look).await),
            None => None,
        };
        Ok(Seen { ran, server })
    }

    fn judge(&self, seen: &Seen, _: &Past, _: Timestamp) -> Judgement {
        // Where none will do, one that can't be told may be the one that does.
        let (mut first, mut blind) = (None, None);
        for (program, ran) in self.programs.iter().zip(&seen.ran) {
            let answer = self.judge_one(program, ran, seen.server.as_ref());
            match answer {
                Answer::Found(Finding { grade: Grade::Pass, .. }) => return answer.into(),
                Answer::Found(_) => first = first.or(Some(answer)),
                Answer::Blind(_) => blind = blind.or(Some(answer)),
            }
        }
        blind.or(first).map_or_else(Judgement::new, Judgement::from)
    }
}

impl Tool {
    fn judge_one(
        &self,
        program: &Program,
        ran: &Result<Ran, Trouble>,
        server: Option<&Result<Version, Obstacle>>,
    ) -> Answer {
        let name = program.name();
        let version = match program.version(ran) {
            Ok(version) => version,
            Err(answer) => return answer,
        };
        let written = &version.written;
        if let Some(least) = program.at_least
            && !version.reaches(least)
        {
            let because = format!("{name} is {written}, at least {least} wanted");
            return Finding::fail(VERSION_TOO_OLD, because).into();
        }
        let (Some(most), Some(server)) = (self.minors_from_server, server) else {
            return Finding::pass(format!("{name} is {written}")).into();
        };
        let server = match server {
            Ok(server) => server,
            Err(obstacle) => return obstacle.clone().into(),
        };
        let said = format!("{name} is {written}, the API server {}", server.written);
        match version.minors_from(server) {
            Some(apart) if apart <= most => Finding::pass(said).into(),
            Some(_) | None => {
                let because = format!("{said}: at most {most} minor versions apart allowed");
                Finding::fail(VERSIONS_APART, because).into()
            }
        }
    }
}

/// What the API server says of itself; here it is a witness.
async fn server_version(look: &Look<'_>) -> Result<Version, Obstacle> {
    let unknown = |because: String| Obstacle::new(SERVER_UNKNOWN, because);
    let kubernetes = &look.systems.kubernetes;
    let answer = kubernetes.probe(look.needs, &Right::path(VERSION), "", look.until()).await;
    let answer = answer.map_err(|obstacle| unknown(obstacle.because))?;
    if answer.code != 200 {
        return Err(unknown(format!("the API server answers {} for its version", answer.code)));
    }
    let told = server::read(&answer.body);
    told.ok_or_else(|| unknown("the API server's answer does not tell its version".to_owned()))
}
