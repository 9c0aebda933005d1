//! Typing in real files: what is known of a text is the same, whether or not the text before is
//! known.

use lang::analysis::Analysis;

use crate::{analyse, harness::known, manifest};

const TYPED: [&str; 12] = [
    "x",
    " ",
    "\n",
    "\n    timeout: 5",
    "{{ ",
    " }}",
    ": ",
    "\"",
    "- ",
    "",
    "#",
    "\n  - id: more\n    action: generate\n",
];

#[test]
fn an_analysis_made_of_an_earlier_one_knows_what_a_fresh_one_knows() {
    let mut seed: u64 = 0x006f_7263;
    let mut below = |limit: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % limit.max(1) as u64) as usize
    };
    for row in manifest() {
        let original = analyse(&row);
        let mut analysis = original.with_text(original.text());
        for _ in 0..6 {
            analysis.diagnostics();
            let mut text = analysis.text().to_owned();
            let mut at = below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.insert_str(at, TYPED[below(TYPED.len())]);
            let next = analysis.with_text(&text);
            let name = row.path.rsplit('/').next().unwrap();
            let fresh = Analysis::new(engine::catalog::registry(), name, &text);
            let fresh = fresh.within(original.workspace().unwrap().clone());
            assert_eq!(known(&next), known(&fresh), "{} at {at}", row.path);
            // Half of what is typed is taken back.
            analysis = if below(2) == 0 { next } else { next.with_text(analysis.text()) };
        }
    }
}
