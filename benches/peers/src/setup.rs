//! In which of its configurations a proxy is measured.

/// What a proxy has to do besides passing requests on.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a part of a configuration that is there or not"
)]
pub(crate) struct Setup {
    /// How the set-up is called where a row has more than one.
    pub name: &'static str,
    pub workers: usize,
    /// A limit of requests for each client, which is never reached.
    pub limit: bool,
    /// Simplon has that limit even where its peers have none; off only where it is compared with itself.
    pub policies: bool,
    /// An access log to a file, and what metrics there are.
    pub log: bool,
    pub compress: bool,
    /// Level of Simplon's gzip.
    pub gzip: u8,
    /// Hosts with a route of their own; none is one route for everything.
    pub routes: usize,
    /// How many connections Simplon allows one client; it is the only one with such a limit.
    pub per_client: usize,
}

/// The set-up of most rows.
impl Default for Setup {
    fn default() -> Self {
        Self {
            name: "",
            workers: 1,
            limit: false,
            policies: true,
            log: false,
            compress: false,
            gzip: 5,
            routes: 0,
            per_client: 256,
        }
    }
}

impl Setup {
    /// The parts of templates that are on.
    pub(crate) fn parts(&self) -> Vec<&'static str> {
        let parts = [
            (self.limit, "limit"),
            (self.log, "log"),
            (self.compress, "compress"),
            (self.routes > 0, "routes"),
        ];
        parts
            .into_iter()
            .filter(|(is_on, _)| *is_on)
            .map(|(_, part)| part)
            .collect()
    }
}
