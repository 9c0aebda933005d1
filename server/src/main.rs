//! The `orc` binary.

fn main() {}
