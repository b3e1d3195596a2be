//! Tables of Markdown.

use std::fmt::{Display, Write};

/// How a column is aligned.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    Text,
    Number,
}

/// Lines of cells under their headings.
#[derive(Debug, Default)]
pub struct Table {
    text: String,
}

impl Table {
    pub fn new(columns: &[(&str, Column)]) -> Self {
        let mut table = Self::default();
        table.row(columns.iter().map(|(heading, _)| heading));
        table.row(columns.iter().map(|(_, column)| match column {
            Column::Text => "---",
            Column::Number => "---:",
        }));
        table
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Display>) {
        for cell in cells {
            // Writing to a string cannot fail.
            write!(self.text, "| {cell} ").ok();
        }
        self.text.push_str("|\n");
    }

    pub fn into_text(self) -> String {
        self.text
    }
}

/// `12,345`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_groups_of_three() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(-1234567), "−1,234,567");
    }

    #[test]
    fn a_table_has_its_headings_and_rows() {
        let mut table = Table::new(&[("what", Column::Text), ("bytes", Column::Number)]);
        table.row(["all", "7"]);
        assert_eq!(
            table.into_text(),
            "| what | bytes |\n| --- | ---: |\n| all | 7 |\n"
        );
    }
}
