//! One item: its own words, what the environment overrides, its checks.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::SecretFiles;
use super::acts;
use super::compile::{Place, known};
use super::file::{ItemEntry, ItemOverride};
use super::flaw::Flaw;
use super::load::Tree;
use super::parameters;
use super::schedule::schedule;
use super::yaml::{Node, Problem};
use crate::checklist::Item;
use crate::checks::AnyCheck;
use crate::model::duration::Period;
use crate::model::item::{Card, ItemId, Section};
use crate::model::needs::Needs;
use crate::model::schedule::{Damping, Schedule};
use crate::model::secret::SecretSource;
use crate::systems::Connections;

const TIMEOUT: Period = Period::from_secs(10);
const GRACE: Period = Period::from_secs(300);
/// The longest default of `confirm_every`.
const CONFIRM_WITHIN: Duration = Duration::from_secs(30);
/// The default of `confirm_every` where nothing but Vigie's own record is read: what is there was
/// confirmed before it was written.
const CONFIRM_RECORDS: Duration = Duration::from_secs(1);

/// What an item is read in.
pub(super) struct Context<'a> {
    pub(super) section: &'a Section,
    pub(super) runbook_base_url: Option<&'a str>,
    pub(super) connections: Option<&'a Connections>,
    pub(super) connections_node: Option<&'a Node>,
    /// Whether some of what is said of them can't be read: then nobody knows that one is not there.
    pub(super) connections_unread: bool,
    /// Where the files of secrets are.
    pub(super) secret_files: SecretFiles,
}

/// The overrides of all files, by item.
pub(super) struct Overrides(BTreeMap<String, (PathBuf, Node, ItemOverride)>);

impl Overrides {
    pub(super) fn read(trees: &[Tree], flaws: &mut Vec<Flaw>) -> Self {
        let mut all = BTreeMap::new();
        for Tree { path, root } in trees {
            let Some(Node { value: super::yaml::Value::Mapping(pairs), .. }) =
                root.get("overrides")
            else {
                continue;
            };
            for (id, at, node) in pairs {
                match node.read::<ItemOverride>() {
                    Ok(entry) => {
                        let twice = all.insert(id.clone(), (path.clone(), node.clone(), entry));
                        if twice.is_some() {
                            let message = format!("`{id}` is overridden in another file, too");
                            flaws.push(Flaw::new(path, Problem::at(*at, message)));
                        }
                    }
                    Err(problem) => flaws.push(Flaw::new(path, problem)),
                }
            }
        }
        Self(all)
    }

    pub(super) fn all_used(&self, places: &HashMap<ItemId, Place>, flaws: &mut Vec<Flaw>) {
        for (id, (path, node, _)) in &self.0 {
            if !places.contains_key(id.as_str()) {
                let problem = Problem::at(node.at, format!("there is no item `{id}` to override"))
                    .hint(known(id, places.keys().map(ItemId::as_str)));
                flaws.push(Flaw::new(path, problem));
            }
        }
    }
}

/// Compiles one item; `None` where it can't be read, the flaws added either way.
pub(super) fn compile(
    file: &Path,
    node: &Node,
    overrides: &Overrides,
    context: &Context<'_>,
    flaws: &mut Vec<Flaw>,
) -> Option<Item> {
    let mut entry = match node.read::<ItemEntry>() {
        Ok(entry) => entry,
        Err(problem) => {
            flaws.push(Flaw::new(file, problem));
            return None;
        }
    };
    let (mut checks_at, mut schedule_at) = ((file, node), (file, node));
    if let Some((path, changes, by)) = overrides.0.get(entry.id.as_str()) {
        override_with(&mut entry, by);
        if by.checks.is_some() {
            checks_at = (path, changes);
        }
        if by.every.is_some() || by.cron.is_some() || by.timezone.is_some() {
            schedule_at = (path, changes);
        }
    }
    let wanted = entry.when.as_deref().is_none_or(|when| !matches!(when.trim(), "" | "false"));
    let checks = if wanted { checks(checks_at, &entry, context, flaws) } else { Vec::new() };
    let word = acts::word(file, node, &entry, &checks, wanted, flaws);
    let schedule = match schedule(&entry, schedule_at.1) {
        Ok(schedule) => schedule,
        Err(problem) => {
            flaws.push(Flaw::new(schedule_at.0, problem));
            return None;
        }
    };
    group(file, node, &entry, context.section, flaws);
    let (needs, limits) = gathered(checks.iter().chain(&word));
    let listed = checks_at.1.get("checks").map(Node::elements).filter(|_| wanted);
    let parameters = listed.unwrap_or_default().iter().map(parameters::told).collect();
    let fingerprint = fingerprint(&entry, checks_at.1, &used(&needs, context.connections_node));
    // The item is kept even with flaws, so that those who depend on it are not told it is absent.
    let applies = wanted;
    Some(finish(
        entry,
        context,
        Parts { applies, checks, word, schedule, needs, limits, parameters, fingerprint },
    ))
}

