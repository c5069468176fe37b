//! Queries of the configuration: rows, and limits on their columns.

use super::parameters::{Column, Null, Query};
use super::{
    NO_ROWS, NOT_A_NUMBER, Postgres, QUERY_ROWS, QUERY_VALUE, ROLE_TOO_POWERFUL, TOO_FEW_ROWS,
    TOO_MANY_ROWS, VALUE_NULL, VALUE_TOO_HIGH, VALUE_TOO_LOW, real,
};
use crate::model::counted::counted;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::measure::LONGEST_LABEL;
use crate::systems::postgres::{Facts, QUERY_INVALID, Question, Rows};

/// The most rows of one query.
pub(super) const MOST_ROWS: usize = 1_000;
/// The most characters of a value in a sentence.
const LONGEST_VALUE: usize = 60;
/// The words that a statement which reads may begin with.
const FIRST_WORDS: [&str; 4] = ["select", "with", "values", "table"];

impl Query {
    /// The question: one row more than it may have tells that there are too many.
    pub(super) fn question(&self) -> Question {
        Question::Foreign { sql: self.sql.clone(), most_rows: self.rows_at_most.0 + 1 }
    }

    /// What is wrong with it by itself.
    pub(super) fn flaws(&self) -> Vec<String> {
        let name = legible(&self.name, LONGEST_VALUE);
        let mut flaws = Vec::new();
        if self.name.is_empty() || self.name.len() > LONGEST_LABEL {
            flaws.push(format!("a query's name has between one and {LONGEST_LABEL} bytes"));
        }
        let word: String =
            without_comments(&self.sql).chars().take_while(char::is_ascii_alphabetic).collect();
        if !word.is_empty() && !FIRST_WORDS.contains(&word.to_ascii_lowercase().as_str()) {
            flaws.push(format!(
                "query `{name}` begins with `{word}`: one `SELECT`, `WITH`, `VALUES` or `TABLE` \
                 is wanted"
            ));
        }
        if self.rows_at_most.0 > MOST_ROWS {
            flaws.push(format!("query `{name}`: `rows_at_most` is at most {MOST_ROWS}"));
        }
        if self.rows_at_least.0 > self.rows_at_most.0 {
            flaws.push(format!("query `{name}`: `rows_at_least` is above `rows_at_most`"));
        }
        for (column, wanted) in &self.columns {
            if column.len() > LONGEST_LABEL {
                flaws.push(format!("query `{name}`: a column's name has more than 128 bytes"));
            }
            flaws.extend(wanted.at_most.ceiling_flaw(&format!("{name}.{column}.at_most")));
            flaws.extend(wanted.at_least.floor_flaw(&format!("{name}.{column}.at_least")));
        }
        flaws
    }
}

/// A statement from its first word or parenthesis on.
fn without_comments(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        let after = if rest.starts_with("--") {
            rest.split_once('\n').map(|(_, after)| after)
        } else if rest.starts_with("/*") {
            rest.split_once("*/").map(|(_, after)| after)
        } else {
            return rest;
        };
        let Some(after) = after else { return "" };
        rest = after;
    }
}

/// Judges the rows of a query.
pub(super) fn judge(
    check: &Postgres,
    query: &Query,
    facts: Facts,
    seen: &Result<Rows, Obstacle>,
    judgement: &mut Judgement,
) {
    let subject = format!("query `{}`", legible(&query.name, LONGEST_VALUE));
    if facts.superuser && !query.superuser_allowed {
        let because = "runs as a superuser, whose functions may do anything, whatever the \
                       transaction forbids: give Vigie a role with `pg_monitor` alone";
        judgement.add(subject.clone(), Finding::warn(ROLE_TOO_POWERFUL, because));
    }
    let rows = match seen {
        Ok(rows) => rows,
        Err(obstacle) => return judgement.add(subject, obstacle.clone()),
    };
    let count = rows.cells.len();
    judgement.measure(
        QUERY_ROWS.is(real(count as u64), [check.connection.0.as_str(), query.name.as_str()]),
    );
    let mut answers = Vec::new();
    if let Some(answer) = row_count(query, count) {
        answers.push(answer);
    }
    for (name, wanted) in &query.columns {
        answers.extend(column(check, query, rows, name, wanted, judgement));
    }
    if answers.is_empty() {
        let because = match count {
            0 => "returns no row, as it may".to_owned(),
            1 => "returns 1 row, within all limits".to_owned(),
            count => format!("returns {count} rows, all within all limits"),
        };
        answers.push(Finding::pass(because).into());
    }
    for answer in answers {
        judgement.add(subject.clone(), answer);
    }
}

