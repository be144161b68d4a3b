//! What the front end answers, request by request.

use axum::body::to_bytes;

use super::asset::ASSETS;
use super::*;

/// Asks for a path with header lines and gives the whole response.
async fn ask(method: Method, path: &str, lines: &[(HeaderName, &str)]) -> Response {
    let headers = lines
        .iter()
        .map(|(name, value)| (name.clone(), value.parse().unwrap()))
        .collect();
    answer(method, path.parse().unwrap(), headers).await
}

async fn get(path: &str, lines: &[(HeaderName, &str)]) -> Response {
    ask(Method::GET, path, lines).await
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

async fn body(response: Response) -> Bytes {
    to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

fn hashed(ending: &str) -> &'static Asset {
    ASSETS
        .iter()
        .find(|asset| asset.path.ends_with(ending))
        .unwrap()
}

#[tokio::test]
async fn a_path_without_an_extension_is_the_page_and_a_missing_file_is_not_found() {
    let cases = [
        ("/", StatusCode::OK),
        ("/index.html", StatusCode::OK),
        ("/patients", StatusCode::OK),
        ("/patients/42/edit?tab=1", StatusCode::OK),
        ("/v1.2/notes", StatusCode::OK),
        ("/apix", StatusCode::OK),
        ("/../../etc/passwd", StatusCode::OK), // the page, as for any address of the application
        ("/favicon.ico", StatusCode::NOT_FOUND),
        ("/app.css", StatusCode::NOT_FOUND),
        ("/app.00000000.js", StatusCode::NOT_FOUND),
        ("/.env", StatusCode::NOT_FOUND),
        ("/..", StatusCode::NOT_FOUND),
        ("/../Cargo.toml", StatusCode::NOT_FOUND),
        ("/..%2f..%2fCargo.toml", StatusCode::NOT_FOUND),
    ];
    let page = Asset::find(Asset::INDEX).unwrap().identity.bytes;
    for (path, status) in cases {
        let response = get(path, &[]).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(
            body(response).await == page,
            status == StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_page_is_revalidated_and_hashed_files_are_kept_for_good() {
    for asset in ASSETS {
        let response = get(asset.path, &[]).await;
        let expected = if asset.path == Asset::INDEX {
            "no-cache"
        } else {
            FOREVER
        };
        assert_eq!(
            header(&response, &CACHE_CONTROL),
            Some(expected),
            "{}",
            asset.path
        );
        assert_eq!(
            header(&response, &VARY),
            Some("Accept-Encoding"),
            "{}",
            asset.path
        );
    }
    assert_eq!(
        header(&get("/gone.js", &[]).await, &CACHE_CONTROL),
        Some("no-store")
    );
}

#[tokio::test]
async fn content_types_name_their_charset() {
    for (asset, expected) in [
        (
            Asset::find(Asset::INDEX).unwrap(),
            "text/html; charset=utf-8",
        ),
        (hashed(".css"), "text/css; charset=utf-8"),
        (hashed(".js"), "text/javascript; charset=utf-8"),
        (hashed(".svg"), "image/svg+xml; charset=utf-8"),
    ] {
        assert_eq!(
            header(&get(asset.path, &[]).await, &CONTENT_TYPE),
            Some(expected)
        );
    }
}

#[tokio::test]
async fn each_coding_has_its_own_bytes_and_its_own_tag() {
    let asset = hashed(".css");
    for encoding in negotiate::Encoding::ALL {
        let coding = encoding.token().unwrap_or("identity");
        let response = get(asset.path, &[(ACCEPT_ENCODING, coding)]).await;
        let representation = asset
            .representation(encoding)
            .expect("the style sheet is worth compressing");
        assert_eq!(header(&response, &CONTENT_ENCODING), encoding.token());
        assert_eq!(header(&response, &ETAG), Some(representation.etag));
        assert_eq!(body(response).await, representation.bytes);
    }
}

#[tokio::test]
async fn a_client_that_refuses_every_coding_gets_406() {
    let response = get("/", &[(ACCEPT_ENCODING, "*;q=0")]).await;
    assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(header(&response, &VARY), Some("Accept-Encoding"));
}

#[tokio::test]
async fn a_known_tag_gets_304_without_a_body() {
    let asset = hashed(".js");
    let etag = asset.identity.etag;
    for (value, is_known) in [(etag, true), ("\"other\"", false)] {
        let response = get(asset.path, &[(IF_NONE_MATCH, value)]).await;
        let expected = if is_known {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        };
        assert_eq!(response.status(), expected, "{value}");
        assert_eq!(header(&response, &ETAG), Some(etag), "{value}");
        assert_eq!(header(&response, &CACHE_CONTROL), Some(FOREVER), "{value}");
        assert_eq!(header(&response, &VARY), Some("Accept-Encoding"), "{value}");
        assert_eq!(body(response).await.is_empty(), is_known, "{value}");
    }
}

#[tokio::test]
async fn the_tag_of_another_coding_is_not_enough() {
    let asset = hashed(".js");
    let lines = [
        (IF_NONE_MATCH, asset.identity.etag),
        (ACCEPT_ENCODING, "gzip"),
    ];
    assert_eq!(get(asset.path, &lines).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
    ] {
        let response = ask(method.clone(), "/", &[]).await;
        assert_eq!(
            response.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{method}"
        );
        assert_eq!(header(&response, &ALLOW), Some("GET, HEAD"), "{method}");
    }
}

#[tokio::test]
async fn nothing_is_sniffed_and_the_page_has_a_strict_policy() {
    for path in ["/", "/gone.js", hashed(".js").path] {
        assert_eq!(
            header(&get(path, &[]).await, &X_CONTENT_TYPE_OPTIONS),
            Some("nosniff"),
            "{path}"
        );
    }
    let page = get("/", &[]).await;
    let policy = header(&page, &CONTENT_SECURITY_POLICY).unwrap();
    assert!(policy.starts_with("default-src 'none';"));
    assert!(!policy.contains("unsafe"));
}
