//! Sets of servers of one upstream, as bits: copied freely, never allocated.

/// Which servers of an upstream, by index. Indices of 256 and above are never members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerSet([u64; 4]);

/// The servers one exchange has been sent to already.
pub type Tried = ServerSet;

impl ServerSet {
    /// Servers of one upstream at most.
    pub const CAPACITY: usize = 256;

    pub const EMPTY: Self = Self([0; 4]);

    pub fn insert(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    pub fn remove(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    pub fn contains(&self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.combine(other, |ours, theirs| ours & theirs)
    }

    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.combine(other, |ours, theirs| ours & !theirs)
    }

    /// The members, lowest index first.
    pub fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        (0..).step_by(64).zip(self.0).flat_map(|(base, word)| {
            let rest = |word: &u64| Some(word & (word - 1)).filter(|rest| *rest != 0);
            std::iter::successors(Some(word).filter(|word| *word != 0), rest)
                .map(move |word| base + word.trailing_zeros() as usize)
        })
    }

    fn combine(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|word| {
            with(self.0[word], other.0[word])
        }))
    }
}

impl FromIterator<usize> for ServerSet {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        let mut set = Self::EMPTY;
        indices.into_iter().for_each(|index| set.insert(index));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let members = [0, 1, 63, 64, 127, 128, 200, 255];
        let mut set: ServerSet = members.into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), members);
        assert_eq!(set.len(), members.len());
        assert!((0..300).all(|index| set.contains(index) == members.contains(&index)));
        set.remove(63);
        assert!(!set.contains(63) && set.contains(64));
    }

    #[test]
    fn an_index_beyond_the_capacity_is_no_member() {
        let set: ServerSet = [ServerSet::CAPACITY, 10_000].into_iter().collect();
        assert!(set.is_empty());
    }

    #[test]
    fn sets_intersect_and_subtract() {
        let left: ServerSet = [1, 2, 70, 250].into_iter().collect();
        let right: ServerSet = [2, 70, 71].into_iter().collect();
        assert_eq!(left.and(&right), [2, 70].into_iter().collect());
        assert_eq!(left.without(&right), [1, 250].into_iter().collect());
    }
}
