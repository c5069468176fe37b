//! A table of figures: what was measured, and the budget it has.

use procfs::{Current, LoadAverage};

/// The rows of one bench, printed together at its end.
pub(crate) struct Figures {
    title: String,
    rows: Vec<[String; 3]>,
}

impl Figures {
    /// An empty table.
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), rows: Vec::new() }
    }

    /// Adds a figure; an empty budget says that there is none.
    #[expect(clippy::needless_pass_by_value, reason = "made for the table")]
    pub(crate) fn row(&mut self, figure: &str, measured: impl ToString, budget: &str) {
        self.rows.push([figure.to_owned(), measured.to_string(), budget.to_owned()]);
    }

    /// Prints the table, and how busy the machine is: wall times mean little on a busy one.
    #[expect(clippy::print_stdout, reason = "figures are printed")]
    pub(crate) fn print(self) {
        let Self { title, mut rows } = self;
        rows.insert(0, ["figure", "measured", "budget"].map(str::to_owned));
        let [first, second] =
            [0, 1].map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
        let load = LoadAverage::current().map_or(f32::NAN, |load| load.one);
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        println!("\n{title}; load average {load} on {cores} cores");
        for [figure, measured, budget] in rows {
            println!("  {figure:<first$}  {measured:<second$}  {budget}");
        }
    }
}
