//! The preset `bots`: scanners that say who they are, and clients that do not say it at all.
//!
//! Never a search engine, a preview, a monitor, curl or a library: who is tired of one of these writes a rule.

use regex::bytes::Regex;

/// What the user agents of scanners hold; here in small letters.
const SCANNERS: [&str; 36] = [
    "acunetix",
    "arachni",
    "bbqsql",
    "burpcollaborator",
    "censysinspect",
    "dirbuster",
    "dirsearch",
    "expanse, a palo alto",
    "feroxbuster",
    "fimap",
    "fuzz faster u fool",
    "gobuster",
    "havij",
    "internet-measurement",
    "jorgee",
    "l9explore",
    "l9tcpid",
    "leakix",
    "libredtail-http",
    "masscan",
    "morfeus",
    "muieblackcat",
    "nessus",
    "netsparker",
    "nikto",
    "nmap scripting engine",
    "nuclei",
    "openvas",
    "sqlmap",
    "sqlninja",
    "w3af",
    "webshag",
    "whatweb",
    "wpscan",
    "zgrab",
    "zmeu",
];

/// What no user agent holds, but attacks on whatever writes it down: `Log4Shell`, `Shellshock`, PHP.
const ABSURD: [&str; 3] = ["${jndi:", "() {", "<?php"];

#[derive(Debug)]
pub(super) struct Bots(Regex);

impl Bots {
    #[expect(
        clippy::expect_used,
        reason = "the words are ours and escaped, and tested"
    )]
    pub(super) fn new() -> Self {
        let words: Vec<String> = SCANNERS
            .iter()
            .chain(&ABSURD)
            .map(|word| regex::escape(word))
            .collect();
        Self(Regex::new(&words.join("|")).expect("a valid expression"))
    }

    /// `user_agent` is the first field of this name. A missing one, or one without a letter or digit, is no browser's and no
    /// decent program's (RFC 9110 section 10.1.5).
    pub(super) fn has(&self, user_agent: Option<&[u8]>) -> bool {
        let said = user_agent.unwrap_or_default();
        // A copy in small letters, and then a search for many words at once, cost half of a search in letters of any case.
        !said.iter().any(u8::is_ascii_alphanumeric) || self.0.is_match(&said.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scanners_and_the_nameless_are_known_and_others_pass() {
        let bots = Bots::new();
        let has = |agent: &str| bots.has(Some(agent.as_bytes()));
        assert!(bots.has(None));
        for agent in [
            "",
            " ",
            "-",
            "''",
            "sqlmap/1.7.2#stable (https://sqlmap.org)",
            "Mozilla/5.00 (Nikto/2.1.6) (Evasions:None)",
            "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
            "masscan/1.3",
            "Mozilla/5.0 zgrab/0.x",
            "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
            "WPScan v3.8.22 (https://wpscan.com/)",
            "Expanse, a Palo Alto Networks company, searches across the global IPv4 space",
            "NUCLEI - Open-source project",
            "gobuster/3.1",
            "Fuzz Faster U Fool v1.3.1",
            "${jndi:ldap://x/a}",
            "() { :; }; /bin/bash -c id",
            "<?php echo 1;",
        ] {
            assert!(has(agent), "{agent}");
        }
        for agent in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "curl/8.9.0",
            "Wget/1.21",
            "python-requests/2.31",
            "Go-http-client/1.1",
            "okhttp/4.12.0",
            "PostmanRuntime/7.39",
            "kube-probe/1.30",
            "ELB-HealthChecker/2.0",
            "Prometheus/2.53",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "facebookexternalhit/1.1",
            "Slackbot 1.0",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "GPTBot/1.2",
            "UptimeRobot/2.0",
            "x",
            "Mozilla/5.0 (compatible; DuckDuckBot-Https/1.1)",
        ] {
            assert!(!has(agent), "{agent}");
        }
    }

    #[test]
    fn what_is_refused_is_documented() {
        let text = include_str!("../../../../SECURITY.md");
        for word in SCANNERS.iter().chain(&ABSURD) {
            assert!(text.contains(&format!("`{word}`")), "{word}");
        }
    }
}
