//! The checklist as Markdown, of snapshots built by hand, read by a parser of GitHub's dialect.

mod foreign;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use markdown::mdast::Node;
use markdown::{Constructs, ParseOptions, to_mdast};
use vigie::model::acts::terms::Validity;
use vigie::model::acts::{Attestation, Covers, Maintenance, Waiver};
use vigie::model::item::Severity;
use vigie::model::reason::Reason;
use vigie::model::snapshot::Snapshot;
use vigie::views::markdown::checklist;

use crate::fixtures::{ago, everything, id, item, now, snapshot, terms};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/checklist.md");
const RUNBOOK: &str = "https://runbooks.example/a_b*c*d?e=f&g=[h](i)";

fn render(snapshot: &Snapshot) -> String {
    checklist(snapshot, &[], now())
}

/// Read with all that GitHub understands, mathematics included.
fn parsed(text: &str) -> Node {
    let constructs =
        Constructs { math_text: true, math_flow: true, frontmatter: true, ..Constructs::gfm() };
    to_mdast(text, &ParseOptions { constructs, ..ParseOptions::gfm() }).expect("Markdown")
}

/// All nodes below one, itself included.
fn nodes(node: &Node) -> Vec<&Node> {
    let below = node.children().into_iter().flatten().flat_map(nodes);
    [node].into_iter().chain(below).collect()
}

fn boxes(text: &str) -> Vec<(bool, String)> {
    let tree = parsed(text);
    let ticked = |node: &Node| {
        let Node::ListItem(item) = node else { return None };
        item.checked.map(|checked| {
            let own = item.children.first().map(Node::to_string).unwrap_or_default();
            (checked, own)
        })
    };
    nodes(&tree).into_iter().filter_map(ticked).collect()
}

/// Everything, people's acts and the boxes of environments included.
fn lived() -> Snapshot {
    let mut all = everything();
    act(&mut all, ["restore-tested", "mail-provider"], "the *evidence* of https://wiki.example");
    all
}

/// Gives the first of two items an attestation, the other one a waiver, and all of them maintenance;
/// and boxes to the first, all with this text.
fn act(all: &mut Snapshot, names: [&str; 2], text: &str) {
    let end = || now() + SignedDuration::from_hours(48);
    let [attested, waived] = names.map(|name| {
        all.items.iter().position(|item| item.card.id.as_str() == name).expect("the item")
    });
    let item = Arc::make_mut(&mut all.items[attested]);
    item.terms = Some(terms(Validity::For(Duration::from_hours(180 * 24))));
    item.card.boxes = ["dev", "staging", "production"]
        .map(|name| (name.to_owned(), format!("{name} {text}")))
        .to_vec();
    let said = |covers| {
        Arc::new(Attestation {
            id: "a1".to_owned(),
            item: id(names[0]),
            who: format!("Jo {text}"),
            token: format!("ops {text}"),
            at: ago(600),
            covers,
            note: Some(text.to_owned()),
            link: Some(text.to_owned()),
            ended: None,
        })
    };
    item.attestations = [
        said(Covers::Until(end())),
        said(Covers::Deployment("20261122t230000z".to_owned())),
        said(Covers::NextDeployment),
    ]
    .into();
    let borne = Arc::make_mut(&mut all.items[waived]);
    borne.waivable_for = Some(Duration::from_hours(7 * 24));
    borne.waivers = [Arc::new(Waiver {
        id: "w1".to_owned(),
        item: id(names[1]),
        who: format!("Jo {text}"),
        token: format!("ops {text}"),
        at: ago(600),
        until: end(),
        reasons: vec!["Unauthorized".to_owned()],
        why: text.to_owned(),
        ended: None,
    })]
    .into();
    all.maintenance = vec![Arc::new(Maintenance {
        id: "m1".to_owned(),
        who: Some(format!("Jo {text}")),
        token: Some(format!("ops {text}")),
        at: ago(600),
        from: ago(500),
        until: end(),
        sections: vec![id("queues")],
        why: text.to_owned(),
        ended: None,
    })];
}

