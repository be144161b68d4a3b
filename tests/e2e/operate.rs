//! Orders of operators: ready, drain, maint and weight, by the commands.

use std::{collections::HashMap, process::Stdio, sync::Arc};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::harness::{Log, Origin, Proxy, Setup, binary, command::Ended, in_time, simplon, until};

const CHECKED: &str = "
    upstreams:
      web: { servers: [$1, $2], health: { path: /health, interval: 60ms } }
    routes: [{ upstream: web }]
    ";

async fn two() -> (Origin, Origin) {
    (Origin::saying("a").await, Origin::saying("b").await)
}

/// Runs a command such as `drain web/$1` against this proxy.
async fn order(proxy: &Proxy, command: &str, origins: &[&Origin]) -> Ended {
    let control = proxy.control();
    let mut line = format!("{command} --control {}", control.display());
    for (origin, nth) in origins.iter().zip(1..) {
        line = line.replace(&format!("${nth}"), &origin.to_string());
    }
    simplon(&line).await
}

/// As [`order`], for what must be done.
async fn done(proxy: &Proxy, command: &str, origins: &[&Origin]) -> String {
    let ended = order(proxy, command, origins).await;
    assert_eq!(ended.code, Some(0), "{command}: {}", ended.errors);
    ended.output
}

/// Who answers so many requests.
async fn answers(proxy: &Proxy, count: usize) -> HashMap<String, usize> {
    let mut client = proxy.client().await;
    let mut answers = HashMap::new();
    for _ in 0..count {
        let answer = client.get("/").await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        *answers.entry(answer.text().to_owned()).or_insert(0) += 1;
    }
    answers
}

async fn only(proxy: &Proxy, name: &str) {
    assert_eq!(
        answers(proxy, 6).await,
        HashMap::from([(name.to_owned(), 6)])
    );
}

/// Says `a` to each request once it is let.
async fn held(gate: &Arc<Semaphore>) -> Origin {
    let gate = Arc::clone(gate);
    Origin::scripted(move |_, mut wire| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na")
                .await;
            Some(wire)
        }
    })
    .await
}

#[tokio::test]
async fn a_drained_server_gets_nothing_new_and_ends_what_it_has_while_drain_waits() {
    let gate = Arc::new(Semaphore::new(0));
    let (a, b) = (held(&gate).await, Origin::saying("b").await);
    let proxy = Arc::new(Proxy::in_front_of(&[&a, &b]).await);
    let under_way = {
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move { proxy.get("/slow").await })
    };
    a.await_count("/slow", 1).await;

    let draining = {
        let (proxy, line) = (Arc::clone(&proxy), format!("drain web/{a} --wait"));
        tokio::spawn(async move { order(&proxy, &line, &[]).await })
    };
    proxy.errors().await_line("server is drained: web/").await;
    only(&proxy, "b").await;
    assert_eq!(a.count("/"), 0);
    assert!(!draining.is_finished() && !under_way.is_finished());

    gate.add_permits(1);
    assert_eq!(in_time("the answer", under_way).await.unwrap().text(), "a");
    let drained = in_time("the drain", draining).await.unwrap();
    assert_eq!(drained.code, Some(0), "{}", drained.errors);
    assert!(drained.output.contains(&format!("web/{a} is drained")));
    assert!(drained.output.contains("no request is under way"));
    proxy
        .errors()
        .await_line(&format!(
            "server is drained: web/{a} (by the control socket)"
        ))
        .await;

    gate.add_permits(100);
    done(&proxy, "ready web/$1", &[&a]).await;
    assert_eq!(answers(&proxy, 6).await["a"], 3);
}

