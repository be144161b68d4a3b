//! The keys of a mapping as data: what each is called, what it takes, and what it is for.
//!
//! Messages come from these tables, and so does the schema for editors.

use std::{ops::RangeInclusive, time::Duration};

use super::units::ByteSize;

/// The keys of one kind of mapping.
#[derive(Debug)]
pub(super) struct Table {
    /// As in "a listener has no key …".
    pub(super) of: &'static str,
    pub(super) keys: &'static [Key],
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// One line, without a full stop.
    pub(super) doc: &'static str,
    pub(super) is_required: bool,
}

/// What a key takes. A range is of what is accepted, both ends included.
#[derive(Debug)]
pub(super) enum Kind {
    /// Text; what it says, with its article.
    Text(&'static str),
    /// Text of one form, for which there is a regular expression; what it says, with its article.
    Form(&'static str, fn() -> String),
    /// Text, or a mapping that says more.
    TextOr(&'static str, &'static Table),
    /// Text, or `false`, which is `off`.
    TextOrOff(&'static str),
    Flag,
    /// A flag, or a mapping that says more.
    FlagOr(&'static Table),
    /// `false`, which turns off what `defaults` says, or a mapping.
    OffOr(&'static Table),
    Number(RangeInclusive<u64>),
    Duration(RangeInclusive<Duration>),
    Size(RangeInclusive<ByteSize>),
    Share,
    /// So many within so long, which is within this range.
    Quota(RangeInclusive<Duration>),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words, or a mapping that says more.
    ChoiceOr(&'static [&'static str], &'static Table),
    /// One of these words, or `false`, which is `off`.
    ChoiceOrOff(&'static [&'static str]),
    /// A list of these, none of them empty.
    List(&'static str),
    /// As [`Self::List`], of texts, or mappings that say more.
    ListOr(&'static str, &'static Table),
    /// As [`Self::List`], of these words.
    ListOfWords(&'static str, &'static [&'static str]),
    /// A list, or one alone.
    OneOrMore(&'static str),
    /// As [`Self::OneOrMore`], of these words, or mappings that say more.
    OneOrMoreOr(&'static str, &'static [&'static str], &'static Table),
    /// As [`Self::OneOrMore`], of these words. One that is a number may be written as one.
    OneOrMoreWords(&'static str, &'static [&'static str]),
    /// As [`Self::OneOrMore`], of statuses such as 200, and ranges of them such as 200-399.
    Statuses(&'static str),
    /// A list, which may be empty, or one alone.
    AnyNumber(&'static str),
    /// As [`Self::AnyNumber`], of these words, or mappings that say more; `false` is none.
    AnyNumberOr(&'static str, &'static [&'static str], &'static Table),
    /// A list of mappings. It may be empty: an operator may have commented all of them out.
    ListOf(&'static Table),
    /// A mapping, or a list of them; `false` or an empty list is none.
    SeveralOf(&'static Table),
    Mapping(&'static Table),
    /// Mappings under names that the operator chooses.
    Named(&'static Table),
    /// Values under names that the operator chooses; what they say, with their article.
    Pairs(&'static str),
    /// As [`Self::Pairs`], of which each may be a list.
    PairsOrLists(&'static str),
    /// Reserved: an error until it works. What to do in the meantime.
    Later(&'static str),
}

impl Table {
    /// The keys that work, for messages.
    pub(super) fn names(&self) -> String {
        self.keys
            .iter()
            .filter(|key| !matches!(key.kind, Kind::Later(_)))
            .map(|key| key.name)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Kind {
    /// The keys of the mappings that this is, may be or may hold.
    pub(super) fn table(&self) -> Option<&'static Table> {
        match self {
            Self::TextOr(_, table)
            | Self::FlagOr(table)
            | Self::OffOr(table)
            | Self::ChoiceOr(_, table)
            | Self::ListOr(_, table)
            | Self::OneOrMoreOr(_, _, table)
            | Self::AnyNumberOr(_, _, table)
            | Self::ListOf(table)
            | Self::SeveralOf(table)
            | Self::Mapping(table)
            | Self::Named(table) => Some(table),
            Self::Text(_)
            | Self::Form(..)
            | Self::TextOrOff(_)
            | Self::Flag
            | Self::Number(_)
            | Self::Duration(_)
            | Self::Size(_)
            | Self::Share
            | Self::Quota(_)
            | Self::Choice(_)
            | Self::ChoiceOrOff(_)
            | Self::List(_)
            | Self::ListOfWords(..)
            | Self::OneOrMore(_)
            | Self::OneOrMoreWords(..)
            | Self::Statuses(_)
            | Self::AnyNumber(_)
            | Self::Pairs(_)
            | Self::PairsOrLists(_)
            | Self::Later(_) => None,
        }
    }
}

impl Key {
    pub(super) const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            doc,
            is_required: false,
        }
    }

    pub(super) const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            doc,
            is_required: true,
        }
    }

    pub(super) const fn later(name: &'static str, hint: &'static str, doc: &'static str) -> Self {
        Self::new(name, Kind::Later(hint), doc)
    }
}
