//! Access: which clients are let in, by the networks they are in.

pub mod list;

use std::{io, net::IpAddr, path::PathBuf};

use super::{NetworkMap, ReadFile, Verdict};
use crate::{
    config::{
        Located, Problem, Span,
        model::{self, Mode},
    },
    respond::Refusal,
};
use list::NetworkList;

/// Bytes of a file of networks at most: a million of the longest lines that lists have.
const LONGEST_FILE: u64 = 64 << 20;

/// The networks of both lists, laid out flat.
#[derive(Debug)]
pub struct Access {
    lets_in: NetworkMap<bool>,
    pub mode: Mode,
}

impl Access {
    /// Nothing, if a file cannot be used; then `problems` says why.
    ///
    /// The most specific network decides, so that each list can make exceptions from the other; of a network that stands
    /// in both, `deny`. Who is in neither is let in only if there is no `allow` at all, as with nginx's usual
    /// `deny all` behind its list. A file that is named counts as one, though it be empty: a list that was emptied by
    /// mistake shuts everybody out, and lets nobody in.
    pub fn build(
        spec: &model::Access,
        read: ReadFile<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let model::Access {
            allow,
            deny,
            allow_files,
            deny_files,
            mode,
        } = spec;
        let allow_listed = read_all(allow_files, read, problems);
        let deny_listed = read_all(deny_files, read, problems);
        let mut networks = Vec::new();
        // Those to deny come last, and so count where a network stands in both.
        for (here, files, lets_in) in [(allow, allow_listed?, true), (deny, deny_listed?, false)] {
            let listed = files.into_iter().flat_map(|list| list.networks);
            let all = here.iter().copied().chain(listed);
            networks.extend(all.map(|network| (network, lets_in)));
        }
        let lets_in_others = allow.is_empty() && allow_files.is_empty();
        Some(Self {
            lets_in: NetworkMap::new(networks, lets_in_others),
            mode: *mode,
        })
    }

    pub fn judge(&self, client: IpAddr) -> Verdict {
        if self.lets_in.get(client) {
            Verdict::Continue
        } else {
            Verdict::Refuse(Refusal::AccessDenied)
        }
    }
}

/// All are read, whatever the first gives, so that all problems are found.
fn read_all(
    files: &[Located<PathBuf>],
    read: ReadFile<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<NetworkList>> {
    let lists: Vec<_> = files
        .iter()
        .map(|file| list_in(file, read, problems))
        .collect();
    lists.into_iter().collect()
}

fn list_in(
    file: &Located<PathBuf>,
    read: ReadFile<'_>,
    problems: &mut Vec<Problem>,
) -> Option<NetworkList> {
    let shown = file.value.display();
    let text = match read(&file.value, LONGEST_FILE) {
        Ok(text) => text,
        Err(error) => {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => "paths are relative to the configuration file",
                _ => "the user that runs simplon must be able to read it",
            };
            let message = format!("cannot read the list {shown}: {error}");
            let problem = Problem::error(message).at_value(file).hint(hint);
            problems.push(problem);
            return None;
        }
    };
    match NetworkList::parse(&text) {
        Ok(list) => {
            if let Some(line) = list.loose {
                let message = "this is an address inside its network";
                let hint = "it is taken as the whole network, and so are others like it";
                let problem = Problem::warning(message).at(&place(file, line));
                problems.push(problem.hint(hint));
            }
            if list.networks.is_empty() {
                let message = format!("{shown} holds no network");
                let hint =
                    "a list to allow that holds none lets nobody in; one to deny, nobody out";
                let problem = Problem::warning(message).at_value(file).hint(hint);
                problems.push(problem);
            }
            Some(list)
        }
        Err(wrong) => {
            problems.extend(wrong.into_iter().map(|bad| {
                let problem = Problem::error(bad.what.reason());
                problem.at(&place(file, bad.line)).hint(bad.what.hint())
            }));
            None
        }
    }
}

