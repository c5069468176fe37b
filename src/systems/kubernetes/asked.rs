//! What a pod asks of its node, and what it may take: its effective requests and limits, as the
//! scheduler and quotas reckon them.

use super::node::Room;
use super::quantity::Quantity;
use super::template::{Amounts, Container, Role, Template};

/// What a pod of this template asks; none where a request of it can't be read.
pub fn asked(template: &Template) -> Option<Room> {
    most(template, |container| &container.requests, &template.requests)
}

/// What a pod of this template may take at most, as quotas reckon: a container without a limit adds
/// nothing. None where a limit can't be read.
pub fn limited(template: &Template) -> Option<Room> {
    most(template, |container| &container.limits, &template.limits)
}

/// Init containers run one after the other, sidecars stay from their start on: the pod needs the
/// most that runs at any time, and its overhead. What it asks as a whole stands for its containers.
fn most(
    template: &Template,
    amounts: fn(&Container) -> &Amounts,
    as_whole: &Amounts,
) -> Option<Room> {
    let mut sidecars = Room::default();
    let mut starting = Room::default();
    let mut running = Room::default();
    for container in &template.containers {
        let amounts = room(amounts(container))?;
        match container.role {
            Role::Init => starting = starting.or_more(sidecars.and(amounts)),
            Role::Sidecar => {
                sidecars = sidecars.and(amounts);
                starting = starting.or_more(sidecars);
            }
            Role::Main => running = running.and(amounts),
            // They may ask nothing.
            Role::Ephemeral => {}
        }
    }
    let mut whole = running.and(sidecars).or_more(starting);
    if let Some(cpu) = amount(as_whole, "cpu")? {
        whole.cpu = cpu;
    }
    if let Some(memory) = amount(as_whole, "memory")? {
        whole.memory = memory;
    }
    Some(Room { pods: Quantity::ONE, ..whole.and(room(&template.overhead)?) })
}

fn room(amounts: &Amounts) -> Option<Room> {
    let cpu = amount(amounts, "cpu")?.unwrap_or_default();
    let memory = amount(amounts, "memory")?.unwrap_or_default();
    Some(Room { cpu, memory, pods: Quantity::ZERO })
}

/// Of one resource: none where it is not asked for, and nothing at all where it can't be read.
#[expect(clippy::option_option, reason = "not asked for and not readable are two answers")]
fn amount(amounts: &Amounts, resource: &str) -> Option<Option<Quantity>> {
    let Some(text) = amounts.get(resource) else { return Some(None) };
    let read = Quantity::parse(text).ok().filter(|quantity| !quantity.is_negative())?;
    Some(Some(read))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(cpu: &str) -> Amounts {
        let mut amounts = Amounts::new();
        if !cpu.is_empty() {
            amounts.insert("cpu".into(), cpu.into());
        }
        amounts
    }

    fn cpu(containers: &[(Role, &str)], whole: &str, overhead: &str) -> Option<String> {
        let container = |(role, cpu): &(Role, &str)| Container {
            role: *role,
            requests: amounts(cpu),
            ..Container::default()
        };
        let containers = containers.iter().map(container).collect();
        let (requests, overhead) = (amounts(whole), amounts(overhead));
        let template = Template { containers, requests, overhead, ..Template::default() };
        let room = asked(&template)?;
        assert_eq!(room.pods, Quantity::ONE);
        Some(room.cpu.to_string())
    }

    #[test]
    fn a_pod_asks_for_the_most_that_runs_at_any_time() {
        use Role::{Ephemeral, Init, Main, Sidecar};
        for (containers, whole, overhead, said) in [
            (&[(Main, "100m"), (Main, "")][..], "", "", "0.1"),
            (&[(Main, "100m"), (Main, "1")], "", "50m", "1.15"),
            (&[(Init, "2"), (Init, "1"), (Main, "500m")], "", "", "2"),
            (&[(Init, "400m"), (Main, "500m")], "", "", "0.5"),
            (&[(Sidecar, "1"), (Main, "2")], "", "", "3"),
            (&[(Sidecar, "1"), (Init, "3"), (Main, "2")], "", "", "4"),
            (&[(Init, "3"), (Sidecar, "1"), (Main, "1")], "", "", "3"),
            (&[(Sidecar, "1"), (Sidecar, "1"), (Main, "0")], "", "", "2"),
            (&[(Main, "1"), (Ephemeral, "5")], "", "", "1"),
            (&[(Main, "1")], "4", "100m", "4.1"),
            (&[], "", "", "0"),
        ] {
            let asked = cpu(containers, whole, overhead);
            assert_eq!(asked.as_deref(), Some(said), "{containers:?} {whole} {overhead}");
        }
    }

    #[test]
    fn limits_add_up_in_the_same_way_and_requests_are_none() {
        let container = |role, limit: &str| Container {
            role,
            requests: amounts("100m"),
            limits: amounts(limit),
            ..Container::default()
        };
        let all = [(Role::Init, "2"), (Role::Sidecar, "500m"), (Role::Main, "1"), (Role::Main, "")];
        let containers = all.into_iter().map(|(role, limit)| container(role, limit)).collect();
        let template = Template { containers, ..Template::default() };
        assert_eq!(limited(&template).map(|room| room.cpu.to_string()).as_deref(), Some("2"));
        let whole = Template { limits: amounts("3"), ..template };
        assert_eq!(limited(&whole).map(|room| room.cpu.to_string()).as_deref(), Some("3"));
        let nonsense = Template { limits: amounts("many"), ..whole };
        assert_eq!((limited(&nonsense), asked(&nonsense).is_some()), (None, true));
    }

    #[test]
    fn a_request_that_can_not_be_read_is_not_taken_for_nothing() {
        for nonsense in ["many", "-1"] {
            assert_eq!(cpu(&[(Role::Main, nonsense)], "", ""), None);
            assert_eq!(cpu(&[(Role::Main, "1")], nonsense, ""), None);
            assert_eq!(cpu(&[(Role::Main, "1")], "", nonsense), None);
        }
    }
}
