//! Headless Chromium, told what to do by its `DevTools` protocol.

use std::{path::Path, process::Stdio};

use base64::Engine;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::wait::{START, in_time, until, until_within};

/// One browser with one page, which remembers what the page asked for and complained of. Ended when dropped.
pub(crate) struct Browser {
    _child: Child,
    _profile: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    commands: u64,
    requests: Vec<String>,
    complaints: Vec<String>,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let child = launch(profile.path());
        let file = profile.path().join("DevToolsActivePort");
        let read = || std::fs::read_to_string(&file).unwrap_or_default();
        let listens = async || read().lines().count() >= 2;
        until_within(START, "the browser listens", listens).await;
        let text = read();
        let (port, path) = text.split_once('\n').unwrap();
        let address = format!("ws://127.0.0.1:{port}{}", path.trim_end());
        let (socket, _) = in_time("the browser answers", connect_async(address))
            .await
            .unwrap();
        let mut browser = Self {
            _child: child,
            _profile: profile,
            socket,
            session: None,
            commands: 0,
            requests: Vec::new(),
            complaints: Vec::new(),
        };
        let target = browser
            .tell("Target.createTarget", json!({ "url": "about:blank" }))
            .await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.tell("Target.attachToTarget", attach).await;
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.tell(&format!("{domain}.enable"), json!({})).await;
        }
        browser.resize(1440, 900).await;
        browser
    }

    /// Opens a page, and waits until it is loaded.
    pub(crate) async fn open(&mut self, url: &str) {
        let opened = self.tell("Page.navigate", json!({ "url": url })).await;
        assert_eq!(opened.get("errorText"), None, "{url}");
        self.wait_for("document.readyState === 'complete' && location.protocol !== 'about:'")
            .await;
    }

    /// The value of an expression on the page.
    pub(crate) async fn eval(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.tell("Runtime.evaluate", ask).await;
        assert_eq!(answer.get("exceptionDetails"), None, "{expression}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression on the page is true.
    pub(crate) async fn wait_for(&mut self, condition: &str) {
        until(condition, async || self.eval(condition).await == true).await;
    }

    pub(crate) async fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.tell("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// As somebody who likes it dark, or light.
    pub(crate) async fn prefer(&mut self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.tell(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        )
        .await;
    }

    /// From the next page on, its scripts do not run.
    pub(crate) async fn without_scripts(&mut self) {
        self.tell(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": true }),
        )
        .await;
    }

    pub(crate) async fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key });
            self.tell("Input.dispatchKeyEvent", event).await;
        }
    }

    /// What a screen reader is told of the page: role and name of each node.
    pub(crate) async fn nodes(&mut self) -> Vec<(String, String)> {
        let tree = self.tell("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().unwrap().iter();
        let seen = nodes.filter(|node| node["ignored"] != true);
        let word = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        seen.map(|node| (word(&node["role"]), word(&node["name"])))
            .collect()
    }

    /// A picture of what is seen, as PNG. Kept as `name.png` in the directory that `SIMPLON_SHOTS` names, if it does.
    pub(crate) async fn screenshot(&mut self, name: &str) -> Vec<u8> {
        let taken = self
            .tell("Page.captureScreenshot", json!({ "format": "png" }))
            .await;
        let picture = base64::prelude::BASE64_STANDARD
            .decode(taken["data"].as_str().unwrap())
            .unwrap();
        if let Some(directory) = std::env::var_os("SIMPLON_SHOTS") {
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(Path::new(&directory).join(format!("{name}.png")), &picture).unwrap();
        }
        picture
    }

    /// The addresses that pages asked for so far.
    pub(crate) fn requests(&self) -> &[String] {
        &self.requests
    }

    /// What the console said so far: errors and warnings.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    async fn tell(&mut self, method: &str, parameters: Value) -> Value {
        self.commands += 1;
        let id = self.commands;
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.socket
            .send(Message::text(command.to_string()))
            .await
            .unwrap();
        loop {
            let message = in_time(method, self.socket.next()).await.unwrap().unwrap();
            let Ok(text) = message.to_text() else {
                continue;
            };
            let message: Value = serde_json::from_str(text).unwrap_or_default();
            if message["id"] == id {
                assert_eq!(message.get("error"), None, "{method}");
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Value) {
        let about = &event["params"];
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let url = about["request"]["url"].as_str().unwrap();
                self.requests.push(url.to_owned());
            }
            Some("Log.entryAdded") => self.complaints.push(about["entry"].to_string()),
            Some("Runtime.exceptionThrown") => self.complaints.push(about.to_string()),
            Some("Runtime.consoleAPICalled") => self.complaints.push(about["args"].to_string()),
            _ => {}
        }
    }
}

fn launch(profile: &Path) -> Child {
    const NAMES: [&str; 2] = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
    let program = NAMES.into_iter().find(|name| Path::new(name).exists());
    let program = program.expect("Chromium is missing: install the package chromium");
    Command::new(program)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
        .args([
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
        ])
        .args(["--disable-sync", "--disable-background-networking"])
        .arg("--disable-component-update")
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("--remote-debugging-port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
