//! What is refused, and with which words.

use super::*;
use crate::model::item::names_of_sections;

const DAY: Duration = Duration::from_hours(24);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn days(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

fn item() -> ItemId {
    ItemId::parse("load-test").unwrap()
}

fn making() -> Making<'static> {
    let (id, token) = ("1".to_owned(), "jo".to_owned());
    Making { id, token, now: now(), deployment: None }
}

fn attested(request: AttestationRequest, valid: Validity) -> Result<Attestation, String> {
    let terms = Terms { valid, warn_before: DAY, within: DAY };
    request.made(&item(), terms, making()).map_err(|refused| refused.because)
}

fn attestation() -> AttestationRequest {
    let who = "Jo".to_owned();
    AttestationRequest { who, note: None, link: None, until: None, next_deployment: false }
}

#[test]
fn an_attestation_lasts_as_long_as_the_item_says_or_shorter() {
    let valid = Validity::For(30 * DAY);
    assert_eq!(attested(attestation(), valid).unwrap().until(), Some(days(30)));
    let sooner = AttestationRequest { until: Some(days(3)), ..attestation() };
    assert_eq!(attested(sooner, valid).unwrap().until(), Some(days(3)));
    let longer = AttestationRequest { until: Some(days(31)), ..attestation() };
    assert!(attested(longer, valid).unwrap_err().contains("further than the item allows"));
    let past = AttestationRequest { until: Some(days(-1)), ..attestation() };
    assert!(attested(past, valid).unwrap_err().contains("in the past"));
}

#[test]
fn an_attestation_per_deployment_has_no_end_in_time() {
    let made = attested(attestation(), Validity::Deployment).unwrap();
    assert_eq!(made.covers, Covers::NextDeployment, "none is known yet");
    let dated = AttestationRequest { until: Some(days(1)), ..attestation() };
    assert!(attested(dated, Validity::Deployment).unwrap_err().contains("per deployment"));
    let next = AttestationRequest { next_deployment: true, ..attestation() };
    assert!(attested(next, Validity::For(DAY)).unwrap_err().contains("for a period"));
}

#[test]
fn what_is_empty_long_or_no_text_is_refused() {
    let valid = Validity::For(DAY);
    let long = |n| Some("x".repeat(n));
    for (wrong, field) in [
        (AttestationRequest { who: " ".to_owned(), ..attestation() }, "`who`"),
        (AttestationRequest { who: "x".repeat(129), ..attestation() }, "`who`"),
        (AttestationRequest { who: "   ".to_owned(), ..attestation() }, "`who` is empty"),
        (AttestationRequest { who: "J\no".to_owned(), ..attestation() }, "`who`"),
        (AttestationRequest { who: "Jo\u{202e}".to_owned(), ..attestation() }, "`who`"),
        (AttestationRequest { who: "J\u{200b}o".to_owned(), ..attestation() }, "`who`"),
        (AttestationRequest { who: "\u{3164}".to_owned(), ..attestation() }, "`who` is empty"),
        (AttestationRequest { who: "Jo\u{3164}".to_owned(), ..attestation() }, "`who`"),
        (
            AttestationRequest { who: "\u{e0041}\u{fe0f}".to_owned(), ..attestation() },
            "`who` is empty",
        ),
        (AttestationRequest { note: Some("a\u{202e}b".to_owned()), ..attestation() }, "`note`"),
        (AttestationRequest { note: Some(String::new()), ..attestation() }, "`note`"),
        (AttestationRequest { note: long(4_001), ..attestation() }, "`note`"),
        (AttestationRequest { note: Some("\u{1b}[2J".to_owned()), ..attestation() }, "`note`"),
        (
            AttestationRequest { link: Some("javascript:alert(1)".to_owned()), ..attestation() },
            "`link`",
        ),
        (AttestationRequest { link: Some("https://a b".to_owned()), ..attestation() }, "`link`"),
    ] {
        let because = attested(wrong, valid).unwrap_err();
        assert!(because.starts_with(field), "{because}");
    }
}

