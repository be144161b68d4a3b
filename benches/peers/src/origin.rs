//! The server behind every proxy: nginx on the core of the load, with files whose bytes we know.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    core,
    outcome::{In, Outcome},
    peer::in_path,
    program::Program,
    template,
};

#[derive(Debug)]
pub(crate) struct Origin {
    pub address: SocketAddr,
    program: Program,
}

/// What can be asked for: a path, and how many bytes it has.
pub(crate) const SMALL: &str = "/small.json";
pub(crate) const LARGE: &str = "/1m.bin";
pub(crate) const JSON_8K: &str = "/8k.json";
pub(crate) const JSON_64K: &str = "/64k.json";

impl Origin {
    pub(crate) async fn start(
        folder: &Path,
        nginx: Option<&PathBuf>,
        address: SocketAddr,
    ) -> Outcome<Self> {
        let program = nginx
            .cloned()
            .or_else(|| in_path("nginx"))
            .ok_or("the server behind the proxies is nginx, which is not installed")?;
        let files = folder.join("www");
        fs::create_dir(&files)?;
        for path in [SMALL, LARGE, JSON_8K, JSON_64K] {
            fs::write(files.join(path.trim_start_matches('/')), body(path))?;
        }
        let values = [
            ("DIR", folder.display().to_string()),
            ("WWW", files.display().to_string()),
            ("ORIGIN", address.port().to_string()),
        ];
        let file = folder.join("origin.conf");
        fs::write(
            &file,
            template::fill(include_str!("../conf/origin.conf"), &[], &values)?,
        )?;
        let mut command = core::pinned(&core::LOAD.to_string(), &program);
        command.arg("-p").arg(folder).arg("-c").arg(&file);
        let mut program = Program::start("the server", &mut command, &folder.join("origin.log"))?;
        program.listens(address).await.while_doing("the server")?;
        Ok(Self { address, program })
    }

    pub(crate) fn group(&self) -> i32 {
        self.program.group()
    }
}

/// The bytes of a path.
pub(crate) fn body(path: &str) -> Vec<u8> {
    match path {
        SMALL => {
            let text = "{\"status\":\"ok\",\"service\":\"an api that says it is alive\",\"uptime_seconds\":1234567}\n";
            text.as_bytes().to_vec()
        }
        LARGE => Numbers(1).bytes(1 << 20),
        JSON_8K => json(8 << 10),
        JSON_64K => json(64 << 10),
        _ => Vec::new(),
    }
}

/// A list of appointments: the same names and words again and again, and numbers that cannot be guessed.
fn json(length: usize) -> Vec<u8> {
    const FIRST: [&str; 4] = ["Anna", "Luca", "Elena", "Matteo"];
    const LAST: [&str; 4] = ["Favre", "Bernasconi", "Keller", "Schmid"];
    const STATUS: [&str; 4] = ["confirmed", "requested", "cancelled", "done"];
    let word = |words: [&'static str; 4], number: u64| match number % 4 {
        0 => words[0],
        1 => words[1],
        2 => words[2],
        _ => words[3],
    };
    let mut numbers = Numbers(7);
    let appointments = std::iter::repeat_with(|| {
        let (a, b, c) = (numbers.next(), numbers.next(), numbers.next());
        format!(
            "{{\"id\":\"{a:016x}{b:016x}\",\"patient\":{{\"firstName\":\"{}\",\"lastName\":\"{}\",\"birthDate\":\"19{:02}-{:02}-{:02}\"}},\
             \"start\":\"2026-{:02}-{:02}T{:02}:00:00Z\",\"minutes\":{},\"room\":{},\"status\":\"{}\"}},",
            word(FIRST, c),
            word(LAST, c >> 2),
            30 + (c >> 4) % 69,
            1 + (c >> 12) % 12,
            1 + (c >> 16) % 28,
            1 + (c >> 22) % 12,
            1 + (c >> 28) % 28,
            7 + (c >> 34) % 12,
            15 * (1 + (c >> 40) % 8),
            100 + (c >> 44) % 320,
            word(STATUS, c >> 54),
        )
    });
    let begin = "{\"appointments\":[".to_owned();
    let texts = std::iter::once(begin).chain(appointments);
    texts.flat_map(String::into_bytes).take(length).collect()
}

/// `splitmix64`: numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let numbers = std::iter::repeat_with(|| self.next());
        numbers.flat_map(u64::to_le_bytes).take(length).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_their_length_and_are_the_same_again() {
        for (path, length) in [
            (SMALL, 82),
            (LARGE, 1 << 20),
            (JSON_8K, 8192),
            (JSON_64K, 65_536),
        ] {
            assert_eq!(body(path).len(), length, "{path}");
            assert_eq!(body(path), body(path), "{path}");
        }
    }
}
