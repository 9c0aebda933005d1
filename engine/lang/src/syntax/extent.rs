//! True starts and ends of nodes; yaml-rust2 gives start marks only.
