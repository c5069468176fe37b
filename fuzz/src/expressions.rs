//! Expressions in CEL over foreign objects.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use vigie::checks::expression::evaluation::{Outcome, Quoting, Scene, Work, evaluate};
use vigie::checks::expression::{Expression, OBJECT};

/// What stands in each object outside of its status, and must never be told.
const PLANTED: &str = "planted-and-never-told";

static RUNTIME: LazyLock<Option<Runtime>> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().ok());

struct Object(Value);

impl Scene for Object {
    fn values(&self) -> Vec<(&'static str, &Value)> {
        vec![(OBJECT, &self.0)]
    }
}

/// An expression, a line end, and an object.
pub fn cel_expression(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let (expression, object) = text.split_once('\n').unwrap_or((text, "{}"));
    let compiled = match Expression::over(expression.to_owned(), &[OBJECT]) {
        Ok(compiled) => compiled,
        Err(why) => {
            assert!(!why.is_empty());
            return false;
        }
    };
    assert!(expression.len() <= 4096, "an expression of {} bytes is read", expression.len());
    assert_eq!(compiled.text(), expression);
    let Ok(Value::Object(mut object)) = serde_json::from_str(object) else { return false };
    object.insert("planted".to_owned(), json!({ "password": PLANTED }));
    let outcome = |quoting| -> Option<Outcome> {
        let now = Timestamp::UNIX_EPOCH;
        let scenes = vec![Object(Value::Object(object.clone()))];
        let work = Work { scenes, expressions: vec![compiled.compiled()], quoting, now };
        let runtime = RUNTIME.as_ref()?;
        let outcomes = runtime
            .block_on(async { evaluate(work, Instant::now() + Duration::from_millis(500)).await });
        assert!(outcomes.len() == 1 && outcomes[0].len() == 1, "{outcomes:?}");
        outcomes.into_iter().flatten().next()
    };
    for quoting in [Quoting::Status, Quoting::Nothing] {
        let Some(outcome) = outcome(quoting) else { return false };
        let told = match &outcome {
            Outcome::False(Some(told)) if quoting == Quoting::Nothing => panic!("`{told}` is told"),
            Outcome::False(Some(told)) | Outcome::Mistake(told) | Outcome::Ahead(told) => told,
            Outcome::True
            | Outcome::False(None)
            | Outcome::Number(_)
            | Outcome::Double(_)
            | Outcome::Other(_)
            | Outcome::OutOfTime => continue,
        };
        let said = expression.contains(PLANTED);
        assert!(
            said || !told.contains(PLANTED),
            "what stands outside of the status is told: {told}"
        );
    }
    true
}
