//! Who is connected to a server: the names that clients gave themselves.

use std::collections::HashMap;

use redis::Value;

use super::command::Reply;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// The names that the clients of a server bear, and how many bear each.
pub type Clients = HashMap<Box<str>, usize>;

/// The names in an answer to `CLIENT LIST`: a line a client, of words like `name=bull:cQ==`.
pub(super) fn names(reply: &Reply) -> Result<Clients, Obstacle> {
    let text = match reply {
        Reply(Value::VerbatimString { text, .. }) => text.as_bytes(),
        reply => reply.text()?.unwrap_or_default(),
    };
    let mut clients = Clients::new();
    let mut seen = false;
    for line in text.split(|byte| *byte == b'\n') {
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

    #[test]
    fn clients_are_counted_by_name() {
        let list = "id=3 addr=127.0.0.1:1 name=bull:cQ== age=1\nid=4 name= age=2\r\n\
                    id=5 name=bull:cQ==\n\nnonsense\n";
        let clients = names(&Reply(Value::BulkString(list.into()))).unwrap();
        assert_eq!(clients, Clients::from([("bull:cQ==".into(), 2)]));
    }

    #[test]
    fn a_list_without_any_client_is_none() {
        for list in ["", "\n", "filtered out by a proxy\n", "name=bull:cQ==\n"] {
            let told = names(&Reply(Value::BulkString(list.into())));
            assert_eq!(told.unwrap_err().reason, Reason::GARBLED, "{list:?}");
        }
    }
}
