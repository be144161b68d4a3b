//! Three questions of an orchestrator: does it live, may it get work, has it started?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::state::App;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Always 200: a process that can say so, lives.
pub async fn live() -> Response {
    tell(Ok(()))
}

/// 200 while new requests are welcome, otherwise 503 with the reason.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    tell(app.readiness())
}

/// 503 until the server has started, then 200 for the rest of its life.
pub async fn startup(State(app): State<Arc<App>>) -> Response {
    tell(if app.is_started() {
        Ok(())
    } else {
        app.readiness()
    })
}

fn tell(health: Result<(), String>) -> Response {
    match health {
        Ok(()) => Json(Health {
            status: "ok",
            reason: None,
        })
        .into_response(),
        Err(reason) => {
            let health = Health {
                status: "unavailable",
                reason: Some(reason),
            };
            (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::state::Phase;

    async fn told(response: Response) -> (u16, Value) {
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn health_follows_the_phase() {
        let good = (200, json!({"status": "ok"}));
        let bad = |reason| (503, json!({"status": "unavailable", "reason": reason}));
        let starting = bad("the server is starting");
        let draining = bad("the server is draining");
        let cases = [
            (Phase::Starting, starting.clone(), starting),
            (Phase::Serving, good.clone(), good.clone()),
            (Phase::Draining, draining, good.clone()),
        ];
        for (phase, is_ready, has_started) in cases {
            let app = App::in_phase(phase);
            assert_eq!(told(live().await).await, good, "{phase:?}");
            assert_eq!(
                told(ready(State(app.clone())).await).await,
                is_ready,
                "{phase:?}"
            );
            assert_eq!(
                told(startup(State(app)).await).await,
                has_started,
                "{phase:?}"
            );
        }
    }
}
