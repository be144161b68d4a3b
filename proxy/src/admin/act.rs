//! Forms of the page: who may send them, what they may hold, and where the browser is led then.

use axum::{
    body::Body,
    extract::Request,
    http::{
        HeaderMap, StatusCode, Uri,
        header::{CONTENT_TYPE, LOCATION, REFERER},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use tracing::warn;

use super::{
    View,
    action::Action,
    query::{ActionStatus, Format, Query},
    site,
};
use crate::balance::Operator;

/// Bytes of a form at most, with room for some hundred servers. `HAProxy` takes as many by default.
const MOST: usize = 16 << 10;
/// So much is read of one that is longer, so that whoever sent it hears why it is refused.
const MOST_PASSED_OVER: usize = 1 << 20;

/// Does what a form asks for, if a user has sent it by the page. Answers 303 to the page, which tells what came of it.
pub(super) async fn act(view: View, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let form = read(body).await;
    let status = match judge(&parts, form) {
        Ok((action, by)) => view.act(action, by).await,
        Err(status) => status,
    };
    let look = match status {
        ActionStatus::Denied => Query::default(),
        _ => look(&parts.headers),
    };
    let location = format!("/stats;st={}{look}", status.code());
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// What is to be done, and who wants it.
fn judge(
    parts: &Parts,
    form: Result<Vec<u8>, ActionStatus>,
) -> Result<(Action, Operator), ActionStatus> {
    let Some(by) = parts.extensions.get::<Operator>() else {
        warn!("an action at the page is denied: `admin` names no users");
        return Err(ActionStatus::Denied);
    };
    if let Err(why) = site::check(&parts.uri, &parts.headers) {
        warn!("an action at the page is denied: {why} ({by})");
        return Err(ActionStatus::Denied);
    }
    if !is_form(&parts.headers) {
        return Err(ActionStatus::Invalid);
    }
    Ok((Action::of(&form?)?, by.clone()))
}

fn is_form(fields: &HeaderMap) -> bool {
    let mut kinds = fields.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return false;
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn read(mut body: Body) -> Result<Vec<u8>, ActionStatus> {
    let mut form = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_broken| ActionStatus::Invalid)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length <= MOST {
            form.extend_from_slice(data);
        } else if length > MOST_PASSED_OVER {
            break;
        }
    }
    if length <= MOST {
        Ok(form)
    } else {
        Err(ActionStatus::TooMuch)
    }
}

/// How the page looked from which the form was sent.
fn look(fields: &HeaderMap) -> Query {
    let referer = fields.get(REFERER).and_then(|referer| {
        let uri: Uri = referer.to_str().ok()?.parse().ok()?;
        Query::of(&uri, "/stats")
    });
    Query {
        format: Format::Page,
        ..referer.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_page_looks_afterwards_as_it_did_before() {
        for (referer, expected) in [
            ("http://localhost:8404/stats", ""),
            ("http://localhost:8404/stats;st=DONE", ""),
            (
                "https://ops.example/stats;up;st=NONE?scope=a%20b",
                ";up?scope=a%20b",
            ),
            ("http://localhost/stats;csv;norefresh", ";norefresh"),
            ("http://localhost/elsewhere;up", ""),
            ("no address", ""),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(REFERER, HeaderValue::from_static(referer));
            assert_eq!(look(&fields).to_string(), expected, "{referer}");
        }
        assert_eq!(look(&HeaderMap::new()), Query::default());
    }

    #[test]
    fn a_form_is_sent_as_one() {
        let is = |kinds: &[&'static str]| {
            let mut fields = HeaderMap::new();
            for kind in kinds {
                fields.append(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            is_form(&fields)
        };
        let form = "application/x-www-form-urlencoded";
        assert!(is(&[form]));
        assert!(is(&["Application/X-WWW-Form-Urlencoded ; charset=UTF-8"]));
        for kinds in [
            &[][..],
            &["text/plain"],
            &["multipart/form-data; boundary=x"],
            &["application/json"],
            &[form, form],
            &[""],
        ] {
            assert!(!is(kinds), "{kinds:?}");
        }
    }

    #[tokio::test]
    async fn a_form_has_an_end() {
        let of = async |length: usize| read(Body::from(vec![b'a'; length])).await;
        assert_eq!(of(MOST).await.unwrap().len(), MOST);
        for length in [MOST + 1, MOST_PASSED_OVER * 2] {
            assert_eq!(of(length).await, Err(ActionStatus::TooMuch));
        }
    }
}
