//! The page while it is written, and where in it the parts stand that change while somebody looks.

use std::{
    fmt::{self, Display, Write},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};

use super::super::html::Escaped;

/// Writes text and remembers its parts.
pub(super) struct Sheet {
    text: String,
    parts: Vec<Part>,
}

/// A page as it is at one moment.
#[derive(Debug)]
pub(crate) struct Drawing {
    pub(crate) text: String,
    /// What stands where: pages with the same one differ by the content of their parts alone.
    pub(super) layout: u64,
    /// In the order of the page.
    pub(super) parts: Vec<Part>,
}

/// One element of the page, which its id finds.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) id: String,
    range: Range<usize>,
    /// Of its text.
    pub(super) hash: u64,
}

impl Sheet {
    pub(super) fn new(size: usize) -> Self {
        Self {
            text: String::with_capacity(size),
            parts: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, html: &str) {
        self.text.push_str(html);
    }

    /// An element that changes: `<tag id=… attributes>`, what `write` writes, `</tag>`.
    pub(super) fn part(
        &mut self,
        id: impl Display,
        (tag, attributes): (&str, &str),
        write: impl FnOnce(&mut Self) -> fmt::Result,
    ) -> fmt::Result {
        let (id, start) = (id.to_string(), self.text.len());
        let space = if attributes.is_empty() { "" } else { " " };
        write!(self, "<{tag} id=\"{id}\"{space}{attributes}>")?;
        write(self)?;
        writeln!(self, "</{tag}>")?;
        let range = start..self.text.len();
        let mut hasher = DefaultHasher::new();
        self.text.get(range.clone()).hash(&mut hasher);
        self.parts.push(Part {
            id,
            range,
            hash: hasher.finish(),
        });
        Ok(())
    }

    /// A cell of a table. HTML lets it end where the next begins, which makes a great page much smaller.
    pub(super) fn cell(&mut self, value: impl Display) -> fmt::Result {
        write!(self, "<td>{value}")
    }

    /// Cells for what there is none of.
    pub(super) fn blank(&mut self, columns: u8) -> fmt::Result {
        match columns {
            1 => self.write_str("<td>"),
            _ => write!(self, "<td colspan=\"{columns}\">"),
        }
    }

    /// A cell with more to say, which mouse and keyboard find.
    pub(super) fn told(&mut self, value: impl Display, more: &str) -> fmt::Result {
        if more.is_empty() {
            return self.cell(value);
        }
        let more = Escaped(more.trim_end());
        write!(
            self,
            "<td><abbr tabindex=\"0\" title=\"{more}\">{value}</abbr>"
        )
    }

    pub(super) fn finish(self, layout: u64) -> Drawing {
        Drawing {
            text: self.text,
            layout,
            parts: self.parts,
        }
    }
}

impl Write for Sheet {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}

impl Drawing {
    pub(super) fn html(&self, part: &Part) -> &str {
        self.text.get(part.range.clone()).unwrap_or_default()
    }
}
