//! Expressions in CEL, for kinds whose claims are about what only the configuration knows.
//!
//! One is read and checked when the configuration is; what it may name is its kind's vocabulary.
//! The crate has no limit of cost, so every loop in an expression is made to ask, at each turn,
//! whether it may go on; and it recurses, so that it runs where the stack is deep.

pub mod evaluation;
mod names;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, ListExpr, LiteralValue,
    MapExpr, SelectExpr, operators,
};
use cel::{Env, ParseErrors};
use schemars::JsonSchema;
use serde::Deserialize;

/// The longest expression, in bytes.
const LONGEST: usize = 4096;
/// The deepest expression, in parts within parts.
const DEEPEST: usize = 64;
const TOO_DEEP: &str = "an expression of more than 64 parts within parts; make several of it";
/// The stack on which expressions are read and evaluated, in bytes; used as far as it is needed.
const STACK: usize = 64 << 20;

/// Asks whether the evaluation may go on; no name that can be written in CEL.
const GO_ON: &str = "@go_on";
/// Refuses a time that lies ahead, and is that time otherwise.
const PAST: &str = "@past";
/// A quantity of Kubernetes, such as `500m` or `20Gi`, as a number.
const QUANTITY: &str = "quantity";
/// The sum of a list of whole numbers.
const SUM: &str = "sum";

/// The time of the look, which every expression may name.
const NOW: &str = "now";
/// What an expression over an object may name beside the time of the look.
pub const OBJECT: &str = "object";

/// The language: CEL's standard library and its strings extension.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // A second declaration alone would be refused.
    env.add_extension(cel::extensions::strings).ok();
    Arc::new(env)
});

/// An expression of the Common Expression Language over `object` and `now`, such as
/// `object.status.readyInstances == object.spec.instances`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Expression(Arc<Compiled>);

/// An expression as it is evaluated.
#[derive(Debug)]
pub struct Compiled {
    text: String,
    tree: IdedExpr,
    /// Both sides of a comparison, for the sentence that says what was seen.
    sides: Vec<IdedExpr>,
    /// What of the vocabulary is named in it.
    named: Vec<&'static str>,
}

impl Expression {
    /// Reads an expression over these names and `now`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, and where.
    pub fn over(text: String, variables: &'static [&'static str]) -> Result<Self, String> {
        if text.len() > LONGEST {
            let length = text.len();
            return Err(format!("an expression of {length} bytes, at most {LONGEST} are read"));
        }
        if nesting(&text) > DEEPEST {
            return Err(TOO_DEEP.to_owned());
        }
        let asked = text.clone();
        let read = deep(move || parse(&asked, variables)).unwrap_or_else(|| {
            Err(format!("`{text}` can't be read: nothing like it is known to CEL"))
        })?;
        let (tree, named) = read;
        let sides = sides(&tree);
        Ok(Self(Arc::new(Compiled { text, tree, sides, named })))
    }

    /// Whether it says anything of what bears this name.
    pub fn names(&self, variable: &str) -> bool {
        self.0.named.contains(&variable)
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What [`evaluation::evaluate`] takes.
    pub fn compiled(&self) -> Arc<Compiled> {
        Arc::clone(&self.0)
    }
}

impl TryFrom<String> for Expression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::over(text, &[OBJECT])
    }
}

/// Runs what recurses on a thread with a deep stack; none where it panicked, or where there is no
/// thread to be had.
fn deep<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let guarded = move || catch_unwind(AssertUnwindSafe(work)).ok();
    thread(guarded)?.join().ok().flatten()
}

/// A thread with a deep stack; none where there is none to be had.
fn thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<std::thread::JoinHandle<T>> {
    std::thread::Builder::new().name("expression".to_owned()).stack_size(STACK).spawn(work).ok()
}

/// An expression as it is evaluated, and what of the vocabulary it names.
type Read = (IdedExpr, Vec<&'static str>);

fn parse(text: &str, variables: &'static [&'static str]) -> Result<Read, String> {
    let program = LANGUAGE.compile(text).map_err(|errors| told(text, &errors))?;
    let tree = program.expression();
    let mut names = names::Names::of(variables);
    names.known_alone(tree, DEEPEST)?;
    Ok((interruptible(tree.clone()), names.met()))
}

/// How deeply brackets are nested.
fn nesting(text: &str) -> usize {
    let mut open = 0_usize;
    let mut most = 0;
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// The first mistake, with its place in the expression.
fn told(text: &str, errors: &ParseErrors) -> String {
    let Some(first) = errors.errors.first() else {
        return format!("`{text}` is not an expression in CEL");
    };
    let words: String = first.msg.chars().take(120).collect();
    let (line, column) = first.pos;
    let place = if text.contains('\n') {
        format!("line {line}, column {column}")
    } else {
        format!("column {column}")
    };
    format!("not an expression in CEL: {words} ({place} of `{text}`)")
}

/// The same expression, whose loops ask at each turn whether they may go on, and whose times in the
/// past are held to be there.
fn interruptible(node: IdedExpr) -> IdedExpr {
    let IdedExpr { id, expr } = node;
    let below = |node: Box<IdedExpr>| Box::new(interruptible(*node));
    let expr = match expr {
        Expr::Call(CallExpr { func_name, target, args }) => {
            let target = target.map(below);
            let args: Vec<_> = args.into_iter().map(interruptible).collect();
            if func_name == "past" {
                return call("timestamp", vec![call(PAST, args)]);
            }
            Expr::Call(CallExpr { func_name, target, args })
        }
        Expr::Comprehension(comprehension) => {
            Expr::Comprehension(Box::new(interruptible_loop(*comprehension)))
        }
        Expr::Select(SelectExpr { operand, field, test }) => {
            Expr::Select(SelectExpr { operand: below(operand), field, test })
        }
        Expr::List(ListExpr { elements, optional_indices }) => {
            let elements = elements.into_iter().map(interruptible).collect();
            Expr::List(ListExpr { elements, optional_indices })
        }
        Expr::Map(MapExpr { entries }) => {
            let entries = entries.into_iter().map(interruptible_entry).collect();
            Expr::Map(MapExpr { entries })
        }
        whole @ (Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_)) => whole,
    };
    IdedExpr { id, expr }
}

