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
    accounts: Mutex<Accounts>,
}

#[derive(Debug)]
struct Accounts(Box<[Account]>);

/// Balances stay within the sum of all weights, 65,536 at most or a hundred times that with a slow start, so an `i64` never overflows.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    weight: i64,
    balance: i64,
}

impl RoundRobin {
    pub fn new(servers: usize) -> Self {
        Self {
            accounts: Mutex::new(Accounts(vec![Account::default(); servers].into())),
        }
    }

    /// The next server among these, or `None` if there are none. A weight may be another each time.
    pub fn choose(&self, among: &ServerSet, weight: impl Fn(usize) -> u32) -> Option<usize> {
        let mut accounts = self.accounts.lock();
        accounts.weigh(among, weight);
        let mut richest: Option<(usize, i64)> = None;
        let mut gained = 0;
        for index in among.iter() {
            let Some(account) = accounts.0.get_mut(index) else {
                break;
            };
            account.balance += account.weight;
            gained += account.weight;
            if richest.is_none_or(|(_, balance)| account.balance > balance) {
                richest = Some((index, account.balance));
            }
        }
        let (index, _) = richest?;
        accounts.0.get_mut(index)?.balance -= gained;
        Some(index)
    }
}

impl Accounts {
    /// Takes over the weights of these. What a server is owed by weights that are no longer true is cut, or it
    /// would have a burst where it once waited long for its turn.
    fn weigh(&mut self, servers: &ServerSet, weight: impl Fn(usize) -> u32) {
        let mut has_changed = false;
        for index in servers.iter() {
            let Some(account) = self.0.get_mut(index) else {
                break;
            };
            let weight = i64::from(weight(index));
            has_changed |= account.weight != weight;
            account.weight = weight;
        }
        if has_changed {
            let all: i64 = self.0.iter().map(|account| account.weight).sum();
            for account in &mut self.0 {
                account.balance = account.balance.clamp(-all, all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(robin: &RoundRobin, weights: &[u32], among: &[usize], count: usize) -> String {
        let among = among.iter().copied().collect();
        (0..count)
            .filter_map(|_| robin.choose(&among, |index| weights[index]))
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
            let robin = RoundRobin::new(weights.len());
            let expected = round.repeat(2);
            let order = turns(&robin, &weights, &all, expected.len());
            assert_eq!(order, expected, "{weights:?}");
        }
    }

    #[test]
    fn the_rest_share_by_weight_while_a_server_is_out() {
        let (robin, weights) = (RoundRobin::new(3), [4, 2, 1]);
        turns(&robin, &weights, &[0, 1, 2], 3);
        let without_a = turns(&robin, &weights, &[1, 2], 300);
        let count = |name| without_a.matches(name).count();
        assert!(count('b').abs_diff(200) <= 4, "{}", count('b'));
        assert!(count('c').abs_diff(100) <= 4, "{}", count('c'));
    }

    #[test]
    fn a_server_that_returns_is_not_given_a_burst() {
        let (robin, weights) = (RoundRobin::new(4), [1; 4]);
        turns(&robin, &weights, &[0, 1, 2, 3], 2);
        turns(&robin, &weights, &[0, 1, 2], 1000);
        let back = turns(&robin, &weights, &[0, 1, 2, 3], 8);
        assert!(!back.contains("dd"), "{back}");
        assert!((2..=3).contains(&back.matches('d').count()), "{back}");
    }

    #[test]
    fn another_weight_holds_at_once() {
        let robin = RoundRobin::new(2);
        let both = [0, 1];
        let mut order = turns(&robin, &[256, 1], &both, 100);
        assert!(order.matches('b').count() <= 1, "{order}");
        for (weights, b) in [([1, 1], 50), ([1, 3], 75), ([3, 1], 25), ([256, 256], 50)] {
            order = turns(&robin, &weights, &both, 100);
            let count = order.matches('b').count();
            assert!(count.abs_diff(b) <= 2, "{weights:?}: {order}");
        }
    }

    #[test]
    fn nobody_to_choose_is_none() {
        let robin = RoundRobin::new(2);
        assert_eq!(robin.choose(&ServerSet::EMPTY, |_| 1), None);
        assert_eq!(robin.choose(&[7].into_iter().collect(), |_| 1), None);
    }
}
