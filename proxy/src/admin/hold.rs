//! A response that goes on and on, and the connection that it goes by.

use std::sync::Arc;

use tokio::sync::watch;

/// What a handler knows of the connection its request came by.
#[derive(Clone)]
pub(super) struct Hold {
    is_held: Arc<watch::Sender<bool>>,
    end: watch::Receiver<()>,
}

/// Keeps the connection beyond its time until dropped.
pub(super) struct Held(Hold);

impl Hold {
    /// `end` changes or closes when the endpoint ends.
    pub(super) fn new(end: watch::Receiver<()>) -> Self {
        Self {
            is_held: Arc::new(watch::Sender::new(false)),
            end,
        }
    }

    pub(super) fn keep(&self) -> Held {
        self.is_held.send_replace(true);
        Held(self.clone())
    }

    /// Waits until nobody keeps the connection.
    pub(super) async fn released(&self) {
        let mut is_held = self.is_held.subscribe();
        // It cannot close: we have the other end.
        let _ = is_held.wait_for(|is_held| !is_held).await;
    }
}

impl Held {
    /// Waits for the end of the endpoint.
    pub(super) async fn ended(&mut self) {
        // Closed or changed, it is the end.
        let _ = self.0.end.changed().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.is_held.send_replace(false);
    }
}
