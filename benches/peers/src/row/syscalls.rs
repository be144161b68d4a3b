//! How many system calls a request takes, as strace counts them for all processes and threads of a proxy.

use std::{fs, time::Duration};

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::{Figure, Row};
use crate::{
    core,
    field::Field,
    load::wrk::Wrk,
    origin,
    outcome::{In, Outcome},
    peer::Running,
    program::Program,
    sample,
};

/// strace makes everything slow; one second is plenty.
const SECONDS: f64 = 1.0;
/// strace has taken hold by then, or never does.
const HOLD: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);

pub(super) async fn measure(row: Row, field: &Field, running: &Running) -> Outcome<Vec<Figure>> {
    let strace = field.strace.as_deref().ok_or("strace is not installed")?;
    let counts = running.folder.join("strace.txt");
    let processes = sample::processes(running.group())?;
    let mut command = core::pinned(&core::LOAD.to_string(), strace);
    command.args(["-c", "-f", "-qq", "-o"]).arg(&counts);
    for process in &processes {
        command.args(["-p", process]);
    }
    let mut tracer = Program::start("strace", &mut command, &running.folder.join("strace.log"))?;
    for process in &processes {
        held(process).await?;
    }
    let url = format!("http://{}{}", running.http, origin::SMALL);
    let wrk = Wrk {
        url: &url,
        connections: 1,
        seconds: SECONDS,
        headers: &[],
    };
    let answered = wrk.run(field).await;
    tracer.tell(Signal::INT)?;
    tracer.ended().await?;
    let text = fs::read_to_string(&counts).while_doing("what strace counted")?;
    let calls = total(&text).ok_or("strace counted nothing")?;
    #[expect(clippy::cast_precision_loss, reason = "requests of a second")]
    let value = calls / answered?.requests as f64;
    Ok(vec![Figure {
        line: format!("{}, one connection", row.name()),
        unit: "calls a request",
        value,
        busy: None,
        is_compared: true,
    }])
}

/// Returns once a process is traced.
async fn held(process: &str) -> Outcome<()> {
    let deadline = Instant::now() + HOLD;
    loop {
        let status =
            fs::read_to_string(format!("/proc/{process}/status")).while_doing("a proxy")?;
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"));
        if tracer.is_some_and(|id| id.trim() != "0") {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("strace may not look at it".into());
        }
        sleep(LOOK).await;
    }
}

/// The calls in the last line of the summary: `100.00    0.012345           5      2345        12 total`.
fn total(summary: &str) -> Option<f64> {
    let line = summary
        .lines()
        .rev()
        .find(|line| line.trim_end().ends_with(" total"))?;
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_are_in_the_line_of_the_total() {
        let summary = "% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ----------------\n 50.00    0.100000           5     20000           writev\n------ ----------- ----------- --------- --------- ----------------\n100.00    0.200000           5     41234        12 total\n";
        assert_eq!(total(summary), Some(41_234.0));
        assert_eq!(total(""), None);
    }
}
