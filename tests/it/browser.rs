//! The pages in a real browser: what a person sees, and what must not happen.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use vigie::model::reason::Reason;
use vigie::server::Limits;
use vigie::views::page;

use crate::fixtures::{everything, item, now, snapshot, vitals};
use crate::server::{Cardboard, Running};

const ATTACK: &str = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">\
                      </style></title>\"'><b id=taken>";

/// Runs Chromium without a screen and returns what it prints.
async fn chromium(arguments: &[&str], url: &str) -> String {
    let home = tempfile::tempdir().expect("a folder");
    let child = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ])
        .arg(format!("--user-data-dir={}", home.path().display()))
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromium, of Debian's package of that name, is installed");
    let ended = tokio::time::timeout(Duration::from_secs(90), child.wait_with_output()).await;
    let output = ended.expect("chromium ends").expect("chromium runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The document after scripts had so many (virtual) milliseconds.
async fn document(url: &str, millis: u32) -> String {
    chromium(&["--dump-dom", &format!("--virtual-time-budget={millis}")], url).await
}

#[tokio::test]
async fn a_person_sees_what_fails_and_why() {
    let server = Running::plain().await;
    let seen = document(&format!("http://{}/", server.at), 1_000).await;
    assert!(seen.contains("1 item fails"), "{seen}");
    assert!(seen.contains("api-7c9d8f: restarted 6 times in 10m, 3 allowed"));
    let item = document(&format!("http://{}/items/pods-running", server.at), 1_000).await;
    assert!(item.contains("Earlier attempts that did not hold"));
}

#[tokio::test]
async fn foreign_text_is_shown_and_never_run() {
    let bad = item("bad", "s", ATTACK).fails(Reason::REFUSED, ATTACK, 60);
    let mut shown = snapshot([bad]);
    shown.environment = ATTACK.to_owned();
    let server = Running::start(Cardboard::new(shown), None, Limits::default()).await;
    for path in ["/", "/items/bad"] {
        let seen = document(&format!("http://{}{path}", server.at), 1_000).await;
        assert!(seen.contains("&lt;script&gt;document.title='taken'"), "{seen}");
        assert!(!seen.contains("<title>taken"), "the script ran");
        assert!(!seen.contains("id=\"taken\"") && !seen.contains("<img"), "it became structure");
    }
}

#[tokio::test]
async fn the_page_updates_itself() {
    let daemon = Cardboard::new(everything());
    let server = Running::start(Arc::clone(&daemon), None, Limits::default()).await;
    let healed = tokio::spawn(async move {
        // The first two snapshots go into the page that is opened; the others are its own doing.
        while daemon.snapshots.load(std::sync::atomic::Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let well = snapshot([item("healed", "s", "Healed by now").passes("all is well", 5)]);
        *daemon.snapshot.lock().unwrap() = Arc::new(well);
    });
    let seen = document(&format!("http://{}/", server.at), 12_000).await;
    healed.await.expect("no panic");
    assert!(seen.contains("Everything holds") && seen.contains("Healed by now"), "{seen}");
    assert!(seen.contains("<title>Everything holds · staging · Vigie</title>"));
}

/// Serves a page in a frame as wide as a phone, and tells in its title how wide the page became.
/// A window of its own can't be that narrow.
async fn width_on_a_phone(html: String) -> u32 {
    const FRAME: &str = "<title>0</title><iframe src='page' width='360' height='800'></iframe><script>\
        const frame = document.querySelector('iframe');\
        frame.onload = () => { document.title = frame.contentDocument.documentElement.scrollWidth; };\
        </script>";
    let routes = axum::Router::new()
        .route("/", axum::routing::get(async || axum::response::Html(FRAME)))
        .route("/page", axum::routing::get(async move || axum::response::Html(html)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("its address"));
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let seen = document(&url, 2_000).await;
    serving.abort();
    let title = seen.split("<title>").nth(1).and_then(|rest| rest.split('<').next());
    title.expect("a title").parse().expect("a width")
}

#[tokio::test]
async fn a_phone_shows_every_page_without_scrolling_sideways() {
    let (mut all, vitals, now) = (everything(), vitals(), now());
    all.environment = "an-environment-with-a-rather-long-name".to_owned();
    let of = |id| page::item(&all, &vitals, all.item(id).expect(id), now).expect("a page");
    for html in [
        page::checklist(&all, &vitals, now).expect("a page"),
        of("pods-running"),
        of("queues"),
        page::not_found(&all, "/nope").expect("a page"),
    ] {
        let title = html.split("<title>").nth(1).expect("a title")[..30].to_owned();
        assert_eq!(width_on_a_phone(html).await, 360, "{title}");
    }
}

/// For whoever wants to look: `VIGIE_PICTURES=/some/folder cargo test --test it pictures`.
#[tokio::test]
async fn pictures_are_taken() {
    let kept = tempfile::tempdir().expect("a folder");
    #[expect(clippy::disallowed_methods, reason = "where somebody wants the pictures")]
    let folder = std::env::var("VIGIE_PICTURES").map_or(kept.path().to_owned(), Into::into);
    let server = Running::plain().await;
    for (name, path, more) in [
        ("checklist", "/", &[][..]),
        ("checklist-dark", "/", &["--blink-settings=preferredColorScheme=0"]),
        ("item", "/items/pods-running", &[]),
    ] {
        let picture = folder.join(format!("{name}.png"));
        let shot = format!("--screenshot={}", picture.display());
        let arguments = [&["--window-size=1440,1200", &shot], more].concat();
        chromium(&arguments, &format!("http://{}{path}", server.at)).await;
        let bytes = std::fs::read(&picture).expect("a picture");
        assert!(bytes.len() > 50_000, "{name}: the picture shows something");
    }
}
