//! Writes the patched source of russh before it is compiled, so that plain cargo builds a fresh clone.

use std::process::{Command, exit};

fn main() {
    // The patches, what applies them, and whether the result is still there.
    println!("cargo::rerun-if-changed=.");
    println!("cargo::rerun-if-changed=../apply.sh");
    println!("cargo::rerun-if-changed=../../.patched/russh/src/lib.rs");

    let applied = Command::new("sh").arg("../apply.sh").status();
    if !applied.is_ok_and(|status| status.success()) {
        eprintln!("\nThe patched russh could not be written. In the root of the repository, run\n");
        eprintln!("    sh patches/apply.sh\n");
        eprintln!("It needs sh, git and tar, and once the network (patches/README.md).");
        exit(1);
    }
}