fn row_count(query: &Query, count: usize) -> Option<Answer> {
    let (least, most) = (query.rows_at_least.0, query.rows_at_most.0);
    if count > most {
        let because = format!("returns more than {}, {most} allowed", counted(most, "row"));
        Some(Finding::fail(TOO_MANY_ROWS, because).into())
    } else if count >= least {
        None
    } else if count == 0 {
        Some(Finding::fail(NO_ROWS, format!("returns no row, {least} wanted")).into())
    } else {
        let because = format!("returns {}, {least} wanted", counted(count, "row"));
        Some(Finding::fail(TOO_FEW_ROWS, because).into())
    }
}

/// What is wrong in one column, by row.
fn column(
    check: &Postgres,
    query: &Query,
    rows: &Rows,
    name: &str,
    wanted: &Column,
    judgement: &mut Judgement,
) -> Vec<Answer> {
    let place = |name: &str| rows.columns.iter().position(|column| &**column == name);
    let Some(at) = place(name) else {
        let because = format!("returns no column `{}`", legible(name, LONGEST_VALUE));
        return vec![Obstacle::new(QUERY_INVALID, because).into()];
    };
    let named_by = query.named_by.as_deref().and_then(place);
    let mut answers = Vec::new();
    let mut values: Vec<f64> = Vec::new();
    for (number, row) in rows.cells.iter().take(query.rows_at_most.0).enumerate() {
        let cell = |at: usize| row.get(at).and_then(Option::as_deref);
        let of_row = match named_by.and_then(cell) {
            Some(named) => format!("`{name}` of `{}`", legible(named, LONGEST_VALUE)),
            None if rows.cells.len() == 1 => format!("`{name}`"),
            None => format!("`{name}` of row {}", number + 1),
        };
        match cell(at).map(|text| (text, number_in(text))) {
            None => answers.extend(of_null(wanted, &of_row)),
            Some((_, Some(value))) => {
                values.push(value);
                answers.extend(limits(wanted, value, &of_row));
            }
            Some((_, None)) => {
                let because = format!("{of_row} is neither a number nor a truth");
                answers.push(Obstacle::new(NOT_A_NUMBER, because).into());
            }
        }
    }
    let labels = |statistic| [check.connection.0.as_str(), query.name.as_str(), name, statistic];
    if let Some(least) = values.iter().copied().min_by(f64::total_cmp) {
        judgement.measure(QUERY_VALUE.is(least, labels("min")));
    }
    if let Some(most) = values.iter().copied().max_by(f64::total_cmp) {
        judgement.measure(QUERY_VALUE.is(most, labels("max")));
    }
    answers
}

fn number_in(text: &str) -> Option<f64> {
    match text {
        "t" => Some(1.0),
        "f" => Some(0.0),
        text => text.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

fn of_null(wanted: &Column, of_row: &str) -> Option<Answer> {
    let because = format!("{of_row} is NULL");
    match wanted.null {
        Null::Fail => Some(Finding::fail(VALUE_NULL, because).into()),
        Null::Warn => Some(Finding::warn(VALUE_NULL, because).into()),
        Null::Allowed => None,
    }
}

fn limits(wanted: &Column, value: f64, of_row: &str) -> Vec<Answer> {
    let high = wanted.at_most.grade_above(value, VALUE_TOO_HIGH);
    let low = wanted.at_least.grade_below(value, VALUE_TOO_LOW);
    [(high, wanted.at_most.step(high), "allowed"), (low, wanted.at_least.step(low), "wanted")]
        .into_iter()
        .filter(|(grade, ..)| *grade != Grade::Pass)
        .map(|(grade, step, word)| {
            let step = step.map(|step| format!(", {step} {word}")).unwrap_or_default();
            super::graded(grade, format!("{of_row} is {value}{step}")).into()
        })
        .collect()
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
