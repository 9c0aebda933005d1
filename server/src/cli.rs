//! The command line: the only place that writes to stdout and stderr.
