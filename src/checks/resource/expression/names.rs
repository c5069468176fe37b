//! Which names and functions an expression may use: what is not known is told when it is read.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, ListExpr, MapExpr,
    SelectExpr, StructExpr,
};

use super::{TOO_DEEP, VARIABLES};

/// The functions of CEL's standard library and of its strings extension, and three of our own.
const FUNCTIONS: &[&str] = &[
    "bool",
    "bytes",
    "charAt",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "indexOf",
    "int",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "none",
    "of",
    "ofNonZeroValue",
    "or",
    "orValue",
    "past",
    "quantity",
    "replace",
    "reverse",
    "size",
    "split",
    "startsWith",
    "string",
    "substring",
    "sum",
    "timestamp",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "value",
];
/// Names that stand for types and for the namespace of optional values.
const TYPES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "google",
    "int",
    "list",
    "map",
    "null_type",
    "optional",
    "optional_type",
    "string",
    "type",
    "uint",
];

/// Whether all names are known; `bound` are those that the loops around bind.
pub(super) fn known_alone(
    node: &IdedExpr,
    bound: &mut Vec<String>,
    depth: usize,
) -> Result<(), String> {
    let Some(depth) = depth.checked_sub(1) else { return Err(TOO_DEEP.to_owned()) };
    match &node.expr {
        Expr::Ident(name) => {
            let name = name.trim_start_matches('.');
            let known = VARIABLES.contains(&name)
                || TYPES.contains(&name)
                || bound.iter().any(|bound| bound == name);
            if known {
                return Ok(());
            }
            Err(format!("`{name}` is not known; an expression is about `object` and `now`"))
        }
        Expr::Call(call) => {
            let CallExpr { func_name, target, args } = call;
            let written = func_name.starts_with(|c: char| c.is_ascii_alphabetic());
            if written && !FUNCTIONS.contains(&func_name.as_str()) {
                return Err(format!(
                    "there is no function `{func_name}`; known are {}",
                    FUNCTIONS.join(", ")
                ));
            }
            if func_name == "past" && (target.is_some() || args.len() != 1) {
                return Err("`past` takes one argument: `past(object.status.…)`".to_owned());
            }
            let target = target.iter().map(|target| &**target);
            target.chain(args).try_for_each(|below| known_alone(below, bound, depth))
        }
        Expr::Comprehension(comprehension) => {
            let ComprehensionExpr { iter_range, iter_var, iter_var2, accu_var, .. } =
                &**comprehension;
            known_alone(iter_range, bound, depth)?;
            let before = bound.len();
            bound.extend([iter_var.clone(), accu_var.clone()]);
            bound.extend(iter_var2.clone());
            let ComprehensionExpr { accu_init, loop_cond, loop_step, result, .. } =
                &**comprehension;
            let inner = [accu_init, loop_cond, loop_step, result];
            let known = inner.into_iter().try_for_each(|below| known_alone(below, bound, depth));
            bound.truncate(before);
            known
        }
        Expr::Select(SelectExpr { operand, .. }) => known_alone(operand, bound, depth),
        Expr::List(ListExpr { elements, .. }) => {
            elements.iter().try_for_each(|below| known_alone(below, bound, depth))
        }
        Expr::Map(MapExpr { entries }) => known_entries(entries, bound, depth),
        Expr::Struct(StructExpr { type_name, .. }) => {
            Err(format!("there is no type `{type_name}` to make"))
        }
        Expr::Unspecified => Err("a part of the expression is missing".to_owned()),
        Expr::Literal(_) => Ok(()),
    }
}

fn known_entries(
    entries: &[IdedEntryExpr],
    bound: &mut Vec<String>,
    depth: usize,
) -> Result<(), String> {
    for entry in entries {
        match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                known_alone(&entry.key, bound, depth)?;
                known_alone(&entry.value, bound, depth)?;
            }
            EntryExpr::StructField(field) => known_alone(&field.value, bound, depth)?,
        }
    }
    Ok(())
}
