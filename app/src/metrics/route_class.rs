//! What kind of request it was; few kinds, so that a client cannot invent time series.

use axum::http::StatusCode;

/// In the order of `ROUTES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RouteClass {
    ApiHealth,
    ApiEcho,
    Front,
    NotFound,
}

/// The classes as the label `route` names them.
pub(super) const ROUTES: [&str; 4] = ["api_health", "api_echo", "front", "not_found"];

impl RouteClass {
    pub(super) fn of(path: &str, status: StatusCode) -> Self {
        match path {
            // Here the status is the client's wish.
            "/api/echo" => Self::ApiEcho,
            _ if status == StatusCode::NOT_FOUND => Self::NotFound,
            path if path.starts_with("/api/health/") => Self::ApiHealth,
            _ => Self::Front,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_gives_the_class_and_what_is_not_there_has_its_own() {
        let cases = [
            ("/api/health/live", 200, RouteClass::ApiHealth),
            ("/api/health/ready", 503, RouteClass::ApiHealth),
            ("/api/health/none", 404, RouteClass::NotFound),
            ("/api/echo", 200, RouteClass::ApiEcho),
            ("/api/echo", 404, RouteClass::ApiEcho),
            ("/api/echo/", 404, RouteClass::NotFound),
            ("/api", 404, RouteClass::NotFound),
            ("/", 200, RouteClass::Front),
            ("/patients", 304, RouteClass::Front),
            ("/", 405, RouteClass::Front),
            ("/gone.js", 404, RouteClass::NotFound),
        ];
        for (path, status, class) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(RouteClass::of(path, status), class, "{path} {status}");
        }
    }
}
