//! Programs of others that the proxy meets: before it, behind it, or looking at it.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::until;

/// Ended when dropped.
pub(crate) struct Foreign {
    _child: Child,
    _directory: TempDir,
}

impl Foreign {
    /// With these arguments, once it listens on `port`.
    pub(crate) async fn start(program: &str, arguments: &[&str], port: u16) -> Self {
        Self::run(program, arguments, None, port).await
    }

    pub(crate) async fn haproxy(sections: &str, port: u16) -> Self {
        let configuration = format!(
            "defaults\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n{sections}"
        );
        let arguments = ["-db", "-q", "-f"];
        Self::run("haproxy", &arguments, Some(&configuration), port).await
    }

    pub(crate) async fn nginx(servers: &str, port: u16) -> Self {
        let configuration = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr crit; events {{}}
            http {{ access_log off; client_body_temp_path .; proxy_temp_path .; fastcgi_temp_path .;
            uwsgi_temp_path .; scgi_temp_path .; {servers} }}"
        );
        let arguments = ["-e", "stderr", "-p", ".", "-c"];
        Self::run("nginx", &arguments, Some(&configuration), port).await
    }

    /// A file with the configuration is the last argument.
    async fn run(
        program: &str,
        arguments: &[&str],
        configuration: Option<&str>,
        port: u16,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command.args(arguments);
        if let Some(configuration) = configuration {
            let file = directory.path().join("configuration");
            std::fs::write(&file, configuration).unwrap();
            command.arg(file);
        }
        let child = command
            .env("PATH", format!("{path}:/usr/sbin"))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
        until("the other program listens", async || {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self {
            _child: child,
            _directory: directory,
        }
    }
}
