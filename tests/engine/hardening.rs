//! What a pipeline that means harm, or is merely odd, must not get away with.

use engine::run;
use lang::template::shell::{MARK, MARK_END, filled};
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

/// What templates give to a command: the predecessor runs whatever is in it (`x; echo INJECTED`).
#[test]
#[cfg(unix)]
fn values_never_become_a_part_of_a_command() {
    let text = "id: p
inputs: {evil: {type: string, default: ''}}
steps:
  - {id: a, tool: terminal, action: execute, parameters: {command: \"printf '%s' 'x; echo INJECTED'\"}}
  - {id: b, tool: terminal, action: execute, parameters: {command: 'echo {{ a.result.stdout }}'}}
  - {id: c, tool: terminal, action: execute, parameters: {command: 'echo \"<{{ evil }}>\" {{ [1, \"two\"] }}'}}
  - id: d
    tool: terminal
    action: execute
    parameters:
      command: |
        {% for word in ['a b', '$HOME'] %}
        echo {{ word }}
        {% endfor %}
  - {id: e, tool: terminal, action: execute, parameters: {command: '{{ \"echo one && echo two\" | shell_raw }}'}}
  - {id: f, tool: terminal, action: execute, parameters: {command: '{% if evil %}echo `echo {{ evil }}`{% endif %}'}, on_failure: continue}
";
    let evil = "$(touch pwned) `touch pwned` \"; touch pwned; '";
    let workspace = Workspace::new();
    let ran = workspace.run(text, &[("evil", json!(evil))]);
    let said = |step: &str| ran.result(step)["stdout"].as_str().unwrap_or_default().to_owned();
    assert_eq!(said("b"), "x; echo INJECTED\n", "{}", ran.summary());
    assert_eq!(said("c"), format!("<{evil}> [1, \"two\"]\n"));
    assert_eq!(said("d"), "a b\n$HOME\n");
    assert_eq!(said("e"), "one\ntwo\n");
    assert!(!workspace.exists("pwned"));
    assert_eq!(
        ran.step("f").error.as_deref(),
        Some(
            "parameters.command: the value `$(touch pwned) `touch pwned` \"; touch pw` cannot stand here as a value: it \
             stands between backticks; use `$( … )`; change the command, or mark the template with `| shell_raw` if its \
             value is meant to be a part of the program"
        )
    );
}

/// What is said of quotes is what the shell does: the values arrive as they are.
#[test]
#[cfg(unix)]
fn the_shell_takes_them_as_they_are() {
    let values =
        ["plain", "two words", "a'b", "a\"b", "$HOME `id` \\", "*", "", "-n", "a\nb", "\\'; id #", "$(id)", "{}"];
    let texts = [
        "printf %s @",
        "printf %s \"@\"",
        "printf %s '@'",
        "printf %s \"$(printf %s @; printf x)\" # \"'@",
        "(printf %s \"a b\"\"@\")",
        "printf %s $(( 1 + (2) ))@\"$(( 3 ))\"",
        "x=@; printf %s \"$x\"",
        "cat <<E\n@\nE\nprintf %s \"@\"",
        "cat <<'E'\n\"@\nE\nprintf %s '@'",
        "cat <<E\n$(printf %s \"@\")\nE\n",
        "printf %s \"cost: $@\"",
    ];
    for text in texts {
        for value in values {
            let count = text.matches('@').count();
            let mut marked = String::new();
            for (at, part) in text.split('@').enumerate() {
                let mark = if at > 0 { format!("{MARK}{}{MARK_END}", at - 1) } else { String::new() };
                marked.push_str(&(mark + part));
            }
            let marked = filled(&marked, &vec![value.to_owned(); count]).expect("each place is certain");
            let ran = std::process::Command::new("/bin/sh").arg("-c").arg(&marked).output().expect("a shell");
            let said = String::from_utf8_lossy(&ran.stdout).into_owned();
            let wanted = match text {
                "printf %s \"$(printf %s @; printf x)\" # \"'@" => format!("{value}x"),
                "(printf %s \"a b\"\"@\")" => format!("a b{value}"),
                "printf %s $(( 1 + (2) ))@\"$(( 3 ))\"" => format!("3{value}3"),
                "printf %s \"cost: $@\"" => format!("cost: ${value}"),
                // A command substitution loses the line breaks at its end, of which there are none.
                text if text.starts_with("cat <<E\n$(") => format!("{value}\n"),
                text if text.starts_with("cat <<E") => format!("{value}\n{value}"),
                text if text.starts_with("cat <<'E'") => format!("\"{value}\n{value}"),
                _ => value.to_owned(),
            };
            assert_eq!(said, wanted, "{marked}\n{}", String::from_utf8_lossy(&ran.stderr));
        }
    }
}

/// The predecessor puts 30 MB of output into memory, the document and the checkpoint alike.
#[test]
#[cfg(unix)]
fn of_a_lot_of_output_the_events_hold_the_beginning_and_the_result_both_ends() {
    let text = "id: p
steps:
  - id: a
    tool: terminal
    action: execute
    parameters: {command: \"echo first; head -c 40000000 /dev/zero | tr '\\\\0' x; echo; echo last\"}
";
    let ran = Workspace::new().run(text, &[]);
    let result = ran.result("a");
    let stdout = result["stdout"].as_str().unwrap_or_default();
    assert!(stdout.starts_with("first\nxxx") && stdout.ends_with("xxx\nlast\n"), "{}", ran.summary());
    assert_eq!(
        (stdout.len() > 1 << 20, stdout.len() < (1 << 20) + 100, &result["truncated"]),
        (true, true, &json!(true))
    );
    let told: Vec<_> = ran.events.iter().filter(|event| event.kind == run::EventKind::StepOutput).collect();
    let length: usize = told.iter().filter_map(|event| event.data["text"].as_str()).map(str::len).sum();
    assert_eq!(length, 256 << 10);
    assert_eq!(told.iter().filter(|event| event.data["truncated"] == true).count(), 1);
}

/// Commands made of pieces at random, with values that mean harm, in both shells that are called `sh`.
/// `ORC_SHELL_CASES` says how many.
#[test]
#[cfg(unix)]
fn no_value_runs_in_a_command_that_is_accepted() {
    const PIECES: &[&str] = &[
        "@",
        "@",
        "@",
        "echo ",
        "echo @ ",
        "\"",
        "'",
        "$(",
        ")",
        "((",
        "))",
        "$((",
        "<<E\n",
        "\nE\n",
        "<<'E'\n",
        "<<-E\n\t",
        "\\",
        "\\\n",
        "\n",
        "#",
        ";",
        "[[ ",
        " -eq 1 ]]",
        " ]]",
        "eval ",
        "sh -c ",
        " | sh",
        "${x:-",
        "}",
        "`",
        " ",
        "a",
        "$",
        "<",
        ">",
        "f",
        "&",
        "[",
        "]",
        "let ",
        "x=",
        "test -v ",
        "case a in ",
        "a) ",
        " esac",
        "{ ",
        "(",
        "declare -i n=",
        "sh ",
        "trap ",
        " EXIT",
        "bash <<< ",
        "cat ",
        "E",
        "-c ",
    ];
    const HARM: &[&str] = &[
        "a; >pwned",
        "$(>pwned)",
        "`>pwned`",
        "x[$(>pwned)]",
        "'; >pwned; '",
        "\"; >pwned; \"",
        "\n>pwned\n",
        "E\n>pwned\nE\n",
        "\\\n>pwned",
        ")); >pwned; ((",
        "); >pwned; (",
        "} >pwned",
        "\nE\n>pwned #",
        "|| >pwned",
    ];
    let many: u64 = std::env::var("ORC_SHELL_CASES").ok().and_then(|many| many.parse().ok()).unwrap_or(1_500);
    let seed: u64 = std::env::var("ORC_SHELL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut pick = |of: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % of as u64) as usize
    };
    let workspace = Workspace::new();
    let shells: Vec<&str> =
        ["/bin/sh", "/bin/bash"].into_iter().filter(|path| std::path::Path::new(path).exists()).collect();
    let mut accepted = 0;
    for case in 0..many {
        let mut text = String::new();
        for _ in 0..2 + pick(9) {
            text.push_str(PIECES[pick(PIECES.len())]);
        }
        let (mut marked, mut values) = (String::new(), Vec::new());
        for (at, part) in text.split('@').enumerate() {
            if at > 0 {
                marked.push_str(&format!("{MARK}{}{MARK_END}", at - 1));
                values.push(HARM[pick(HARM.len())].to_owned());
            }
            marked.push_str(part);
        }
        let Ok(command) = filled(&marked, &values) else { continue };
        if values.is_empty() {
            continue;
        }
        accepted += 1;
        for shell in &shells {
            // A script that an earlier command wrote is no part of this one.
            for entry in std::fs::read_dir(workspace.root()).expect("a directory").flatten() {
                std::fs::remove_file(entry.path()).expect("an empty directory");
            }
            std::process::Command::new(shell)
                .arg("-c")
                .arg(&command)
                .current_dir(workspace.root())
                .stdin(std::process::Stdio::null())
                .output()
                .expect("a shell");
            assert!(
                !workspace.exists("pwned"),
                "case {case}, seed {seed}, {shell}: {text:?} with {values:?}\n{command}"
            );
        }
    }
    assert!(accepted > many / 10, "only {accepted} of {many} commands were accepted");
}
