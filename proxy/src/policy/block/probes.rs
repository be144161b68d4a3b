//! The preset `common_probes`: paths and queries by which programs look for a way in, whatever stands behind the edge.
//!
//! Whole segments of a path are compared, so that `/environment` passes, and words that a page may well have for its name
//! count at the root alone. `..` and null bytes in a path are refused before any policy; see `admit::path`.

use regex::bytes::Regex;

/// Files and directories that begin with a dot and are nobody's business, wherever they are in a path. `.well-known` is.
const HIDDEN: [&str; 22] = [
    ".git",
    ".gitconfig",
    ".git-credentials",
    ".gitignore",
    ".gitlab-ci.yml",
    ".svn",
    ".hg",
    ".bzr",
    ".cvs",
    ".aws",
    ".azure",
    ".ssh",
    ".kube",
    ".docker",
    ".dockerenv",
    ".ds_store",
    ".htaccess",
    ".htpasswd",
    ".npmrc",
    ".netrc",
    ".bash_history",
    ".vscode",
];

/// Scripts of programs that are attacked all day, wherever they are in a path.
const SCRIPTS: [&str; 7] = [
    "wp-login.php",
    "wp-config.php",
    "xmlrpc.php",
    "wlwmanifest.xml",
    "eval-stdin.php",
    "phpinfo.php",
    "adminer.php",
];

/// What a path begins with.
const AT_ROOT: [&str; 13] = [
    "wp-admin",
    "wp-includes",
    "wp-content",
    "phpmyadmin",
    "pma",
    "cgi-bin",
    "server-status",
    "server-info",
    "actuator",
    "_ignition",
    "_profiler",
    "hnap1",
    "boaform",
];

/// A traversal over two levels or more, the files everybody tries to reach by it, and a null byte, also with escapes that
/// are escaped again. One level alone may be a relative link.
const QUERY: &str = r"(?ix-u)
    (?: (?:\.|%(?:25)*2e){2} (?:[/\\]|%(?:25)*(?:2f|5c)) ){2}
  | (?:/|%(?:25)*2f) etc (?:/|%(?:25)*2f) (?:passwd|shadow)
  | %(?:25)*00";

#[derive(Debug)]
pub(super) struct Probes {
    query: Regex,
}

impl Probes {
    #[expect(clippy::expect_used, reason = "the expression is ours, and tested")]
    pub(super) fn new() -> Self {
        Self {
            query: Regex::new(QUERY).expect("a valid expression"),
        }
    }

    /// Letters may be capital or small: some servers do not tell them apart.
    pub(super) fn has(&self, path: &str, query: &str) -> bool {
        is_probe(path) || self.is_in(query)
    }

    /// Most queries hold none of the signs that the expression needs.
    fn is_in(&self, query: &str) -> bool {
        let query = query.as_bytes();
        memchr::memchr3(b'%', b'/', b'\\', query).is_some() && self.query.is_match(query)
    }
}

fn is_probe(path: &str) -> bool {
    let segments = path.strip_prefix('/').unwrap_or(path);
    let first = segments.split('/').next().unwrap_or_default();
    let is =
        |segment: &str, names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(segment));
    // phpMyAdmin is looked for with its version behind it, too.
    let is_at_root = is(first, &AT_ROOT) || begins(first, "phpmyadmin-");
    let mut before = "";
    is_at_root
        || segments.split('/').any(|segment| {
            let last = std::mem::replace(&mut before, segment);
            match segment.as_bytes() {
                [b'.', ..] => {
                    begins(segment, ".env")
                        || begins(segment, ".wp-config.php") // what vim leaves
                        || is(segment, &HIDDEN)
                }
                [.., b'p' | b'P' | b'l' | b'L'] => {
                    is(segment, &SCRIPTS) || begins(segment, "wp-config.php")
                }
                [b'p' | b'P', ..] => {
                    segment.eq_ignore_ascii_case("phpunit") && last.eq_ignore_ascii_case("vendor")
                }
                _ => begins(segment, "wp-config.php"), // copies that editors leave
            }
        })
}

fn begins(segment: &str, with: &str) -> bool {
    let start = segment.as_bytes().get(..with.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_known_and_pages_pass() {
        let probes = Probes::new();
        let known = "/.env /.env.production /.ENV /app/.env /.envrc /.env~ /.git /.git/config /.Git/HEAD /a/b/.svn/entries
            /.hg /.aws/credentials /.ssh/id_rsa /.DS_Store /x/.ds_store /.htpasswd /wp-admin /wp-admin/ /wp-content/x
            /WP-Admin/setup-config.php /wp-includes/wlwmanifest.xml /wp-login.php /blog/wp-login.php /xmlrpc.php
            /site/XMLRPC.PHP /wp-config.php /wp-config.php.bak /a/wp-config.php~ /phpmyadmin
            /wp-config.php.swp /a/wp-config.php.html /WP-Config.php.ZIP /.wp-config.php.swp /a/.wp-config.php.swo /phpMyAdmin/index.php /pma/
            /phpMyAdmin-5.2.1/ /cgi-bin/luci /server-status /actuator /actuator/env /vendor/phpunit/phpunit/src
            /lib/vendor/phpunit/x /a/eval-stdin.php /_ignition/execute-solution /HNAP1/ /boaform/admin/formLogin /phpinfo.php";
        for path in known.split_whitespace() {
            assert!(probes.has(path, ""), "{path}");
        }
        let pages = "/ /environment /env /a.env /.well-known/acme-challenge/x /.well-known/security.txt /.well-known /git
            /.github /.gitx /assets/app.js /wp-administration /blog/wp-admin /docs/actuator /tags/phpmyadmin /phpmyadminer
            /vendor /vendor/phpunits /phpunit /phpunit/vendor /about/server-status /index.php /login.php /admin /pmatters
            /caf%C3%A9 /. /... * /a/.vite/deps /@vite/client /_next/static/x.js /api/v1/users.html /xmlrpc.php5
            /.wp-config /wp-config.ph /a.wp-config.php.txt";
        for path in pages.split_whitespace().chain([""]) {
            assert!(!probes.has(path, ""), "{path}");
        }
    }

    #[test]
    fn probes_in_a_query_are_known_however_they_are_escaped() {
        let probes = Probes::new();
        let known = r"?f=../../etc/passwd ?f=..%2f..%2fx ?f=%2e%2e/%2E%2E/x ?f=..\..\boot.ini ?f=..%5C..%5c
            ?f=%252e%252e%252f%252e%252e%252f ?f=%25252e%25252e/../ ?f=/etc/passwd ?f=%2Fetc%2fPasswd ?f=file:///etc/shadow
            ?f=a%00.jpg ?f=a%2500 ?a=1&f=x/../../y";
        for query in known.split_whitespace() {
            assert!(probes.has("/", query), "{query}");
        }
        let plain = "? ?page=2 ?next=../list ?next=/a/b ?q=100%25 ?q=%20 ?q=a%C3%A9 ?range=1..2 ?v=1.2.3..4 ?q=/etc
            ?q=etc/passwd ?path=a/../b ?url=https://example.ch/a/b ?q=.../... ?x=%2e%2e";
        for query in plain.split_whitespace().chain([""]) {
            assert!(!probes.has("/", query), "{query}");
        }
    }

    #[test]
    fn what_is_refused_is_documented() {
        let text = include_str!("../../../../SECURITY.md");
        for word in HIDDEN.iter().chain(&SCRIPTS).chain(&AT_ROOT) {
            assert!(text.contains(&format!("`{word}`")), "{word}");
        }
    }
}
