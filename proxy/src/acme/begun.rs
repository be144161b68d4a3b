//! The order that is under way, as it lies on disk: a process after this one goes on with it.

use crate::state::State;

use super::vault;

/// Where it is at the CA, and the key that is to be signed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) url: String,
    /// Of the CA and the hosts: an order of another CA, or for other hosts, is another order.
    pub(super) identity: String,
    /// How often it was gone on with in vain.
    pub(super) resumed: u32,
    /// In PEM.
    pub(super) key: String,
}

impl Begun {
    /// What is under way for these hosts. A file that is damaged counts as missing, and so does an order
    /// whose certificate is kept already: the process that obtained it was killed before it could forget.
    pub(super) fn read(state: &State, hosts: &[String]) -> Option<Self> {
        let begun = Self::parse(state.read(&file(hosts)).ok()??)?;
        let certificate = state.read(&vault::file(hosts)).ok()?.unwrap_or_default();
        let is_kept = String::from_utf8_lossy(&certificate).contains(begun.key.trim());
        (!is_kept).then_some(begun)
    }

    pub(super) fn write(&self, state: &State, hosts: &[String]) -> std::io::Result<()> {
        let Self {
            url,
            identity,
            resumed,
            key,
        } = self;
        let content = format!("{url}\n{identity}\n{resumed}\n{key}");
        state.write(&file(hosts), content.as_bytes())
    }

    fn parse(content: Vec<u8>) -> Option<Self> {
        let content = String::from_utf8(content).ok()?;
        let mut parts = content.splitn(4, '\n');
        let mut part = || parts.next().map(str::to_owned);
        let (url, identity, resumed) = (part()?, part()?, part()?);
        Some(Self {
            url,
            identity,
            resumed: resumed.parse().ok()?,
            key: part().filter(|key| !key.trim().is_empty())?,
        })
    }
}

/// Forgets the order for these hosts: it is over. Waits for the disk.
pub(super) fn forget(state: &State, hosts: &[String]) {
    if let Err(error) = state.remove(&file(hosts)) {
        // It is of no use any more, and is asked for its state before it is gone on with.
        tracing::warn!("an order that is over cannot be forgotten: {error}");
    }
}

fn file(hosts: &[String]) -> String {
    format!("orders/{}", vault::name(hosts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Begun {
        Begun {
            url: "https://ca.example/order/7".to_owned(),
            identity: "https://ca.example/directory 0123".to_owned(),
            resumed: 2,
            key: "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n".to_owned(),
        }
    }

    fn place() -> (tempfile::TempDir, State, [String; 1]) {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path()).unwrap();
        (home, state, ["a.test".to_owned()])
    }

    #[test]
    fn an_order_outlives_the_process_until_it_is_forgotten() {
        let (_home, state, hosts) = place();
        assert!(Begun::read(&state, &hosts).is_none());
        begun().write(&state, &hosts).unwrap();
        assert!(Begun::read(&state, &hosts) == Some(begun()));
        forget(&state, &hosts);
        assert!(Begun::read(&state, &hosts).is_none());
    }

    #[test]
    fn an_order_whose_certificate_is_kept_is_over() {
        let (_home, state, hosts) = place();
        begun().write(&state, &hosts).unwrap();
        let kept = |key: &str| format!("a.test\n{key}\nchain\n");
        let file = vault::file(&hosts);
        state.write(&file, kept("another").as_bytes()).unwrap();
        assert!(Begun::read(&state, &hosts).is_some());
        let ours = kept(begun().key.trim_end());
        state.write(&file, ours.as_bytes()).unwrap();
        assert!(Begun::read(&state, &hosts).is_none());
    }

    #[test]
    fn what_is_damaged_counts_as_missing() {
        let (_home, state, hosts) = place();
        for content in [
            "",
            "url\nidentity",
            "url\nidentity\nmany\nkey",
            "url\nidentity\n0\n\n",
        ] {
            state.write(&file(&hosts), content.as_bytes()).unwrap();
            assert!(Begun::read(&state, &hosts).is_none(), "{content:?}");
        }
    }
}
