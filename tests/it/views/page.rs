use crate::fixtures::{everything, now, vitals};
use vigie::views::page;

#[test]
fn dump_for_eyes() {
    let s = everything();
    let v = vitals();
    std::fs::write("/tmp/pageview/index.html", page::checklist(&s, &v, now()).unwrap()).unwrap();
    std::fs::create_dir_all("/tmp/pageview/items").unwrap();
    std::fs::write(
        "/tmp/pageview/items/pods-running.html",
        page::item(&s, &v, s.item("pods-running").unwrap(), now()).unwrap(),
    )
    .unwrap();
    std::fs::write(
        "/tmp/pageview/items/queues.html",
        page::item(&s, &v, s.item("queues").unwrap(), now()).unwrap(),
    )
    .unwrap();
    let ok = crate::fixtures::many(20, 2);
    std::fs::write("/tmp/pageview/ok.html", page::checklist(&ok, &v, now()).unwrap()).unwrap();
}
