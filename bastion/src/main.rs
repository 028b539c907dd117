//! The `bastion` program: everything it does is behind [`bastion::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bastion::cli::main()
}
