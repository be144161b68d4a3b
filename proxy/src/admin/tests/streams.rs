//! Pages that are open: what they are sent, and that nobody holds a place for ever.

use super::*;

/// A stream of events over a connection of its own, its head read.
struct Stream {
    stream: TcpStream,
    read: String,
}

impl Endpoint {
    async fn stream(&self) -> Stream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = "GET /stats/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Stream {
            stream,
            read: String::new(),
        };
        stream.until("\r\n\r\n").await;
        stream
    }

    /// The layout that the page itself has.
    async fn layout(&self) -> String {
        let (_, page) = self.ask("GET /stats").await;
        let after = page.split("data-layout=\"").nth(1).unwrap();
        after.split('"').next().unwrap().to_owned()
    }
}

impl Stream {
    /// What comes up to this text; nothing if the stream ends before.
    async fn until(&mut self, end: &str) -> Option<String> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(at) = self.read.find(end) {
                let rest = self.read.split_off(at + end.len());
                return Some(std::mem::replace(&mut self.read, rest));
            }
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.read += &String::from_utf8_lossy(&bytes[..count]),
            }
        }
    }

    async fn message(&mut self) -> Option<serde_json::Value> {
        self.until("data: ").await?;
        let line = self.until("\n").await?;
        Some(serde_json::from_str(&line).unwrap())
    }
}

#[tokio::test]
async fn an_open_page_is_sent_all_parts_and_then_those_that_change() {
    let endpoint = endpoint().await;
    let layout = endpoint.layout().await;
    let mut stream = endpoint.stream().await;
    let first = timeout(SOON, stream.message()).await.unwrap().unwrap();
    assert_eq!(first["layout"], layout);
    let ids = |message: &serde_json::Value| -> Vec<String> {
        let parts = message["parts"].as_array().unwrap();
        let id = |part: &serde_json::Value| part[0].as_str().unwrap().to_owned();
        parts.iter().map(id).collect()
    };
    for id in ["title", "process", "plots", "l0", "s0-0", "b0", "events"] {
        assert!(ids(&first).contains(&id.to_owned()), "{id} in {first}");
    }
    let _route = endpoint.proxy.metrics.route("new", "");
    loop {
        let next = timeout(SOON, stream.message()).await.unwrap().unwrap();
        match &ids(&next)[..] {
            [] => {}
            changed => return assert_eq!(changed, ["routes"]),
        }
    }
}

#[tokio::test]
async fn sixteen_pages_are_kept_up_to_date_and_no_more() {
    let endpoint = endpoint().await;
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(endpoint.stream().await);
    }
    let (head, _) = endpoint.ask("GET /stats/events").await;
    assert_eq!(status(&head), "503");
    assert!(head.contains("retry-after: 30"), "{head}");
    assert_eq!(status(&endpoint.ask("GET /stats").await.0), "200");
    open.pop();
    timeout(SOON, async {
        let mut next = endpoint.stream().await;
        while next.message().await.is_none() {
            next = endpoint.stream().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_open_page_does_not_hold_up_the_shutdown() {
    let endpoint = endpoint().await;
    let mut stream = endpoint.stream().await;
    stream.message().await.unwrap();
    endpoint.stop.send(()).unwrap();
    // Less than what requests in flight get.
    let soon = Duration::from_secs(4);
    timeout(soon, endpoint.served).await.unwrap().unwrap();
    while stream.message().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn an_open_page_outlasts_other_connections_and_ends_after_ten_minutes() {
    let endpoint = endpoint().await;
    let began = tokio::time::Instant::now();
    let mut stream = endpoint.stream().await;
    while stream.message().await.is_some() {}
    let lasted = began.elapsed();
    let expected = Duration::from_secs(595)..Duration::from_secs(620);
    assert!(expected.contains(&lasted), "{lasted:?}");
}