/// The beginning of a line of a list.
fn place(file: &Located<PathBuf>, line: usize) -> Span {
    Span {
        file: file.value.as_path().into(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: 1,
        width: 1,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ipnet::IpNet;

    use super::*;

    /// Builds it of networks and of the names of files, in a world that has these files.
    fn build(allow: &str, deny: &str, files: &[(&str, &str)]) -> (Option<Access>, Vec<String>) {
        let networks = |text: &str| -> Vec<IpNet> {
            let words = text.split_whitespace().filter(|word| word.contains('/'));
            words.map(|word| word.parse().unwrap()).collect()
        };
        let named = |text: &str| -> Vec<Located<PathBuf>> {
            let words = text.split_whitespace().filter(|word| !word.contains('/'));
            words
                .map(|word| Located::nowhere(PathBuf::from(word)))
                .collect()
        };
        let spec = model::Access {
            allow: networks(allow),
            deny: networks(deny),
            allow_files: named(allow),
            deny_files: named(deny),
            mode: Mode::Enforce,
        };
        let read = |path: &Path, _: u64| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found
                .map(|(_, text)| text.as_bytes().to_vec())
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let mut problems = Vec::new();
        let access = Access::build(&spec, &read, &mut problems);
        let told = problems.iter().map(|problem| match &problem.span {
            Some(span) => format!("{span}: {}", problem.message),
            None => problem.message.clone(),
        });
        (access, told.collect())
    }

    #[test]
    fn the_most_specific_network_decides_and_an_allow_list_shuts_others_out() {
        // allow, deny, who is let in, who is not
        let cases = [
            ("", "", "1.2.3.4 ::1", ""),
            (
                "",
                "10.0.0.0/8",
                "9.9.9.9 11.0.0.0 ::1",
                "10.0.0.0 10.255.255.255 ::ffff:10.1.1.1",
            ),
            ("10.0.0.0/8", "", "10.1.2.3", "9.9.9.9 ::1 ::"),
            (
                "10.0.0.0/8",
                "10.1.0.0/16",
                "10.0.0.1 10.2.0.0",
                "10.1.0.1 8.8.8.8",
            ),
            (
                "10.1.2.0/24",
                "10.1.0.0/16",
                "10.1.2.3",
                "10.1.3.3 10.2.0.1",
            ),
            ("10.0.0.0/8", "10.0.0.0/8", "", "10.0.0.1 9.9.9.9"),
            (
                "0.0.0.0/0 10.1.1.1/32",
                "10.0.0.0/8",
                "9.9.9.9 10.1.1.1",
                "10.1.1.2 ::1",
            ),
            (
                "0.0.0.0/0 ::/0",
                "2001:db8::/32",
                "1.1.1.1 2001:db9::",
                "2001:db8::1",
            ),
            (
                "::ffff:192.0.2.0/120",
                "",
                "192.0.2.7 ::ffff:192.0.2.7",
                "192.0.3.7",
            ),
            ("office", "", "192.0.2.9", "192.0.2.10 8.8.8.8"),
            ("empty", "", "", "192.0.2.9 ::1"),
            ("", "empty", "192.0.2.9 ::1", ""),
            (
                "10.0.0.0/8 office",
                "bad",
                "10.0.0.1 192.0.2.9",
                "10.6.6.6 8.8.8.8",
            ),
        ];
        let files = [
            ("office", "192.0.2.9 # Ada\n"),
            ("empty", "# nobody yet\n"),
            ("bad", "10.6.0.0/16 ; SBL1\n\n192.0.2.0/24\n"),
        ];
        for (allow, deny, inside, outside) in cases {
            let (access, _) = build(allow, deny, &files);
            let access = access.unwrap();
            for (clients, expected) in [(inside, true), (outside, false)] {
                for client in clients.split_whitespace() {
                    let verdict = access.judge(client.parse().unwrap());
                    let is_in = matches!(verdict, Verdict::Continue);
                    assert_eq!(is_in, expected, "{allow} | {deny} | {client}");
                }
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_a_problem_by_its_line() {
        let files = [
            ("good", "10.0.0.0/8\n"),
            ("broken", "10.0.0.0/8\n10.0.0.0/33\n# fine\noffice\n"),
            ("loose", "\n10.1.2.3/8\n"),
            ("empty", ""),
        ];
        let not_one = "this line is neither a network nor an address";
        for (names, expected) in [
            ("good", vec![]),
            (
                "missing",
                vec!["cannot read the list missing: entity not found".to_owned()],
            ),
            (
                "broken",
                vec![
                    format!("broken:2:1: {not_one}"),
                    format!("broken:4:1: {not_one}"),
                ],
            ),
            (
                "loose",
                vec!["loose:2:1: this is an address inside its network".to_owned()],
            ),
            ("empty", vec!["empty holds no network".to_owned()]),
        ] {
            let (access, told) = build("", names, &files);
            assert_eq!(told, expected, "{names}");
            assert_eq!(
                access.is_some(),
                !["missing", "broken"].contains(&names),
                "{names}"
            );
        }
        let (_, told) = build("missing", "broken gone", &files);
        assert_eq!(told.len(), 4, "{told:?}");
    }
}
