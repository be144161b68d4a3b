//! `Accept-Encoding`: of one mind with a plain reading of RFC 9110 section 12.5.3, whatever order lines come in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simplon::policy::{AcceptEncoding, Choice, Coding};

/// Elements of all lines that are looked at.
const MOST_ELEMENTS: usize = 64;

// The lines of the field; a line break within a value is impossible.
fuzz_target!(|data: &[u8]| {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let accepted = AcceptEncoding::parse(lines.iter().copied());
    let elements = lines
        .iter()
        .flat_map(|line| line.split(|byte| *byte == b','));
    let elements: Vec<&[u8]> = elements.take(MOST_ELEMENTS).collect();
    for preference in [
        &Coding::PREFERENCE[..],
        &[Coding::Gzip, Coding::Brotli],
        &[Coding::Zstd],
        &[],
    ] {
        assert_eq!(accepted.choose(preference), model(&elements, preference));
    }
    let reversed = elements.iter().rev().copied();
    assert_eq!(AcceptEncoding::parse(reversed), accepted, "order matters");
    let lower = data.to_ascii_lowercase();
    let lower = lower.split(|byte| *byte == b'\n');
    assert_eq!(AcceptEncoding::parse(lower), accepted, "case matters");
});

fn model(elements: &[&[u8]], preference: &[Coding]) -> Choice {
    let said: Vec<(String, u32)> = elements
        .iter()
        .filter_map(|element| read(element))
        .collect();
    let lowest = |names: &[&str]| {
        let named = said.iter().filter(|(name, _)| names.contains(&&**name));
        named.map(|(_, weight)| *weight).min()
    };
    let any = lowest(&["*"]);
    let of = |coding: Coding| {
        let names: &[&str] = match coding {
            Coding::Brotli => &["br"],
            Coding::Zstd => &["zstd"],
            Coding::Gzip => &["gzip", "x-gzip"],
        };
        lowest(names).or(any).unwrap_or(0)
    };
    let identity = lowest(&["identity"]).or(any);
    let heaviest = preference
        .iter()
        .map(|coding| of(*coding))
        .max()
        .unwrap_or(0);
    if heaviest == 0 && identity == Some(0) {
        Choice::Nothing
    } else if heaviest == 0 || identity.is_some_and(|identity| identity > heaviest) {
        Choice::Identity
    } else {
        let first = preference.iter().find(|coding| of(**coding) == heaviest);
        Choice::Coded(*first.expect("one of them is the heaviest"))
    }
}

/// A name in lower case and its weight in thousandths, unless the element breaks the grammar.
fn read(element: &[u8]) -> Option<(String, u32)> {
    let text = String::from_utf8_lossy(element).to_ascii_lowercase();
    let white = |sign: char| sign.is_ascii_whitespace();
    let Some((name, parameter)) = text.split_once(';') else {
        return Some((text.trim_matches(white).to_owned(), 1000));
    };
    let digits = parameter.trim_matches(white).strip_prefix("q=")?;
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = decimals.chars().all(|sign| sign.is_ascii_digit()) && decimals.len() <= 3;
    if !is_number || !["0", "1"].contains(&whole) {
        return None;
    }
    let thousandths: u32 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (thousandths <= 1000).then(|| (name.trim_matches(white).to_owned(), thousandths))
}
