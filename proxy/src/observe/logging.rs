//! What the program says about itself: on standard error, for people or the journal, and to the recent events.

use std::{env, error::Error, io, io::IsTerminal, sync::Arc};

use tracing::warn;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use super::{
    events::{self, Events},
    journal::{self, Journal},
};

/// What an operator sets to hear more or less: `debug`, `warn,simplon::balance=trace`.
pub const VARIABLE: &str = "SIMPLON_LOG";

/// The libraries below call it an error when a client goes away or a scanner knocks; what matters of
/// that is counted and in the access log.
const DEFAULTS: &str = "info,pingora_core=off,pingora_proxy=off,rustls=off,h2=off,hyper=off";

/// Sends the program's messages, and those of libraries that use the `log` crate, to standard error.
///
/// Directives in `SIMPLON_LOG` come on top of the defaults, so `debug` alone does not turn the libraries
/// up; `pingora_core=debug` does. What is kept as an event does not depend on them. Fails if a subscriber is already in place.
pub fn init() -> Result<Arc<Events>, Box<dyn Error + Send + Sync>> {
    let wish = env::var(VARIABLE).ok();
    let (filter, fault) = filter(wish.as_deref());
    let events = Arc::<Events>::default();
    tracing_subscriber::registry()
        .with(messages().with_filter(filter))
        .with(events::layer(&events))
        .try_init()?;
    if let Some(fault) = fault {
        warn!("{VARIABLE} is not understood and has no effect: {fault}");
    }
    Ok(events)
}

fn messages() -> Box<dyn Layer<Registry> + Send + Sync> {
    let stream = env::var_os(journal::VARIABLE);
    if journal::is_behind(io::stderr(), stream.as_deref()) {
        let messages = fmt::layer().without_time().with_ansi(false);
        return messages.with_writer(Journal).boxed();
    }
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let messages = fmt::layer().with_ansi(io::stderr().is_terminal() && !plain);
    messages.with_writer(io::stderr).boxed()
}

/// The filter for a wish, and why the wish was not heard.
fn filter(wish: Option<&str>) -> (EnvFilter, Option<String>) {
    let Some(wish) = wish.filter(|wish| !wish.trim().is_empty()) else {
        return (EnvFilter::new(DEFAULTS), None);
    };
    match EnvFilter::try_new(format!("{DEFAULTS},{wish}")) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(DEFAULTS), Some(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, error, info, subscriber::with_default};

    use super::*;

    /// What is heard of five messages under a wish.
    fn heard(wish: Option<&str>) -> String {
        let (filter, _) = filter(wish);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&heard);
        let messages = fmt::layer()
            .with_ansi(false)
            .with_writer(move || Shared(Arc::clone(&writer)));
        with_default(
            tracing_subscriber::registry().with(messages.with_filter(filter)),
            || {
                info!("A");
                debug!("B");
                error!(target: "pingora_proxy", "C");
                error!(target: "pingora_core::services", "D");
                error!(target: "rustls::conn", "E");
            },
        );
        let text = String::from_utf8(heard.lock().unwrap().clone()).unwrap();
        text.lines()
            .filter_map(|line| line.chars().last())
            .collect()
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn libraries_are_silent_unless_asked() {
        let cases = [
            (None, "A"),
            (Some(" "), "A"),
            (Some("debug"), "AB"),
            (Some("error"), ""),
            (Some("pingora_proxy=error"), "AC"),
            (Some("debug,pingora_core=warn,rustls=info"), "ABDE"),
        ];
        for (wish, expected) in cases {
            assert_eq!(heard(wish), expected, "{wish:?}");
        }
    }

    #[test]
    fn a_wish_that_is_not_understood_leaves_the_defaults_and_says_so() {
        let (_, fault) = filter(Some("simplon=loud=very"));
        assert!(fault.is_some());
        assert_eq!(heard(Some("simplon=loud=very")), "A");
    }
}
