//! Families as tables: each row has the same series, by the same labels.

use super::Room;
use crate::observe::{
    exposition::{Exposition, Family, Labels},
    shelf::OVERFLOW,
};

/// A family, and how its values are read off a row.
pub(super) struct Column<R: 'static> {
    pub(super) family: fn(&'static str, &'static str) -> Family,
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) values: Values<R>,
}

pub(super) enum Values<R: 'static> {
    One(fn(&R) -> u64),
    /// Milliseconds, shown in seconds; the longest, where a row stands for several.
    Millis(fn(&R) -> Option<u64>),
    /// One for each value of a label.
    Each(&'static str, &'static [&'static str], fn(&R) -> Several),
}

/// In the order of the label's values; what is too many for them is not shown.
pub(super) struct Several([u64; WIDEST]);

const WIDEST: usize = 7;

/// One thing, or several that are shown together.
pub(super) struct Row<'a, R> {
    pub(super) labels: Labels,
    pub(super) of: Vec<&'a R>,
}

impl<const COUNT: usize> From<[u64; COUNT]> for Several {
    fn from(values: [u64; COUNT]) -> Self {
        const { assert!(COUNT <= WIDEST) };
        let mut all = [0; WIDEST];
        for (place, value) in all.iter_mut().zip(values) {
            *place = value;
        }
        Self(all)
    }
}

/// A row for each while there is room, and one for the others; with how many those are.
pub(super) fn rows<'a, R>(
    label: &str,
    named: impl Iterator<Item = (&'a str, &'a R)>,
    room: Room,
) -> (Vec<Row<'a, R>>, usize) {
    let (mut rows, mut rest) = (Vec::new(), Vec::new());
    let row = |name, of| Row {
        labels: Labels::new(&[(label, name)]),
        of,
    };
    for (name, one) in named {
        if room.has(rows.len(), name) {
            rows.push(row(name, vec![one]));
        } else {
            rest.push(one);
        }
    }
    let beyond = rest.len();
    if beyond > 0 {
        rows.push(row(OVERFLOW, rest));
    }
    (rows, beyond)
}

pub(super) fn write<R>(columns: &[Column<R>], rows: &[Row<'_, R>], page: &mut Exposition) {
    for column in columns {
        let mut family = (column.family)(column.name, column.help);
        for Row { labels, of } in rows {
            match column.values {
                Values::One(value) => {
                    family.sample(labels, of.iter().map(|one| value(one)).sum::<u64>());
                }
                Values::Millis(value) => {
                    if let Some(millis) = of.iter().filter_map(|one| value(one)).max() {
                        family.sample(labels, seconds(millis));
                    }
                }
                Values::Each(label, names, values) => {
                    let mut sums = [0; WIDEST];
                    for one in of {
                        for (sum, more) in sums.iter_mut().zip(values(one).0) {
                            *sum += more;
                        }
                    }
                    for (name, sum) in names.iter().zip(sums) {
                        family.sample(&labels.and(label, name), sum);
                    }
                }
            }
        }
        page.add(family);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric's value is a float")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
