//! Edits of headers and security headers, as servers and clients see them.

mod requests;
mod responses;

/// By TLS and by plain HTTP, with a certificate for `localhost`.
const LISTENERS: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
";
