//! The table as CSV, to the letter of `HAProxy`: a head that begins with `# `, a comma after every column, and a column
//! named `-` where those end that every version has.

use std::fmt::Write;

use super::{
    Proxy,
    column::Column,
    row::{Row, Value},
};

/// The first line.
pub(super) fn head() -> String {
    let names = Column::ALL.iter().map(|column| column.name());
    let names: Vec<_> = names.collect();
    format!("# {},-,\n", names.join(","))
}

/// Appends the lines of one listener or upstream.
pub(super) fn write(proxy: &Proxy<'_>, text: &mut String) {
    for row in proxy.rows() {
        line(&row, text);
    }
}

fn line(row: &Row<'_>, text: &mut String) {
    for (_, value) in row.values() {
        match value {
            None => {}
            Some(Value::Number(number)) => {
                // Writing to memory cannot fail.
                let _ = write!(text, "{number}");
            }
            Some(Value::Text(value)) => field(value, text),
        }
        text.push(',');
    }
    text.push_str("-,\n");
}

/// In quotes where the text would else be read as more than one column or line.
fn field(value: &str, text: &mut String) {
    if !value.contains([',', '"', '\r', '\n']) {
        text.push_str(value);
        return;
    }
    text.push('"');
    text.push_str(&value.replace('"', "\"\""));
    text.push('"');
}
