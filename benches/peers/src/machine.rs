//! What the figures were measured on: they mean nothing without it.

use std::fs;

use serde::Serialize;

use crate::outcome::Outcome;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Host {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    pub memory_mib: u64,
}

impl Host {
    pub(crate) fn here() -> Outcome<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let memory = fs::read_to_string("/proc/meminfo")?;
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            processor: after_colon(&cpus, "model name")
                .unwrap_or("unknown")
                .to_owned(),
            cores: cpus
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count(),
            kernel: format!("Linux {}", kernel.trim()),
            memory_mib: after_colon(&memory, "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
                .map_or(0, |kib| kib / 1024),
        })
    }
}

fn after_colon<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_processor_and_memory() {
        let host = Host::here().unwrap();
        assert!(host.cores > 0 && host.memory_mib > 0);
        assert!(!host.processor.is_empty() && host.kernel.starts_with("Linux "));
    }
}
