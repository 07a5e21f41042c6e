//! Arguments to mode to exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    harden();
    diptych::telemetry::guard_panics();
    // exactly one provider of cryptography, chosen before anything opens a connection
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    diptych::cli::run(std::env::args_os())
}

/// What we make is for its owner only, and our memory, which holds secrets, is for nobody.
#[cfg(unix)]
fn harden() {
    use rustix::process::{Resource, Rlimit, setrlimit, umask};

    umask(rustix::fs::Mode::from_raw_mode(0o077));
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(not(unix))]
fn harden() {}
