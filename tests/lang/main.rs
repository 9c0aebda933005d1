//! What the editor offers and explains, with everything the engine knows. A `$0` in a text is the
//! cursor.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::needless_raw_string_hashes, reason = "snapshots are written that way")]

mod support;

mod broken;

mod actions;

mod completion;

mod ranking;

mod fields;

mod paths;

mod quotes;
mod reading;

mod format;
mod hover;

mod ignore;

mod snippets;
mod symbols;

mod lenses;
mod navigate;

mod rename;