/// What is printed is read by people and kept by them. After a change that is meant:
/// `VIGIE_BLESS=1 cargo test --test it golden`.
#[test]
fn the_golden_checklist_is_as_it_was() {
    let text = checklist(&lived(), &["one look, without records".to_owned()], now());
    #[expect(clippy::disallowed_methods, reason = "how a golden file is blessed")]
    if std::env::var("VIGIE_BLESS").is_ok() {
        std::fs::write(GOLDEN, &text).expect("the golden file is written");
    }
    let golden = std::fs::read_to_string(GOLDEN).expect("the golden file");
    for (n, (ours, theirs)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {} differs from the golden one", n + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count());
}

#[test]
fn what_holds_is_ticked_and_nothing_else() {
    let reason = || Reason::new("Late");
    let all = snapshot([
        item("passes", "one", "It passes").passes("well", 60),
        item("warns", "one", "It warns").warns(reason(), "nearly", 60),
        item("fails", "one", "It fails").fails(reason(), "not", 60),
        item("blind", "one", "It is unknown").blind(reason(), "dark", 60),
        item("pending", "one", "It is pending").pending(),
        item("waived", "one", "It is waived").waived(reason(), "waived by Jo until tomorrow"),
        item("absent", "one", "It is absent").not_applicable("not here"),
    ]);
    let text = render(&all);
    let told: Vec<_> = boxes(&text);
    let wanted = [
        (true, "It passes passes"),
        (true, "It warns warns"),
        (false, "It fails fails"),
        (false, "It is unknown blind"),
        (false, "It is pending pending"),
        (false, "It is waived waived"),
        (false, "It is absent absent"),
    ];
    assert_eq!(told, wanted.map(|(ticked, title)| (ticked, title.to_owned())));
    assert!(text.contains("- [ ] ~~It is absent~~ `absent`\n  - **not applicable**: not here\n"));
    assert!(text.contains("  - **warning** `Late` since 2026-11-23 00:59:00 UTC: nearly\n"));
    assert!(text.contains("waived by Jo until tomorrow"));
}

#[test]
fn a_group_stands_by_its_worst_and_holds_all_of_its_items() {
    let late = || Reason::new("Late");
    for (second, ticked, told) in [
        (item("b", "one", "B").passes("well", 60), true, "**passing**: 2 passing"),
        (item("b", "one", "B").warns(late(), "hm", 60), true, "**warning**: 1 warning, 1 passing"),
        (item("b", "one", "B").fails(late(), "no", 60), false, "**failing**: 1 failing, 1 passing"),
        (item("b", "one", "B").waived(late(), "no"), false, "**waived**: 1 waived, 1 passing"),
        (item("b", "one", "B").pending(), false, "**pending**: 1 pending, 1 passing"),
        (
            item("b", "one", "B").not_applicable("-"),
            true,
            "**passing**: 1 passing, 1 not applicable",
        ),
    ] {
        let all = snapshot([
            item("a", "one", "A").group("both").passes("well", 60),
            item("between", "one", "Between").passes("well", 60),
            second.group("both"),
        ]);
        let text = render(&all);
        let order: Vec<_> = boxes(&text).into_iter().map(|(_, title)| title).collect();
        assert_eq!(order, ["Both both", "A a", "B b", "Between between"], "{text}");
        assert_eq!(boxes(&text)[0].0, ticked, "{text}");
        assert!(text.contains(told), "{told} in {text}");
        assert!(text.contains("\n  - [x] A `a`\n    - **passing**"), "{text}");
    }
    let absent = snapshot([item("a", "one", "A").group("both").not_applicable("-")]);
    assert!(render(&absent).contains("- [ ] ~~Both~~ `both`\n"));
}

#[test]
fn a_waived_line_is_not_hidden_by_one_that_warns() {
    let late = || Reason::new("Late");
    for waived_first in [true, false] {
        let waived = item("a", "one", "A").waived(late(), "no").group("both");
        let warns = item("b", "one", "B").warns(late(), "hm", 60).group("both");
        let all = if waived_first { [waived, warns] } else { [warns, waived] };
        let text = render(&snapshot(all));
        assert!(
            text.contains("- [ ] Both `both`\n  - **waived**: 1 waived, 1 warning\n"),
            "{text}"
        );
    }
}

#[test]
fn an_item_of_several_environments_has_a_box_for_each_and_bears_its_own() {
    let boxes_of = |environment: &str| {
        let mut all = snapshot([item("a", "one", "Applied").passes("well", 60)]);
        environment.clone_into(&mut all.environment);
        Arc::make_mut(&mut all.items[0]).card.boxes = ["dev", "staging", "production"]
            .map(|name| (name.to_owned(), format!("On {name}")))
            .to_vec();
        boxes(&render(&all))
    };
    let told = |rows: &[(bool, &str)]| -> Vec<(bool, String)> {
        rows.iter().map(|(ticked, title)| (*ticked, (*title).to_owned())).collect()
    };
    let wanted = told(&[(false, "On dev a"), (true, "On staging a"), (false, "On production a")]);
    assert_eq!(boxes_of("staging"), wanted);
    // Nothing is silently missing where the paper does not know the environment.
    let own = boxes_of("elsewhere");
    assert_eq!(own[0], (true, "Applied a".to_owned()));
    assert_eq!(own.iter().filter(|(ticked, _)| *ticked).count(), 1);
}

#[test]
fn items_groups_and_environments_each_have_their_boxes() {
    let lines = (0..150).map(|n| {
        let line = item(&format!("item-{n}"), "paper", &format!("Line {n}")).passes("well", 60);
        if n < 21 { line.group(&format!("group-{}", n / 3)) } else { line }
    });
    let mut all = snapshot(lines);
    Arc::make_mut(&mut all.items[149]).card.boxes =
        ["dev", "staging", "production"].map(|name| (name.to_owned(), name.to_owned())).to_vec();
    let boxes = boxes(&render(&all));
    assert_eq!(boxes.len(), 150 + 7 + 2);
    assert_eq!(boxes.iter().filter(|(ticked, _)| !ticked).count(), 2, "other environments");
}

#[test]
fn what_is_wrong_comes_first_the_gravest_before_all() {
    let bad = |name: &str, severity| {
        item(name, "one", name).severity(severity).fails(Reason::new("Late"), "no", 60)
    };
    let text = render(&snapshot([
        bad("slight", Severity::Info),
        bad("grave", Severity::Critical),
        item("blind", "one", "Blind").blind(Reason::TIMED_OUT, "dark", 60),
    ]));
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} in {text}"));
    let order = [
        place("| failing | 2 |"),
        place("### 2 items failing"),
        place("- grave `grave` (critical, One)"),
        place("- slight `slight` (info, One)"),
        place("### 1 item unknown"),
        place("- Blind `blind`"),
        place("\n## One\n"),
        place("\n## Signature\n"),
    ];
    assert!(order.is_sorted(), "{order:?} in {text}");
}

