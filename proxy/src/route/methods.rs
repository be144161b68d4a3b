//! A set of HTTP methods.

use std::fmt;

use http::Method;

const GET: u32 = 1;
const HEAD: u32 = 1 << 1;
/// Every method that has no name here. Only [`Methods::any`] holds it.
const OTHER: u32 = 1 << Methods::NAMES.len();

/// A set of HTTP methods. One that holds GET also holds HEAD (RFC 9110, section 9.3.2).
///
/// `Display` gives the value of an `Allow` header: `GET, HEAD, POST`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Methods(u32);

impl Methods {
    /// The methods that can be named: those of RFC 9110 but CONNECT, PATCH (RFC 5789), and those of authors on the web
    /// (RFC 4918 and, for REPORT, RFC 3253); bit `n` of a set stands for the name at `n`.
    pub const NAMES: [&str; 16] = [
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "TRACE",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "REPORT",
    ];

    /// Every method, those without a name here included. CONNECT makes a proxy a tunnel and is never in a set.
    pub const fn any() -> Self {
        Self((OTHER << 1) - 1)
    }

    pub const fn none() -> Self {
        Self(0)
    }

    pub fn contains(self, method: &Method) -> bool {
        self.0 & bit(method) != 0
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// # Errors
    /// The method has no name here, and so cannot be in a set that names methods.
    pub fn with(self, method: &Method) -> Result<Self, UnknownMethod> {
        match bit(method) {
            0 | OTHER => Err(UnknownMethod(method.clone())),
            GET => Ok(Self(self.0 | GET | HEAD)),
            bit => Ok(Self(self.0 | bit)),
        }
    }
}

/// A method that no [`Methods`] can name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a method that can be routed")]
pub struct UnknownMethod(pub Method);

impl TryFrom<&[Method]> for Methods {
    type Error = UnknownMethod;

    fn try_from(methods: &[Method]) -> Result<Self, UnknownMethod> {
        methods.iter().try_fold(Self::none(), Self::with)
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (at, name) in Methods::NAMES.iter().enumerate() {
            if self.0 & (1 << at) != 0 {
                write!(f, "{separator}{name}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

fn bit(method: &Method) -> u32 {
    if method == Method::CONNECT {
        return 0;
    }
    let place = Methods::NAMES
        .iter()
        .position(|name| *name == method.as_str());
    place.map_or(OTHER, |at| 1 << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &str) -> Methods {
        let methods: Vec<Method> = names
            .split_whitespace()
            .map(|name| name.parse().unwrap())
            .collect();
        Methods::try_from(methods.as_slice()).unwrap()
    }

    #[test]
    fn a_set_shows_as_an_allow_header_in_a_fixed_order() {
        for (names, shown) in [
            ("", ""),
            ("GET", "GET, HEAD"),
            ("POST GET", "GET, HEAD, POST"),
            ("HEAD", "HEAD"),
            ("DELETE PUT PUT", "PUT, DELETE"),
            ("REPORT MKCOL", "MKCOL, REPORT"),
        ] {
            assert_eq!(set(names).to_string(), shown, "{names}");
        }
        assert_eq!(Methods::any().to_string(), Methods::NAMES.join(", "));
    }

    #[test]
    fn every_named_method_is_in_its_own_set_and_in_no_other() {
        for name in Methods::NAMES {
            let method: Method = name.parse().unwrap();
            assert!(set(name).contains(&method), "{name}");
            assert!(Methods::any().contains(&method), "{name}");
            assert!(!Methods::none().contains(&method), "{name}");
            assert_eq!(
                set("POST").contains(&method),
                name == "POST",
                "POST does not bring {name}"
            );
        }
    }

    #[test]
    fn get_brings_head_but_head_does_not_bring_get() {
        assert!(set("GET").contains(&Method::HEAD));
        assert!(!set("HEAD").contains(&Method::GET));
    }

    #[test]
    fn a_method_without_a_name_is_in_the_set_of_any_alone() {
        let brew: Method = "BREW".parse().unwrap();
        assert!(Methods::any().contains(&brew));
        assert!(!set("GET POST").contains(&brew));
        assert_eq!(
            Methods::none().with(&brew),
            Err(UnknownMethod(brew.clone()))
        );
    }

    #[test]
    fn methods_are_case_sensitive() {
        assert!(!set("GET").contains(&"get".parse().unwrap()));
    }

    #[test]
    fn connect_is_in_no_set() {
        assert!(!Methods::any().contains(&Method::CONNECT));
        assert!(Methods::none().with(&Method::CONNECT).is_err());
    }

    #[test]
    fn a_union_holds_both() {
        assert_eq!(set("GET").union(set("POST")), set("GET POST"));
    }
}
