//! Name and password, as a browser sends them (RFC 7617).

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::admit::FieldView;

/// What a client says of itself. The memory is wiped when it goes; `Debug` shows no password.
pub struct Credentials {
    name: Zeroizing<String>,
    password: Zeroizing<Vec<u8>>,
}

/// Bytes of the encoded form at most; longer is no name and no password that anybody has.
const LONGEST: usize = 2048;

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Credentials {
    /// Those of a request; none if it has none, or others than these, or if two readers could take them for different ones.
    pub fn of(fields: FieldView<'_>) -> Option<Self> {
        let mut fields = fields.get_all(AUTHORIZATION);
        let only = fields.next().filter(|_| fields.next().is_none())?;
        Self::parse(only)
    }

    /// Of the field's value. Neither name nor password has a control character, and a name has no colon (section 2).
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (scheme, encoded) = value.split_at_checked("Basic".len())?;
        let encoded = encoded.strip_prefix(b" ")?.trim_ascii();
        if !scheme.eq_ignore_ascii_case(b"Basic") || encoded.len() > LONGEST {
            return None;
        }
        // Of the full size from the start, so that no copy stays behind where it grew.
        let mut text = Zeroizing::new(vec![0; LONGEST]);
        let length = BASE64.decode_slice(encoded, &mut text).ok()?;
        let text = text.get(..length)?;
        if text.iter().any(u8::is_ascii_control) {
            return None;
        }
        let colon = text.iter().position(|byte| *byte == b':')?;
        let (name, password) = (text.get(..colon)?, text.get(colon + 1..)?);
        if name.is_empty() {
            return None;
        }
        Some(Self {
            name: Zeroizing::new(str::from_utf8(name).ok()?.to_owned()),
            password: Zeroizing::new(password.to_vec()),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it was sent: UTF-8 by what we ask for, but some clients send what they like.
    pub fn password(&self) -> &[u8] {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("name", &*self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Option<(String, Vec<u8>)> {
        let read = Credentials::parse(value.as_bytes())?;
        Some((read.name().to_owned(), read.password().to_vec()))
    }

    #[test]
    fn a_field_is_read_whole_or_not_at_all() {
        for (value, expected) in [
            // The two examples of RFC 7617.
            (
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                Some(("Aladdin", "open sesame")),
            ),
            ("Basic dGVzdDoxMjPCow==", Some(("test", "123\u{a3}"))),
            ("basic YTpi", Some(("a", "b"))),
            ("BASIC  YTpi ", Some(("a", "b"))),
            ("Basic YTo=", Some(("a", ""))),
            ("Basic YTo", Some(("a", ""))), // without padding
            ("Basic YTpiOmM=", Some(("a", "b:c"))),
            ("Basic", None),
            ("Basic ", None),
            ("BasicYTpi", None),
            ("Basic\tYTpi", None),
            ("Basic YTpi,Basic YTpi", None),
            ("Basic YTpi YTpi", None),
            ("Basic YQ==", None),     // no colon
            ("Basic OmI=", None),     // no name
            ("Basic YTpi=", None),    // padding where there is none
            ("Basic YTo_", None),     // another alphabet
            ("Basic YTp=", None),     // bits to spare
            ("Basic YTpiAA==", None), // a NUL
            ("Basic YQo6Yg==", None), // a line feed in the name
            ("Basic /zpi", None),     // a name that is not UTF-8
            ("Bearer YTpi", None),
            ("", None),
        ] {
            let expected = expected.map(|(name, password): (&str, &str)| {
                (name.to_owned(), password.as_bytes().to_vec())
            });
            assert_eq!(read(value), expected, "{value:?}");
        }
        let long = STANDARD.encode([b"a:", &[b'x'; LONGEST][..]].concat());
        assert_eq!(read(&format!("Basic {long}")), None);
    }

    #[test]
    fn two_fields_are_none() {
        let mut fields = HeaderMap::new();
        assert!(Credentials::of((&fields).into()).is_none());
        fields.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(Credentials::of((&fields).into()).is_some());
        fields.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(Credentials::of((&fields).into()).is_none());
    }

    #[test]
    fn debug_shows_no_password() {
        let read = Credentials::parse(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!(format!("{read:?}"), "Credentials { name: \"Aladdin\", .. }");
    }

    proptest! {
        #[test]
        fn what_is_written_by_the_rfc_is_read_as_it_was(
            name in "[ -9;-~\u{a1}-\u{17f}]{1,40}",
            password in "[ -~\u{a1}-\u{17f}]{0,40}",
        ) {
            let value = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
            prop_assert_eq!(read(&value), Some((name, password.into_bytes())));
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(
            value in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                "[Bb]asic [A-Za-z0-9+/=:]{0,40}".prop_map(String::into_bytes),
            ],
        ) {
            if let Some(read) = Credentials::parse(&value) {
                prop_assert!(!read.name().is_empty() && !read.name().contains(':'));
                let is_clean = |bytes: &[u8]| !bytes.iter().any(u8::is_ascii_control);
                prop_assert!(is_clean(read.name().as_bytes()) && is_clean(read.password()));
            }
        }
    }
}
