//! Compression, as a route or `defaults` says it.

use std::sync::Arc;

use super::Said;
use crate::{
    config::{
        decode::{Fields, text},
        model::{Compress, Levels, MediaRange},
        nearest::did_you_mean,
        problem::{Located, quoted},
        raw::Value,
        read::refuse_doubles,
        table::{Key, Kind, Table},
        units::ByteSize,
    },
    policy::Coding,
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "compress",
    Kind::FlagOr(&TABLE),
    "compress responses for clients that take them so; default false",
);

const ENCODINGS: [&str; 3] = {
    let [first, second, third] = Coding::PREFERENCE;
    [first.as_str(), second.as_str(), third.as_str()]
};

static TABLE: Table = Table {
    of: "compress",
    keys: &[
        Key::new(
            "encodings",
            Kind::ListOfWords("br, zstd or gzip", &ENCODINGS),
            "which are offered, ours first; default [br, zstd, gzip]",
        ),
        Key::new(
            "min_size",
            Kind::Size(ByteSize::bytes(0)..=ByteSize::mib(16)),
            "what is shorter passes as it is; default 1KiB",
        ),
        Key::new(
            "whole_up_to",
            Kind::Size(ByteSize::bytes(0)..=ByteSize::mib(4)),
            "of known length up to this it is held and compressed in one go; default 256KiB",
        ),
        Key::new(
            "levels",
            Kind::Mapping(&LEVELS),
            "how hard each coding tries",
        ),
        Key::new(
            "types",
            Kind::List("media types such as text/html, text/* or +json"),
            "which are compressed; default text and what is like it",
        ),
        Key::new(
            "cookies",
            Kind::Flag,
            "responses that set cookies too; default false, because of BREACH",
        ),
        Key::new(
            "streams",
            Kind::Number(0..=65_536),
            "how many responses may be compressed as streams at a time; default 256",
        ),
        Key::new(
            "cpu_guard",
            Kind::Flag,
            "go easier as the processors come to their limit; default true",
        ),
    ],
};

static LEVELS: Table = Table {
    of: "levels",
    keys: &[
        Key::new("br", Kind::Number(0..=11), "0 to 11; default 4"),
        Key::new("zstd", Kind::Number(1..=19), "1 to 19; default 3"),
        Key::new("gzip", Kind::Number(1..=9), "1 to 9; default 5"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Compress> {
    let entry = fields.entry("compress")?;
    let compress = match entry.node.value {
        Value::Map(_) => Some(mapping(&fields.fields("compress")?)),
        _ => fields.flag("compress")?.then(Compress::default),
    };
    Some(Located::new(compress.map(Arc::new), &entry.at))
}

fn mapping(fields: &Fields<'_>) -> Compress {
    let default = Compress::default();
    Compress {
        encodings: encodings(fields).unwrap_or(default.encodings),
        min_size: fields.size("min_size").unwrap_or(default.min_size),
        whole_up_to: fields.size("whole_up_to").unwrap_or(default.whole_up_to),
        levels: levels(fields).unwrap_or(default.levels),
        types: types(fields).unwrap_or(default.types),
        cookies: fields.flag("cookies").unwrap_or(default.cookies),
        streams: fields.count("streams").unwrap_or(default.streams),
        cpu_guard: fields.flag("cpu_guard").unwrap_or(default.cpu_guard),
    }
}

fn levels(fields: &Fields<'_>) -> Option<Levels> {
    let fields = fields.fields("levels")?;
    let default = Levels::default();
    let level = |name| u8::try_from(fields.number(name)?).ok();
    Some(Levels {
        br: level("br").unwrap_or(default.br),
        zstd: level("zstd").unwrap_or(default.zstd),
        gzip: level("gzip").unwrap_or(default.gzip),
    })
}

fn encodings(fields: &Fields<'_>) -> Option<Box<[Coding]>> {
    let mut found = Vec::new();
    for node in fields.list("encodings")? {
        let Some(written) = text(node, "encodings", "br, zstd or gzip", fields.problems) else {
            continue;
        };
        let word = written.value;
        let known = Coding::PREFERENCE.into_iter().find(|c| c.as_str() == word);
        if let Some(coding) = known {
            found.push((coding, &node.span));
            continue;
        }
        let hint = match word {
            "brotli" => "write br".to_owned(),
            "deflate" => "clients do not agree on what it is; write gzip".to_owned(),
            _ => {
                did_you_mean(word, ENCODINGS).unwrap_or_else(|| "write br, zstd or gzip".to_owned())
            }
        };
        let message = format!("{} is not a coding that we have", quoted(word));
        fields.error(&node.span, message, hint);
    }
    refuse_doubles(
        found.iter().map(|(coding, at)| (coding, *at)),
        |coding| quoted(coding.as_str()),
        fields.problems,
    );
    Some(found.into_iter().map(|(coding, _)| coding).collect())
}

fn types(fields: &Fields<'_>) -> Option<Box<[MediaRange]>> {
    let mut found = Vec::new();
    for node in fields.list("types")? {
        let Some(written) = text(
            node,
            "types",
            "a media type such as text/html",
            fields.problems,
        ) else {
            continue;
        };
        if let Some(range) = MediaRange::parse(written.value) {
            found.push((range, &node.span));
            continue;
        }
        let hint = if written.value.contains(';') {
            "leave its parameters away: they make no difference"
        } else {
            "write text/html for one, text/* for all of a kind, or +json for all that end so"
        };
        let message = format!("{} is no media type", quoted(written.value));
        fields.error(&node.span, message, hint);
    }
    refuse_doubles(
        found.iter().map(|(range, at)| (range, *at)),
        |range| quoted(&range.to_string()),
        fields.problems,
    );
    Some(found.into_iter().map(|(range, _)| range).collect())
}
