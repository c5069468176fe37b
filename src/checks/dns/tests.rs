use std::time::Duration;

use super::asking::both;
use super::*;
use crate::systems::net::answer::{Reply, Said};

fn check(yaml: &str) -> Dns {
    serde_saphyr::from_str(yaml).unwrap()
}

fn said(said: Said) -> Reply {
    Reply { said, aliases: Vec::new(), ttl: Some(Duration::from_secs(60)) }
}

fn records(records: &[&str]) -> Reply {
    said(Said::Records(records.iter().map(|record| (*record).to_owned()).collect()))
}

fn through(aliases: &[&str], reply: Reply) -> Reply {
    Reply { aliases: aliases.iter().map(|name| (*name).to_owned()).collect(), ..reply }
}

fn asked(name: &str, resolver: Whom, said: Result<Reply, Obstacle>) -> Asked {
    Asked { name: name.into(), resolver, took: Duration::ZERO, said }
}

fn judged(yaml: &str, asked: Vec<Asked>) -> Judgement {
    let seen = Seen { asked, balancer: None, balanced: Vec::new() };
    check(yaml).judge(&seen, &Past::default(), Timestamp::UNIX_EPOCH)
}

fn reason(yaml: &str, reply: Reply) -> Option<Reason> {
    judged(yaml, vec![asked("a.test", Whom::System, Ok(reply))]).reason()
}

/// What is said where the load balancer is at `points`, and its names have `balanced`.
fn balanced(yaml: &str, points: &[&str], reply: Reply, hosts: &[(&str, Reply)]) -> Judgement {
    let points: Vec<Box<str>> = points.iter().map(|point| (*point).into()).collect();
    let seen = Seen {
        asked: vec![asked("a.test", Whom::System, Ok(reply))],
        balancer: Some(Balancer::of(&points)),
        balanced: hosts
            .iter()
            .map(|(host, reply)| asked(host, Whom::System, Ok(reply.clone())))
            .collect(),
    };
    check(yaml).judge(&seen, &Past::default(), Timestamp::UNIX_EPOCH)
}

const BALANCER: &str = "{name: a.test, load_balancer: {service: {namespace: web, name: ingress}}}";

#[test]
fn records_are_those_of_the_load_balancer_all_of_them_and_no_others() {
    let one = "192.0.2.1";
    let lb = "lb.example.org";
    let (wrong, lacks) = (Some(balancer::WRONG_ADDRESS), Some(balancer::ADDRESS_MISSING));
    let nowhere = Some(balancer::NO_ADDRESS);
    let host = |addresses: &[&str]| vec![(lb, records(addresses))];
    for (points, reply, hosts, reason) in [
        (vec![one], records(&[one]), vec![], None),
        (vec![one], records(&[one, "192.0.2.9"]), vec![], wrong),
        (vec![one], records(&["192.0.2.9"]), vec![], wrong),
        (vec![one, "192.0.2.2"], records(&[one]), vec![], lacks),
        (vec![one, "2001:DB8::1"], records(&[one, "2001:db8::1"]), vec![], None),
        (vec![one], records(&[one, "2001:db8::1"]), vec![], wrong),
        // One with a name gives some of its addresses at a time.
        (vec!["LB.example.org."], records(&[one]), host(&[one, "192.0.2.2"]), None),
        (vec![lb], records(&["192.0.2.9"]), host(&[one]), wrong),
        (vec![lb], through(&["lb.example.org"], records(&["192.0.2.9"])), host(&[one]), None),
        (vec![lb, one], records(&[one]), host(&["192.0.2.7"]), lacks),
        (vec![lb], records(&[one]), vec![(lb, said(Said::NoName))], nowhere),
        (vec![], records(&[one]), vec![], nowhere),
    ] {
        let judgement = balanced(BALANCER, &points, reply, &hosts);
        assert_eq!(judgement.reason(), reason, "{points:?}: {}", judgement.because());
    }
    let v4 = "{name: a.test, record: A, load_balancer: {ingress: {namespace: web, name: app}}}";
    let judgement = balanced(v4, &[one, "2001:db8::1"], records(&[one]), &[]);
    assert_eq!(judgement.reason(), None, "{}", judgement.because());
}

#[test]
fn a_load_balancer_that_can_not_be_seen_hides_nothing_and_passes_nothing() {
    let blind = Balancer::Blind(Obstacle::new(Reason::FORBIDDEN, "no right"));
    for (balancer, reply, wanted) in [
        (blind.clone(), records(&["192.0.2.1"]), (Verdict::Unknown, Reason::FORBIDDEN)),
        (blind, said(Said::NoName), (Verdict::Fail, Reason::NAME_NOT_FOUND)),
        (Balancer::Absent, records(&["192.0.2.1"]), (Verdict::Fail, balancer::MISSING)),
    ] {
        let asked = vec![asked("a.test", Whom::System, Ok(reply))];
        let seen = Seen { asked, balancer: Some(balancer), balanced: Vec::new() };
        let judgement = check(BALANCER).judge(&seen, &Past::default(), Timestamp::UNIX_EPOCH);
        assert_eq!((judgement.verdict(), judgement.reason()), (wanted.0, Some(wanted.1)));
    }
}

