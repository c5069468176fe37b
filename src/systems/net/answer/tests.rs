use hickory_resolver::proto::op::MessageType;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, NS, SOA, TXT};
use proptest::prelude::*;

use super::super::question::absolute;
use super::*;

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(read(&bytes, &absolute("www.test").unwrap(), RecordType::A));
    }

    #[test]
    fn no_change_of_an_answer_breaks_the_reader(at in 0_usize..500, to in any::<u8>()) {
        let mut message = answer(ResponseCode::NoError, true, true, None);
        message.answers = vec![alias("www.test", "b.test"), address("b.test", 1)];
        let mut bytes = message.to_vec().unwrap();
        let at = at % bytes.len();
        bytes[at] = to;
        drop(read(&bytes, &absolute("www.test").unwrap(), RecordType::A));
    }
}

#[test]
fn records_read_as_people_write_them() {
    let name = absolute("Mail.Example.ORG").unwrap();
    assert_eq!(text(&RData::MX(MX::new(10, name))), "10 mail.example.org");
    let txt = TXT::from_bytes(vec![b"<b>\"x\"\n", b"\xff"]);
    assert_eq!(text(&RData::TXT(txt)), "<b>\"x\" \u{fffd}");
}

/// An answer about `www.test`, from a server that is (`aa`) in charge or asks (`ra`) who is.
fn answer(code: ResponseCode, aa: bool, ra: bool, authority: Option<RData>) -> Message {
    let mut message = Message::query();
    message.metadata.message_type = MessageType::Response;
    message.metadata.response_code = code;
    message.metadata.authoritative = aa;
    message.metadata.recursion_available = ra;
    let zone = absolute("test").unwrap();
    message.authorities.extend(authority.map(|data| Record::from_rdata(zone, 60, data)));
    message
}

fn alias(of: &str, to: &str) -> Record {
    let data = RData::CNAME(CNAME(absolute(to).unwrap()));
    Record::from_rdata(absolute(of).unwrap(), 60, data)
}

fn address(of: &str, last: u8) -> Record {
    Record::from_rdata(absolute(of).unwrap(), 30, RData::A(A::new(192, 0, 2, last)))
}

fn reply(message: &Message) -> Result<Option<Reply>, Reason> {
    let server = SocketAddr::from(([192, 0, 2, 53], 53));
    Way::from(absolute("www.test").unwrap())
        .read(server, message, RecordType::A)
        .map_err(|obstacle| obstacle.reason)
}

fn said(message: &Message) -> Result<Said, Reason> {
    reply(message).map(|reply| reply.expect("an answer").said)
}

#[test]
fn only_who_knows_can_say_that_there_is_nothing() {
    let ns = || Some(RData::NS(NS(absolute("ns.test").unwrap())));
    let soa = || {
        let name = || absolute("ns.test").unwrap();
        Some(RData::SOA(SOA::new(name(), name(), 1, 1, 1, 1, 1)))
    };
    let (fine, absent) = (ResponseCode::NoError, ResponseCode::NXDomain);
    for (code, aa, ra, authority, wanted) in [
        (fine, true, false, None, Ok(Said::NoRecords)),
        (fine, false, true, None, Ok(Said::NoRecords)),
        (absent, true, false, None, Ok(Said::NoName)),
        (absent, false, true, None, Ok(Said::NoName)),
        (fine, false, false, None, Err(Reason::SERVER_ERROR)),
        (absent, false, false, None, Err(Reason::SERVER_ERROR)),
        (fine, false, false, ns(), Err(Reason::SERVER_ERROR)),
        (fine, false, true, ns(), Err(Reason::SERVER_ERROR)),
        (fine, false, false, soa(), Ok(Said::NoRecords)),
    ] {
        let message = answer(code, aa, ra, authority.clone());
        assert_eq!(said(&message), wanted, "{code} aa {aa} ra {ra} {authority:?}");
    }
}

#[test]
fn an_alias_that_leads_nowhere_says_where() {
    let mut message = answer(ResponseCode::NXDomain, false, true, None);
    message.answers = vec![alias("b.test", "Gone.test"), alias("WWW.test", "b.test")];
    let Reply { said, aliases, ttl } = reply(&message).unwrap().unwrap();
    assert_eq!((said, ttl), (Said::NoName, Some(Duration::from_secs(60))));
    assert_eq!(aliases, ["b.test", "gone.test"]);
    // Who does not follow an alias to another zone does not know how it ends: one asks again.
    message = answer(ResponseCode::NoError, true, false, None);
    message.answers = vec![alias("www.test", "elsewhere.org")];
    assert_eq!(reply(&message), Ok(None));
}

#[test]
fn aliases_in_a_circle_or_without_end_are_not_followed() {
    let mut message = answer(ResponseCode::NoError, true, true, None);
    message.answers = vec![alias("www.test", "www.test")];
    assert_eq!(said(&message), Ok(Said::Astray));
    message.answers = vec![alias("www.test", "b.test"), alias("b.test", "WWW.test")];
    assert_eq!(said(&message), Ok(Said::Astray));
    message.metadata.response_code = ResponseCode::ServFail;
    assert_eq!(said(&message), Ok(Said::Astray), "named shows the circle, and fails");
    message.answers.pop();
    assert_eq!(said(&message), Err(Reason::SERVER_ERROR));
    message.metadata.response_code = ResponseCode::NoError;
    let chain = |length: usize| {
        let name = |n: usize| if n == 0 { "www.test".into() } else { format!("a{n}.test") };
        let mut chain: Vec<_> = (0..length).map(|n| alias(&name(n), &name(n + 1))).collect();
        chain.push(address(&name(length), 1));
        chain
    };
    message.answers = chain(MOST_ALIASES);
    assert!(matches!(said(&message), Ok(Said::Records(_))));
    message.answers = chain(MOST_ALIASES + 1);
    assert_eq!(said(&message), Ok(Said::Astray));
}

#[test]
fn records_of_other_names_answer_another_question() {
    let mut message = answer(ResponseCode::NoError, true, false, None);
    message.answers = vec![address("evil.test", 66)];
    assert_eq!(said(&message), Ok(Said::NoRecords));
    message.answers.push(address("WWW.test", 1));
    assert_eq!(said(&message), Ok(Said::Records(vec!["192.0.2.1".to_owned()])));
    message.answers = vec![address("evil.test", 66), alias("www.test", "b.test")];
    message.answers.push(address("b.test", 2));
    let Reply { said, aliases, ttl } = reply(&message).unwrap().unwrap();
    assert_eq!(said, Said::Records(vec!["192.0.2.2".to_owned()]));
    assert_eq!((aliases.join(" "), ttl), ("b.test".to_owned(), Some(Duration::from_secs(30))));
}

#[test]
fn large_sets_in_another_order_are_the_same() {
    let mut message = answer(ResponseCode::NoError, true, false, None);
    message.answers = (0..200).map(|n| address("www.test", n)).collect();
    let one = said(&message);
    message.answers.reverse();
    assert_eq!(said(&message), one);
    assert!(matches!(one, Ok(Said::Records(records)) if records.len() == 200));
}
