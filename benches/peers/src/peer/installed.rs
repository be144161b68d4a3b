//! Which proxies are installed, where, and in which version.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Kind, Peer};
use crate::{
    cli::Args,
    outcome::{In, Outcome},
};

impl Peer {
    /// Those that are installed, and the names of those that are not.
    pub(crate) fn find(args: &Args) -> Outcome<(Vec<Self>, Vec<Kind>)> {
        let simplon = args
            .simplon
            .canonicalize()
            .map_err(|error| format!("{}: {error}; build one with cargo build --release -p simplon, or name one with --simplon", args.simplon.display()))?;
        let profiled = args.profiled.as_ref().map(|path| {
            path.canonicalize()
                .map_err(|error| format!("{}: {error}; build one with benches/pgo", path.display()))
        });
        let places = [
            (Kind::Simplon, Some(simplon)),
            (Kind::Profiled, profiled.transpose()?),
            (Kind::Nginx, args.nginx.clone().or_else(|| in_path("nginx"))),
            (
                Kind::Haproxy,
                args.haproxy.clone().or_else(|| in_path("haproxy")),
            ),
            (Kind::Caddy, args.caddy.clone().or_else(|| in_path("caddy"))),
            (Kind::Relay, Some(env::current_exe()?)),
        ];
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        for (kind, place) in places {
            match place {
                Some(program) => found.push(Self {
                    version: version(kind, &program)?,
                    kind,
                    program,
                }),
                None if kind == Kind::Profiled => {} // nobody misses what was not asked for
                None => absent.push(kind),
            }
        }
        Ok((found, absent))
    }
}

/// A program by its name, also where Debian puts what not every user is to see.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The first line of what it says of itself.
fn version(kind: Kind, program: &Path) -> Outcome<String> {
    let flag = match kind {
        Kind::Simplon | Kind::Profiled | Kind::Relay => "--version",
        Kind::Nginx | Kind::Haproxy => "-v",
        Kind::Caddy => "version",
    };
    if kind == Kind::Relay {
        return Ok(env!("CARGO_PKG_VERSION").to_owned());
    }
    let said = Command::new(program)
        .arg(flag)
        .output()
        .while_doing(&program.display().to_string())?;
    let text = [said.stdout, said.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