#[test]
fn a_silent_resolver_hides_no_wrong_answer_of_another() {
    let yaml = "{name: a.test, record: A, expected: {all: [192.0.2.1]}, \
                resolvers: [192.0.2.51, 192.0.2.52, 192.0.2.53]}";
    let resolvers = check(yaml).resolvers();
    let silence = Obstacle::new(Reason::TIMED_OUT, "no answer");
    let judgement = judged(
        yaml,
        vec![
            asked("a.test", resolvers[0], Err(silence)),
            asked("a.test", resolvers[1], Ok(records(&["192.0.2.9"]))),
            asked("a.test", resolvers[2], Ok(records(&["192.0.2.1"]))),
        ],
    );
    let reasons: Vec<_> = judgement.lines().iter().filter_map(|line| line.reason).collect();
    let wanted = [Reason::TIMED_OUT, judging::UNEXPECTED_RECORDS, judging::RESOLVERS_DISAGREE];
    assert_eq!(reasons, wanted);
    let line = &judgement.lines()[3].because;
    assert_eq!(line, "192.0.2.52 gives `192.0.2.9`; 192.0.2.53 gives `192.0.2.1`");
}

#[test]
fn resolvers_disagree_about_what_is_there_as_well() {
    let yaml = "{name: a.test, resolvers: [192.0.2.51, 192.0.2.52, 192.0.2.53]}";
    let resolvers = check(yaml).resolvers();
    let judgement = judged(
        yaml,
        vec![
            asked("a.test", resolvers[0], Ok(records(&["192.0.2.1"]))),
            asked("a.test", resolvers[1], Ok(said(Said::NoName))),
            asked("a.test", resolvers[2], Ok(records(&["192.0.2.1"]))),
        ],
    );
    let line = judgement.lines().last().unwrap();
    assert_eq!(line.reason, Some(judging::RESOLVERS_DISAGREE));
    assert_eq!(
        line.because,
        "192.0.2.51 and 192.0.2.53 give `192.0.2.1`; 192.0.2.52 gives that it does not exist"
    );
}

#[test]
fn aliases_are_as_they_are_wanted() {
    let chain = ["b.test", "lb.example.org"];
    for (aliases, seen, wrong) in [
        ("end: LB.example.org.", &chain[..], false),
        ("end: b.test", &chain[..], true),
        ("end: b.test", &[], true),
        ("chain: [b.test, lb.example.org]", &chain[..], false),
        ("chain: [lb.example.org]", &chain[..], true),
        ("chain: [lb.example.org, b.test]", &chain[..], true),
        ("at_most: 2", &chain[..], false),
        ("at_most: 1", &chain[..], true),
        ("at_most: 0", &[], false),
        ("at_most: 0", &chain[..1], true),
    ] {
        let yaml = format!("{{name: a.test, aliases: {{{aliases}}}}}");
        let said = reason(&yaml, through(seen, records(&["192.0.2.1"])));
        assert_eq!(said, wrong.then_some(judging::WRONG_ALIAS), "{aliases} {seen:?}");
    }
}

#[test]
fn an_answer_may_be_kept_as_long_as_wanted() {
    for (limits, ttl, reason, verdict) in [
        ("warn_above: 5m, fail_above: 1h", 300, None, Verdict::Pass),
        ("warn_above: 5m, fail_above: 1h", 301, Some(ttl::TOO_LONG), Verdict::Warn),
        ("warn_above: 5m, fail_above: 1h", 3601, Some(ttl::TOO_LONG), Verdict::Fail),
        ("warn_below: 5m, fail_below: 1m", 60, Some(ttl::TOO_SHORT), Verdict::Warn),
        ("warn_below: 5m, fail_below: 1m", 0, Some(ttl::TOO_SHORT), Verdict::Fail),
        ("warn_below: 5m, fail_below: 1m", 300, None, Verdict::Pass),
    ] {
        let yaml = format!("{{name: a.test, ttl: {{{limits}}}}}");
        let reply = Reply { ttl: Some(Duration::from_secs(ttl)), ..records(&["192.0.2.1"]) };
        let judgement = judged(&yaml, vec![asked("a.test", Whom::System, Ok(reply))]);
        assert_eq!((judgement.reason(), judgement.verdict()), (reason, verdict), "{limits} {ttl}");
    }
}

