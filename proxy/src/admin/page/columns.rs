//! The columns of the tables of listeners and servers, exactly as `HAProxy` names and groups them.

use std::fmt::{Result, Write};

use super::sheet::Sheet;

/// One group of columns; each with what it means here.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, &'static str)],
}

pub(super) const GROUPS: [Group; 8] = [
    Group {
        name: "Queue",
        columns: &[
            ("Cur", "requests that wait for a place at a server"),
            ("Max", "the most that waited at a time"),
            ("Limit", "how many may wait"),
        ],
    },
    Group {
        name: "Session rate",
        columns: &[
            (
                "Cur",
                "connections (listeners) or requests (servers) in the last second",
            ),
            ("Max", "in the busiest second"),
            ("Limit", "how many are let in a second"),
        ],
    },
    Group {
        name: "Sessions",
        columns: &[
            (
                "Cur",
                "connections of clients, or requests at the server, just now",
            ),
            ("Max", "the most at a time"),
            ("Limit", "as many as may be at a time"),
            (
                "Total",
                "so far: connections, tries at a server, requests of an upstream",
            ),
            ("LbTot", "times a server was chosen"),
            ("Last", "since the last request"),
        ],
    },
    Group {
        name: "Bytes",
        columns: &[("In", "bodies from clients"), ("Out", "bodies to clients")],
    },
    Group {
        name: "Denied",
        columns: &[
            ("Req", "requests that a policy refused"),
            ("Resp", "responses that a policy refused"),
        ],
    },
    Group {
        name: "Errors",
        columns: &[
            ("Req", "requests that could not be served as they were"),
            (
                "Conn",
                "requests for which no server was reached or had room",
            ),
            (
                "Resp",
                "responses that were none, too late, broken or broken off",
            ),
        ],
    },
    Group {
        name: "Warnings",
        columns: &[
            ("Retr", "requests tried again"),
            ("Redis", "of these, sent to another server: all of them"),
        ],
    },
    Group {
        name: "Server",
        columns: &[
            ("Status", "since when, and the state"),
            ("LastChk", "what the last health check found"),
            ("Wght", "weight in force / as configured"),
            ("Act", "active servers that are up"),
            ("Bck", "backup servers that are up"),
            (
                "Chk",
                "health checks that failed / requests whose failure counts against the server",
            ),
            ("Dwn", "times it went down"),
            ("Dwntme", "how long it was down"),
            ("Thrtle", "part of its weight while it starts slowly"),
        ],
    },
];

/// Both rows of headings; `name` is HTML, of the first column.
pub(super) fn write(sheet: &mut Sheet, name: &str) -> Result {
    sheet.add("<colgroup>");
    for group in &GROUPS {
        write!(sheet, "<colgroup span=\"{}\">", group.columns.len())?;
    }
    write!(
        sheet,
        "<thead><tr><th rowspan=\"2\" scope=\"col\">{name}</th>"
    )?;
    for Group { name, columns } in &GROUPS {
        let span = columns.len();
        write!(sheet, "<th colspan=\"{span}\" scope=\"colgroup\">{name}")?;
    }
    sheet.add("<tr>");
    for (name, _) in GROUPS.iter().flat_map(|group| group.columns) {
        let class = match *name {
            "Status" | "LastChk" => " class=\"word\"",
            _ => "",
        };
        write!(sheet, "<th scope=\"col\"{class}>{name}")?;
    }
    sheet.add("<tbody>\n");
    Ok(())
}

/// What the colours and columns mean.
pub(super) fn write_help(sheet: &mut Sheet) -> Result {
    for Group { name, columns } in &GROUPS {
        for (column, meaning) in *columns {
            writeln!(
                sheet,
                "<div><dt>{name}: {column}</dt><dd>{meaning}</dd></div>"
            )?;
        }
    }
    Ok(())
}
