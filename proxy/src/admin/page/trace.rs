//! One line of a plot.

use std::fmt::{Display, Formatter, Result};

use crate::observe::Point;

/// Seconds that a plot shows; a unit of its width each.
pub(super) const WIDTH: usize = 300;
/// In units of the drawing, which is stretched to the width and height it gets.
pub(super) const HEIGHT: f64 = 100.0;

/// The `d` of a path: where there are no values it breaks, where they stay the same it has no points.
pub(super) struct Trace<'a> {
    pub(super) points: &'a [Point],
    pub(super) of: &'a dyn Fn(&Point) -> Option<f64>,
    /// The value at the upper edge.
    pub(super) top: f64,
}

impl Display for Trace<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let height = |point: &Point| {
            let share = (self.of)(point)? / self.top;
            Some(((1.0 - share) * HEIGHT * 10.0).round() / 10.0)
        };
        let start = WIDTH - self.points.len();
        let mut before: Option<f64> = None;
        let mut flat = false;
        for (x, point) in (start..).zip(self.points) {
            let now = height(point);
            match (before, now) {
                (Some(y), Some(now)) if (y - now).abs() < 0.05 => flat = true,
                (Some(_), Some(now)) => {
                    // The end of what was flat.
                    if flat {
                        write!(f, "H{}", x - 1)?;
                    }
                    write!(f, "L{x} {now}")?;
                    flat = false;
                }
                (None, Some(now)) => {
                    // A second alone is a short stroke.
                    write!(f, "M{x} {now}h.5")?;
                    flat = false;
                }
                (Some(_), None) => {
                    if flat {
                        write!(f, "H{}", x - 1)?;
                    }
                    flat = false;
                }
                (None, None) => {}
            }
            before = now;
        }
        if flat {
            write!(f, "H{}", WIDTH - 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traced(values: &[Option<u32>], top: f64) -> String {
        let points: Vec<_> = values
            .iter()
            .map(|value| Point {
                requests: value.unwrap_or(u32::MAX),
                ..Point::default()
            })
            .collect();
        let of = |point: &Point| (point.requests != u32::MAX).then(|| f64::from(point.requests));
        let (points, of) = (&points[..], &of as &dyn Fn(&Point) -> Option<f64>);
        Trace { points, of, top }.to_string()
    }

    #[test]
    fn a_line_ends_now_and_has_points_where_it_bends() {
        for (values, expected) in [
            (&[][..], ""),
            (&[Some(5)], "M299 50h.5"),
            (
                &[Some(0), Some(0), Some(0), Some(10)],
                "M296 100h.5H298L299 0",
            ),
            (
                &[Some(0), None, Some(10), Some(10)],
                "M296 100h.5M298 0h.5H299",
            ),
            (&[Some(1), Some(2), None, None], "M296 90h.5L297 80"),
        ] {
            assert_eq!(traced(values, 10.0), expected, "{values:?}");
        }
    }
}
