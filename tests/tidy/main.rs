//! The rules of the house that the compiler does not know, as tests: what may import what, how long
//! a file may be, what must be documented, which schemas are committed, which licences we take.

mod dependencies;
mod documentation;
mod features;
mod files;
mod imports;
mod schemas;
mod support;
