//! What a pod asks of its node: its effective requests, as the scheduler reckons them.

use super::node::Room;
use super::quantity::Quantity;
use super::template::{Amounts, Role, Template};

/// What a pod of this template asks; none where a request of it can't be read.
///
/// Init containers run one after the other, sidecars stay from their start on: the pod needs the
/// most that runs at any time, and its overhead. What it asks as a whole stands for its containers.
pub fn asked(template: &Template) -> Option<Room> {
    let mut sidecars = Room::default();
    let mut starting = Room::default();
    let mut running = Room::default();
    for container in &template.containers {
        let requests = room(&container.requests)?;
        match container.role {
            Role::Init => starting = starting.or_more(sidecars.and(requests)),
            Role::Sidecar => {
                sidecars = sidecars.and(requests);
                starting = starting.or_more(sidecars);
            }
            Role::Main => running = running.and(requests),
            // They may ask nothing.
            Role::Ephemeral => {}
        }
    }
    let mut whole = running.and(sidecars).or_more(starting);
    if let Some(cpu) = amount(&template.requests, "cpu")? {
        whole.cpu = cpu;
    }
    if let Some(memory) = amount(&template.requests, "memory")? {
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
    use super::super::template::Container;
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
    fn a_request_that_can_not_be_read_is_not_taken_for_nothing() {
        for nonsense in ["many", "-1"] {
            assert_eq!(cpu(&[(Role::Main, nonsense)], "", ""), None);
            assert_eq!(cpu(&[(Role::Main, "1")], nonsense, ""), None);
            assert_eq!(cpu(&[(Role::Main, "1")], "", nonsense), None);
        }
    }
}
