//! Smooth weighted round robin, as nginx does it: 5 to 1 gives `a a a b a a`, never `a a a a a b`.
//!
//! Each turn every candidate gains its weight, the richest is chosen and pays what all gained
//! together. A server that drops out keeps its account and goes on from there when it is back.

use parking_lot::Mutex;

use super::set::ServerSet;

/// Whose turn it is among the servers of one upstream.
#[derive(Debug)]
pub struct RoundRobin {
    /// By server index. Locked for one pass over the candidates, never across anything that waits.
    accounts: Mutex<Box<[Account]>>,
}

/// Balances stay within the sum of all weights, 65,536 at most, so an `i64` never overflows.
#[derive(Clone, Copy, Debug)]
struct Account {
    weight: i64,
    balance: i64,
}

impl RoundRobin {
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let open = |weight| Account {
            weight: i64::from(weight),
            balance: 0,
        };
        Self {
            accounts: Mutex::new(weights.into_iter().map(open).collect()),
        }
    }

    /// The next server among these, or `None` if there are none.
    pub fn choose(&self, among: &ServerSet) -> Option<usize> {
        let mut accounts = self.accounts.lock();
        let mut richest: Option<(usize, i64)> = None;
        let mut gained = 0;
        for index in among.iter() {
            let Some(account) = accounts.get_mut(index) else {
                break;
            };
            account.balance += account.weight;
            gained += account.weight;
            if richest.is_none_or(|(_, balance)| account.balance > balance) {
                richest = Some((index, account.balance));
            }
        }
        let (index, _) = richest?;
        accounts.get_mut(index)?.balance -= gained;
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(robin: &RoundRobin, among: &[usize], count: usize) -> String {
        let among = among.iter().copied().collect();
        (0..count)
            .filter_map(|_| robin.choose(&among))
            .filter_map(|index| "abcdefgh".chars().nth(index))
            .collect()
    }

    #[test]
    fn five_to_one_spreads() {
        let table = [
            (vec![5, 1], "aaabaa"),
            (vec![5, 1, 1], "aabacaa"),
            (vec![1, 1, 1], "abc"),
            (vec![2, 1], "aba"),
            (vec![3, 2], "ababa"),
            (vec![1, 3], "babb"),
            (vec![7], "a"),
        ];
        for (weights, round) in table {
            let all: Vec<_> = (0..weights.len()).collect();
            let robin = RoundRobin::new(weights.iter().copied());
            let expected = round.repeat(2);
            assert_eq!(turns(&robin, &all, expected.len()), expected, "{weights:?}");
        }
    }

    #[test]
    fn the_rest_share_by_weight_while_a_server_is_out() {
        let robin = RoundRobin::new([4, 2, 1]);
        turns(&robin, &[0, 1, 2], 3);
        let without_a = turns(&robin, &[1, 2], 300);
        let count = |name| without_a.matches(name).count();
        assert!(count('b').abs_diff(200) <= 4, "{}", count('b'));
        assert!(count('c').abs_diff(100) <= 4, "{}", count('c'));
    }

    #[test]
    fn a_server_that_returns_is_not_given_a_burst() {
        let robin = RoundRobin::new([1, 1, 1, 1]);
        turns(&robin, &[0, 1, 2, 3], 2);
        turns(&robin, &[0, 1, 2], 1000);
        let back = turns(&robin, &[0, 1, 2, 3], 8);
        assert!(!back.contains("dd"), "{back}");
        assert!((2..=3).contains(&back.matches('d').count()), "{back}");
    }

    #[test]
    fn nobody_to_choose_is_none() {
        let robin = RoundRobin::new([1, 1]);
        assert_eq!(robin.choose(&ServerSet::EMPTY), None);
        assert_eq!(robin.choose(&[7].into_iter().collect()), None);
    }
}