struct Parts {
    applies: bool,
    checks: Vec<AnyCheck>,
    word: Option<AnyCheck>,
    schedule: Schedule,
    needs: Needs,
    limits: Vec<crate::model::measure::Bound>,
    parameters: Arc<[String]>,
    fingerprint: [u8; 32],
}

fn finish(entry: ItemEntry, context: &Context<'_>, parts: Parts) -> Item {
    let Parts { applies, checks, word, schedule, needs, limits, parameters, fingerprint } = parts;
    let mut kinds: Vec<&'static str> = Vec::new();
    for check in &checks {
        if !kinds.contains(&check.kind()) {
            kinds.push(check.kind());
        }
    }
    let confirm_every = match &schedule {
        _ if needs.is_recorded() => CONFIRM_RECORDS,
        Schedule::Every(every) => (*every).min(CONFIRM_WITHIN),
        Schedule::Cron(_) => CONFIRM_WITHIN,
    };
    Item {
        waivable_for: acts::waivable_for(entry.waivable_for, entry.severity),
        damping: Damping {
            fail_after: entry.fail_after.map_or(1, NonZeroU32::get),
            recover_after: entry.recover_after.map_or(1, NonZeroU32::get),
            unknown_after: entry.unknown_after.map_or(2, NonZeroU32::get),
            confirm_every: entry.confirm_every.map_or(confirm_every, Period::get),
            grace: entry.grace.unwrap_or(GRACE).get(),
        },
        card: Card {
            id: entry.id,
            title: entry.title,
            section: context.section.id.clone(),
            group: entry.group,
            severity: entry.severity,
            mode: entry.mode,
            kinds,
            runbook_url: entry.runbook.map(|path| runbook_url(context.runbook_base_url, &path)),
            boxes: entry.boxes.0,
        },
        schedule,
        timeout: entry.timeout.unwrap_or(TIMEOUT).get(),
        depends_on: entry.depends_on,
        applies,
        checks,
        word,
        needs,
        limits,
        parameters,
        fingerprint,
    }
}

fn override_with(entry: &mut ItemEntry, by: &ItemOverride) {
    let ItemOverride {
        title,
        severity,
        every,
        cron,
        timezone,
        timeout,
        fail_after,
        recover_after,
        unknown_after,
        confirm_every,
        grace,
        depends_on,
        runbook,
        when,
        waivable_for,
        attestation,
        checks: _,
    } = by;
    let put = |slot: &mut Option<NonZeroU32>, value: &Option<NonZeroU32>| *slot = value.or(*slot);
    if let Some(title) = title {
        entry.title.clone_from(title);
    }
    if let Some(severity) = severity {
        entry.severity = *severity;
    }
    if every.is_some() || cron.is_some() {
        entry.every = *every;
        entry.cron.clone_from(cron);
        entry.timezone.clone_from(timezone);
    } else if timezone.is_some() {
        entry.timezone.clone_from(timezone);
    }
    entry.timeout = timeout.or(entry.timeout);
    put(&mut entry.fail_after, fail_after);
    put(&mut entry.recover_after, recover_after);
    put(&mut entry.unknown_after, unknown_after);
    entry.confirm_every = confirm_every.or(entry.confirm_every);
    entry.grace = grace.or(entry.grace);
    if let Some(depends_on) = depends_on {
        entry.depends_on.clone_from(depends_on);
    }
    if runbook.is_some() {
        entry.runbook.clone_from(runbook);
    }
    if when.is_some() {
        entry.when.clone_from(when);
    }
    entry.waivable_for = waivable_for.or(entry.waivable_for);
    if attestation.is_some() {
        entry.attestation.clone_from(attestation);
    }
}

fn checks(
    (file, node): (&Path, &Node),
    entry: &ItemEntry,
    context: &Context<'_>,
    flaws: &mut Vec<Flaw>,
) -> Vec<AnyCheck> {
    let list = node.get("checks").map(Node::elements).unwrap_or_default();
    if list.is_empty() {
        let problem = Problem::at(node.place_of("checks"), format!("`{}` has no checks", entry.id))
            .hint("`vigie kinds` lists what can be checked");
        flaws.push(Flaw::new(file, problem));
    }
    let mut checks: Vec<AnyCheck> = Vec::new();
    for node in list {
        let absent = context.secret_files.missing(node).into_iter();
        flaws.extend(absent.map(|problem| Flaw::new(file, problem)));
        match node.read::<AnyCheck>() {
            Ok(check) => {
                let timeout = entry.timeout.unwrap_or(TIMEOUT).get();
                let problems = flaws_of(&check, timeout, &checks, context);
                flaws.extend(problems.into_iter().map(|mut problem| {
                    problem.at = Some(node.at);
                    Flaw::new(file, problem)
                }));
                checks.push(check);
            }
            Err(problem) => flaws.push(Flaw::new(file, problem)),
        }
    }
    checks
}

