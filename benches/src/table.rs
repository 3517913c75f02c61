//! Figures and the tables that show them: Markdown that can be pasted.

use std::{fmt, time::Duration};

/// The figures of one side in all rounds.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub Vec<f64>);

impl Figures {
    /// The middle one.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[count / 2],
            count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
        }
    }

    /// The least one.
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The greatest one.
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// This side over another, round by round: what slowed a whole round cancels out.
    pub fn over(&self, other: &Figures) -> Figures {
        Figures(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect())
    }
}

/// A table with a caption that says what is in it.
#[derive(Debug)]
pub struct Table {
    caption: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows yet.
    pub fn new(caption: &str, columns: &[&str]) -> Table {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Table { caption: caption.to_owned(), rows: vec![columns] }
    }

    /// One more row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.caption)?;
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0))
            .collect();
        for (place, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let (text, width) = (cell(row, column), *width);
                // The first column names the row, the others are figures.
                if column == 0 { write!(f, "| {text:<width$} ")? } else { write!(f, "| {text:>width$} ")? }
            }
            writeln!(f, "|")?;
            if place == 0 {
                let line = |(column, width): (usize, &usize)| {
                    if column == 0 { "-".repeat(width + 2) } else { format!("{}:", "-".repeat(width + 1)) }
                };
                let lines: Vec<String> = widths.iter().enumerate().map(line).collect();
                writeln!(f, "|{}|", lines.join("|"))?;
            }
        }
        Ok(())
    }
}

/// Three digits, and a thousand or a million as such.
pub fn count(value: f64) -> String {
    match value.abs() {
        most if most >= 1e9 => format!("{} G", digits(value / 1e9)),
        most if most >= 1e6 => format!("{} M", digits(value / 1e6)),
        most if most >= 1e4 => format!("{} k", digits(value / 1e3)),
        _ => digits(value),
    }
}

/// A ratio.
pub fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

/// The middle of all rounds, and the best.
pub fn median_and_most(figures: &Figures) -> String {
    format!("{} ({})", count(figures.median()), count(figures.most()))
}

/// Milliseconds.
pub fn millis(duration: Duration) -> String {
    format!("{} ms", digits(duration.as_secs_f64() * 1e3))
}

/// Megabytes.
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", digits(bytes as f64 / 1e6))
}

fn digits(value: f64) -> String {
    match value.abs() {
        most if most >= 100.0 => format!("{value:.0}"),
        most if most >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_ratios_go_by_round() {
        let figures = Figures(vec![3.0, 1.0, 2.0]);
        assert_eq!((figures.median(), figures.least(), figures.most()), (2.0, 1.0, 3.0));
        assert_eq!(Figures(vec![1.0, 2.0]).median(), 1.5);
        assert_eq!(Figures(vec![4.0, 9.0]).over(&Figures(vec![2.0, 3.0])).0, [2.0, 3.0]);
    }

    #[test]
    fn figures_have_three_digits() {
        let shown: Vec<_> = [0.5, 12.34, 999.4, 8_000.0, 45_600.0, 8_912_000.0, 4.31e9].map(count).into();
        assert_eq!(shown, ["0.50", "12.3", "999", "8000", "45.6 k", "8.91 M", "4.31 G"]);
        assert_eq!(millis(Duration::from_micros(1234)), "1.23 ms");
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("what", &["load", "rate"]);
        table.row(vec!["single".into(), "7".into()]);
        assert_eq!(
            table.to_string(),
            "### what\n\n| load   | rate |\n|--------|-----:|\n| single |    7 |\n"
        );
    }
}
