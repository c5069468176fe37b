//! The commands that tell a running daemon: what they send, what they say, and how they end.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tokio::process::Command;

use super::lossy::{Fate, Lossy};
use super::{Ground, ahead};
use crate::net::ground::deserted;

/// Runs `vigie` with these arguments, for this daemon and token.
async fn vigie(url: &str, token_file: Option<&Path>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.args(arguments).env_remove("VIGIE_TOKEN_FILE").env("VIGIE_URL", url);
    if let Some(file) = token_file {
        command.arg("--token-file").arg(file);
    }
    command.kill_on_drop(true).output().await.expect("vigie runs")
}

/// The exit code, and all that was said.
fn told(output: &Output) -> (i32, String) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code().expect("a code"), String::from_utf8_lossy(&said).into_owned())
}

impl Ground {
    async fn told(&self, token: &str, arguments: &[&str]) -> (i32, String) {
        let file = self.token_file(token);
        told(&vigie(&self.url(""), Some(&file), arguments).await)
    }

    /// What a command says that does what it should.
    async fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.told("secret-1", arguments).await;
        assert_eq!(code, 0, "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_act_can_be_told_from_a_terminal() {
    let ground = Ground::new().await;
    let link = "https://ci.example/7";
    let attest =
        ["attest", "load-test", "--who", "Jo", "--note", "fine", "--link", link, "--until", "7d"];
    let said = ground.done(&attest).await;
    let act = &ground.acts("/api/v1/items/load-test/attestations").await[0];
    assert_eq!(
        (&act["who"], &act["note"], &act["link"]),
        (&json!("Jo"), &json!("fine"), &json!(link))
    );
    let (until, id) = (act["until"].as_str().unwrap(), act["id"].as_str().unwrap());
    let until: jiff::Timestamp = until.parse().unwrap();
    let place = ground.url(&format!("/api/v1/items/load-test/attestations/{id}"));
    assert_eq!(said, format!("`load-test` is attested until {until:.0}: {place}\n"));

    let until = ahead(3_600);
    let waive = [
        "waive",
        "broken",
        "--who",
        "Jo",
        "--why",
        "known",
        "--reason",
        "WrongStatus",
        "--reason",
        "Refused",
        "--until",
        &until,
    ];
    let (code, said) = ground.told("secret-1", &waive).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with(&format!("`broken` is waived until {until}: http://")), "{said}");
    assert!(said.ends_with("\nit does not fail for Refused now\n"), "{said}");
    let act = &ground.acts("/api/v1/items/broken/waivers").await[0];
    assert_eq!(act["reasons"], json!(["Refused", "WrongStatus"]));
    ground.until("broken", "waived").await;

    ground
        .done(&[
            "maintain",
            "--who",
            "Jo",
            "--why",
            "disks",
            "--until",
            "2h",
            "--section",
            "before",
        ])
        .await;
    let act = &ground.acts("/api/v1/maintenance").await[0];
    assert_eq!((&act["on"], &act["sections"]), (&json!(true), &json!(["before"])));

