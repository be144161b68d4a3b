//! The time as responses tell it (RFC 9110 section 5.6.7).

use std::{cell::RefCell, time::SystemTime};

use http::HeaderValue;

thread_local! {
    static LAST: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static(""))) };
}

/// The value of `Date` for this second. It is made once a second on each thread.
pub(super) fn now() -> HeaderValue {
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let second = since.map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(last, value)| {
        if *last != second
            && let Ok(made) = HeaderValue::try_from(httpdate::fmt_http_date(now))
        {
            (*last, *value) = (second, made);
        }
        value.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_time_of_this_second() {
        let told = httpdate::parse_http_date(now().to_str().unwrap()).unwrap();
        let off = SystemTime::now().duration_since(told).unwrap();
        assert!(off.as_secs() < 5, "{off:?}");
        assert_eq!(now().len(), 29);
    }
}
