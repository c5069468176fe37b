//! Evaluating expressions: bounded in time, in number, and by a panic guard.
//!
//! The work runs on a thread of its own with a deep stack. Every loop in an expression asks at each
//! turn whether it may go on; should a single step take longer than that, the look goes on without
//! its thread, and there are never more than a few of those.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cel::common::ast::{Expr, IdedExpr};
use cel::{Context, ExecutionError, Value as Cel};
use jiff::Timestamp;
use serde_json::{Number, Value};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Compiled, GO_ON, LANGUAGE, NOW, PAST, QUANTITY, SUM, path, thread};
use crate::model::judgement::legible;
use crate::model::reason::CLOCK_TOLERANCE;
use crate::systems::kubernetes::quantity::Quantity;

/// The longest that one look may spend on expressions.
const LONGEST: Duration = Duration::from_secs(5);
/// What a thread is given beyond its time before the look goes on without it.
const GRACE: Duration = Duration::from_millis(500);
/// The most threads that evaluate at once, those that nobody waits for any more included.
const MOST_THREADS: usize = 4;

static THREADS: Semaphore = Semaphore::const_new(MOST_THREADS);

/// What an expression came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// True.
    True,
    /// False; what was compared, where it can be told in a few words.
    False(Option<String>),
    /// A whole number.
    Number(i64),
    /// Any other number.
    Double(f64),
    /// Anything else, by its type.
    Other(&'static str),
    /// It could not be evaluated on this object.
    Mistake(String),
    /// A time that must be past lies ahead.
    Ahead(String),
    /// There was no time left for it.
    OutOfTime,
}

/// What expressions are about: values, by the names of their vocabulary.
pub trait Scene: Send + 'static {
    /// The values; each scene of a work has the same names.
    fn values(&self) -> Vec<(&'static str, &Value)>;
}

/// Which words may be repeated in the sentence that says what was compared. Numbers always may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// Those of an object's status: what stands elsewhere may be a password.
    Status,
    /// All.
    All,
    /// None, and no numbers either.
    Nothing,
}

/// What is to be evaluated: on each scene each expression.
pub struct Work<S> {
    /// What the expressions are about.
    pub scenes: Vec<S>,
    /// The expressions.
    pub expressions: Vec<Arc<Compiled>>,
    /// Which words may be repeated.
    pub quoting: Quoting,
    /// The time of the look.
    pub now: Timestamp,
}

/// By scene and expression, in their order. What no time was left for says so.
pub async fn evaluate<S: Scene>(work: Work<S>, until: Instant) -> Vec<Vec<Outcome>> {
    let shape = (work.scenes.len(), work.expressions.len());
    let nothing = || vec![vec![Outcome::OutOfTime; shape.1]; shape.0];
    if shape.0 == 0 || shape.1 == 0 {
        return nothing();
    }
    let until = until.min(Instant::now() + LONGEST);
    let stop = Stop(Arc::default());
    let Ok(Ok(permit)) = timeout_at(until, THREADS.acquire()).await else { return nothing() };
    let (give, take) = oneshot::channel();
    let asked = Patience { until, stop: Arc::clone(&stop.0) };
    let started = thread(move || {
        let _permit = permit;
        // Whoever asked may have gone.
        give.send(all(&work, &asked)).ok();
    });
    if started.is_none() {
        return nothing();
    }
    match timeout_at(until + GRACE, take).await {
        Ok(Ok(outcomes)) => outcomes,
        Ok(Err(_)) | Err(_) => nothing(),
    }
}

/// Stops the thread when nobody waits for it any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Until when a thread may go on.
#[derive(Clone)]
struct Patience {
    until: Instant,
    stop: Arc<AtomicBool>,
}