    let said =
        ground.done(&["announce", "--version", "7", "--who", "Jo", "--ticket", "CHG-7"]).await;
    assert!(said.starts_with("`7` is announced: http://"), "{said}");
    let deployment = &ground.json("/api/v1/deployments").await["deployments"][0];
    assert_eq!((&deployment["version"], &deployment["ticket"]), (&json!("7"), &json!("CHG-7")));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_act_can_be_taken_back_from_a_terminal() {
    let ground = Ground::new().await;
    let until = ahead(3_600);
    let waive = ["--why", "known", "--reason", "WrongStatus", "--until", &until];
    let maintain = ["--why", "disks", "--until", "2h", "--section", "before"];
    for (command, list, more, said) in [
        (&["attest", "load-test"][..], "items/load-test/attestations", &[][..], "attestation"),
        (&["waive", "broken"], "items/broken/waivers", &waive, "waiver"),
        (&["maintain"], "maintenance", &maintain, "maintenance"),
    ] {
        let who = ["--who", "Jo"];
        let place = ground.done(&[command, &who, more].concat()).await;
        let id = place.trim().rsplit('/').next().expect("an id").to_owned();
        let take_back = [command, &who, &["--take-back", &id]].concat();
        let (code, refused) = ground.told("secret-2", &take_back).await;
        assert_eq!(code, 1, "{refused}");
        assert!(refused.starts_with("Scope missing: "), "{refused}");
        let told = ground.done(&take_back).await;
        assert!(told.contains(said) && told.contains(&format!("`{id}`")), "{told}");
        let act = &ground.acts(&format!("/api/v1/{list}")).await[0];
        assert_eq!((&act["id"], &act["ended"]["who"]), (&json!(id), &json!("Jo")), "{act}");
        let (code, again) = ground.told("secret-1", &take_back).await;
        assert_eq!(code, 1, "{again}");
        assert!(again.starts_with("Not possible: the "), "{again}");
        let strange = [command, &who, &["--take-back", "x"]].concat();
        let (code, unknown) = ground.told("secret-1", &strange).await;
        assert_eq!(code, 1, "{unknown}");
        assert!(unknown.starts_with("Not found: ") && unknown.contains("`x`"), "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_asked_for_again_and_makes_one_act() {
    let ground = Ground::new().await;
    let file = ground.token_file("secret-1");
    let lost = Lossy::before(&ground.url(""), 1).await;
    let attest = ["attest", "load-test", "--who", "Jo", "--until", "7d"];
    let (code, said) = told(&vigie(&lost.url, Some(&file), &attest).await);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("`load-test` is attested until "), "{said}");
    assert!(!said.contains("before"), "{said}");
    assert_eq!(lost.connections(), 2, "the first was recorded, and its answer lost");
    assert_eq!(ground.acts("/api/v1/items/load-test/attestations").await.len(), 1);
    assert_eq!(ground.written("attest", "repeated").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_hears_an_answer_is_told_how_to_ask_again() {
    let ground = Ground::new().await;
    let file = ground.token_file("secret-1");
    let lost = Lossy::before(&ground.url(""), 9).await;
    let mut maintain =
        ["maintain", "--who", "Jo", "--why", "disks", "--until", "2h"].map(str::to_owned).to_vec();
    let run = async |url: &str, words: &[String]| {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        told(&vigie(url, Some(&file), &words).await)
    };
    let (code, said) = run(&lost.url, &maintain).await;
    assert_eq!((code, lost.connections()), (2, 2), "{said}");
    assert!(said.contains("does not answer: "), "{said}");
    let again = said.split('`').nth(1).expect("what to add").to_owned();
    assert!(again.starts_with("--idempotency-key ") && again.contains(" --until 20"), "{said}");
    maintain.truncate(5);
    maintain.extend(again.split(' ').map(str::to_owned));
    let (code, said) = run(&ground.url(""), &maintain).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(", by this very request before: "), "{said}");
    assert_eq!(ground.acts("/api/v1/maintenance").await.len(), 1);
    // What is taken back is not asked for again by itself: that it is done already would be refused.
    let id = said.trim().rsplit('/').next().expect("an id").to_owned();
    let words = ["maintain", "--who", "Jo", "--take-back", &id].map(str::to_owned);
    let (code, said) = run(&lost.url, &words).await;
    assert_eq!((code, lost.connections()), (2, 3), "{said}");
    assert!(said.contains("It may be taken back all the same: look at http"), "{said}");
    assert!(said.trim().ends_with(&id), "{said}");
    let acts = ground.acts("/api/v1/maintenance").await;
    assert_eq!(acts[0]["ended"]["who"], "Jo");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_recorded_is_never_said_to_be_refused() {
    let ground = Ground::new().await;
    let file = ground.token_file("secret-1");
    let problem = |status, title: &str| {
        let body = json!({ "status": status, "title": title, "detail": "so it is" });
        Fate::Instead(status, "application/problem+json", body.to_string())
    };
    let page = |status| Fate::Instead(status, "text/html", "<p>A gateway.".to_owned());
    let list = "/api/v1/items/load-test/attestations";
    for (number, (fates, connections)) in [
        // Somebody on the way answers where the daemon has recorded it.
        (vec![page(502)], 1),
        (vec![page(504)], 1),
        (vec![page(500)], 1),
        (vec![page(200)], 1),
        (vec![problem(503, "Not done yet")], 1),
        (vec![problem(500, "Defect")], 1),
        // The first answer is lost, and the second try is refused: that the token is not known any
        // more says nothing of what it did before.
        (vec![Fate::Lost, problem(401, "Token unknown")], 2),
        (vec![Fate::Lost, problem(409, "Not possible")], 2),
        (vec![Fate::Lost, problem(503, "Not recorded")], 2),
        (vec![Fate::Lost, page(404)], 2),
    ]
    .into_iter()
    .enumerate()
    {
        let lost = Lossy::with(&ground.url(""), fates).await;
        let note = format!("try {number}");
        let attest = ["attest", "load-test", "--who", "Jo", "--note", &note];
        let (code, said) = told(&vigie(&lost.url, Some(&file), &attest).await);
        assert_eq!((code, lost.connections()), (2, connections), "{number}: {said}");
        assert!(said.contains("It may be recorded all the same: look at "), "{said}");
        assert!(said.contains(&format!("{}{list}, which lists what is", lost.url)), "{said}");
        let acts = ground.acts(list).await;
        let found = acts.iter().filter(|act| act["note"] == note).count();
        assert_eq!(found, 1, "it is recorded, and once: {acts:?}");
    }
    // A daemon that can't tell whose token it is has done nothing, though that is its own trouble.
    let tokens = ground.folder.path().join("tokens.yaml");
    let good = std::fs::read(&tokens).expect("the tokens");
    std::fs::write(&tokens, "none").expect("written");
    let (code, said) = ground.told("secret-1", &["attest", "load-test", "--who", "Jo"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("Token file unusable: "), "{said}");
    std::fs::write(&tokens, good).expect("written");
    // A refusal for what the request says was one of the first try as well.
    let fates = vec![Fate::Lost, problem(413, "Body too large")];
    let lost = Lossy::with(&ground.url(""), fates).await;
    let attest = ["attest", "load-test", "--who", "Jo"];
    let (code, said) = told(&vigie(&lost.url, Some(&file), &attest).await);
    assert_eq!((code, said.as_str()), (1, "Body too large: so it is\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_runs_again_attests_once() {
    let ground = Ground::new().await;
    let attest =
        ["attest", "load-test", "--who", "Jo", "--until", "7d", "--idempotency-key", "job-7"];
    ground.done(&attest).await;
    let (code, said) = ground.told("secret-1", &attest).await;
    // "In seven days" is another moment by now: the key says that it is the same request, its body
    // that it is not.
    assert_eq!(
        (code, said.as_str()),
        (1, "Key used before: this `Idempotency-Key` was used for another request\n")
    );
    let attest = ["attest", "by-hand", "--who", "Jo", "--idempotency-key", "job-8"];
    ground.done(&attest).await;
    assert!(ground.done(&attest).await.contains("by this very request before"));
    assert_eq!(ground.acts("/api/v1/items/by-hand/attestations").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_in_a_sentence() {
    let ground = Ground::new().await;
    for (token, arguments, said) in [
        (
            "secret-1",
            &["attest", "fine", "--who", "Jo"][..],
            "Not possible: `fine` is decided by looking: nobody can attest it\n",
        ),
        ("secret-1", &["attest", "nope", "--who", "Jo"], "Not found: no item has the id `nope`\n"),
        (
            "secret-1",
            &["attest", "load-tst", "--who", "Jo"],
            "Not found: no item has the id `load-tst`; did you mean `load-test`?\n",
        ),
        (
            "secret-1",
            &["attest", "load-test", "--who", ""],
            "Not valid: `who` is empty: it says who answers for it\n",
        ),
        (
            "secret-2",
            &["attest", "load-test", "--who", "Jo"],
            "Scope missing: the token `pipeline` lacks the scope `attest`\n",
        ),
        (
            "secret-9",
            &["announce", "--version", "7", "--who", "Jo"],
            "Token unknown: this token is not in the file\n",
        ),
    ] {
        let (code, told) = ground.told(token, arguments).await;
        assert_eq!((code, told.as_str()), (1, said), "{arguments:?}");
        assert!(!told.contains("secret"), "{told}");
    }
    assert_eq!(ground.acts("/api/v1/items/load-test/attestations").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "secret-1").expect("written");
    let url = format!("http://{}", deserted().await);
    let arguments = ["attest", "load-test", "--who", "Jo"];
    let (code, said) = told(&vigie(&url, Some(&file), &arguments).await);
    assert_eq!(code, 1);
    assert!(said.contains("does not answer: ") && said.contains("refused"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sees_what_is_needed_and_how_to_give_the_token() {
    for (command, usage) in [
        ("attest", "vigie attest [OPTIONS] --who <WHO> <ITEM>"),
        ("waive", "vigie waive [OPTIONS] --who <WHO> --take-back <ID> <ITEM>"),
        ("maintain", "vigie maintain [OPTIONS] --who <WHO> --why <WHY> --until <WHEN>"),
        ("announce", "vigie announce [OPTIONS] --version <VERSION> --who <WHO>"),
    ] {
        let (code, help) = told(&vigie("http://a", None, &[command, "--help"]).await);
        assert_eq!(code, 0, "{help}");
        assert!(help.contains(usage), "{help}");
        assert!(help.contains("by VIGIE_TOKEN_FILE, as VIGIE_URL names the daemon"), "{help}");
        // The address is given, by its variable: what is wrong is not that.
        let (code, said) = told(&vigie("http://a", None, &[command]).await);
        assert_eq!(code, 3, "{said}");
        assert!(said.contains("--who") && !said.contains("--url"), "{said}");
        assert!(!said.contains("--token-file"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_wrongly_is_bad_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let (good, empty) = (folder.path().join("good"), folder.path().join("empty"));
    std::fs::write(&good, "secret-1").expect("written");
    std::fs::write(&empty, " \n").expect("written");
    let (good, empty) = (Some(good.as_path()), Some(empty.as_path()));
    let gone = folder.path().join("gone");
    let waive =
        |until| ["waive", "a", "--who", "Jo", "--why", "w", "--reason", "R", "--until", until];
    for (url, file, arguments, said) in [
        (
            "http://a",
            None,
            &["attest", "a", "--who", "Jo"][..],
            "name the file that holds it by `--token-file FILE`, or in the variable `VIGIE_TOKEN_FILE`",
        ),
        ("http://a", Some(gone.as_path()), &["attest", "a", "--who", "Jo"], "No such file"),
        ("http://a", empty, &["attest", "a", "--who", "Jo"], "does not hold one token"),
        ("http://a", good, &["attest", "A B", "--who", "Jo"], "is not an id"),
        ("http://a", good, &["attest", "a"], "--who"),
        ("ftp://a", good, &["attest", "a", "--who", "Jo"], "is no address"),
        (
            "127.0.0.1:9850",
            good,
            &["attest", "a", "--who", "Jo"],
            "`127.0.0.1:9850` names no scheme; write `http://127.0.0.1:9850`",
        ),
        (
            "http://a",
            good,
            &waive("soon"),
            "A time is a period from now (`7d`), a date (`2026-12-01`)",
        ),
        ("http://a", good, &waive("9999d"), "is at most ten years"),
        ("http://a", good, &waive("-5d"), "`-5d` is not a duration"),
        (
            "http://a",
            good,
            &["announce", "--version", "7", "--who", "Jo", "--started", "yesterday"],
            "`yesterday` is no timestamp; write when it was, as `2026-12-01T08:00:00Z`",
        ),
        (
            "http://a",
            good,
            &["waive", "a", "--who", "Jo", "--why", "w", "--until", "7d"],
            "--reason",
        ),
        (
            "http://a",
            good,
            &["waive", "a", "--who", "Jo", "--why", "w", "--reason", "R"],
            "--until",
        ),
        ("http://a", good, &["maintain", "--who", "Jo", "--why", "w"], "--until"),
        ("http://a", good, &["announce", "--who", "Jo"], "--version"),
        ("http://a", good, &["attest", "a", "--who", "Jo", "--token", "secret-1"], "--token"),
    ] {
        let (code, told) = told(&vigie(url, file, arguments).await);
        assert_eq!(code, 3, "{arguments:?}: {told}");
        assert!(told.contains(said), "{arguments:?}: {told}");
    }
}
