//! Tables for people: columns as wide as their widest cell, numbers to the right.

use std::fmt;

/// Rows under a head.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(ToString::to_string).collect()] }
    }

    /// Adds a row with as many cells as the head has.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column_count = self.rows.first().map_or(0, Vec::len);
        let columns = (0..column_count).map(|place| {
            let cells = || self.rows.iter().filter_map(move |row| row.get(place));
            let width = cells().map(|cell| cell.chars().count()).max().unwrap_or(0);
            let is_number = |cell: &String| cell == "-" || cell.parse::<f64>().is_ok();
            (width, cells().skip(1).all(is_number))
        });
        let columns: Vec<_> = columns.collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, &(width, is_number)) in row.iter().zip(&columns) {
                if is_number {
                    line.push_str(&format!("{cell:>width$}  "));
                } else {
                    line.push_str(&format!("{cell:<width$}  "));
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A cell for what may not be there.
pub(crate) fn or_dash(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_with_their_text() {
        let mut table = Table::new(&["TOPIC", "PARTITIONS", "LAG", "RACK"]);
        table.row(["orders", "3", "-", "a"].map(str::to_owned).to_vec());
        table.row(["a", "12", "1000", ""].map(str::to_owned).to_vec());
        let expected = "TOPIC   PARTITIONS   LAG  RACK\n\
                        orders           3     -  a\n\
                        a               12  1000\n";
        assert_eq!(table.to_string(), expected);
    }
}
