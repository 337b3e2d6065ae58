//! `idl-gen PROGRAM_DIR`: prints the program's IDL (spec 0.1.0), as `anchor idl build` does, without the CLI.
//!
//! The IDL is printed by a test that Anchor's macros generate under the feature `idl-build`, so the host's cargo
//! compiles the program and its path dependencies once more.

use anchor_lang_idl::build::IdlBuilder;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(program) = std::env::args().nth(1) else {
        eprintln!("usage: idl-gen PROGRAM_DIR");
        return ExitCode::from(2);
    };
    // The lint wants a `/// CHECK:` above every unchecked account; clippy and review look after these programs.
    let idl = IdlBuilder::new().program_path(program.into()).skip_lint(true).build();
    match idl.and_then(|idl| Ok(serde_json::to_string_pretty(&idl)?)) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("idl-gen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
