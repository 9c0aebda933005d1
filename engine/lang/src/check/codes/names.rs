//! Pages of groups 2xx (references and dependencies) and 3xx (templates).

use super::*;
use Severity::{Error, Hint, Information, Warning};

pub(super) const ROWS: &[CodeSpec] = &[
    row(UNKNOWN_DEPENDENCY, "unknown-dependency", Error, "the step depends on a step that does not exist", "\
`dependencies` and `depends_on` name steps that must have ended first. A name that no step has can never be satisfied.

Steps inside a loop's body see each other and the steps around the loop; from outside, depend on the loop itself.
"),
    row(UNKNOWN_ROUTE, "unknown-route", Error, "the route leads to a step that does not exist", "\
`on_success`, `on_false`, `on_failure` and `goto` name the step to continue at, and error handlers name the step that handles. `on_failure` also takes `fail`, `continue`, `skip` and `retry`.

```yaml
on_failure: continue     # a policy
on_failure: clean_up     # or the id of a step
```
"),
    row(CYCLE, "dependency-cycle", Error, "steps wait for each other", "\
Each step on the cycle waits for the next, so none can ever start. The message shows the path; the places that make each step wait are listed with it.

Remove one of the dependencies or references. To repeat steps, use `while` or `action_loop`.
"),
    row(SELF_REFERENCE, "self-reference", Error, "the step waits for itself", "\
A step cannot use its own result, which exists only after it ran, nor depend on itself.

Inside a loop, earlier rounds are reached by `{{ loop_id.iterations[-1].step.field }}`.
"),
    row(DUPLICATE_ID, "duplicate-id", Error, "two steps have the same id", "\
Dependencies, routes and templates name steps by their id, so it must be unique in its scope: among the steps of the pipeline, or among those of one loop's body.
"),
    row(POLICY_WORD_ID, "policy-word-id", Error, "the id is a failure policy", "\
`on_failure` takes either a policy (`fail`, `continue`, `skip`, `retry`) or a step's id. A step with such an id could never be routed to.

Rename the step.
"),
    row(MISSING_ID, "missing-id", Error, "the step has no `id`", "\
Every step needs an id: results, logs and stored runs are kept under it.
"),
    row(UNDECLARED_DEPENDENCY, "undeclared-dependency", Information, "the reference makes the step wait, but `dependencies` does not say so", "\
A template that uses another step's result makes the step wait for it; nothing has to be declared. Naming it in `dependencies` as well makes the order visible to people and to other tools. The fix adds it.
"),
    row(UNREACHABLE, "unreachable-step", Warning, "the step can never run", "\
An unconditional route jumps over this step: everything between a step and the target of its `goto` is skipped.

Remove the route, make it conditional, or remove the step.
"),
    row(BACKWARD_ROUTE, "backward-route", Error, "the route leads backward", "\
Routes lead forward only: the target has run, or must run, before this step. To repeat steps, use `while` or `action_loop`.
"),
    row(REPEATED_DEPENDENCY, "repeated-dependency", Hint, "the dependency is listed twice", "\
Waiting twice for the same step changes nothing. The fix removes the second mention.
"),
    row(TEMPLATE_SYNTAX, "template-syntax", Error, "the template cannot be parsed", "\
Templates are Jinja: `{{ expression }}`, `{% statement %}`, `{# comment #}`. Every opening needs its closing, and every `{% if %}` and `{% for %}` its `{% endif %}` and `{% endfor %}`.

Text that only looks like a template can be kept as it is with `{% raw %}…{% endraw %}`.
"),
    row(UNDEFINED_NAME, "undefined-name", Error, "the name means nothing here", "\
A template sees declared inputs, the steps of its scope, the names of the loops around it, and what every run provides (`execution`, `pipeline_id`, `output_path`, …). An undefined name is an error before the step acts; nothing is rendered as empty text.

Declare an input, name an existing step, or provide for the absence: `{{ x | default('') }}`.
"),
    row(UNKNOWN_FILTER, "unknown-filter", Error, "no filter has this name", "\
A filter changes a value: `{{ text | upper }}`. The message names the nearest one; completion after `|` lists all.
"),
    row(UNKNOWN_TEST, "unknown-test", Error, "no test has this name", "\
A test follows `is`: `{{ x is defined }}`, `{{ n is odd }}`. Completion after `is` lists all.
"),
    row(WRONG_ARGUMENTS, "wrong-arguments", Error, "too many or too few arguments", "\
The filter or function takes another number of arguments. Signature help shows them while you type.
"),
    row(NOT_CALLED, "function-not-called", Error, "a function is named but not called", "\
The name stands for a function, so it needs parentheses: `{{ file_exists('a.txt') }}`.
"),
    row(UNKNOWN_FIELD, "unknown-field", Error, "the step's result has no such field", "\
The result of this tool or action has a fixed shape, which this field is not part of: the template would fail before the step acts.

If the field may be absent on purpose, guard it: `{{ s.result.x | default('') }}` or `{% if s.result.x is defined %}`.
"),
    row(MISSING_RESULT, "missing-result", Hint, "the field is found in `result`", "\
What a step produced stands in its `result`; `status`, `success` and `error` stand beside it. `{{ step.field }}` is looked up in the result as well, but the full path is unambiguous and is what py-orc needs. The fix inserts `.result`.
"),
    row(HYPHENATED_ID, "hyphenated-id", Error, "a hyphen in a template means minus", "\
`{{ fetch-page.result }}` reads as `fetch` minus `page.result`. A step whose id has a hyphen cannot be named in a template.

Rename the step to use `_`.
"),
    row(INERT_TEMPLATE, "inert-template", Warning, "templates are not rendered in this field", "\
Ids, names, descriptions, metadata and `tool` are taken as they are written; the template appears as text.
"),
    row(DOLLAR_NAME, "dollar-name", Hint, "the name is written with `$`", "\
`{{ $item }}` is an old spelling of `{{ item }}`. Both mean the same; the fix removes the `$`.
"),
    row(OUTSIDE_LOOP, "loop-variable-outside-loop", Error, "a loop variable is used where no loop binds it", "\
Names such as `item` and `iteration` exist only inside the body of a loop: in the steps beneath `for_each` or `while`, or in the items of an `action_loop` or queue. The expression that the loop runs over is outside.
"),
    row(WRONG_LOOP, "wrong-loop-variable", Error, "another kind of loop binds this name", "\
Each loop binds its own names: `for_each` has `item` and `index`, `while` has `iteration`, a queue has `queue_size`. The loop around this place is of another kind.
"),
    row(UNDECLARED_OUTPUT_PATH, "undeclared-output-path", Hint, "`output_path` is not declared", "\
`output_path` is the run's output directory, which `--output-dir` sets. It works undeclared here, but not in py-orc; declaring it as an input gives it a default of your own.

```yaml
inputs:
  output_path: {type: string, default: \"output\"}
```
"),
    row(UNKNOWN_RUNTIME_FIELD, "unknown-runtime-field", Error, "the run provides no such field", "\
`execution` has `id`, `started_at`, `timestamp`, `date` and `time`.
"),
    row(MISSING_FILE, "missing-included-file", Warning, "the included file is not there", "\
`{{ file:path }}`, `<< path >>` and `include_file('path')` look for the file beside the pipeline, then in the working directory. It is in neither. If an earlier step writes it, all is well; otherwise the step that needs it fails.
"),
    row(INCLUDE_CYCLE, "include-cycle", Error, "the inclusion never ends", "\
An included text may include others, but never itself, directly or through them: the step would fail. The message shows the circle.
"),
    row(INCLUDE_OUTSIDE, "include-outside", Error, "the included file is outside of the workspace", "\
Only files beside the pipeline and beneath the working directory are included, so that a pipeline cannot read what is not its own. Move the file in.
"),
    row(IDLE_DEFAULT, "idle-default", Warning, "this `default` never takes effect", "\
`default('x')` stands in for what is undefined. `regex_search` gives `none` where nothing matches, which is a value, so the default is never taken. With `true` as its second argument it also stands in for `none` and for what is empty:

```yaml
content: \"{{ answer.result | regex_search('[0-9]+') | default('25', true) }}\"
```
"),
];