#[tokio::test]
async fn a_drain_that_waits_in_vain_is_status_1() {
    let gate = Arc::new(Semaphore::new(0));
    let a = held(&gate).await;
    let proxy = Arc::new(Proxy::in_front_of(&[&a]).await);
    let under_way = {
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move { proxy.get("/slow").await })
    };
    a.await_count("/slow", 1).await;
    let ended = order(&proxy, "drain web --wait --timeout 300ms", &[]).await;
    assert_eq!(ended.code, Some(1));
    let expected = format!("still under way after 300ms: 1 request at web/{a}");
    assert!(ended.errors.contains(&expected), "{}", ended.errors);

    // Somebody else ends the drain.
    let line = format!("drain web --wait --control {}", proxy.control().display());
    let waiting = tokio::spawn(async move { simplon(&line).await });
    until("the drain has begun, and is ended", async || {
        done(&proxy, "ready web", &[]).await;
        waiting.is_finished()
    })
    .await;
    let ended = waiting.await.unwrap();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.errors.contains("takes requests again"),
        "{}",
        ended.errors
    );

    // The process goes.
    let mut waiting = binary()
        .args(["drain", "web", "--wait", "--control"])
        .arg(proxy.control())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = Log::of(waiting.stdout.take().unwrap());
    let errors = Log::of(waiting.stderr.take().unwrap());
    output.await_line("is drained").await;
    under_way.abort();
    let _ = under_way.await; // aborted, so an error
    let proxy = Arc::into_inner(proxy).unwrap();
    drop(proxy.leave().await);
    let status = in_time("the drain", waiting.wait()).await.unwrap();
    assert_eq!(status.code(), Some(1));
    errors.await_line("the process has gone").await;
}

#[tokio::test]
async fn maintenance_stops_checks_and_its_end_begins_them_at_once() {
    let (a, b) = two().await;
    let proxy = Proxy::with(CHECKED, &[&a, &b]).await;
    a.await_count("/health", 2).await;
    done(&proxy, "maint web/$1", &[&a]).await;
    only(&proxy, "b").await;
    // One check may have been on its way; then others are checked, and this one is not.
    b.await_count("/health", b.count("/health") + 2).await;
    let before = a.count("/health");
    b.await_count("/health", b.count("/health") + 5).await;
    assert_eq!(a.count("/health"), before);
    let page = proxy.admin("/stats").await.unwrap();
    assert!(page.text().contains("MAINT"));

    // A reload does not begin them again either.
    proxy.rewrite(&CHECKED.replace("60ms", "70ms"));
    proxy.reload().await;
    b.await_count("/health", b.count("/health") + 5).await;
    assert_eq!(a.count("/health"), before);

    done(&proxy, "ready web/$1", &[&a]).await;
    assert_eq!(answers(&proxy, 6).await["a"], 3);
    a.await_count("/health", before + 1).await;

    // Drained, it is checked.
    done(&proxy, "drain web/$1", &[&a]).await;
    a.await_count("/health", a.count("/health") + 3).await;
    only(&proxy, "b").await;
}

#[tokio::test]
async fn weights_show_in_who_answers() {
    let (a, b) = two().await;
    let proxy = Proxy::in_front_of(&[&a, &b]).await;
    let output = done(&proxy, "weight web/$1 3", &[&a]).await;
    assert_eq!(output.trim_end(), format!("web/{a} has weight 3"));
    assert_eq!(answers(&proxy, 40).await["a"], 30);
    done(&proxy, "weight web/$1 0", &[&a]).await;
    only(&proxy, "b").await;
    let output = done(&proxy, "weight web/$1 default", &[&a]).await;
    assert!(output.contains("has its configured weight 1"), "{output}");
    assert_eq!(answers(&proxy, 40).await["a"], 20);
    for wrong in ["257", "-1", "heavy", "1.5"] {
        let ended = order(&proxy, &format!("weight web {wrong}"), &[]).await;
        assert_eq!(ended.code, Some(2), "{wrong}: {}", ended.errors);
    }
}

