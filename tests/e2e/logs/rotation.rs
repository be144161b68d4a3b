//! logrotate's usual recipe: rename the file, then send USR1.

use std::{fs, path::Path};

use rustix::process::Signal;

use crate::harness::{Load, Origin, Proxy, until};

const SITE: &str = "
    log: { access: file $dir/access.log }
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

fn lines(file: &Path) -> usize {
    fs::read_to_string(file).map_or(0, |text| text.lines().count())
}

#[tokio::test]
async fn rotation_under_load_loses_no_line_and_tears_none() {
    const TURNS: usize = 5;
    let origin = Origin::saying("hello").await;
    let mut proxy = Proxy::with(SITE, &[&origin]).await;
    let log = proxy.directory().join("access.log");
    let rotated = |nth: usize| log.with_extension(format!("log.{nth}"));
    let load = Load::on(&proxy, 4);
    for nth in 0..TURNS {
        until("lines are written", async || lines(&log) > 0).await;
        fs::rename(&log, rotated(nth)).unwrap();
        // With `create`, logrotate makes the next file itself; without, we do.
        if nth % 2 == 0 {
            fs::File::create_new(&log).unwrap();
        }
        proxy.signal(Signal::USR1);
    }
    until("lines are written", async || lines(&log) > 0).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    proxy.signal(Signal::TERM);
    assert!(proxy.ended().await.success());
    let files = (0..TURNS).map(rotated).chain([log.clone()]);
    let texts = files.map(|file| fs::read_to_string(file).unwrap());
    let mut written = 0;
    for line in texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["path"], "/load");
        written += 1;
    }
    assert_eq!(written, origin.requests().len());
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_again_stays_in_use() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let (log, moved) = (
        proxy.directory().join("access.log"),
        proxy.directory().join("access.log.1"),
    );
    proxy.get("/before").await;
    until("it is logged", async || lines(&log) == 1).await;
    fs::rename(&log, &moved).unwrap();
    fs::create_dir(&log).unwrap();
    proxy.signal(Signal::USR1);
    let warning = "the access log cannot be opened again, the old file stays in use";
    proxy.errors().await_line(warning).await;
    proxy.get("/meanwhile").await;
    until("it is logged", async || lines(&moved) == 2).await;
    fs::remove_dir(&log).unwrap();
    proxy.signal(Signal::USR1);
    until("the file is there", async || log.is_file()).await;
    proxy.get("/after").await;
    until("it is logged", async || lines(&log) == 1).await;
    assert_eq!(lines(&moved), 2);
}
