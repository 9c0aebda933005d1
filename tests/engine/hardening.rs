//! What a pipeline that means harm, or is merely odd, must not get away with.

use engine::run;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::{Workspace, planned};

const WRITER: &str = "steps:\n  - id: s\n    tool: filesystem\n    action: write\n    parameters:\n      \
                      path: \"{{ output_path }}/x.txt\"\n      content: hello\n";

#[test]
fn a_pipeline_name_cannot_lead_the_output_directory_elsewhere() {
    let workspace = Workspace::new();
    let ran = workspace.run(&format!("name: ../../evil\n{WRITER}"), &[]);
    assert_eq!(ran.summary(), "s: completed\nrun: completed, exit 0");
    assert_eq!(workspace.read("output/______evil/x.txt"), "hello");
}

#[cfg(unix)]
#[test]
fn an_output_directory_that_is_a_link_out_of_the_working_directory_is_refused() {
    let (workspace, elsewhere) = (Workspace::new(), Workspace::new());
    std::os::unix::fs::symlink(elsewhere.root(), workspace.root().join("output")).expect("a link");
    let plan = planned(&format!("id: linked\n{WRITER}"), &[]).expect("a plan");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (sender, _receiver) = mpsc::unbounded_channel();
    let ended = runtime.block_on(run::run(plan, workspace.config(), sender, CancellationToken::new()));
    assert_eq!(
        ended.expect_err("a refusal").to_string(),
        format!(
            "the output directory `output/linked` leads out of the working directory `{}`; remove the link, or \
             choose a directory with `--output-dir`",
            workspace.root()
        )
    );
    assert!(!elsewhere.exists("linked"));
}

#[test]
fn an_input_whose_default_is_null_may_be_left_out() {
    let text = "id: p\ninputs:\n  d: {type: string, default: null}\nsteps:\n  - id: s\n    action: \
                \"echo hi\"\n";
    assert_eq!(planned(text, &[]).expect("a plan").inputs["d"], json!(null));
}

#[test]
fn a_template_in_a_timeout_is_refused_and_not_ignored() {
    let text = "id: p\ninputs:\n  t: {type: integer, default: 1}\nsteps:\n  - id: s\n    tool: terminal\n    action: \
                execute\n    timeout: \"{{ t }}\"\n    parameters:\n      command: sleep 3\n";
    assert_eq!(
        planned(text, &[]).expect_err("a refusal"),
        "`timeout` of step `s` takes no template yet; write the value itself"
    );
}
