//! Whatever watched systems and people say, none of it becomes a part of the document.

use std::sync::Arc;

use markdown::mdast::Node;
use proptest::prelude::*;
use vigie::model::judgement::visible;
use vigie::model::reason::Reason;
use vigie::model::snapshot::Snapshot;
use vigie::views::markdown::checklist;

use super::{RUNBOOK, act, boxes, nodes, parsed, render};
use crate::fixtures::{everything, item, now, snapshot};

/// The structure without its words: text and code are one.
#[expect(clippy::wildcard_enum_match_arm, reason = "any other node is told by its name")]
fn skeleton(node: &Node) -> String {
    let name = match node {
        Node::Text(_) | Node::InlineCode(_) => return "w".to_owned(),
        Node::ListItem(item) => format!("item {:?}", item.checked),
        Node::Heading(heading) => format!("h{}", heading.depth),
        Node::Link(link) => format!("link {}", link.url),
        other => format!("{other:?}").chars().take_while(|c| c.is_alphanumeric()).collect(),
    };
    let mut inside = String::new();
    for child in node.children().into_iter().flatten() {
        let child = skeleton(child);
        if !(child == "w" && inside.ends_with('w')) {
            inside.push_str(&child);
        }
    }
    format!("{name}({inside})")
}

/// The words without marks: blanks, what can't be seen and backticks left out.
fn words(text: &str) -> String {
    let seen = |c: &char| visible(*c) != ' ' && *c != '`';
    text.chars().filter(seen).collect()
}

/// A snapshot in which whatever may be foreign is this text.
fn told(text: &str) -> (Snapshot, Vec<String>) {
    let late = || Reason::new("Late");
    let mut all = everything();
    let deployment = Arc::make_mut(&mut all.deployments[0]);
    text.clone_into(&mut deployment.who);
    deployment.version = format!("v{text}");
    deployment.notes = Some(format!("n{text}"));
    let mut foreign = snapshot([
        item("a", "one", text).fails(late(), text, 60).group("both").runbook(RUNBOOK),
        item("b", "one", text).warns(late(), text, 60).group("both").runbook(text),
        item("c", "one", text).blind(late(), text, 60),
        item("d", "two", text).passes(text, 60),
        item("e", "two", text).not_applicable(text),
    ]);
    for section in Arc::make_mut(&mut foreign.sections) {
        section.title = format!("s{text}");
        section.groups.iter_mut().for_each(|group| text.clone_into(&mut group.title));
    }
    act(&mut foreign, ["d", "a"], text);
    foreign.deployments = all.deployments;
    foreign.environment = all.environment;
    (foreign, vec![text.to_owned()])
}

fn structure(text: &str) -> String {
    let (snapshot, remarks) = told(text);
    skeleton(&parsed(&checklist(&snapshot, &remarks, now())))
}

fn nasty() -> impl Strategy<Value = String> {
    let marks = prop::sample::select(vec![
        "`",
        "``",
        "```",
        "~~~",
        "*",
        "**",
        "_",
        "__",
        "~~",
        "[",
        "](",
        "]",
        ")",
        "(",
        "![",
        "[^1]",
        "[^1]: x",
        "[x]: /u",
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "<script>",
        "<a href=x>",
        "&amp;",
        "&#60;",
        "\\",
        "\n",
        "\n\n",
        "\r\n",
        "- ",
        "- [x] ",
        "[ ] ",
        "+ ",
        "1. ",
        "1) ",
        "# ",
        " #",
        "> ",
        "|",
        "|-|-|",
        "---",
        "***",
        "===",
        "    ",
        "\t",
        "https://x.example/",
        "http://x.yz",
        "www.x.yz",
        "jo@x.yz",
        "@jo",
        "#12",
        "mailto:a@b.cd",
        "xmpp:a@b.cd",
        "$",
        "$$",
        ":smile:",
        "{{",
        "}}",
        "\u{202e}",
        "\u{200b}",
        "\u{2028}",
        "\u{0}",
        "é",
        "x",
        "words",
        " ",
        " ",
        ".",
        ":",
        "!",
        "?",
    ]);
    prop_oneof![
        prop::collection::vec(marks, 1..12).prop_map(|parts| format!("x{}", parts.concat())),
        any::<String>().prop_map(|text| format!("x{text}")),
        prop::collection::vec(any::<char>(), 1..20)
            .prop_map(|all| format!("x{}", all.iter().collect::<String>())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is said has the structure of one plain word: nothing of it is a link, an image,
    /// HTML, a list or anything but words.
    #[test]
    fn no_text_becomes_structure(text in nasty()) {
        prop_assert_eq!(structure(&text), structure("word"));
    }

    /// And all of it is still there to be read.
    #[test]
    fn all_words_are_still_there(text in nasty()) {
        let all = snapshot([item("a", "one", &text).passes("well", 60)]);
        let told = boxes(&render(&all));
        prop_assert_eq!(words(&told[0].1), words(&text) + "a");
    }
}

#[test]
fn only_runbooks_are_links() {
    let (snapshot, remarks) = told("https://evil.example/ www.evil.example jo@evil.example");
    let text = checklist(&snapshot, &remarks, now());
    let tree = parsed(&text);
    let links = nodes(&tree).into_iter().filter_map(|node| {
        let Node::Link(link) = node else { return None };
        Some(link.url.clone())
    });
    let links: Vec<_> = links.collect();
    assert_eq!(links, [RUNBOOK, RUNBOOK], "{text}");
}
