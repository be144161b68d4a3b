//! Answers of the lane's own: a status, and no field beside it.
//!
//! Every answer of an exchange has fields. What `h2` and Pingora say by themselves has none: 431 where a header unpacks
//! to too much, 400 where a request has no sound authority.

/// Why the lane has turned a request away by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    Malformed,
    TooLarge,
}

impl Bare {
    /// Of the table of statuses that everybody knows (RFC 7541 appendix A).
    const STATUS_400: [u8; 1] = [0x8c];

    /// What a whole header block says, if it is one field.
    pub(super) fn of(block: &[u8]) -> Option<Self> {
        let field = lone_field(block)?;
        Some(if field == Self::STATUS_400 {
            Self::Malformed
        } else {
            Self::TooLarge
        })
    }
}

/// The one field of a block (RFC 7541 section 6), after changes to the size of the table.
fn lone_field(block: &[u8]) -> Option<&[u8]> {
    let mut field = block;
    while let [0x20..=0x3f, ..] = field {
        field = after_number(field, 5)?;
    }
    let rest = match field {
        [0x80..=0xff, ..] => after_number(field, 7)?,
        [first, ..] => {
            let value = after_number(field, if first & 0x40 == 0 { 4 } else { 6 })?;
            let (length, value) = value.split_first()?;
            value.get(usize::from(length & 0x7f)..)?
        }
        [] => return None,
    };
    rest.is_empty().then_some(field)
}

/// What follows a number whose first byte has so many bits of it (RFC 7541 section 5.1).
fn after_number(bytes: &[u8], bits: u8) -> Option<&[u8]> {
    let (first, rest) = bytes.split_first()?;
    let most = (1_u8 << bits) - 1;
    if first & most < most {
        return Some(rest);
    }
    let last = rest.iter().position(|byte| byte & 0x80 == 0)?;
    rest.get(last + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_lane_is_one_field_and_no_more() {
        let (malformed, too_large) = (Some(Bare::Malformed), Some(Bare::TooLarge));
        let cases: [(&[u8], Option<Bare>); 16] = [
            (&[0x8c], malformed),
            (&[0x20, 0x8c], malformed),
            (&[0x20, 0x3f, 0xe1, 0x1f, 0x8c], malformed),
            (b"\x48\x03431", too_large),
            (&[0x48, 0x83, 0x68, 0x0d, 0xff], too_large),
            (&[0x20, 0x48, 0x82, 0x68, 0x0d], too_large),
            (b"\x08\x03431", too_large),
            (b"\x18\x03431", too_large),
            (&[0xbe], too_large),       // of the table, from the second time on
            (&[0xff, 0x00], too_large), // far down in it
            (&[0x8c, 0xbe], None),
            (b"\x48\x03431\xbe", None),
            (b"\x48\x04431", None),
            (&[0x88, 0x61], None),
            (&[0xff], None),
            (&[], None),
        ];
        for (block, expected) in cases {
            assert_eq!(Bare::of(block), expected, "{block:x?}");
        }
    }
}
