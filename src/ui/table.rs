//! Columns of text, as wide as their widest cell.

use std::fmt::Write as _;

use console::measure_text_width;

/// Rows of cells. The last column is never padded.
#[derive(Debug, Default)]
pub struct Table {
    /// The rows.
    rows: Vec<Vec<String>>,
}

/// Spaces between columns.
const GAP: usize = 4;

impl Table {
    /// Adds a row.
    pub fn row<I>(&mut self, cells: I)
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, each line indented by so many spaces, without a line break at the end.
    #[must_use]
    pub fn render(&self, indent: usize) -> String {
        let widths = self.widths();
        let lines: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let mut line = " ".repeat(indent);
                for (cell, width) in row.iter().zip(&widths) {
                    let padding = width.saturating_sub(measure_text_width(cell)) + GAP;
                    // Writing to a `String` cannot fail.
                    let _ = write!(line, "{cell}{:padding$}", "");
                }
                line.trim_end().to_owned()
            })
            .collect();
        lines.join("\n")
    }

    /// The width of each column, in columns of the terminal.
    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| measure_text_width(cell)).max().unwrap_or_default()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::default();
        table.row(["web", "1", "COMPLETE"]);
        table.row(["image-inferrer", "4246187"]);
        assert_eq!(
            table.render(2),
            "  web               1          COMPLETE\n  image-inferrer    4246187"
        );
    }
}