impl Patience {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

/// Thrown through an evaluation that has to end.
struct OutOfTime;

fn all<S: Scene>(work: &Work<S>, patience: &Patience) -> Vec<Vec<Outcome>> {
    let Work { scenes, expressions, quoting, now } = work;
    let ahead = Arc::new(Mutex::new(None));
    let mut context = language(*now, patience, &ahead);
    let mut outcomes = Vec::with_capacity(scenes.len());
    for scene in scenes {
        if patience.is_over() {
            outcomes.push(vec![Outcome::OutOfTime; expressions.len()]);
            continue;
        }
        for (name, value) in scene.values() {
            context.add_variable_from_value(name, cel_of(value));
        }
        let one = expressions.iter().map(|expression| {
            *ahead.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let outcome = one(expression, &context, *quoting, patience);
            let ahead = ahead.lock().unwrap_or_else(PoisonError::into_inner).take();
            match (outcome, ahead) {
                (Outcome::Mistake(_), Some(time)) => Outcome::Ahead(time),
                (outcome, _) => outcome,
            }
        });
        outcomes.push(one.collect());
    }
    outcomes
}

/// The functions and `now`.
fn language(
    now: Timestamp,
    patience: &Patience,
    ahead: &Arc<Mutex<Option<String>>>,
) -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(&LANGUAGE));
    let patience = patience.clone();
    let go_on = move || {
        if patience.is_over() {
            resume_unwind(Box::new(OutOfTime));
        }
        true
    };
    let ahead = Arc::clone(ahead);
    let past = move |text: Arc<String>| -> Result<Cel, ExecutionError> {
        let time: Result<Timestamp, _> = text.parse();
        if let Ok(time) = time
            && time.duration_since(now) > CLOCK_TOLERANCE
        {
            *ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(time.to_string());
            return Err(ExecutionError::function_error("past", "it lies ahead"));
        }
        Ok(Cel::String(text))
    };
    let quantity = |text: Arc<String>| -> Result<Cel, ExecutionError> {
        let amount = Quantity::parse(&text).ok().map(|amount| Cel::Float(amount.as_f64()));
        amount.ok_or_else(|| ExecutionError::function_error(QUANTITY, "it is none"))
    };
    let sum = |numbers: Arc<Vec<Cel>>| -> Result<Cel, ExecutionError> {
        let mut sum = 0_i64;
        for number in numbers.iter() {
            let Cel::Int(number) = number else {
                return Err(ExecutionError::function_error(SUM, "not whole numbers"));
            };
            sum = sum.saturating_add(*number);
        }
        Ok(Cel::Int(sum))
    };
    // Refused where a name is taken, and none of these is.
    context.add_function(GO_ON, go_on).ok();
    context.add_function(PAST, past).ok();
    context.add_function(QUANTITY, quantity).ok();
    context.add_function(SUM, sum).ok();
    let written = IdedExpr { id: 0, expr: time_literal(now) };
    if let Ok(now) = Cel::resolve(&written, &context) {
        context.add_variable_from_value(NOW, now);
    }
    context
}

/// `timestamp("…")`
fn time_literal(now: Timestamp) -> Expr {
    let text = cel::common::ast::LiteralValue::String(now.to_string().into());
    let args = vec![IdedExpr { id: 0, expr: Expr::Literal(text) }];
    let call = cel::common::ast::CallExpr { func_name: "timestamp".into(), target: None, args };
    Expr::Call(call)
}

fn one(
    expression: &Compiled,
    context: &Context<'_, '_>,
    quoting: Quoting,
    patience: &Patience,
) -> Outcome {
    if patience.is_over() {
        return Outcome::OutOfTime;
    }
    match guarded(&expression.tree, &expression.text, context) {
        Ok(Cel::Bool(true)) => Outcome::True,
        Ok(Cel::Bool(false)) => Outcome::False(compared(expression, context, quoting)),
        Ok(Cel::Int(number)) => Outcome::Number(number),
        Ok(Cel::UInt(number)) => {
            i64::try_from(number).map_or(Outcome::Other("uint"), Outcome::Number)
        }
        Ok(Cel::Float(number)) => Outcome::Double(number),
        Ok(other) => Outcome::Other(type_of(&other)),
        Err(outcome) => outcome,
    }
}

/// Evaluates under the panic guard; `text` is the expression as it was written.
fn guarded(tree: &IdedExpr, text: &str, context: &Context<'_, '_>) -> Result<Cel, Outcome> {
    let resolved = catch_unwind(AssertUnwindSafe(|| Cel::resolve(tree, context)));
    match resolved {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Outcome::Mistake(told(&error, text))),
        Err(thrown) if is_out_of_time(&*thrown) => Err(Outcome::OutOfTime),
        Err(_) => Err(Outcome::Mistake("its evaluation crashed".to_owned())),
    }
}

