//! The language server and the command line of `orc`.
//!
//! [`lsp`] speaks the protocol, [`cli`] speaks to people; both ask `lang` what a text means and
//! `engine` to run it. The server process is pure: runs happen in a child process. [`config`] holds
//! the settings, [`pages`] knows where a diagnostic's page stands, `trust` which folders a person trusts.

pub mod config;

pub mod pages;

mod trust;

pub mod cli;

pub mod lsp;
