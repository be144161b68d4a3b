//! The language of the tests: origins to stand behind the proxy, the proxy itself, and clients before it.

mod answers;
mod certificates;
mod client;
pub(crate) mod command;
mod deaf;
mod http2;
mod load;
mod log;
mod message;
mod origin;
mod origin_h2c;
mod port;
mod proxy;
mod text;
mod tls;
mod wait;
mod wire;

pub(crate) use self::{
    answers::Reply,
    certificates::Certificates,
    client::{Client, request},
    command::{binary, simplon},
    deaf::Deaf,
    http2::Http2,
    load::Load,
    log::Log,
    message::Message,
    origin::Origin,
    origin_h2c::H2cOrigin,
    port::free_port,
    proxy::Proxy,
    tls::{Trust, shake_hands},
    wait::{in_time, until},
    wire::Wire,
};
