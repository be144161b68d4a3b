//! What an operator has ordered of one server: whether it serves, and its share. As `HAProxy`'s `set server`.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use serde::{Deserialize, Serialize};

/// Whether a server serves. An operator's word: neither health nor panic overrules it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As its health says.
    #[default]
    Ready,
    /// Nothing new. What is under way goes on, clients that stick to it are kept, and it is checked.
    Drain,
    /// Nothing at all, and no checks; it comes back as if it had just been configured.
    Maint,
}

/// A server's share beside the others of its upstream, 0 to 256. With 0 it takes nothing new, as with
/// [`Order::Drain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Weight(u16);

impl Weight {
    pub const MOST: u16 = 256;
}

impl TryFrom<u16> for Weight {
    type Error = &'static str;

    fn try_from(weight: u16) -> Result<Self, Self::Error> {
        if weight > Self::MOST {
            return Err("a weight is 0 to 256");
        }
        Ok(Self(weight))
    }
}

impl From<Weight> for u16 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Everything that is ordered of one server; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ordered {
    pub order: Order,
    /// In place of the configured one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
}

impl Ordered {
    /// Whether the server may get requests of clients that do not stick to it.
    pub fn takes_new(self) -> bool {
        self.order == Order::Ready && self.weight != Some(Weight(0))
    }

    pub fn is_maint(self) -> bool {
        self.order == Order::Maint
    }

    /// The weight in force for a server of this configured one.
    pub fn weight(self, configured: u32) -> u32 {
        self.weight.map_or(configured, |weight| weight.0.into())
    }

    /// The order in the lowest two bits, and above them the weight plus one, if there is one.
    fn to_bits(self) -> u32 {
        let weight = self.weight.map_or(0, |weight| u32::from(weight.0) + 1);
        weight << 2
            | match self.order {
                Order::Ready => 0,
                Order::Drain => 1,
                Order::Maint => 2,
            }
    }

    fn from_bits(bits: u32) -> Self {
        let weight = (bits >> 2).checked_sub(1);
        Self {
            order: match bits & 3 {
                0 => Order::Ready,
                1 => Order::Drain,
                _ => Order::Maint,
            },
            weight: weight
                .and_then(|weight| u16::try_from(weight).ok())
                .map(Weight),
        }
    }
}

/// What is ordered just now. A request reads it with one relaxed load.
#[derive(Debug, Default)]
pub(super) struct OrderCell(AtomicU32);

impl OrderCell {
    pub(super) fn get(&self) -> Ordered {
        Ordered::from_bits(self.0.load(Relaxed))
    }

    /// Gives what was ordered before.
    pub(super) fn replace(&self, ordered: Ordered) -> Ordered {
        Ordered::from_bits(self.0.swap(ordered.to_bits(), Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [Order; 3] = [Order::Ready, Order::Drain, Order::Maint];

    #[test]
    fn every_order_and_weight_survives_the_cell_and_the_file() {
        let cell = OrderCell::default();
        let mut before = Ordered::default();
        assert_eq!(cell.get(), before);
        let weights = (0..=Weight::MOST).map(|weight| Some(Weight(weight)));
        for weight in weights.chain([None]) {
            for order in ORDERS {
                let ordered = Ordered { order, weight };
                assert_eq!(cell.replace(ordered), before);
                assert_eq!(cell.get(), ordered);
                let text = serde_json::to_string(&ordered).unwrap();
                assert_eq!(serde_json::from_str::<Ordered>(&text).unwrap(), ordered);
                before = ordered;
            }
        }
    }

    #[test]
    fn only_a_ready_server_with_a_weight_takes_new_requests() {
        for order in ORDERS {
            for weight in [None, Some(0), Some(1), Some(256)] {
                let ordered = Ordered {
                    order,
                    weight: weight.map(Weight),
                };
                let expected = order == Order::Ready && weight != Some(0);
                assert_eq!(ordered.takes_new(), expected, "{ordered:?}");
                assert_eq!(ordered.weight(7), weight.map_or(7, u32::from));
            }
        }
    }

    #[test]
    fn a_weight_beyond_256_is_none() {
        assert!(Weight::try_from(257).is_err());
        assert!(serde_json::from_str::<Weight>("257").is_err());
        assert!(serde_json::from_str::<Weight>("-1").is_err());
        assert_eq!(Weight::try_from(256), Ok(Weight(256)));
    }
}
