//! What a form of the page asks for, in the words of `HAProxy`'s page.

use super::query::{ActionStatus, decoded};
use crate::balance::{Operation, Order, Weight};

/// What an operator wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the configuration again.
    Reload,
    /// Change servers of one upstream.
    Operate {
        upstream: String,
        /// As the page names them; perhaps none, or some that are not there.
        servers: Vec<String>,
        operation: Operation,
    },
}

impl Action {
    /// Of a body by `application/x-www-form-urlencoded`: `action`, and for servers `b`, the upstream, `s` for each of
    /// them, and `weight`, 0 to 256 or empty for the configured one. Other fields, and what stands twice, are nothing
    /// to us.
    ///
    /// # Errors
    /// [`ActionStatus::Invalid`] if it is no text, [`ActionStatus::BadParameters`] if the action or one of its fields
    /// is not known.
    pub fn of(body: &[u8]) -> Result<Self, ActionStatus> {
        let body = str::from_utf8(body).map_err(|_no_text| ActionStatus::Invalid)?;
        let fields = body.split('&').map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (decoded(name), decoded(value))
        });
        let fields: Vec<_> = fields.collect();
        let first = |name: &str| {
            let mut found = fields.iter().filter(|(found, _)| found == name);
            found.next().map(|(_, value)| value.as_str())
        };
        let operation = match first("action") {
            Some("reload") => return Ok(Self::Reload),
            Some("weight") => Operation::Weight(weight(first("weight"))?),
            Some(word) => Operation::Order(order(word)?),
            None => return Err(ActionStatus::BadParameters),
        };
        let upstream = first("b").ok_or(ActionStatus::BadParameters)?.to_owned();
        let servers = fields.into_iter().filter(|(name, _)| name == "s");
        Ok(Self::Operate {
            upstream,
            servers: servers.map(|(_, server)| server).collect(),
            operation,
        })
    }
}

/// The last four are of `HAProxy` before 1.6. Its further ones force the health of a server, which we measure.
fn order(word: &str) -> Result<Order, ActionStatus> {
    match word {
        "ready" | "enable" | "start" => Ok(Order::Ready),
        "drain" | "stop" => Ok(Order::Drain),
        "maint" | "disable" => Ok(Order::Maint),
        _ => Err(ActionStatus::BadParameters),
    }
}

/// Nothing is the configured one; that it is said at all is asked for.
fn weight(written: Option<&str>) -> Result<Option<Weight>, ActionStatus> {
    let written = written.ok_or(ActionStatus::BadParameters)?.trim();
    if written.is_empty() {
        return Ok(None);
    }
    let is_number = written.bytes().all(|byte| byte.is_ascii_digit());
    let weight = written.parse::<u16>().ok().filter(|_| is_number);
    let weight = weight.and_then(|weight| Weight::try_from(weight).ok());
    weight.map(Some).ok_or(ActionStatus::BadParameters)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(body: &str) -> Result<Action, ActionStatus> {
        Action::of(body.as_bytes())
    }

    fn operate(servers: &[&str], operation: Operation) -> Action {
        Action::Operate {
            upstream: "api".to_owned(),
            servers: servers.iter().map(|&server| server.to_owned()).collect(),
            operation,
        }
    }

    #[test]
    fn each_word_of_the_form_is_an_order() {
        for (word, order) in [
            ("ready", Order::Ready),
            ("enable", Order::Ready),
            ("start", Order::Ready),
            ("drain", Order::Drain),
            ("stop", Order::Drain),
            ("maint", Order::Maint),
            ("disable", Order::Maint),
        ] {
            let body = format!("s=10.0.0.1%3A80&s=%5B%3A%3A1%5D:80&action={word}&b=api");
            let servers = ["10.0.0.1:80", "[::1]:80"];
            assert_eq!(of(&body), Ok(operate(&servers, Operation::Order(order))));
        }
        assert_eq!(of("action=reload"), Ok(Action::Reload));
        let drain = Operation::Order(Order::Drain);
        assert_eq!(of("b=api&action=drain"), Ok(operate(&[], drain)));
        assert_eq!(
            of("%73=unix:/run/a+b&b=api&b=web&%61ction=drain&action=maint&x=y&&="),
            Ok(operate(&["unix:/run/a b"], drain)),
            "the first one counts, however it is written"
        );
    }

    #[test]
    fn a_weight_is_a_number_up_to_256_or_empty() {
        for (written, weight) in [
            ("0", Some(0)),
            ("256", Some(256)),
            ("+7+", Some(7)),
            ("", None),
        ] {
            let operation = Operation::Weight(weight.map(|it: u16| it.try_into().unwrap()));
            let body = format!("b=api&s=x&action=weight&weight={written}");
            assert_eq!(of(&body), Ok(operate(&["x"], operation)), "{written}");
        }
        for body in [
            "b=api&s=x&action=weight",
            "b=api&s=x&action=weight&weight=257",
            "b=api&s=x&action=weight&weight=-1",
            "b=api&s=x&action=weight&weight=%2B1",
            "b=api&s=x&action=weight&weight=50%25",
            "b=api&s=x&action=weight&weight=99999999999",
        ] {
            assert_eq!(of(body), Err(ActionStatus::BadParameters), "{body}");
        }
    }

    #[test]
    fn what_is_not_known_is_no_action() {
        for body in [
            "",
            "b=api&s=x",
            "b=api&s=x&action=",
            "b=api&s=x&action=READY",
            "s=x&action=drain",
        ] {
            assert_eq!(of(body), Err(ActionStatus::BadParameters), "{body}");
        }
        for word in ["dhlth", "ehlth", "hrunn", "hnolb", "hdown", "shutdown"] {
            let body = format!("b=api&s=x&action={word}");
            assert_eq!(of(&body), Err(ActionStatus::BadParameters), "{word}");
        }
        let no_text = Action::of(b"b=api&s=\xff&action=drain");
        assert_eq!(no_text, Err(ActionStatus::Invalid));
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body in any::<Vec<u8>>(), rest in "[a-z&=%+0-9]{0,60}") {
            let _ = Action::of(&body);
            let read = of(&format!("b=api&action=drain&{rest}"));
            let is_drain = matches!(
                read,
                Ok(Action::Operate { operation: Operation::Order(Order::Drain), .. })
            );
            prop_assert!(is_drain);
        }
    }
}