fn interruptible_entry(entry: IdedEntryExpr) -> IdedEntryExpr {
    let IdedEntryExpr { id, expr } = entry;
    let expr = match expr {
        EntryExpr::MapEntry(mut entry) => {
            entry.key = interruptible(entry.key);
            entry.value = interruptible(entry.value);
            EntryExpr::MapEntry(entry)
        }
        EntryExpr::StructField(mut field) => {
            field.value = interruptible(field.value);
            EntryExpr::StructField(field)
        }
    };
    IdedEntryExpr { id, expr }
}

fn interruptible_loop(comprehension: ComprehensionExpr) -> ComprehensionExpr {
    let go_on = || call(GO_ON, Vec::new());
    let ComprehensionExpr {
        iter_range,
        iter_var,
        iter_var2,
        accu_var,
        accu_init,
        loop_cond,
        loop_step,
        result,
    } = comprehension;
    let mut loop_cond = interruptible(loop_cond);
    let mut loop_step = interruptible(loop_step);
    // A loop that collects is fast as long as its condition is a literal and its step a choice.
    if matches!(loop_cond.expr, Expr::Literal(_)) {
        loop_step = match loop_step.expr {
            Expr::Call(CallExpr { func_name, target: None, mut args })
                if func_name == operators::CONDITIONAL && args.len() == 3 =>
            {
                let guard = std::mem::take(&mut args[0]);
                args[0] = call(operators::LOGICAL_AND, vec![go_on(), guard]);
                call(operators::CONDITIONAL, args)
            }
            step @ (Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Select(_)
            | Expr::Struct(_)
            | Expr::Unspecified) => {
                let so_far = IdedExpr { id: 0, expr: Expr::Ident(accu_var.clone()) };
                let step = IdedExpr { id: loop_step.id, expr: step };
                call(operators::CONDITIONAL, vec![go_on(), step, so_far])
            }
        };
    } else {
        loop_cond = call(operators::LOGICAL_AND, vec![go_on(), loop_cond]);
    }
    ComprehensionExpr {
        iter_range: interruptible(iter_range),
        iter_var,
        iter_var2,
        accu_var,
        accu_init: interruptible(accu_init),
        loop_cond,
        loop_step,
        result: interruptible(result),
    }
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    let call = CallExpr { func_name: name.to_owned(), target: None, args };
    IdedExpr { id: 0, expr: Expr::Call(call) }
}

/// Both sides of a comparison; none of anything else.
fn sides(node: &IdedExpr) -> Vec<IdedExpr> {
    const COMPARISONS: [&str; 6] = [
        operators::EQUALS,
        operators::NOT_EQUALS,
        operators::LESS,
        operators::LESS_EQUALS,
        operators::GREATER,
        operators::GREATER_EQUALS,
    ];
    let Expr::Call(call) = &node.expr else { return Vec::new() };
    if COMPARISONS.contains(&call.func_name.as_str()) { call.args.clone() } else { Vec::new() }
}

/// The path that an expression selects, such as `status.phase` in an object or `json.credits` in
/// an answer; none where it is more than a path.
fn path(node: &IdedExpr) -> Option<Cow<'_, str>> {
    match &node.expr {
        Expr::Ident(name) if name == OBJECT => Some(Cow::Borrowed("")),
        Expr::Ident(name) if name != NOW => Some(Cow::Borrowed(name)),
        Expr::Select(SelectExpr { operand, field, test: false }) => below(operand, field),
        Expr::Call(CallExpr { func_name, target: None, args })
            if func_name == operators::OPT_SELECT =>
        {
            match args.as_slice() {
                [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(field)), .. }] => {
                    below(operand, field.inner())
                }
                _ => None,
            }
        }
        // What it is instead where the path leads nowhere, if that is none of another place.
        Expr::Call(CallExpr { func_name, target: Some(target), args })
            if func_name == "orValue"
                && args.iter().all(|arg| matches!(arg.expr, Expr::Literal(_))) =>
        {
            path(target)
        }
        Expr::Call(_)
        | Expr::Ident(_)
        | Expr::Select(_)
        | Expr::Comprehension(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Unspecified => None,
    }
}

fn below<'e>(operand: &'e IdedExpr, field: &str) -> Option<Cow<'e, str>> {
    let above = path(operand)?;
    let dot = if above.is_empty() { "" } else { "." };
    Some(Cow::Owned(format!("{above}{dot}{field}")))
}