#[test]
fn records_are_compared_as_they_are_meant() {
    for (expected, seen, wrong) in [
        ("all: [192.0.2.1]", vec!["192.0.2.1", "192.0.2.2"], false),
        ("all: [192.0.2.1, 192.0.2.3]", vec!["192.0.2.1"], true),
        ("any: [192.0.2.1, 192.0.2.3]", vec!["192.0.2.1"], false),
        ("exactly: [192.0.2.1]", vec!["192.0.2.1", "192.0.2.2"], true),
        ("exactly: ['2001:DB8:0::1']", vec!["2001:db8::1"], false),
    ] {
        let yaml = format!("{{name: a.test, expected: {{{expected}}}}}");
        let said = reason(&yaml, records(&seen));
        assert_eq!(said, wrong.then_some(judging::UNEXPECTED_RECORDS), "{expected}");
    }
    for (record, expected, seen, wrong) in [
        ("CNAME", "LB.example.org.", "lb.example.org", false),
        ("MX", "10 Mail.example.org.", "10 mail.example.org", false),
        ("SRV", "0 5 5060 SIP.example.org.", "0 5 5060 sip.example.org", false),
        ("TXT", "key=aB", "key=ab", true),
        ("TXT", "The end.", "The end", true),
        ("TXT", "2001:DB8::1", "2001:db8::1", true),
        ("TXT", "key=aB", "key=aB", false),
        ("CAA", "0 iodef mailto:A@example.org", "0 iodef mailto:a@example.org", true),
    ] {
        let yaml = format!("{{name: a.test, record: {record}, expected: {{all: ['{expected}']}}}}");
        let said = reason(&yaml, records(&[seen]));
        assert_eq!(said, wrong.then_some(judging::UNEXPECTED_RECORDS), "{record} {expected}");
    }
}

#[test]
fn a_name_without_one_family_is_well_and_without_both_it_is_not() {
    let one = records(&["192.0.2.1"]);
    let none = || said(Said::NoRecords);
    assert_eq!(both(one.clone(), none()), one);
    assert_eq!(both(none(), one.clone()), one);
    assert_eq!(both(none(), none()), none());
    let gone = || said(Said::NoName);
    assert_eq!(both(gone(), gone()), gone());
    assert_eq!(both(said(Said::Astray), none()).said, Said::Astray);
}

#[test]
fn parameters_that_contradict_each_other_are_told() {
    for (yaml, flaw) in [
        ("{}", "one of `name` and `names` must be given"),
        ("{name: a, names: [b]}", "one of `name` and `names` must be given"),
        ("{name: a, min_answers: 0}", "`min_answers` must be at least 1"),
        ("{name: a, expected: {all: []}}", "`expected` names no record"),
        ("{name: a, aliases: {}}", "`aliases` needs exactly one of `end`, `chain` and `at_most`"),
        (
            "{name: a, aliases: {end: b, at_most: 1}}",
            "`aliases` needs exactly one of `end`, `chain` and `at_most`",
        ),
        (
            "{name: a, aliases: {chain: []}}",
            "`aliases.chain` is empty; `at_most: 0` wants no alias",
        ),
        (
            "{name: a, record: CNAME, aliases: {at_most: 1}}",
            "`aliases` are those that lead to a record: leave `record: CNAME` out",
        ),
        (
            "{name: a, ttl: {warn_above: 1h, fail_above: 1m}}",
            "`ttl.warn_above` must be shorter than `ttl.fail_above`",
        ),
        (
            "{name: a, ttl: {warn_below: 1m, fail_below: 1h}}",
            "`ttl.warn_below` must be longer than `ttl.fail_below`",
        ),
        (
            "{name: a, ttl: {fail_below: 1h, fail_above: 1m}}",
            "nothing can be as long and as short as `ttl` wants it",
        ),
        (
            "{name: a, record: MX, load_balancer: {service: {namespace: a, name: b}}}",
            "`load_balancer` is about addresses: `record` must be `ADDRESS`, `A` or `AAAA`",
        ),
        (
            "{name: a, expected: {all: [b]}, load_balancer: {ingress: {namespace: a, name: b}}}",
            "`load_balancer` and `expected` exclude each other",
        ),
    ] {
        assert_eq!(check(yaml).flaws(), [flaw], "{yaml}");
    }
    assert_eq!(check("{name: 'a b..c'}").flaws().len(), 1);
}

#[test]
fn our_own_resolver_can_be_asked_beside_others() {
    let check = check("{name: a.test, resolvers: [system, 192.0.2.53]}");
    let asked: Vec<_> = check.questions().map(|(_, whom)| whom.to_string()).collect();
    assert_eq!(asked, ["system", "192.0.2.53"]);
    assert_eq!(check.needs().hosts.len(), 1);
    assert!(serde_saphyr::from_str::<Dns>("{name: a.test, resolvers: [nobody]}").is_err());
}

#[test]
fn an_alias_of_what_does_not_exist_says_of_what() {
    let reply = through(&["b.test", "gone.test"], said(Said::NoName));
    let judgement = judged("{name: a.test}", vec![asked("a.test", Whom::System, Ok(reply))]);
    assert_eq!(judgement.reason(), Some(judging::DANGLING_ALIAS));
    assert_eq!(judgement.because(), "a.test: is an alias of `gone.test`, which does not exist");
}
