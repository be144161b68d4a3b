//! A listener or an upstream with its number: what `HAProxy` calls a proxy.

use super::row::Row;
use crate::{
    admin::{ListenerView, Query, StatsView},
    observe::UpstreamView,
};

#[derive(Clone, Copy)]
pub(super) struct Proxy<'a> {
    /// From 1, by the place in the configuration; whatever is asked for.
    pub(super) number: u32,
    pub(super) part: Part<'a>,
    view: &'a StatsView,
    query: &'a Query,
}

#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Listener(&'a ListenerView),
    Upstream(&'a UpstreamView),
}

impl<'a> Proxy<'a> {
    /// Those that are asked for, in the order of the configuration.
    pub(super) fn shown(
        view: &'a StatsView,
        query: &'a Query,
    ) -> impl Iterator<Item = Self> + use<'a> {
        let numbers = (1..).map(move |number| Self::numbered(view, query, number));
        numbers
            .map_while(|proxy| proxy)
            .filter(move |proxy| query.shows(proxy.name()))
    }

    pub(super) fn numbered(view: &'a StatsView, query: &'a Query, number: u32) -> Option<Self> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let part = match index.checked_sub(view.listeners.len()) {
            None => Part::Listener(view.listeners.get(index)?),
            Some(index) => Part::Upstream(view.upstreams.get(index)?),
        };
        Some(Self {
            number,
            part,
            view,
            query,
        })
    }

    pub(super) fn name(&self) -> &'a str {
        match self.part {
            Part::Listener(listener) => &listener.name,
            Part::Upstream(upstream) => &upstream.name,
        }
    }

    /// Its rows in `HAProxy`'s order: the servers that are asked for, and last the whole.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let Self {
            number,
            part,
            view,
            query,
        } = *self;
        let process = &view.process;
        let (servers, upstream) = match part {
            Part::Listener(_) => (&[][..], ""),
            Part::Upstream(upstream) => (&upstream.servers[..], &*upstream.name),
        };
        let servers = servers
            .iter()
            .zip(1..)
            .filter(|(server, _)| query.shows_server(server))
            .map(move |(server, id)| Row::server((upstream, server), process, (number, id)));
        let whole = match part {
            Part::Listener(listener) => Row::frontend(listener, process, number),
            Part::Upstream(upstream) => Row::backend(upstream, process, number),
        };
        servers.chain(std::iter::once(whole))
    }
}
