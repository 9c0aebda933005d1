//! yaml-rust2's events → nodes, with byte offsets.