#[tokio::test]
async fn orders_survive_reloads_and_a_kill() {
    let (a, b) = two().await;
    let text = "
        upstreams: { web: { servers: [$1, $2] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&a, &b]).await;
    done(&proxy, "drain web/$1", &[&a]).await;
    done(&proxy, "weight web/$2 7", &[&a, &b]).await;
    proxy.reload().await;
    only(&proxy, "b").await;
    for changed in [
        "upstreams: { web: { servers: [$2, { address: $1, weight: 9 }], passive: { failures: 9 } } }",
        // A server that is named again is still drained.
        "upstreams: { web: { servers: [$2] } }",
        "upstreams: { web: { servers: [$1, $2] } }",
    ] {
        proxy.rewrite(&format!("{changed}\nroutes: [{{ upstream: web }}]\n"));
        proxy.reload().await;
        only(&proxy, "b").await;
    }

    let proxy = restart(proxy.leave().await, text, &a, &b).await;
    only(&proxy, "b").await;
    let kept = std::fs::read_to_string(proxy.state().join("servers.json")).unwrap();
    let expected = format!(
        r#"{{"servers":{{"web":{{"{a}":{{"order":"drain"}},"{b}":{{"order":"ready","weight":7}}}}}}}}"#
    );
    let [kept, expected] =
        [&*kept, &*expected].map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
    assert_eq!(kept, expected);

    done(&proxy, "ready web", &[]).await;
    done(&proxy, "weight web default", &[]).await;
    let proxy = restart(proxy.leave().await, text, &a, &b).await;
    assert_eq!(answers(&proxy, 6).await["a"], 3);
}

async fn restart(directory: TempDir, text: &str, a: &Origin, b: &Origin) -> Proxy {
    let _ = std::fs::remove_file(directory.path().join("control.sock")); // of who was killed
    let setup = Setup::of(text).before(&[a, b]);
    setup.kept_in(directory).start().await
}

#[tokio::test]
async fn a_broken_file_of_orders_is_told_and_does_no_harm() {
    let (a, b) = two().await;
    let text = "
        upstreams: { web: { servers: [$1, $2] } }
        routes: [{ upstream: web }]
        ";
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("state")).unwrap();
    std::fs::write(directory.path().join("state/servers.json"), "{\"serv").unwrap();
    let proxy = restart(directory, text, &a, &b).await;
    proxy
        .errors()
        .await_line("servers.json cannot be read")
        .await;
    assert_eq!(answers(&proxy, 6).await["a"], 3);
}

#[tokio::test]
async fn an_order_that_cannot_be_written_down_holds_and_says_so() {
    let (a, b) = two().await;
    let text = "
        upstreams: { web: { servers: [$1, $2] } }
        routes: [{ upstream: web }]
        state: $dir/state
        ";
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("state"), "no directory").unwrap();
    let proxy = restart(directory, text, &a, &b).await;
    let output = done(&proxy, "drain web/$1", &[&a]).await;
    assert!(output.contains("will not outlive a restart"), "{output}");
    only(&proxy, "b").await;
}

#[tokio::test]
async fn one_unknown_server_refuses_the_whole_order_with_a_hint() {
    let (a, b) = two().await;
    let proxy = Proxy::in_front_of(&[&a, &b]).await;
    for (line, hint) in [
        ("drain web/$1 wbe/$2", "did you mean \"web\"?"),
        ("maint web/$1 web/127.0.0.1:1", "hint: "),
        ("weight web/$1 nobody 5", "`simplon status`"),
    ] {
        let ended = order(&proxy, line, &[&a, &b]).await;
        assert_eq!(ended.code, Some(1), "{line}");
        assert!(ended.errors.contains(hint), "{line}: {}", ended.errors);
        assert!(ended.errors.contains("nothing is changed"), "{line}");
    }
    assert_eq!(answers(&proxy, 6).await["a"], 3);
    let ended = order(&proxy, "drain", &[]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.errors);
}

