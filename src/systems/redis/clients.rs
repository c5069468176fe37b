//! Who is connected to a server: the names that clients gave themselves.

use std::collections::HashMap;

use super::command::Reply;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// The names that the clients of a server bear, and how many bear each; of a cluster, by node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    nodes: Vec<HashMap<Box<str>, usize>>,
    /// Why a node did not tell its clients.
    pub silent: Option<Obstacle>,
}

impl Clients {
    /// What each node answered to `CLIENT LIST`.
    ///
    /// # Errors
    /// No node told its clients.
    pub fn of(answers: Vec<Result<Reply, Obstacle>>) -> Result<Self, Obstacle> {
        let mut clients = Self::default();
        for answer in answers {
            match answer.and_then(|reply| names(&reply)) {
                Ok(names) => clients.nodes.push(names),
                Err(obstacle) => clients.silent = clients.silent.or(Some(obstacle)),
            }
        }
        match (&clients.silent, clients.nodes.is_empty()) {
            (Some(obstacle), true) => Err(obstacle.clone()),
            _ => Ok(clients),
        }
    }

    /// How many clients bear such a name, on all nodes together.
    pub fn all(&self, mine: impl Fn(&str) -> bool) -> usize {
        self.on_each(mine).sum()
    }

    /// How many clients bear such a name on the node with the most of them.
    pub fn most(&self, mine: impl Fn(&str) -> bool) -> usize {
        self.on_each(mine).max().unwrap_or(0)
    }

    fn on_each(&self, mine: impl Fn(&str) -> bool) -> impl Iterator<Item = usize> {
        self.nodes.iter().map(move |names| {
            names.iter().filter(|(name, _)| mine(name)).map(|(_, count)| count).sum()
        })
    }
}

/// The names in an answer to `CLIENT LIST`: a line a client, of words like `name=bull:cQ==`.
fn names(reply: &Reply) -> Result<HashMap<Box<str>, usize>, Obstacle> {
    let mut clients = HashMap::new();
    let mut seen = false;
    for line in reply.long_text()?.split(|byte| *byte == b'\n') {
        let mut words = line.split(|byte| *byte == b' ');
        seen |= words.clone().any(|word| word.starts_with(b"id=") || word.starts_with(b"addr="));
        let name = words.find_map(|word| word.strip_prefix(b"name="));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let name = String::from_utf8_lossy(name).trim_end_matches('\r').into();
            *clients.entry(name).or_default() += 1;
        }
    }
    if !seen {
        // Whoever asks is a client, too: an empty list is none.
        let because = "Redis' list of its clients is empty, or of another form";
        return Err(Obstacle::new(Reason::GARBLED, because));
    }
    Ok(clients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::redis::tests::reply;

    fn list(text: &str) -> Reply {
        reply(&format!("${}\r\n{text}\r\n", text.len()))
    }

    const NODE: &str = "id=3 addr=127.0.0.1:1 name=bull:cQ== age=1\nid=4 name= age=2\r\n\
                        id=5 name=bull:cQ==\n\nnonsense\n";

    #[test]
    fn clients_are_counted_by_name() {
        assert_eq!(names(&list(NODE)), Ok(HashMap::from([("bull:cQ==".into(), 2)])));
    }

    #[test]
    fn a_list_without_any_client_is_none() {
        for text in ["", "\n", "filtered out by a proxy\n", "name=bull:cQ==\n"] {
            assert_eq!(names(&list(text)).unwrap_err().reason, Reason::GARBLED, "{text:?}");
        }
    }

    #[test]
    fn a_silent_node_hides_the_clients_of_no_other() {
        let gone = || Err(Obstacle::new(Reason::REFUSED, "gone"));
        let clients = Clients::of(vec![Ok(list(NODE)), gone(), Ok(list("id=1 name=bull:cQ=="))]);
        let clients = clients.unwrap();
        let mine = |name: &str| name == "bull:cQ==";
        assert_eq!((clients.all(mine), clients.most(mine)), (3, 2));
        assert!(clients.silent.is_some());
        assert_eq!(Clients::of(vec![gone()]).unwrap_err().reason, Reason::REFUSED);
    }
}
