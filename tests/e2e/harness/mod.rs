//! The language of the tests: origins to stand behind the proxy, the proxy itself, and clients before it.

mod acme_front;
mod acme_stub;
mod answers;
mod browser;
mod certificates;
mod client;
mod clock;
mod collector;
pub(crate) mod command;
mod deaf;
mod dns;
mod doorman;
mod foreign;
pub(crate) mod frames;
mod handshake;
mod http2;
mod load;
mod log;
mod look;
mod message;
pub(crate) mod mmdb;
mod origin;
mod origin_h2;
mod pebble;
mod pipe;
mod port;
mod prometheus;
mod proxy;
mod recorder;
mod redis;
mod setup;
mod strict;
mod terms;
mod text;
mod tls;
mod tools;
mod wait;
mod wire;

pub(crate) use self::{
    acme_front::{AcmeFront, When},
    answers::Reply,
    browser::Browser,
    certificates::{Certificates, Identity},
    client::{Client, request},
    clock::Clock,
    collector::Collector,
    command::{binary, simplon},
    deaf::Deaf,
    dns::{Dns, Hook},
    doorman::Doorman,
    foreign::Foreign,
    frames::Frames,
    handshake::Handshake,
    http2::Http2,
    load::Load,
    log::Log,
    look::look_at,
    message::Message,
    origin::Origin,
    origin_h2::H2Origin,
    pebble::Pebble,
    pipe::make_pipe,
    port::free_port,
    prometheus::Prometheus,
    proxy::Proxy,
    recorder::Recorder,
    redis::Redis,
    setup::Setup,
    terms::Terms,
    text::Ports,
    tls::{Hands, Trust, certificate_for, shake_hands},
    tools::tool,
    wait::{in_time, until},
    wire::Wire,
};
