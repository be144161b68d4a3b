//! Whether all peers did the same: the right bytes, by the same protocol, cipher suite and group.

use std::{io::Read as _, net::Ipv4Addr};

use rustls::{
    CipherSuite, NamedGroup, ProtocolVersion, client::Resumption, crypto::SupportedKxGroup,
};

use crate::{
    client::{self, Reply},
    field::Field,
    origin,
    outcome::{In, Outcome},
    peer::Running,
};

/// How a client comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wire {
    Plain,
    Tls,
    H2,
}

/// What a load asks for, so that it can be asked for once and looked at.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub wire: Wire,
    pub host: String,
    pub path: &'static str,
    /// The coding that is accepted, and has to be used.
    pub coding: Option<&'static str>,
}

impl Probe {
    pub(crate) fn new(wire: Wire, path: &'static str) -> Self {
        Self {
            wire,
            host: "localhost".to_owned(),
            path,
            coding: None,
        }
    }
}

/// Asks once; an error says what was not as it should be. Returns how many bytes the body had on the wire.
pub(crate) async fn look(field: &Field, running: &Running, probe: &Probe) -> Outcome<usize> {
    let looked = match probe.wire {
        Wire::Plain => plain(running, probe).await,
        Wire::Tls => tls(field, running, probe).await,
        Wire::H2 => h2(field, running, probe).await,
    };
    let reply = looked.while_doing(&running.kind().to_string())?;
    judge(&reply, probe).while_doing(&format!("{} answers wrongly", running.kind()))?;
    Ok(reply.body.len())
}

async fn plain(running: &Running, probe: &Probe) -> Outcome<Reply> {
    let mut stream = client::connect(running.http, Ipv4Addr::LOCALHOST).await?;
    client::exchange(&mut stream, &request(probe)).await
}

async fn tls(field: &Field, running: &Running, probe: &Probe) -> Outcome<Reply> {
    let config = field
        .certificate
        .client(b"http/1.1", Resumption::disabled())?;
    let mut stream = client::connect_tls(running.https, Ipv4Addr::LOCALHOST, &config).await?;
    agreed(stream.get_ref().1, b"http/1.1")?;
    client::exchange(&mut stream, &request(probe)).await
}

fn request(probe: &Probe) -> String {
    let coding = probe
        .coding
        .map(|coding| format!("Accept-Encoding: {coding}\r\n"));
    client::request(&probe.host, probe.path, &coding.unwrap_or_default())
}

async fn h2(field: &Field, running: &Running, probe: &Probe) -> Outcome<Reply> {
    let config = field.certificate.client(b"h2", Resumption::disabled())?;
    let stream = client::connect_tls(running.https, Ipv4Addr::LOCALHOST, &config).await?;
    agreed(stream.get_ref().1, b"h2")?;
    let (mut send, connection) = h2::client::handshake(stream).await?;
    let ask = async {
        let request = http::Request::get(format!("https://localhost{}", probe.path)).body(())?;
        let (response, _) = send.send_request(request, true)?;
        let mut response = response.await?;
        let mut body = Vec::new();
        while let Some(data) = response.body_mut().data().await {
            let data = data?;
            response
                .body_mut()
                .flow_control()
                .release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        Ok(Reply {
            status: response.status().as_u16(),
            head: String::new(),
            body,
        })
    };
    tokio::select! {
        reply = ask => reply,
        ended = connection => match ended {
            Ok(()) => Err("closed before the answer's end".into()),
            Err(error) => Err(error.into()),
        },
    }
}

/// TLS 1.3, AES-128-GCM, X25519, and the protocol that was asked for.
pub(crate) fn agreed(tls: &rustls::ClientConnection, protocol: &[u8]) -> Outcome<()> {
    let version = tls.protocol_version();
    let suite = tls.negotiated_cipher_suite().map(|suite| suite.suite());
    let group = tls.negotiated_key_exchange_group();
    let group = group.map(SupportedKxGroup::name);
    let spoken = tls.alpn_protocol().unwrap_or(b"http/1.1");
    let is_same = version == Some(ProtocolVersion::TLSv1_3)
        && suite == Some(CipherSuite::TLS13_AES_128_GCM_SHA256)
        && group.is_none_or(|group| group == NamedGroup::X25519)
        && spoken == protocol;
    if is_same {
        return Ok(());
    }
    let spoken = String::from_utf8_lossy(spoken);
    Err(format!("agreed on {version:?}, {suite:?}, {group:?}, {spoken}").into())
}

fn judge(reply: &Reply, probe: &Probe) -> Outcome<()> {
    if reply.status != 200 {
        return Err(format!("status {}", reply.status).into());
    }
    let plain = match probe.coding {
        None => reply.body.clone(),
        Some(coding) if reply.header("content-encoding") == Some(coding) => {
            decode(coding, &reply.body)?
        }
        Some(coding) => return Err(format!("not in {coding}").into()),
    };
    if plain != origin::body(probe.path) {
        return Err(format!("{} bytes that are not those of {}", plain.len(), probe.path).into());
    }
    Ok(())
}

fn decode(coding: &str, body: &[u8]) -> Outcome<Vec<u8>> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => flate2::read::MultiGzDecoder::new(body).read_to_end(&mut plain)?,
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut plain)?,
        "zstd" => zstd::Decoder::new(body)?.read_to_end(&mut plain)?,
        _ => return Err(format!("{coding} is not known").into()),
    };
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, coding: &str, body: Vec<u8>) -> Reply {
        let head = format!("http/1.1 {status} ok\r\ncontent-encoding: {coding}\r\n\r\n");
        Reply { status, head, body }
    }

    #[test]
    fn only_the_right_bytes_with_200_are_right() {
        let probe = Probe::new(Wire::Plain, origin::SMALL);
        let right = origin::body(origin::SMALL);
        assert!(judge(&reply(200, "", right.clone()), &probe).is_ok());
        assert!(judge(&reply(502, "", right.clone()), &probe).is_err());
        assert!(judge(&reply(200, "", right[1..].to_vec()), &probe).is_err());
    }

    #[test]
    fn a_coded_body_has_to_be_in_the_coding_and_to_decode() {
        let right = origin::body(origin::SMALL);
        let coded = zstd::encode_all(&right[..], 3).unwrap();
        let probe = Probe {
            coding: Some("zstd"),
            ..Probe::new(Wire::Plain, origin::SMALL)
        };
        assert!(judge(&reply(200, "zstd", coded.clone()), &probe).is_ok());
        assert!(judge(&reply(200, "gzip", coded), &probe).is_err());
        assert!(judge(&reply(200, "identity", right), &probe).is_err());
    }
}
