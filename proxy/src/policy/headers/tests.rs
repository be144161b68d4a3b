//! Edits, as a table.
