//! The language of the tests: origins to stand behind the proxy, the proxy itself, and clients before it.

mod answers;
mod certificates;
mod client;
mod clock;
pub(crate) mod command;
mod deaf;
mod dns;
mod http2;
mod load;
mod log;
mod message;
mod origin;
mod origin_h2c;
mod pebble;
mod port;
mod proxy;
mod setup;
mod terms;
mod text;
mod tls;
mod tools;
mod wait;
mod wire;

pub(crate) use self::{
    answers::Reply,
    certificates::Certificates,
    client::{Client, request},
    clock::Clock,
    command::{binary, simplon},
    deaf::Deaf,
    dns::Dns,
    http2::Http2,
    load::Load,
    log::Log,
    message::Message,
    origin::Origin,
    origin_h2c::H2cOrigin,
    pebble::Pebble,
    port::free_port,
    proxy::Proxy,
    setup::Setup,
    terms::Terms,
    text::Ports,
    tls::{Trust, certificate_for, shake_hands},
    tools::tool,
    wait::{in_time, until},
    wire::Wire,
};
