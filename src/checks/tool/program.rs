//! Programs, and how each tells its version.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{NOT_ON_PATH, PROGRAM_FAILED, VERSION_UNREADABLE};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, legible};
use crate::model::pattern::Pattern;
use crate::model::reason::Reason;
use crate::model::version::{AtLeast, Version};
use crate::systems::programs::{Ran, Trouble};

/// A program, and the oldest version that will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    /// The file's name in a folder of PATH. How `docker` (engine included), `git`, `helm`, `kubectl` and
    /// `kustomize` tell their versions is known.
    name: Name,
    /// The oldest version that will do: `"1.30"`, or `"1.30.2"`.
    #[serde(default)]
    pub(super) at_least: Option<AtLeast>,
    /// What makes another program print its version: `[--version]`.
    #[serde(default)]
    args: Vec<String>,
    /// A regular expression whose first group is the version, in what it prints. By default the first
    /// numbers with dots.
    #[serde(default)]
    version: Option<Pattern>,
}

/// The name of a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.contains(['/', '\0']) {
            return Err(format!("`{text}` is not the name of a program; PATH says where it is"));
        }
        Ok(Self(text))
    }
}

/// How a program tells its version, and where it lies in what is printed.
struct Known {
    name: &'static str,
    args: &'static [&'static str],
    before: &'static str,
}

const KNOWN: &[Known] = &[
    // Without an engine it ends with another code than 0.
    Known {
        name: "docker",
        args: &["version", "--format", "{{.Client.Version}} {{.Server.Version}}"],
        before: "",
    },
    Known { name: "git", args: &["--version"], before: "git version " },
    Known { name: "helm", args: &["version", "--short"], before: "v" },
    Known {
        name: "kubectl",
        args: &["version", "--client", "--output=json"],
        before: "\"gitVersion\": \"",
    },
    Known { name: "kustomize", args: &["version"], before: "v" },
];

impl Program {
    pub(super) fn name(&self) -> &str {
        &self.name.0
    }

    fn known(&self) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.name == self.name())
    }

    pub(super) fn args(&self) -> Vec<String> {
        match self.known() {
            Some(known) if self.args.is_empty() => {
                known.args.iter().map(|arg| (*arg).to_owned()).collect()
            }
            Some(_) | None => self.args.clone(),
        }
    }

    pub(super) fn flaw(&self) -> Option<String> {
        let name = self.name();
        if let Some(pattern) = &self.version
            && pattern.regex().captures_len() < 2
        {
            return Some(format!("`version` of `{name}` has no group: `v([0-9.]+)` has one"));
        }
        let mute = self.args.is_empty() && self.known().is_none();
        mute.then(|| format!("how `{name}` tells its version is not known: say it in `args`"))
    }

    /// The version in what it printed.
    pub(super) fn version(&self, ran: &Result<Ran, Trouble>) -> Result<Version, Answer> {
        let name = self.name();
        let Ran { output, code } = match ran {
            Ok(ran) => ran,
            Err(trouble) => return Err(troubled(name, trouble)),
        };
        if *code != Some(0) {
            let ended = code.map_or("by a signal".to_owned(), |code| format!("with code {code}"));
            let said = output.lines().last().map(|line| legible(line.trim(), 200));
            let said = said.filter(|line| !line.is_empty()).map(|line| format!(": {line}"));
            let because = format!("{name} ended {ended}{}", said.unwrap_or_default());
            return Err(Finding::fail(PROGRAM_FAILED, because).into());
        }
        self.read(output).ok_or_else(|| {
            let because = format!("{name} prints no version: {}", legible(output.trim(), 100));
            Obstacle::new(VERSION_UNREADABLE, because).into()
        })
    }

    fn read(&self, output: &str) -> Option<Version> {
        if let Some(pattern) = &self.version {
            let found = pattern.regex().captures(output)?.get(1)?;
            return Version::parse(found.as_str());
        }
        let before = self.known().map_or("", |known| known.before);
        let (_, rest) = output.split_once(before)?;
        let start = rest.find(|c: char| c.is_ascii_digit())?;
        let word = rest[start..].split(|c: char| c.is_whitespace() || "\",}".contains(c)).next()?;
        Version::parse(word).or_else(|| Version::parse(&first_three(word)))
    }
}

/// `2.39.5` of `2.39.5.windows.1`.
fn first_three(word: &str) -> String {
    word.split('.').take(3).collect::<Vec<_>>().join(".")
}

fn troubled(name: &str, trouble: &Trouble) -> Answer {
    match trouble {
        Trouble::Away | Trouble::NotFound => {
            Finding::fail(NOT_ON_PATH, format!("{name} is in no folder of PATH")).into()
        }
        Trouble::NotStarted(why) => {
            let because = format!("{name} can't be started: {}", legible(why, 200));
            Finding::fail(PROGRAM_FAILED, because).into()
        }
        Trouble::TimedOut => {
            Finding::fail(Reason::TIMED_OUT, format!("{name} did not end in time")).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, output: &str) -> Option<String> {
        let program =
            Program { name: Name(name.to_owned()), at_least: None, args: vec![], version: None };
        program.read(output).map(|version| version.written)
    }

    #[test]
    fn versions_are_read_as_programs_print_them() {
        let kubectl = "{\n  \"clientVersion\": {\n    \"major\": \"1\",\n    \"minor\": \"35\",\n    \
                       \"gitVersion\": \"v1.35.0\",\n  },\n  \"kustomizeVersion\": \"v5.7.1\"\n}\n";
        for (name, output, version) in [
            ("kubectl", kubectl, "1.35.0"),
            ("git", "git version 2.39.5\n", "2.39.5"),
            ("git", "git version 2.39.5.windows.1\n", "2.39.5"),
            ("git", "git version 2.39.5 (Apple Git-154)\n", "2.39.5"),
            ("helm", "v3.14.0+g3fc9f4b\n", "3.14.0+g3fc9f4b"),
            ("kustomize", "v5.4.1\n", "5.4.1"),
            ("kustomize", "{Version:kustomize/v4.5.7 GitCommit:56d82a8 }\n", "4.5.7"),
            ("docker", "28.2.2 28.2.2\n", "28.2.2"),
            ("node", "v20.20.2\n", "20.20.2"),
        ] {
            assert_eq!(of(name, output).as_deref(), Some(version), "{output}");
        }
        for output in ["", "command not found\n", "git version unknown\n", "7\n"] {
            assert_eq!(of("git", output), None, "{output}");
        }
    }
}
