//! The table in a text that people keep: between two markers, and nothing else of it is touched.

use crate::outcome::Outcome;

const BEGIN: &str = "<!-- scoreboard: begin -->\n";
const END: &str = "<!-- scoreboard: end -->";

/// The text with the table in the place of what stood between the markers.
pub(super) fn replace(text: &str, table: &str) -> Outcome<String> {
    let (before, rest) = text
        .split_once(BEGIN)
        .ok_or("no line with the marker of the beginning")?;
    let (_, after) = rest.split_once(END).ok_or("no marker of the end")?;
    Ok(format!("{before}{BEGIN}\n{}\n\n{END}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let text = format!("above\n{BEGIN}old\n{END}\nbelow\n");
        let replaced = replace(&text, "new\n").unwrap();
        assert_eq!(replaced, format!("above\n{BEGIN}\nnew\n\n{END}\nbelow\n"));
        assert_eq!(replace(&replaced, "new").unwrap(), replaced);
    }

    #[test]
    fn a_text_without_markers_stays_as_it_is() {
        assert!(replace("nothing", "new").is_err());
        assert!(replace(BEGIN, "new").is_err());
    }
}
