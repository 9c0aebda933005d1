//! Pages of groups 7xx (control flow), 8xx (deprecated and without effect) and 9xx (security).

use super::*;
use Severity::{Error, Hint, Warning};

pub(super) const ROWS: &[CodeSpec] = &[
    row(NOT_A_LIST, "not-a-list", Error, "`for_each` has nothing to run over", "\
`for_each` takes a YAML list, a JSON list as text, a template that yields a list, or AUTO.

```yaml
for_each: [en, de, fr]
for_each: '[\"en\", \"de\"]'
for_each: \"{{ languages }}\"
```
"),
    row(TWO_LOOPS, "two-loops", Error, "the step loops in two ways", "\
`for_each`, `while`, `action_loop` and `create_parallel_queue` exclude each other on one step, as their variables would. Put one loop into the body of the other.
"),
    row(ENDLESS_LOOP, "action-loop-without-end", Error, "the action loop says neither `until` nor `while_condition`", "\
An action loop repeats its items until a condition holds. Exactly one of `until` and `while_condition` must say which.
"),
    row(BAD_COUNT, "bad-count", Error, "the count is not a whole number from one on", "\
`max_iterations`, `max_parallel` and the like are whole numbers, at least one, or templates that yield one.
"),
    row(EMPTY_BODY, "empty-body", Error, "the loop has nothing to repeat", "\
A loop repeats the steps beneath `steps`, or the step's own `action` or `tool`; an action loop and a queue repeat the items of `action_loop`.
"),
    row(TWO_BODIES, "two-bodies", Warning, "the loop has `steps` and an action of its own", "\
Where a loop has `steps`, they are its body, and the step's own `action` and `parameters` are not executed. Move them into a step of the body.
"),
    row(BAD_HANDLER, "bad-error-handler", Error, "the error handler cannot be used", "\
A handler says what to do by exactly one of `handler_action` and `handler_task_id`, or gives a `fallback_value`; it may narrow down by `error_types`, `error_patterns` and `error_codes`.

```yaml
on_error:
  error_types: [TimeoutError]
  fallback_value: \"no answer\"
```
"),
    row(BAD_TIMEOUT, "bad-timeout", Error, "the timeout cannot be read", "\
A timeout is a number of seconds above zero, or a text such as `500ms`, `30s` or `5m`.
"),
    row(BAD_RETRY, "bad-retry", Error, "the retry cannot be read", "\
`retry` is the number of further attempts, or an object with `attempts`, `retries`, `delay`, `backoff` (`exponential`, `linear`, `fixed`), `max_delay`, `jitter` and `on`. `max_retries` is the number of attempts in all.
"),
    row(BODY_WITHOUT_LOOP, "body-without-loop", Error, "`steps` stands in a step that does not loop", "\
Only loops have a body. Add `for_each` or `while`, or move the steps out.
"),
    row(STEP_FAILED, "step-failed", Error, "the step failed when the pipeline ran last", "\
In an editor a step that failed in a run which the editor started says so, with its error, until the next run of the pipeline starts. `orc validate` never says this: the text may be all right.

The whole story is in `orc runs show` and `orc runs logs`. `orc resume RUN --retry-failed` goes on from there; steps that ended well do not run again.
"),
    row(DEPRECATED_KEY, "deprecated-key", Hint, "the key has a newer spelling", "\
The key is read, but another one is canonical. The fix changes the spelling; nothing else changes.
"),
    row(NO_EFFECT, "no-effect", Warning, "nothing comes of this key", "\
The key is known from documents about py-orc, but nothing acts on it. The message says what to write instead.
"),
    row(OVERRIDDEN_KEY, "overridden-key", Warning, "another key of the step wins over this one", "\
Two keys say the same thing in two spellings (`dependencies` and `depends_on`, `condition` and `if`, `for_each` and `foreach`). Only the first of each pair is read.
"),
    row(DEPRECATED_NAME, "deprecated-name", Hint, "the tool, action or operation has a newer name", "\
The name comes from older files and is still understood. The fix writes the present one.
"),
    row(DEPRECATED_PARAMETER, "deprecated-parameter", Hint, "the parameter has a newer name", "\
The parameter is read under its old name, but another one is canonical. The fix changes it.
"),
    row(DEPRECATED_FIELD, "deprecated-field", Hint, "the result's field has a newer name", "\
The field is found under its old name, but another one is canonical. The fix changes it.
"),
    row(DEPRECATED_VARIABLE, "deprecated-variable", Hint, "the name has a newer spelling", "\
The variable or function is still understood, but another one is canonical. `{{ execution.timestamp }}` is fixed for a whole run, which is what a repeatable run needs.
"),
    row(DEPRECATED_PROSE, "deprecated-prose", Hint, "an action written as prose", "\
`echo …` and sentences such as `write the text to notes.md` are still understood. A tool with parameters says the same without guessing.

```yaml
tool: filesystem
action: write
parameters: {path: notes.md, content: \"…\"}
```
"),
    row(OPERATION_IN_PARAMETERS, "operation-in-parameters", Hint, "the operation stands in `parameters.action`", "\
The operation of a tool belongs in the step's `action`; in `parameters` it is easily taken for a parameter.
"),
    row(UNUSED_IGNORE, "unused-ignore", Hint, "the ignore comment silences nothing", "\
`# orc: ignore ORC204` silences that code on its line or the one below. Here there is nothing to silence: the finding was mended, or the code is another.
"),
    row(PATH_OUTSIDE, "path-outside", Warning, "the path leads out of the working directory", "\
Tools read and write only beneath the working directory and the output directory. Access to other places needs `permissions` in the pipeline and the consent of whoever runs it (`--allow-read`, `--allow-write`).

```yaml
permissions:
  write: [/srv/reports]
```
"),
    row(COMMAND_VALUE, "command-value", Warning, "a value in a command cannot stand here, or is not what is meant", "\
What a template gives in a command stays a value: it arrives as it is, as one word or a part of one, whatever is in it. Where a shell would run it, no value can stand: between backticks, in the code of `sh -c`, `eval` and `trap`, in what is piped into a shell. Such a step is refused before its command starts, so this is an error, and a warning where the step may not run at all or the pipeline provides for its failure (`condition`, `on_failure`, `on_error`, `retry`, a loop that may be empty). So is a whole command that is one input whose default is more than one word: another may be given with `-i`. Elsewhere it is a warning. Where the shell calculates (`$(( … ))`, `[[ … -eq … ]]`, subscripts) only whole numbers can.

```yaml
tool: terminal
parameters:
  command: wc -l {{ file }} | sort               # the name of a file, with blanks and quotes in it or not
```

A second shell is given values as arguments:

```yaml
tool: terminal
parameters:
  command: sh -c 'wc -l \"$1\" | sort' sh {{ file }}
```

A value in the code of another language (`python -c`, `awk`, `jq`) arrives unchanged too, but that program runs it: this is reported and not refused. What any other program does with its arguments is up to it; a value that begins with `-` is an option to most.

`| shell_raw` makes the value a part of the program. Whoever can write it can then run anything.
"),
    row(SECRET_EXPOSED, "secret-exposed", Warning, "a secret input stands where others can read it", "\
An input with `secret: true` is kept out of the store, logs, events and results. What a step does with it is another matter: the command line of a process can be read by every other one (`ps`), addresses stand in the logs of servers and proxies, and a file holds what was written into it.

```yaml
inputs:
  token: {type: string, secret: true}
steps:
  - id: upload
    tool: terminal
    action: execute
    parameters:
      command: curl -H \"Authorization: Bearer $UPLOAD_TOKEN\" https://example.org   # --allow-env UPLOAD_TOKEN
```

Only direct uses are seen, not those of a result that holds the secret. Where a secret is meant to be written, `# orc: ignore ORC903` says so.
"),
];
