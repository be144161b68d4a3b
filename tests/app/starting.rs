//! The command line, and what can go wrong at the start.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::server::{Server, run};

#[test]
fn a_taken_port_is_said_plainly_and_exits_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let cases = [
        vec!["serve", "--data", data, "--bind"],
        vec![
            "serve",
            "--data",
            data,
            "--bind",
            "127.0.0.1:0",
            "--metrics",
        ],
    ];
    for mut arguments in cases {
        let address = address.to_string();
        arguments.push(&address);
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        let expected =
            format!("error: cannot listen on {address}: another process uses this port\n  hint: ");
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[test]
fn a_data_directory_is_made_for_its_owner_alone() {
    let server = Server::start();
    let mode = std::fs::metadata(server.data.path().join("data"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_data_directory_that_cannot_be_made_is_said_plainly() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let inside = file.path().join("data");
    let output = run(&[
        "serve",
        "--bind",
        "127.0.0.1:0",
        "--data",
        inside.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with(&format!(
            "error: cannot create the data directory {}: ",
            inside.display()
        )),
        "{text}"
    );
}

#[test]
fn a_unix_socket_serves_as_a_port_does() {
    let folder = tempfile::tempdir().unwrap();
    let bind = format!("unix:{}", folder.path().join("app.sock").display());
    let server = Server::start_with(&["--bind", &bind]);
    assert_eq!(server.address, bind);
    let response = server.get("/api/echo");
    assert_eq!(response.header("x-served-by"), Some(bind.as_str()));
    assert_eq!(response.json()["peer"], "unix");
}

#[test]
fn the_help_teaches_by_examples() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["help", "serve"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        for words in [
            "Examples:",
            "simplon-app serve --bind 127.0.0.1:9001 --data ./data",
            "Signals:",
        ] {
            assert!(
                text.contains(words),
                "{arguments:?} lacks {words:?}:\n{text}"
            );
        }
    }
}

#[test]
fn a_wrong_option_is_explained_and_exits_with_2() {
    let cases = [
        (["--bind", "9001", "--data", "x"], "127.0.0.1:9001"),
        (
            ["--bind", "127.0.0.1:0", "--drain-timeout", "30"],
            "500ms, 30s, 2m or 1h",
        ),
    ];
    for (options, hint) in cases {
        let output = run(&[&["serve"], &options[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(hint), "{text}");
    }
}