#[test]
fn evidence_is_bounded_and_says_what_it_left_out() {
    use vigie::model::finding::Finding;
    use vigie::model::judgement::Judgement;
    let mut all = snapshot([item("a", "one", "A").fails(Reason::new("Late"), "no", 60)]);
    let mut judgement = Judgement::new();
    for n in 0..300 {
        judgement.add(format!("pod-{n}"), Finding::pass("runs"));
    }
    judgement.add("last", Finding::fail(Reason::new("Late"), "does not run"));
    let state = Arc::make_mut(&mut all.items[0]);
    let report = Arc::make_mut(state.latest.as_mut().expect("a report"));
    report.checks[0].judgement = judgement.capped();
    let text = render(&all);
    assert_eq!(text.matches("**fail** `Late`: last: does not run").count(), 2, "{text}");
    assert_eq!(text.matches("pass: `pod-").count(), 0, "{text}");
    assert_eq!(text.matches("pass: pod-").count(), 19 + 4, "{text}");
    assert!(text.contains("- and 281 more\n") && text.contains("- and 296 more\n"), "{text}");
}

#[test]
fn fields_of_the_signature_are_filled_in_where_a_deployment_is_known() {
    let filled = render(&everything());
    let end = filled.split("## Signature").nth(1).expect("the fields");
    for words in [
        "- **Deployed by:** Jo `<jo@example.org>`\n",
        "- **Date:** 2026-11-22 23:00:00 UTC\n",
        "- **Environment:** `staging`\n",
        "- **Version/Tag:** `2026.11.1`\n",
        "- **Notes:** \\_",
    ] {
        assert!(end.contains(words), "{words} in {end}");
    }
    let empty = render(&snapshot([item("a", "one", "A").pending()]));
    assert!(empty.contains("- deployment: none is known\n"));
    assert!(empty.contains("- **Deployed by:** \\_"));
}
