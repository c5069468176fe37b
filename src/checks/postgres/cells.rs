//! Cells of an answer, read one after the other. Whatever is not there is told, never made up.

use jiff::{SignedDuration, Timestamp};

use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::postgres::Rows;

/// The cells of one row.
pub(super) struct Cells<'a>(std::slice::Iter<'a, Option<Box<str>>>);

/// All rows of an answer.
pub(super) fn rows(rows: &Rows) -> impl Iterator<Item = Cells<'_>> {
    rows.cells.iter().map(|row| Cells(row.iter()))
}

/// The only row of an answer.
pub(super) fn only(answer: &Rows) -> Result<Cells<'_>, Obstacle> {
    match answer.cells.as_slice() {
        [row] => Ok(Cells(row.iter())),
        others => Err(garbled(&format!("{} rows came where one was asked for", others.len()))),
    }
}

impl<'a> Cells<'a> {
    /// The next cell; NULL is `None`.
    pub(super) fn maybe(&mut self) -> Result<Option<&'a str>, Obstacle> {
        match self.0.next() {
            Some(cell) => Ok(cell.as_deref()),
            None => Err(garbled("a row has fewer columns than were asked for")),
        }
    }

    /// The next cell, which can't be NULL.
    pub(super) fn text(&mut self) -> Result<&'a str, Obstacle> {
        self.maybe()?.ok_or_else(|| garbled("a column is NULL that never is"))
    }

    /// The next cell as a number; NULL is `None`.
    pub(super) fn number(&mut self) -> Result<Option<f64>, Obstacle> {
        self.maybe()?.map(number).transpose()
    }

    /// The next cell as a number, which can't be NULL.
    pub(super) fn figure(&mut self) -> Result<f64, Obstacle> {
        number(self.text()?)
    }

    /// The next cell as a truth.
    pub(super) fn flag(&mut self) -> Result<bool, Obstacle> {
        match self.text()? {
            "t" | "on" => Ok(true),
            "f" | "off" => Ok(false),
            _ => Err(garbled("a truth is neither true nor false")),
        }
    }

    /// The next cell as a time, given in seconds; NULL is `None`.
    pub(super) fn time(&mut self) -> Result<Option<Timestamp>, Obstacle> {
        self.number()?.map(time).transpose()
    }
}

fn number(text: &str) -> Result<f64, Obstacle> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| garbled("a number is none"))
}

fn time(seconds: f64) -> Result<Timestamp, Obstacle> {
    let since = SignedDuration::try_from_secs_f64(seconds).ok();
    let time = since.and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok());
    time.ok_or_else(|| garbled("a time is beyond all years"))
}

fn garbled(what: &str) -> Obstacle {
    Obstacle::new(Reason::GARBLED, format!("the database answers in another form: {what}"))
}

/// A text as SQL writes it, whatever the server makes of backslashes.
pub(super) fn literal(text: &str) -> String {
    let inner = text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''");
    format!("E'{inner}'")
}

/// A name as SQL writes it.
pub(super) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('\0', "").replace('"', "\"\""))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer of these cells; `-` is NULL.
    pub(in super::super) fn answer(cells: &[&[&str]]) -> Rows {
        let cell = |text: &&str| (*text != "-").then(|| Box::from(*text));
        let cells = cells.iter().map(|row| row.iter().map(cell).collect()).collect();
        Rows { columns: Vec::new(), cells }
    }

    #[test]
    fn words_of_the_configuration_stay_words() {
        assert_eq!(literal(r"o'\'; DROP"), r"E'o''\\''; DROP'");
        assert_eq!(name(r#"default$default"; x"#), r#""default$default""; x""#);
    }

    proptest! {
        #[test]
        fn no_cell_breaks_the_reading(texts in prop::collection::vec("\\PC*", 0..4)) {
            let texts: Vec<_> = texts.iter().map(String::as_str).collect();
            let answer = answer(&[&texts]);
            for read in [
                |cells: &mut Cells<'_>| cells.number().map(drop),
                |cells: &mut Cells<'_>| cells.flag().map(drop),
                |cells: &mut Cells<'_>| cells.time().map(drop),
                |cells: &mut Cells<'_>| cells.text().map(drop),
            ] {
                let mut cells = only(&answer).unwrap();
                while read(&mut cells).is_ok() && cells.0.len() > 0 {}
            }
        }
    }
}
