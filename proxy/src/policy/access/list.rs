//! A file of networks: one a line, as blocklists come.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkList {
    pub networks: Vec<IpNet>,
    /// The first line whose network was written with an address inside it, such as `10.1.2.3/8`.
    pub loose: Option<usize>,
}

/// Something wrong with a line; the first line is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEntry {
    pub line: usize,
    pub what: BadNetwork,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadNetwork {
    /// The file goes on beyond 1,000,000 lines; no line from here on was read.
    TooMany,
    TooLong,
    /// Neither a network nor an address.
    Neither,
}

/// With which some editors begin a file of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Lines of a file at most, comments and empty ones among them.
pub const MOST_LINES: usize = 1_000_000;
/// Bytes of a line at most, comments included.
pub const LONGEST_LINE: usize = 1024;
/// Problems of one file that are told; then the file is likely none of networks at all.
pub const MOST_TOLD: usize = 10;

impl NetworkList {
    /// Reads a whole file. Empty lines are skipped; comments begin with `#` or `;`, and may follow a network. An address
    /// alone is the network of itself.
    ///
    /// # Errors
    /// The first ten lines that are wrong.
    pub fn parse(file: &[u8]) -> Result<Self, Vec<BadEntry>> {
        let mut list = Self::default();
        let mut wrong = Vec::new();
        let file = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
        for (line, text) in (1..).zip(file.split(|byte| *byte == b'\n')) {
            match list.take(line, text) {
                Ok(()) => {}
                Err(what) => wrong.push(BadEntry { line, what }),
            }
            let is_over = wrong
                .last()
                .is_some_and(|bad| bad.what == BadNetwork::TooMany);
            if is_over || wrong.len() == MOST_TOLD {
                break;
            }
        }
        if wrong.is_empty() {
            Ok(list)
        } else {
            Err(wrong)
        }
    }

    fn take(&mut self, line: usize, text: &[u8]) -> Result<(), BadNetwork> {
        if line > MOST_LINES && !text.is_empty() {
            return Err(BadNetwork::TooMany);
        }
        if text.len() > LONGEST_LINE {
            return Err(BadNetwork::TooLong);
        }
        let end = memchr::memchr2(b'#', b';', text).unwrap_or(text.len());
        let entry = text.get(..end).unwrap_or(text).trim_ascii();
        if entry.is_empty() {
            return Ok(());
        }
        let network = network(entry).ok_or(BadNetwork::Neither)?;
        if network != network.trunc() {
            self.loose.get_or_insert(line);
        }
        self.networks.push(network.trunc());
        Ok(())
    }
}

fn network(entry: &[u8]) -> Option<IpNet> {
    let entry = str::from_utf8(entry).ok()?;
    if entry.contains('/') {
        entry.parse().ok()
    } else {
        entry.parse::<IpAddr>().ok().map(IpNet::from)
    }
}

impl BadNetwork {
    /// What is wrong, in a few words that hold nothing of the line: it may be of a file that was named by mistake.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooMany => "the file has more than 1000000 lines",
            Self::TooLong => "this line is longer than 1024 bytes",
            Self::Neither => "this line is neither a network nor an address",
        }
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::TooMany => "join neighbouring networks, or give so many to a firewall",
            Self::TooLong | Self::Neither => {
                "write 10.0.0.0/8, 10.0.0.1 or 2001:db8::/32, one a line; comments begin with # or ;"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(file: &str) -> Vec<String> {
        let list = NetworkList::parse(file.as_bytes()).unwrap();
        list.networks.iter().map(ToString::to_string).collect()
    }

    fn wrong(file: &[u8]) -> Vec<(usize, BadNetwork)> {
        let wrong = NetworkList::parse(file).unwrap_err();
        wrong.iter().map(|bad| (bad.line, bad.what)).collect()
    }

    #[test]
    fn lists_are_read_as_they_come() {
        let file = "\u{feff}; Spamhaus DROP\n1.10.16.0/20 ; SBL256894\r\n\n  \t\n# ours\n 10.0.0.1 \n2001:db8::/32#x\n::1";
        let expected = ["1.10.16.0/20", "10.0.0.1/32", "2001:db8::/32", "::1/128"];
        assert_eq!(read(file), expected);
        assert!(read("").is_empty() && read("\n#\n;\n").is_empty());
    }

    #[test]
    fn an_address_inside_its_network_is_the_network_and_noted() {
        let list = NetworkList::parse(b"10.0.0.0/8\n10.1.2.3/8\n10.9.9.9/16\n").unwrap();
        assert_eq!(list.loose, Some(2));
        assert_eq!(list.networks[1].to_string(), "10.0.0.0/8");
    }

    #[test]
    fn every_line_that_is_wrong_is_told_up_to_ten() {
        let long = format!("10.0.0.0/8 #{}", "x".repeat(LONGEST_LINE));
        let file = format!(
            "10.0.0.0/8\n10.0.0.0/33\n{long}\n300.1.1.1\nfe80::1%eth0\n10.0.0.0 /8\n1.2.3.4 5.6.7.8\n010.1.1.1\n10.0.0.0-10.0.0.9\nexample.ch\n"
        );
        let expected = [
            (2, BadNetwork::Neither),
            (3, BadNetwork::TooLong),
            (4, BadNetwork::Neither),
            (5, BadNetwork::Neither),
            (6, BadNetwork::Neither),
            (7, BadNetwork::Neither),
            (8, BadNetwork::Neither),
            (9, BadNetwork::Neither),
            (10, BadNetwork::Neither),
        ];
        assert_eq!(wrong(file.as_bytes()), expected);
        assert_eq!(wrong(b"\xff\n10.0.0.0/8"), [(1, BadNetwork::Neither)]);
        assert_eq!(wrong("x\n".repeat(50).as_bytes()).len(), MOST_TOLD);
    }

    #[test]
    fn a_file_has_an_end() {
        let most = "\n".repeat(MOST_LINES - 1) + "10.0.0.0/8\n";
        assert_eq!(read(&most), ["10.0.0.0/8"]);
        let more = most + "# one more";
        assert_eq!(
            wrong(more.as_bytes()),
            [(MOST_LINES + 1, BadNetwork::TooMany)]
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            networks in prop::collection::vec((any::<IpAddr>(), any::<u8>(), "[ \t]{0,2}([#;][ -~]{0,20})?\r?"), 0..20),
        ) {
            let mut file = String::new();
            let mut expected = Vec::new();
            for (address, length, rest) in &networks {
                let most = if address.is_ipv4() { 32 } else { 128 };
                let network = IpNet::new(*address, length % (most + 1)).unwrap().trunc();
                file.extend([network.to_string(), rest.clone(), "\n".to_owned()]);
                expected.push(network);
            }
            prop_assert_eq!(NetworkList::parse(file.as_bytes()).unwrap().networks, expected);
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(vec!["10.0.0.1", "/8", "\n", "#", ";", "::", " ", "ffff:"])
                        .prop_map(|piece| piece.as_bytes().to_vec()),
                    prop::collection::vec(any::<u8>(), 0..4),
                ],
                0..20,
            ),
        ) {
            let file = pieces.concat();
            let lines = file.split(|byte| *byte == b'\n').count();
            match NetworkList::parse(&file) {
                Ok(list) => prop_assert!(list.networks.len() <= lines),
                Err(wrong) => {
                    prop_assert!((1..=MOST_TOLD).contains(&wrong.len()));
                    prop_assert!(wrong.iter().all(|bad| (1..=lines).contains(&bad.line)));
                }
            }
        }
    }
}
