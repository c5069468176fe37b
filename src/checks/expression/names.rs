//! Which names and functions an expression may use: what is not known is told when it is read.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, ListExpr, MapExpr,
    SelectExpr, StructExpr,
};

use super::{NOW, TOO_DEEP};

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

/// The names that an expression meets on its way.
pub(super) struct Names {
    variables: &'static [&'static str],
    /// Those of the variables that were met.
    met: Vec<&'static str>,
    /// Those that the loops around bind.
    bound: Vec<String>,
}

impl Names {
    /// None yet, of these that may be.
    pub(super) fn of(variables: &'static [&'static str]) -> Self {
        Self { variables, met: Vec::new(), bound: Vec::new() }
    }

    /// The variables that were met.
    pub(super) fn met(self) -> Vec<&'static str> {
        self.met
    }

    fn know(&mut self, name: &str) -> Result<(), String> {
        if self.bound.iter().any(|bound| bound == name) || name == NOW {
            return Ok(());
        }
        if let Some(variable) = self.variables.iter().find(|variable| **variable == name) {
            if !self.met.contains(variable) {
                self.met.push(variable);
            }
            return Ok(());
        }
        if TYPES.contains(&name) {
            return Ok(());
        }
        let known: Vec<_> = self.variables.iter().map(|variable| format!("`{variable}`")).collect();
        let known = known.join(", ");
        Err(format!("`{name}` is not known; an expression is about {known} and `{NOW}`"))
    }

    /// Whether all names are known.
    pub(super) fn known_alone(&mut self, node: &IdedExpr, depth: usize) -> Result<(), String> {
        let Some(depth) = depth.checked_sub(1) else { return Err(TOO_DEEP.to_owned()) };
        match &node.expr {
            Expr::Ident(name) => self.know(name.trim_start_matches('.')),
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
                target.chain(args).try_for_each(|below| self.known_alone(below, depth))
            }
            Expr::Comprehension(comprehension) => {
                let ComprehensionExpr { iter_range, iter_var, iter_var2, accu_var, .. } =
                    &**comprehension;
                self.known_alone(iter_range, depth)?;
                let before = self.bound.len();
                self.bound.extend([iter_var.clone(), accu_var.clone()]);
                self.bound.extend(iter_var2.clone());
                let ComprehensionExpr { accu_init, loop_cond, loop_step, result, .. } =
                    &**comprehension;
                let inner = [accu_init, loop_cond, loop_step, result];
                let known = inner.into_iter().try_for_each(|below| self.known_alone(below, depth));
                self.bound.truncate(before);
                known
            }
            Expr::Select(SelectExpr { operand, .. }) => self.known_alone(operand, depth),
            Expr::List(ListExpr { elements, .. }) => {
                elements.iter().try_for_each(|below| self.known_alone(below, depth))
            }
            Expr::Map(MapExpr { entries }) => self.known_entries(entries, depth),
            Expr::Struct(StructExpr { type_name, .. }) => {
                Err(format!("there is no type `{type_name}` to make"))
            }
            Expr::Unspecified => Err("a part of the expression is missing".to_owned()),
            Expr::Literal(_) => Ok(()),
        }
    }

    fn known_entries(&mut self, entries: &[IdedEntryExpr], depth: usize) -> Result<(), String> {
        for entry in entries {
            match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.known_alone(&entry.key, depth)?;
                    self.known_alone(&entry.value, depth)?;
                }
                EntryExpr::StructField(field) => self.known_alone(&field.value, depth)?,
            }
        }
        Ok(())
    }
}