fn is_out_of_time(thrown: &(dyn Any + Send)) -> bool {
    thrown.is::<OutOfTime>()
}

/// Both sides of a comparison that is false, where they are numbers or words that may be repeated.
fn compared(expression: &Compiled, context: &Context<'_, '_>, quoting: Quoting) -> Option<String> {
    let repeated = |path: Option<&str>| match quoting {
        Quoting::Status => path.is_some_and(|path| path.starts_with("status.")),
        Quoting::All => true,
        Quoting::Nothing => false,
    };
    if quoting == Quoting::Nothing {
        return None;
    }
    let side = |node: &IdedExpr| {
        let path = path(node).filter(|path| !path.is_empty());
        let value = match guarded(node, &expression.text, context).ok()? {
            Cel::Int(number) => number.to_string(),
            Cel::UInt(number) => number.to_string(),
            Cel::Float(number) => number.to_string(),
            Cel::Bool(truth) => truth.to_string(),
            Cel::String(word) if repeated(path.as_deref()) => {
                format!("`{}`", legible(&word, 100))
            }
            Cel::String(_)
            | Cel::List(_)
            | Cel::Map(_)
            | Cel::Function(..)
            | Cel::Bytes(_)
            | Cel::Duration(_)
            | Cel::Timestamp(_)
            | Cel::Opaque(_)
            | Cel::Struct(_)
            | Cel::Null => return None,
        };
        path.map(|path| format!("{path} is {value}"))
    };
    let seen: Vec<String> = expression.sides.iter().filter_map(side).collect();
    (!seen.is_empty()).then(|| seen.join(", "))
}

/// What went wrong, without any value of the object: it may hold what nobody is to see.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest repeats values, and so may whatever the crate comes to know"
)]
fn told(error: &ExecutionError, text: &str) -> String {
    match error {
        ExecutionError::NoSuchKey(key) if is_written(key, text) => {
            format!("there is no `{}`", legible(key, 100))
        }
        ExecutionError::NoSuchKey(_) => "there is no such key".to_owned(),
        ExecutionError::NoSuchOverload(error) => legible(&error.to_string(), 200),
        ExecutionError::UndeclaredReference(name) => {
            format!("`{}` is not known", legible(name, 100))
        }
        ExecutionError::FunctionError { function, .. } => {
            format!("`{}` can't take its argument", legible(function.trim_start_matches('@'), 100))
        }
        ExecutionError::UnexpectedType { want, .. } => {
            format!("a value is not of the type {}", legible(want, 100))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "a division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number grows too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a list is shorter than that".to_owned(),
        _ => "its values can't be put together in this way".to_owned(),
    }
}

/// Whether a key is a word of the expression itself: one that was looked up may be any value.
fn is_written(key: &str, text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(key)
        .any(|(at, key)| !text[..at].ends_with(part) && !text[at + key.len()..].starts_with(part))
}

fn type_of(value: &Cel) -> &'static str {
    match value {
        Cel::List(_) => "list",
        Cel::Map(_) => "map",
        Cel::Function(..) => "function",
        Cel::Int(_) => "int",
        Cel::UInt(_) => "uint",
        Cel::Float(_) => "double",
        Cel::String(_) => "string",
        Cel::Bytes(_) => "bytes",
        Cel::Bool(_) => "bool",
        Cel::Duration(_) => "duration",
        Cel::Timestamp(_) => "timestamp",
        Cel::Opaque(_) => "opaque",
        Cel::Struct(_) => "struct",
        Cel::Null => "null",
    }
}

/// JSON as CEL: whole numbers are ints, as Kubernetes has them, and others doubles.
fn cel_of(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::Number(number) => number_of(number),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(cel_of).collect())),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), cel_of(value)));
            Cel::from(fields.collect::<HashMap<String, Cel>>())
        }
    }
}

fn number_of(number: &Number) -> Cel {
    if let Some(whole) = number.as_i64() {
        return Cel::Int(whole);
    }
    match number.as_u64() {
        Some(whole) => Cel::UInt(whole),
        None => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

#[cfg(test)]
mod tests;