fn waived(request: WaiverRequest, longest: Option<Duration>) -> Result<Waiver, Refused> {
    request.made(&item(), longest, &BTreeSet::from(["BackupTooOld", "Refused"]), making())
}

fn waiver() -> WaiverRequest {
    WaiverRequest {
        who: "Jo".to_owned(),
        why: "the store moves".to_owned(),
        reasons: vec!["BackupTooOld".to_owned()],
        until: days(2),
    }
}

#[test]
fn a_waiver_has_an_end_and_reasons_that_exist() {
    let week = Some(7 * DAY);
    let made = waived(waiver(), week).unwrap();
    assert!(made.is_open(now()) && !made.is_open(days(2)));
    assert!(made.covers("BackupTooOld") && !made.covers("BucketMissing"));
    let wrong = |request| waived(request, week).unwrap_err();
    assert_eq!(waived(waiver(), None).unwrap_err().sort, RefusedSort::Conflict);
    let none = WaiverRequest { reasons: vec![], ..waiver() };
    assert!(wrong(none).because.contains("1 to 20 codes"));
    let stranger = WaiverRequest { reasons: vec!["<b>".to_owned()], ..waiver() };
    let because = wrong(stranger).because;
    assert!(
        because.contains("can't fail for `<b>`; it can for BackupTooOld, Refused"),
        "{because}"
    );
    let far = WaiverRequest { until: days(8), ..waiver() };
    assert!(wrong(far).because.contains("at most 7d"));
    let past = WaiverRequest { until: now(), ..waiver() };
    assert!(wrong(past).because.contains("in the past"));
}

#[test]
fn maintenance_begins_now_or_later_and_ends_within_a_week() {
    let request = |from: Option<i64>, until: i64| MaintenanceRequest {
        who: "Jo".to_owned(),
        why: "upgrade".to_owned(),
        from: from.map(days),
        until: days(until),
        sections: vec![],
    };
    let made = |request: MaintenanceRequest| request.made(&BTreeSet::new(), making());
    let span = made(request(Some(1), 2)).unwrap();
    assert!(!span.is_on(now()) && span.is_on(days(1)) && !span.is_on(days(2)));
    assert!(span.is_about(&item()), "all sections");
    for wrong in [request(Some(-1), 1), request(None, 0), request(Some(2), 1), request(None, 8)] {
        assert_eq!(made(wrong).unwrap_err().sort, RefusedSort::Invalid);
    }
    let stranger = MaintenanceRequest { sections: vec![item()], ..request(None, 1) };
    assert_eq!(made(stranger).unwrap_err().sort, RefusedSort::NotFound);
}

#[test]
fn a_section_that_is_not_there_is_told_with_those_that_are() {
    let ids = ["configuration.files", "configuration.secrets", "post-deployment.backups", "watch"]
        .map(|id| ItemId::parse(id).unwrap());
    let known = names_of_sections(ids.iter());
    let request = |section: &str| MaintenanceRequest {
        who: "Jo".to_owned(),
        why: "disks".to_owned(),
        from: None,
        until: days(1),
        sections: vec![ItemId::parse(section).unwrap()],
    };
    let told = request("post-deploy").made(&known, making()).unwrap_err().because;
    let likest = "`sections`: there is no section `post-deploy`; there are post-deployment, ";
    assert!(told.starts_with(likest), "{told}");
    assert!(known.iter().all(|name| told.contains(name)), "{told}");
    let whole = request("configuration").made(&known, making()).unwrap();
    let about = ids.iter().map(|id| whole.is_about(id)).collect::<Vec<_>>();
    assert_eq!(about, [true, true, false, false]);
    let part = request("configuration.files").made(&known, making()).unwrap();
    assert!(part.is_about(&ids[0]) && !part.is_about(&ids[1]));
    let likeness = ItemId::parse("configuration.file").unwrap();
    assert!(!likeness.covers(&ids[0]), "a parent ends at a dot");
}
