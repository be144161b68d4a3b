//! The `simplon` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // First of all: what is installed first is what Pingora's TLS uses too. It fails only if there
    // is one already, and there is none before this line.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    simplon::cli::main()
}
