//! Takes a connection over from the front door and serves it in the protocol it speaks.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use pingora::{
    apps::HttpServerOptions,
    proxy::{HttpProxy, http_proxy},
    server::configuration::ServerConf,
};

use super::{Gateway, http1, http2, login::Logins, means::Means, spare::Spares};
use crate::{
    listen::{Host, Listener, PerWorker, Stream, Workers},
    observe::Observer,
    respond::Refusal,
    snapshot::SnapshotCell,
};

/// Idle connections to servers that are kept, over all upstreams and workers. Well above what a machine of a
/// few cores needs in flight at once.
const IDLE_SERVER_CONNECTIONS: usize = 8192;

/// Both protocols, one proxy behind them: they share its connections to servers.
pub struct Door {
    pub(super) proxy: Arc<HttpProxy<Gateway>>,
    pub(super) means: Arc<Means>,
}

impl Door {
    pub fn new(snapshot: Arc<SnapshotCell>, observer: Arc<Observer>, workers: &Workers) -> Self {
        let share = (IDLE_SERVER_CONNECTIONS / workers.count()).max(1);
        let conf = ServerConf {
            threads: 1,
            upstream_keepalive_pool_size: IDLE_SERVER_CONNECTIONS,
            // Our own retry rules decide; this only has to be above what they allow.
            max_retries: 64,
            // Connections with TLS to servers are ours; so Pingora need not read, and fail over, what
            // the system trusts.
            ca_file: Some("/dev/null".to_owned()),
            ..ServerConf::default()
        };
        let means = Arc::new(Means {
            snapshot,
            spares: PerWorker::new(workers, || Arc::new(Spares::new(share))),
            logins: Arc::new(Logins::new(Arc::clone(&observer.metrics))),
            observer,
        });
        let gateway = Gateway {
            means: Arc::clone(&means),
        };
        let mut proxy = http_proxy(&Arc::new(conf), gateway);
        let mut options = HttpServerOptions::default();
        // Not that we would: but so it is admission that refuses it, with a page, a count and a log line.
        options.allow_connect_method_proxying = true;
        proxy.server_options = Some(options);
        Self {
            proxy: Arc::new(proxy),
            means,
        }
    }
}

impl Host for Door {
    fn serve(&self, stream: Box<Stream>) -> BoxFuture<'_, ()> {
        let connection = stream.connection();
        if connection.tls.as_ref().is_some_and(|tls| tls.h2) {
            Box::pin(http2::serve(self, stream))
        } else if connection.listener.settings.protocols.http1 {
            Box::pin(http1::serve(self, stream))
        } else {
            // A client without ALPN speaks HTTP/1.1, which this listener does not.
            connection.listener.meters.handshake_failed();
            Box::pin(async {})
        }
    }

    fn turned_away(&self, _listener: &Listener, refusal: Refusal) {
        self.means.observer.metrics.refused(refusal.label());
    }
}
