//! What the binary writes for editors, shells and readers of manuals.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::harness::{binary, simplon};

#[tokio::test]
async fn the_schema_is_json_and_holds_every_part_of_a_configuration() {
    let ended = simplon("schema").await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let schema: serde_json::Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    for key in ["listeners", "upstreams", "routes", "defaults", "log"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

#[tokio::test]
async fn whoever_reads_only_the_beginning_is_no_error() {
    for line in ["schema", "completions bash", "man"] {
        let mut running = binary()
            .args(line.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut out = BufReader::new(running.stdout.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).await.unwrap();
        drop(out);
        let ended = running.wait_with_output().await.unwrap();
        let errors = String::from_utf8(ended.stderr).unwrap();
        assert!(
            ended.status.success() && errors.is_empty(),
            "{line}: {errors}"
        );
        assert!(!first.is_empty(), "{line}");
    }
}

#[tokio::test]
async fn manual_pages_are_written_into_a_directory() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("man1");
    let ended = simplon(&format!("man --directory {}", directory.display())).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    for page in ["simplon.1", "simplon-reload.1", "simplon-cert-list.1"] {
        assert!(directory.join(page).is_file(), "{page}: {}", ended.output);
    }
    let whole = simplon("man").await;
    let written = std::fs::read_to_string(directory.join("simplon.1")).unwrap();
    assert_eq!(whole.output, written);
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    let ended = simplon(&format!("man --directory {}", file.display())).await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.errors.contains("cannot write pages"),
        "{}",
        ended.errors
    );
}

#[tokio::test]
async fn a_command_line_that_says_nothing_is_told_where_to_begin() {
    let ended = simplon("").await;
    assert_eq!((ended.code, ended.output.as_str()), (Some(2), ""));
    for words in ["simplon up", "simplon run -c FILE", "simplon --help"] {
        assert!(ended.errors.contains(words), "{words}: {}", ended.errors);
    }
}

#[tokio::test]
async fn a_command_line_that_is_wrong_gets_a_tip() {
    for (line, tip) in [
        ("relaod", "'reload'"),
        ("validate -c x.yaml", "'simplon check'"),
        ("start", "'simplon run'"),
        ("-c x.yaml", "a command comes first"),
        ("run --frm :80", "'--from'"),
        ("check --format jsn", "'json'"),
    ] {
        let ended = simplon(line).await;
        assert_eq!(ended.code, Some(2), "{line}");
        let tips = ended.errors.lines().filter(|line| line.contains("tip:"));
        let tips: Vec<_> = tips.collect();
        assert!(
            tips.len() == 1 && tips[0].contains(tip),
            "{line}: {}",
            ended.errors
        );
    }
}
