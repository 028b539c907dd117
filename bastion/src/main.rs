//! The `bastion` program.

fn main() {}
