//! What an answer must be like, as tables.

use bytes::Bytes;
use http::{HeaderName, StatusCode};
use proptest::prelude::*;

use super::*;

fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers.collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        cut: false,
    }
}

fn judged(expect: &str, response: &Response) -> Option<Wrong> {
    let expect: Expect = serde_saphyr::from_str(expect).unwrap();
    assert_eq!(expect.flaws(), Vec::<String>::new());
    expect.judge(response, true, false).err()
}

#[test]
fn expectations_are_judged_one_by_one() {
    let up =
        response(200, &[("content-type", "application/json")], r#"{"a":[{"n":1.0}],"s":"up"}"#);
    for (expect, wrong) in [
        ("{}", None),
        ("{status: [204, 301-308]}", Some(WRONG_STATUS)),
        ("{headers: {Content-Type: ^application/json}}", None),
        ("{headers: {content-type: html}}", Some(WRONG_HEADER)),
        ("{headers: {x-absent: .}}", Some(WRONG_HEADER)),
        ("{body: {must_match: [up, '\"n\"']}}", None),
        ("{body: {must_match: [up, down]}}", Some(WRONG_BODY)),
        ("{body: {must_not_match: [up]}}", Some(WRONG_BODY)),
        ("{body: {must_contain: ['\"up\"'], must_not_contain: ['.*']}}", None),
        ("{body: {must_contain: [Up]}}", Some(WRONG_BODY)),
        ("{body: {must_not_contain: ['{']}}", Some(WRONG_BODY)),
        ("{json: {/s: {is: up}, /a/0/n: {is: 1}}}", None),
        ("{json: {/s: {matches: ^u}, /a/0/n: {matches: '^1'}}}", None),
        ("{json: {/s: {is: down}}}", Some(WRONG_JSON)),
        ("{json: {/absent: {is: null}}}", Some(WRONG_JSON)),
        ("{json: {/a: {matches: .}}}", Some(WRONG_JSON)),
    ] {
        assert_eq!(judged(expect, &up).map(|(reason, _)| reason), wrong, "{expect}");
    }
}

#[test]
fn numbers_are_equal_to_their_last_digit_and_whole_ones_however_they_are_written() {
    let big = response(200, &[], r#"{"n":9007199254740992,"o":{"a":[1.0,{"b":2}]}}"#);
    for (expect, wrong) in [
        ("{json: {/n: {is: 9007199254740992}}}", None),
        ("{json: {/n: {is: 9007199254740993}}}", Some(WRONG_JSON)),
        ("{json: {/o: {is: {a: [1, {b: 2.0}]}}}}", None),
        ("{json: {/o: {is: {a: [1]}}}}", Some(WRONG_JSON)),
        ("{json: {/o: {is: {a: [1, {b: 3}]}}}}", Some(WRONG_JSON)),
        ("{json: {/o: {is: {a: [1, {b: 2}], c: 1}}}}", Some(WRONG_JSON)),
    ] {
        assert_eq!(judged(expect, &big).map(|(reason, _)| reason), wrong, "{expect}");
    }
    let endless = response(200, &[], r#"{"n":1e999}"#);
    assert_eq!(judged("{json: {/n: {is: 1}}}", &endless).unwrap().0, NOT_JSON);
}

#[test]
fn an_encoding_counts_wherever_it_stands() {
    let body = "{body: {must_not_contain: [error]}}";
    let mut coded = response(200, &[("content-encoding", "identity")], "\u{1f}");
    assert_eq!(judged(body, &coded), None);
    coded.headers.append("content-encoding", "gzip".parse().unwrap());
    assert_eq!(judged(body, &coded).unwrap().0, Reason::GARBLED);
}

#[test]
fn statuses_with_a_meaning_have_a_reason_of_their_own() {
    for (status, reason) in [
        (401, Reason::UNAUTHORIZED),
        (403, Reason::FORBIDDEN),
        (404, WRONG_STATUS),
        (429, Reason::THROTTLED),
        (503, Reason::SERVER_ERROR),
    ] {
        assert_eq!(judged("{}", &response(status, &[], "")).unwrap().0, reason);
    }
    let (_, because) = judged("{}", &response(429, &[("retry-after", "30")], "")).unwrap();
    assert_eq!(because, "answers 429 and asks to wait (`Retry-After: 30`), 200-299 expected");
}

#[test]
fn a_body_that_was_cut_matters_where_it_was_asked_for() {
    for (status, expect, bounded, reason) in [
        (500, "{body: {must_match: [a]}}", true, Some(Reason::SERVER_ERROR)),
        (200, "{body: {must_match: [a]}}", false, Some(Reason::TOO_LARGE)),
        (200, "{}", true, Some(Reason::TOO_LARGE)),
        (200, "{}", false, None),
    ] {
        let expect: Expect = serde_saphyr::from_str(expect).unwrap();
        let cut = Response { cut: true, ..response(status, &[], "aaa") };
        let wrong = expect.judge(&cut, true, bounded).err();
        assert_eq!(wrong.map(|(reason, _)| reason), reason, "{status} {bounded}");
    }
}

#[test]
fn a_refused_grant_is_told_from_other_bad_requests() {
    for (body, reason) in [
        (r#"{"error":"invalid_grant"}"#, Reason::UNAUTHORIZED),
        (r#"{"error":"invalid_scope"}"#, WRONG_STATUS),
        ("invalid_grant", WRONG_STATUS),
    ] {
        assert_eq!(judged("{}", &response(400, &[], body)).unwrap().0, reason, "{body}");
    }
}

#[test]
fn an_answer_that_must_not_be_quoted_is_not() {
    let echoes = ["x-token", "retry-after"].map(|name| (name, "s3cret"));
    let secret = response(500, &echoes, r#"{"token":"s3cret"}"#);
    let coded = response(500, &[("content-encoding", "s3cret")], "");
    for expect in [
        "{}",
        "{status: [500], headers: {x-token: never}}",
        "{status: [500], body: {must_match: [never]}}",
        "{status: [500], json: {/token: {is: never}}}",
        "{status: [500], body: {must_contain: ['']}}",
    ] {
        let expect: Expect = serde_saphyr::from_str(expect).unwrap();
        let wrong = [&secret, &coded].map(|answer| expect.judge(answer, false, false).err());
        assert!(wrong.iter().any(Option::is_some));
        assert!(!format!("{wrong:?}").contains("s3cret"), "{wrong:?}");
    }
}

#[test]
fn a_deep_document_is_not_json_and_breaks_nothing() {
    let deep = response(200, &[], &"[".repeat(100_000));
    assert_eq!(judged("{json: {'': {is: 1}}}", &deep).unwrap().0, NOT_JSON);
}

proptest! {
    #[test]
    fn no_body_breaks_the_judging(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let expect: Expect = serde_saphyr::from_str(
            "{body: {must_match: [a], must_not_match: [b]}, json: {/a: {is: 1}}}").unwrap();
        let mut seen = response(200, &[], "");
        seen.body = body.into();
        drop(expect.judge(&seen, true, false));
    }
}
