//! Figures as people read them.

/// Three digits that say something, and thousands apart.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => thousands(&format!("{value:.0}")),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len() - place;
        if place > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
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
    fn figures_have_three_digits_that_say_something() {
        for (value, text) in [
            (1_234_567.0, "1,234,567"),
            (1000.0, "1,000"),
            (-1234.0, "-1,234"),
            (123.4, "123"),
            (12.34, "12.3"),
            (1.234, "1.23"),
        ] {
            assert_eq!(short(value), text);
        }
    }
}