#[tokio::test]
async fn without_a_server_left_requests_are_refused() {
    let (a, b) = two().await;
    let proxy = Proxy::with(CHECKED, &[&a, &b]).await;
    for (command, state) in [("maint web", "MAINT"), ("drain web/*", "DRAIN")] {
        let output = done(&proxy, command, &[]).await;
        assert_eq!(output.lines().count(), 2, "{output}");
        let answer = proxy.get("/").await;
        assert_eq!(answer.status(), 503);
        proxy.logged(|line| line["refusal"] == "no_server").await;
        let page = proxy.admin("/stats").await.unwrap();
        assert!(page.text().contains(state));
        let panic = [("upstream", "web")];
        let panic = proxy.metric("simplon_upstream_panic", &panic).await;
        assert_eq!(panic, Some(0), "an operator's word is no outage");
    }
    done(&proxy, "ready web", &[]).await;
    assert_eq!(answers(&proxy, 6).await["a"], 3);
}

#[tokio::test]
async fn a_retry_goes_to_no_server_that_is_ordered_away() {
    let (mut a, b) = two().await;
    let proxy = Proxy::in_front_of(&[&a, &b]).await;
    done(&proxy, "maint web/$1", &[&b]).await;
    a.stop().await;
    for _ in 0..4 {
        assert_eq!(proxy.get("/").await.status(), 502);
    }
    assert_eq!(b.count("/"), 0);
}

#[tokio::test]
async fn status_is_a_table_for_people_and_json_for_programs() {
    let (a, b) = two().await;
    let text = "
        upstreams:
          web: { servers: [$1, $2], health: { path: /health, interval: 50ms } }
          other: { servers: [$2] }
        routes: [{ upstream: web }, { path: /other, upstream: other }]
        ";
    let proxy = Proxy::with(text, &[&a, &b]).await;
    answers(&proxy, 4).await;
    a.await_count("/health", 2).await;
    done(&proxy, "drain web/$1", &[&a]).await;
    let table = done(&proxy, "status", &[]).await;
    assert!(table.starts_with("Simplon "), "{table}");
    let line = |name: &str| {
        let mut lines = table.lines().map(|line| line.split_whitespace().collect());
        lines
            .find(|words: &Vec<&str>| words.first() == Some(&name))
            .unwrap()
    };
    assert_eq!(line("NAME")[..3], ["NAME", "STATUS", "AGE"]);
    assert_eq!(line("http")[1], "OPEN");
    assert_eq!(line(&format!("web/{a}"))[1], "DRAIN");
    assert_eq!(line(&format!("web/{b}"))[1], "UP");
    assert_eq!(line("web")[4], "1/0");
    assert!(line(&format!("web/{a}")).contains(&"L7OK/200"), "{table}");
    assert_eq!(line("other")[1], "UP");

    let table = done(&proxy, "status web", &[]).await;
    assert!(
        table.contains("web/") && !table.contains("other"),
        "{table}"
    );
    let ended = order(&proxy, "status wbe", &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.errors.contains("did you mean \"web\"?"),
        "{}",
        ended.errors
    );

    let json = done(&proxy, "status --json web", &[]).await;
    let stats: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(stats["process"]["pid"], proxy.id());
    let servers = stats["upstreams"][0]["servers"].as_array().unwrap();
    let shown: Vec<_> = servers.iter().map(|server| &server["state"]).collect();
    assert_eq!(shown, ["DRAIN", "UP"]);
    assert_eq!(servers[0]["usable"], false);
    assert_eq!(stats["upstreams"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_watched_status_is_shown_again_until_a_signal_ends_it() {
    let (a, b) = two().await;
    let proxy = Proxy::in_front_of(&[&a, &b]).await;
    let mut child = binary()
        .args(["status", "--watch=1", "--control"])
        .arg(proxy.control())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = Log::of(child.stdout.take().unwrap());
    let drained = format!("web/{a}");
    let shows = |state: &str| {
        let mut lines = output.lines().into_iter();
        lines.any(|line| line.contains(&drained) && line.contains(state))
    };
    until("it is shown", async || shows("no check")).await;
    done(&proxy, "drain web/$1", &[&a]).await;
    until("it is shown again", async || shows("DRAIN")).await;
    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let status = in_time("the end", child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}
