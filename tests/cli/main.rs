//! The command line, driven as a person drives it.
