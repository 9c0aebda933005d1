//! Comments that speak to orc.

use expect_test::expect;

use crate::support::{explained, labels, line_taken, offered};

const HEAD: &str = "name: n\nsteps:\n  - id: a\n    action: generate\n    parameters: {prompt: x}\n";

#[test]
fn a_code_is_explained_by_its_page() {
    expect![[r#"
        [ORC204]
        `ORC204`: the step waits for itself

        A step cannot use its own result, which exists only after it ran, nor depend on itself.

        Inside a loop, earlier rounds are reached by `{{ loop_id.iterations[-1].step.field }}`.
    "#]]
    .assert_eq(&explained(&format!("{HEAD}    dependencies: [a] # orc: ignore OR$0C204 it is fine\n")));
    assert_eq!(explained(&format!("{HEAD}    dependencies: [a] # orc: ignore ORC204 OR$0 x\n")), "nothing\n");
    assert_eq!(explained(&format!("{HEAD}    dependencies: [a] # see ORC2$004\n")), "nothing\n");
}

#[test]
fn codes_found_on_the_line_are_offered_first() {
    let found = offered(&format!("{HEAD}    dependencies: [a] # orc: ignore $0\n"));
    assert_eq!(found[0].label, "ORC204");
    assert_eq!(found[0].detail, "the step waits for itself");
    assert_eq!(found.len(), lang::check::codes::codes().len());
}

#[test]
fn a_code_that_stands_there_is_not_offered_again() {
    let found = labels(&format!("{HEAD}    dependencies: [a] # orc: ignore ORC204 $0\n"));
    assert!(!found.contains("ORC204") && found.contains("ORC201"));
    assert_eq!(
        line_taken(&format!("{HEAD}    dependencies: [a] # orc: ignore ORC204, OR$0\n"), "ORC201"),
        "    dependencies: [a] # orc: ignore ORC204, ORC201"
    );
}

#[test]
fn what_orc_understands_in_comments_is_offered() {
    assert_eq!(labels(&format!("{HEAD}# orc: $0\n")), "ignore pipeline");
    assert_eq!(labels(&format!("{HEAD}# orchard $0\n")), "");
    assert_eq!(labels(&format!("{HEAD}# todo $0\n")), "");
}
