//! What `/metrics` shows (the text format of Prometheus), as far as tests read it.

use std::collections::{BTreeMap, BTreeSet};

/// The series of one scrape, by their names with labels, as they stand there.
#[derive(Debug)]
pub struct Metrics {
    series: BTreeMap<String, f64>,
}

impl Metrics {
    /// Reads lines `name{labels} value`; comments are passed over.
    ///
    /// # Panics
    /// If a line is none of these.
    pub fn parse(text: &str) -> Metrics {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} has no value"));
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line:?} has no number")))
        });
        Metrics { series: series.collect() }
    }

    /// The value of a series.
    pub fn number(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }

    /// The names of all series, without labels.
    pub fn names(&self) -> BTreeSet<&str> {
        self.series.keys().map(|series| series.split('{').next().unwrap_or(series)).collect()
    }
}