fn flaws_of(
    check: &AnyCheck,
    timeout: Duration,
    others: &[AnyCheck],
    context: &Context<'_>,
) -> Vec<Problem> {
    let told = |message: String| Problem { at: None, message, hint: None };
    let flaws = check.flaws().into_iter().chain(check.flaws_in(timeout));
    let mut problems: Vec<Problem> = flaws.map(told).collect();
    let Needs { connections, .. } = check.needs();
    for (system, name) in connections {
        let names = context
            .connections
            .map_or_else(|| Connections::default().names(system), |all| all.names(system));
        if !context.connections_unread && !names.contains(&name) {
            let problem = told(format!("there is no connection `{system}.{name}`"));
            problems.push(match names.as_slice() {
                [] => problem.hint(format!("describe it under `connections.{system}`")),
                names => problem.hint(known(&name, names.iter().map(String::as_str))),
            });
        }
    }
    let series = check.series();
    let coincide = others.iter().flat_map(AnyCheck::series).find_map(|theirs| {
        series.iter().find(|ours| ours.may_coincide(&theirs)).map(|ours| ours.measure.name)
    });
    if let Some(name) = coincide {
        let problem =
            told(format!("another check of this item exports the same series of `{name}`"));
        problems.push(problem.hint("make one check of the two, or two items"));
    }
    problems
}

fn group(file: &Path, node: &Node, entry: &ItemEntry, section: &Section, flaws: &mut Vec<Flaw>) {
    let Some(group) = &entry.group else { return };
    if !section.groups.iter().any(|known| known.id == *group) {
        let message = format!("section `{}` has no group `{group}`", section.id);
        let problem = Problem::at(node.place_of("group"), message)
            .hint(known(group.as_str(), section.groups.iter().map(|group| group.id.as_str())));
        flaws.push(Flaw::new(file, problem));
    }
}

fn gathered<'c>(
    checks: impl Iterator<Item = &'c AnyCheck>,
) -> (Needs, Vec<crate::model::measure::Bound>) {
    let (mut needs, mut limits) = (Needs::default(), Vec::new());
    for check in checks {
        needs.merge(check.needs());
        limits.extend(check.bounds());
    }
    (needs, limits)
}

fn runbook_url(base: Option<&str>, path: &str) -> String {
    match base {
        Some(base) if !path.contains("://") => {
            format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'))
        }
        Some(_) | None => path.to_owned(),
    }
}

/// The words and the checks that ask for a new look when they change, but not the card.
fn fingerprint(entry: &ItemEntry, checks: &Node, connections: &[String]) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut add = |text: String| {
        digest.update(text.len().to_be_bytes());
        digest.update(text);
    };
    add(format!("{:?} {:?} {:?}", entry.every, entry.cron, entry.timezone));
    add(format!("{:?} {:?} {:?}", entry.timeout, entry.confirm_every, entry.grace));
    add(format!("{:?} {:?} {:?}", entry.fail_after, entry.recover_after, entry.unknown_after));
    add(format!("{:?} {:?} {:?}", entry.when, entry.mode, entry.depends_on));
    add(format!("{:?}", entry.attestation));
    add(format!("{:?}", checks.get("checks").map(Node::words)));
    add(format!("{connections:?}"));
    digest.finalize().into()
}

/// The words of the connections that an item looks through.
fn used(needs: &Needs, connections: Option<&Node>) -> Vec<String> {
    let Some(all) = connections else { return Vec::new() };
    let named = needs
        .connections
        .iter()
        .map(|(system, name)| all.get(&system.to_string()).and_then(|system| system.get(name)));
    let by_secret = |source: &SecretSource| matches!(source, SecretSource::Secret(_));
    let cluster = !needs.watches.is_empty()
        || !needs.rights.is_empty()
        || needs.secrets.iter().any(by_secret);
    let cluster = cluster.then(|| all.get("kubernetes"));
    let hosts = (!needs.hosts.is_empty()).then(|| all.get("net"));
    named.chain(cluster).chain(hosts).flatten().map(Node::words).collect()
}
