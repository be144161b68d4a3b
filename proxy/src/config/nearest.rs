//! "Did you mean …?": the known word that is nearest to one that was written.

/// Words longer than this are nobody's typing mistake.
const LONGEST: usize = 64;

/// Candidates looked at, at most; a file may hold tens of thousands of upstreams.
const MOST: usize = 1000;

/// The nearest candidate, if it is near enough to have been meant: a third of its letters may differ,
/// but always one, and case does not count.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = letters(word)?;
    candidates
        .into_iter()
        .take(MOST)
        .filter_map(|candidate| {
            let known = letters(candidate)?;
            let allowed = (word.len().max(known.len()) / 3).max(1);
            let near = word.len().abs_diff(known.len()) <= allowed;
            let distance = near.then(|| distance(&word, &known))?;
            // Of two one-letter words nothing would be left.
            (distance <= allowed && distance < known.len()).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The ready hint, for the many places that want no more than that.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|known| format!("did you mean \"{known}\"?"))
}

fn letters(word: &str) -> Option<Vec<char>> {
    (word.len() <= LONGEST).then(|| word.to_lowercase().chars().collect())
}

/// Letters to insert, delete, replace or swap with their neighbour to make `b` from `a`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(last.len());
        row.push(i + 1);
        let mut left = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, j) + usize::from(x != y))
                .min(at(&last, j + 1) + 1)
                .min(left + 1);
            let swapped = j > 0 && b.get(j - 1) == Some(&x) && previous == Some(y);
            if swapped {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
            left = best;
        }
        before_last = std::mem::replace(&mut last, row);
        previous = Some(x);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let table = [
            ("", "", 0),
            ("", "abc", 3),
            ("api", "api", 0),
            ("ap", "api", 1),
            ("apii", "api", 1),
            ("spi", "api", 1),
            ("pai", "api", 1),
            ("upstraem", "upstream", 1),
            ("kitten", "sitting", 3),
            ("zürich", "zurich", 1),
        ];
        for (a, b, expected) in table {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            assert_eq!(distance(&a, &b), expected, "{a:?} {b:?}");
            assert_eq!(distance(&b, &a), expected, "{b:?} {a:?}");
        }
    }

    #[test]
    fn only_what_may_have_been_meant_is_proposed() {
        let known = ["bind", "limits", "protocols", "redirect", "tls"];
        assert_eq!(nearest("protocol", known), Some("protocols"));
        assert_eq!(nearest("BIND", known), Some("bind"));
        assert_eq!(nearest("tsl", known), Some("tls"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest(&"x".repeat(1000), known), None);
    }
}
