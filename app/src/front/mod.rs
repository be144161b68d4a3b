//! Serves the front end: which file, in which coding, and what may be cached for how long.

pub mod asset;
pub mod etag;
pub mod negotiate;
mod weight;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use asset::{Asset, Representation};
use etag::is_known;
use negotiate::Accepted;

/// A year, the most RFC 9111 readers take seriously; `immutable` is RFC 8246.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Only our own script, style and pictures, only our own API, and nobody may frame us.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers whatever is not the API's.
pub async fn answer(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let mut response = match find(uri.path()) {
        _ if method != Method::GET && method != Method::HEAD => {
            plain(StatusCode::METHOD_NOT_ALLOWED, &[(ALLOW, "GET, HEAD")])
        }
        None => plain(StatusCode::NOT_FOUND, &[(CACHE_CONTROL, "no-store")]),
        Some(asset) => represent(asset, &headers),
    };
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The file at a path, or the page if the path may be an address inside the application.
/// A missing file must not look like a page: a browser would read HTML as a script.
fn find(path: &str) -> Option<&'static Asset> {
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    Asset::find(if is_file { path } else { Asset::INDEX })
}

fn represent(asset: &'static Asset, request: &HeaderMap) -> Response {
    let accepted = Accepted::parse(values(request, &ACCEPT_ENCODING));
    let chosen = accepted.choose(|encoding| asset.representation(encoding).is_some());
    let chosen = chosen.and_then(|encoding| Some((encoding, asset.representation(encoding)?)));
    let Some((encoding, representation)) = chosen else {
        return plain(
            StatusCode::NOT_ACCEPTABLE,
            &[(VARY, "Accept-Encoding"), (CACHE_CONTROL, "no-store")],
        );
    };

    let mut response = if is_known(representation.etag, values(request, &IF_NONE_MATCH)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        whole(asset, representation, encoding.token())
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from_static(representation.etag));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    let freshness = if asset.is_immutable {
        FOREVER
    } else {
        "no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(freshness));
    response
}

fn whole(asset: &Asset, representation: &Representation, coding: Option<&'static str>) -> Response {
    let mut response = Response::new(Body::from(Bytes::from_static(representation.bytes)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if asset.content_type.starts_with("text/html") {
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(CONTENT_POLICY),
        );
    }
    response
}

/// The values of all lines of a field; a line that is not text says nothing.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
}

/// A short answer in words: the status and its reason.
fn plain(status: StatusCode, headers: &[(HeaderName, &'static str)]) -> Response {
    let mut response = (status, format!("{status}\n")).into_response();
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
