//! Who is connected to a server: the names that clients gave themselves.

use std::collections::HashMap;

use super::command::Reply;
use crate::model::counted::either;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// The names that the clients of one database bear, and how many bear each; of a cluster, by node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    nodes: Vec<HashMap<Box<str>, usize>>,
    /// Why a node did not tell its clients, or of some of them not which database they are in.
    pub silent: Option<Obstacle>,
}

impl Clients {
    /// What each node answered to `CLIENT LIST`, of clients in the database `db` alone: workers in
    /// another one wait for queues of the same name there.
    ///
    /// # Errors
    /// No node told its clients.
    pub fn of(db: u16, answers: Vec<Result<Reply, Obstacle>>) -> Result<Self, Obstacle> {
        let mut clients = Self::default();
        for answer in answers {
            match answer.and_then(|reply| names(&reply, db)) {
                Ok((names, nowhere)) => {
                    clients.nodes.push(names);
                    clients.silent = clients.silent.or(nowhere);
                }
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

/// Names, and how many clients bear each.
type Names = HashMap<Box<str>, usize>;

/// The names in an answer to `CLIENT LIST`: a line a client, of words like `name=bull:cQ==`.
///
/// Every Redis tells the database of each client; what stands before one may leave it out. Such a
/// client is not counted, for it may be in another database, and that is told apart: it may as well
/// be a worker of this one.
fn names(reply: &Reply, db: u16) -> Result<(Names, Option<Obstacle>), Obstacle> {
    let mut clients = Names::new();
    let mut nowhere = 0_usize;
    let mut seen = false;
    for line in reply.long_text()?.split(|byte| *byte == b'\n') {
        let words = || line.trim_ascii_end().split(|byte| *byte == b' ');
        let value = |key: &'static [u8]| words().find_map(move |word| word.strip_prefix(key));
        seen |= value(b"id=").or_else(|| value(b"addr=")).is_some();
        let Some(name) = value(b"name=").filter(|name| !name.is_empty()) else { continue };
        let of = value(b"db=").and_then(|of| std::str::from_utf8(of).ok()?.parse::<u16>().ok());
        match of {
            Some(of) if of == db => {
                *clients.entry(String::from_utf8_lossy(name).into()).or_default() += 1;
            }
            Some(_) => {}
            None => nowhere += 1,
        }
    }
    if !seen {
        // Whoever asks is a client, too: an empty list is none.
        let because = "Redis' list of its clients is empty, or of another form";
        return Err(Obstacle::new(Reason::GARBLED, because));
    }
    let nowhere = (nowhere > 0).then(|| {
        let are = either(&nowhere, "is", "are");
        let because = format!(
            "Redis' list of its clients does not tell which database {nowhere} of them {are} in"
        );
        Obstacle::new(Reason::GARBLED, because)
    });
    Ok((clients, nowhere))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::redis::tests::reply;

    fn list(text: &str) -> Reply {
        reply(&format!("${}\r\n{text}\r\n", text.len()))
    }

    const NODE: &str = "id=3 addr=127.0.0.1:1 name=bull:cQ== age=1 db=0 sub=0\nid=4 name= age=2\r\n\
                        id=5 db=0 name=bull:cQ==\r\nid=6 name=bull:cQ== db=1\r\n\nnonsense\n";

    #[test]
    fn clients_are_counted_by_name_in_their_database() {
        for (db, count) in [(0, 2), (1, 1)] {
            let wanted = (HashMap::from([("bull:cQ==".into(), count)]), None);
            assert_eq!(names(&list(NODE), db), Ok(wanted), "{db}");
        }
        assert_eq!(names(&list(NODE), 2), Ok((HashMap::new(), None)));
    }

    #[test]
    fn a_client_without_a_database_is_neither_counted_nor_passed_over() {
        let mine = |name: &str| name == "bull:cQ==";
        for db in ["", " db=", " db=all", " db=-1"] {
            let text = format!("id=1 name=bull:cQ==\nid=2 name=bull:cQ== db=0\nid=3 name={db}\n");
            let text = text.replacen("==\n", &format!("=={db}\n"), 1);
            let clients = Clients::of(0, vec![Ok(list(&text))]).unwrap();
            assert_eq!(clients.all(mine), 1, "{text}");
            let because = clients.silent.unwrap().because;
            assert!(because.ends_with("which database 1 of them is in"), "{because}");
        }
    }

    #[test]
    fn a_list_without_any_client_is_none() {
        for text in ["", "\n", "filtered out by a proxy\n", "name=bull:cQ==\n"] {
            assert_eq!(names(&list(text), 0).unwrap_err().reason, Reason::GARBLED, "{text:?}");
        }
    }

    #[test]
    fn a_silent_node_hides_the_clients_of_no_other() {
        let gone = || Err(Obstacle::new(Reason::REFUSED, "gone"));
        let other = list("id=1 name=bull:cQ== db=0");
        let clients = Clients::of(0, vec![Ok(list(NODE)), gone(), Ok(other)]).unwrap();
        let mine = |name: &str| name == "bull:cQ==";
        assert_eq!((clients.all(mine), clients.most(mine)), (3, 2));
        assert!(clients.silent.is_some());
        assert_eq!(Clients::of(0, vec![gone()]).unwrap_err().reason, Reason::REFUSED);
    }
}
