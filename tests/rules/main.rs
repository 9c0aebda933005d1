//! Every code: a text in which it stands at exactly the marked places («…»), and one in which it
//! does not stand. The texts are in `cases.md`, readable as a specification.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use camino::Utf8Path;
use engine::{catalog, files::Disk};
use lang::{
    analysis::Analysis,
    check::{Severity, codes, codes::Code},
    text::{TextRange, apply_edits},
};

mod cases;
use cases::{cases, marked};

fn analyse(text: &str, beside: &[(String, String)]) -> Analysis {
    let analysis = Analysis::new(catalog::registry(), "test.orc.yaml", text);
    if beside.is_empty() {
        return analysis;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in beside {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let folder = Utf8Path::from_path(folder.path()).unwrap();
    let disk = Disk::new(catalog::registry());
    let analysis = analysis.within(disk.place(&folder.join("test.orc.yaml"), Some(folder)).unwrap());
    // The folder goes when this function ends.
    analysis.diagnostics();
    analysis
}

fn places(analysis: &Analysis, code: Code) -> Vec<TextRange> {
    let found = analysis.diagnostics().iter().filter(|diagnostic| diagnostic.code == code);
    found.map(|diagnostic| diagnostic.range).collect()
}

#[test]
fn each_code_stands_at_the_marked_places_and_nowhere_else() {
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| case.kind == "wrong") {
        let (text, ranges) = marked(&case.text);
        let analysis = analyse(&text, &case.beside);
        let found = places(&analysis, case.code);
        if found != ranges || ranges.is_empty() {
            wrong.push(format!("{} in\n{}\n  found {:#?}", case.code, case.text, analysis.diagnostics()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_code_is_silent_where_nothing_is_wrong() {
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| case.kind == "fine") {
        let analysis = analyse(&case.text, &case.beside);
        if !places(&analysis, case.code).is_empty() {
            wrong.push(format!("{} in\n{}\n  found {:#?}", case.code, case.text, analysis.diagnostics()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_command_is_an_error_only_where_its_step_is_sure_to_run_and_to_fail_the_run() {
    let said = |step: &str, command: &str| {
        let head = "name: n\ninputs:\n  word: {type: string, default: a b}\nsteps:\n- id: s\n  action: generate\n  parameters: {prompt: hi}\n";
        let text =
            format!("{head}- id: t\n  tool: terminal\n  action: execute\n  parameters: {{command: {command}}}\n{step}");
        let analysis = analyse(&text, &[]);
        let mut found = analysis.diagnostics().iter().filter(|found| found.code.to_string() == "ORC902");
        let severity = found.next().unwrap_or_else(|| panic!("nothing is said of\n{text}")).severity;
        assert!(found.next().is_none());
        severity
    };
    let nowhere = "'echo `cat {{ word }}`'";
    for step in ["", "  dependencies: [s]\n", "  for_each: [1]\n"] {
        assert_eq!(said(step, nowhere), Severity::Error, "{step}");
    }
    let provided = [
        "  condition: \"{{ word == 'a' }}\"\n",
        "  on_failure: continue\n",
        "  on_failure: skip\n",
        "  on_failure: s\n",
        "  on_error: {fallback_value: none}\n",
        "  for_each: \"{{ word | list }}\"\n",
        "  while: \"{{ iteration < 1 }}\"\n",
    ];
    for step in provided {
        assert_eq!(said(step, nowhere), Severity::Warning, "{step}");
    }
    assert_eq!(said("", "'{% if word %}`cat {{ word }}`{% endif %}'"), Severity::Warning);
    // Another default may be given.
    assert_eq!(said("", "'{{ word }}'"), Severity::Warning);
}

#[test]
fn no_fix_of_an_idle_default_breaks_its_arguments() {
    let fixes = |arguments: &str| {
        let prompt = format!("{{{{ execution.id | regex_search('a') | default({arguments}) }}}}");
        let text = format!("name: n\nsteps:\n- id: s\n  action: generate\n  parameters: {{prompt: \"{prompt}\"}}\n");
        let analysis = analyse(&text, &[]);
        let found = analysis.diagnostics().iter().find(|found| found.code.to_string() == "ORC319");
        found.map(|found| found.fixes.iter().any(|fix| fix.title.starts_with("Let ")))
    };
    assert_eq!(fixes("'25'"), Some(true));
    assert_eq!(fixes("'a=b,'"), Some(true));
    assert_eq!(fixes("1 == 2"), Some(true));
    assert_eq!(fixes("'25',"), Some(false));
    assert_eq!(fixes("default_value='25'"), Some(false));
    assert_eq!(fixes("boolean=true"), None);
}

#[test]
fn the_first_fix_makes_what_is_written() {
    let cases = cases();
    for pair in cases.windows(2).filter(|pair| pair[1].kind == "fixed") {
        let (text, _) = marked(&pair[0].text);
        let analysis = analyse(&text, &pair[0].beside);
        let fix = analysis
            .diagnostics()
            .iter()
            .filter(|diagnostic| diagnostic.code == pair[1].code)
            .find_map(|diagnostic| diagnostic.fixes.first())
            .unwrap_or_else(|| panic!("{}: no fix in\n{text}", pair[1].code));
        assert_eq!(apply_edits(&text, &fix.edits), pair[1].text, "{}", pair[1].code);
    }
}

#[test]
fn every_fix_mends_what_it_is_about_and_adds_nothing() {
    let said = |analysis: &Analysis| -> Vec<String> {
        let found = analysis.diagnostics().iter();
        found.map(|found| format!("{} {}", found.code, found.message)).collect()
    };
    let mut wrong = Vec::new();
    for case in cases() {
        let (text, _) = marked(&case.text);
        let before = analyse(&text, &case.beside);
        for found in before.diagnostics() {
            for fix in &found.fixes {
                let after = analyse(&apply_edits(&text, &fix.edits), &case.beside);
                let (mut left, now) = (said(&before), said(&after));
                for what in &now {
                    match left.iter().position(|known| known == what) {
                        Some(at) => drop(left.swap_remove(at)),
                        None => wrong.push(format!("{} `{}` adds {what}\n{}", found.code, fix.title, after.text())),
                    }
                }
                if !left.contains(&format!("{} {}", found.code, found.message)) {
                    wrong.push(format!("{} `{}` leaves what it mends\n{}", found.code, fix.title, after.text()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_code_has_a_case_of_each_kind() {
    let cases = cases();
    let of = |kind: &str| -> BTreeSet<Code> {
        cases.iter().filter(|case| case.kind == kind).map(|case| case.code).collect()
    };
    // What is said of runs cannot be shown by a text.
    let of_texts = codes::codes().iter().map(|spec| spec.code).filter(|code| !codes::OF_RUNS.contains(code));
    let all: BTreeSet<Code> = of_texts.collect();
    for kind in ["wrong", "fine"] {
        let missing: Vec<String> = all.difference(&of(kind)).map(ToString::to_string).collect();
        assert!(missing.is_empty(), "no `{kind}` case for {missing:?}");
    }
}

#[test]
fn every_page_has_a_name_of_its_own_and_words() {
    let mut names = BTreeSet::new();
    for spec in codes::codes() {
        assert!(names.insert(spec.name), "{} is called like another code", spec.code);
        assert!(spec.doc.len() > 60 && spec.summary.len() > 10, "{} has no page", spec.code);
    }
}

#[test]
fn no_text_gets_a_diagnostic_that_marks_nothing_or_stands_outside() {
    for case in cases() {
        let (text, _) = marked(&case.text);
        for (at, _) in text.char_indices().step_by(7) {
            let analysis = analyse(&text[..at], &[]);
            for diagnostic in analysis.diagnostics() {
                assert!(usize::from(diagnostic.range.end()) <= at, "{diagnostic:?}");
            }
        }
    }
}
