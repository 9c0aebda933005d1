//! Pages of groups 4xx (tools, actions, parameters), 5xx (models) and 6xx (AUTO).

use super::*;
use Severity::{Error, Information, Warning};

pub(super) const ROWS: &[CodeSpec] = &[
    row(UNKNOWN_TOOL, "unknown-tool", Error, "no tool has this name", "\
`tool` names one of the tools that orc has. `orc tools list` shows them, completion offers them.
"),
    row(UNKNOWN_ACTION, "unknown-action", Error, "no action has this name", "\
Without a `tool`, `action` names a built-in action such as `generate` or a tool. Other words do nothing, so the run is refused.
"),
    row(UNKNOWN_OPERATION, "unknown-operation", Error, "the tool has no such operation", "\
With a `tool`, `action` names what the tool shall do. `orc tools show NAME` lists its operations.

```yaml
tool: filesystem
action: write      # read, write, copy, move, delete, list
```
"),
    row(MISSING_OPERATION, "missing-operation", Error, "the tool has several operations and none is named", "\
`tool` alone is enough only for tools that do one thing. Say in `action` which operation is meant.
"),
    row(MISSING_PARAMETER, "missing-parameter", Error, "a required parameter is missing", "\
The operation cannot work without this parameter, and it has no default. The fix adds the key.
"),
    row(UNKNOWN_PARAMETER, "unknown-parameter", Warning, "nothing reads this parameter", "\
The tool or action has no parameter of this name, so its value has no effect. Most often it is misspelt, or belongs to another operation of the tool.
"),
    row(PARAMETER_TYPE, "parameter-type", Error, "the parameter takes another type of value", "\
A literal value must be of the parameter's type. Templates are exempt while typing: they are checked when the step runs. A text that is exactly one `{{ expression }}` keeps the type of its value.
"),
    row(PARAMETER_CHOICE, "parameter-choice", Error, "the parameter takes one of a few values", "\
The parameter has a closed list of values. The message names them.
"),
    row(PARAMETER_RANGE, "parameter-range", Error, "the number is too small or too large", "\
The parameter's value has a smallest or largest value, which this one passes.
"),
    row(PROSE_ACTION, "prose-action", Error, "a sentence stands where an action belongs", "\
`action` is the name of an action. What a model shall do belongs in the prompt of `generate`; the fix moves it there.

```yaml
action: Summarise the text        # not an action
```
becomes
```yaml
action: generate
parameters:
  prompt: Summarise the text
```
"),
    row(NOT_AVAILABLE, "not-yet-available", Information, "this version cannot execute it yet", "\
The tool is part of the language and its parameters are checked, but this version has nothing that executes it: the step fails when it runs, and says so.
"),
    row(MISSING_PIPELINE, "missing-pipeline", Warning, "the pipeline to run is not there", "\
`pipeline` names a file, beside this pipeline or in the working directory, or the id of a pipeline of the workspace. There is none. If an earlier step writes it, all is well; otherwise the step fails.
"),
    row(NOT_A_PIPELINE, "not-a-pipeline", Error, "the file to run is no pipeline", "\
The file is there, but it has no `steps`, so there is nothing to run.
"),
    row(BROKEN_CHILD, "broken-sub-pipeline", Error, "the pipeline to run has errors", "\
A pipeline with errors is refused when the step that runs it starts, so the step would fail. The related places show the errors in the other file.
"),
    row(CHILD_INPUT, "sub-pipeline-input", Error, "the pipeline to run is given the wrong inputs", "\
What stands beneath `inputs` of the step becomes the inputs of the pipeline it runs: each must be declared there and fit its type, and those that are `required` must be given. With `inherit_context` (the default) an input of this pipeline with the same name counts as given.
"),
    row(CHILD_OUTPUT, "sub-pipeline-output", Warning, "the pipeline to run has no such output", "\
`output_mapping` takes outputs of the pipeline that is run, by name, and gives them new names. This one is not declared there, so there is nothing to take.
"),
    row(MISSING_INPUT_FILE, "missing-input-file", Warning, "the file to read is not there", "\
The step reads a file that is named here, or by the default of an input, and that is neither in the working directory nor beside the pipeline. No step of this pipeline writes it first, so a run fails unless the file is made before (by hand, or by the pipeline that runs this one), or another one is given with `-i`.

Nothing is said where it cannot be known: of paths that a step makes, of a file that an earlier step or command may write, of steps that a route may pass over, of loops that may have no iteration, and where the pipeline provides for the failure (`condition`, `on_failure`, `on_error`, `retry`).
"),
    row(BOTH_PARAMETERS, "both-parameters", Error, "two parameters are given of which one stands for the other", "\
Each of the two says the whole of what is asked, so one of them would have to be passed over: a step has a `prompt`, or `messages`.
"),
    row(ACTING_TOOL, "acting-tool", Error, "a model is offered a tool that acts", "\
What a model calls is chosen by the model, and may be done again after a crash or by another attempt. So `tools` takes only what changes nothing: what computes and what reads. A tool that changes something, waits for a person or asks a model itself is refused before anything is sent.

A part of a tool is offered as `{name, actions}`. What acts belongs in a step of its own that takes the model's answer, behind an `approval-gate` where a person shall decide:

```yaml
- id: proposal
  action: generate
  parameters:
    prompt: Which of the files in `reports` is out of date?
    tools: [{name: filesystem, actions: [read, list]}]
- id: agreed
  tool: approval-gate
  parameters: {content: \"{{ proposal.result }}\"}
```
"),
    row(UNKNOWN_MODEL, "unknown-model", Warning, "the model is not in the table", "\
The model is neither in orc's built-in table nor in a `models.yaml`. It is tried all the same if its provider is known, but its price is not, so it never fits a budget.

`provider/name`, `provider:name` and a bare name are all understood.
"),
    row(BAD_MODEL_NAME, "bad-model-name", Warning, "the model's name is malformed", "\
A model is written as `provider/name`, `provider:name` or `name`, without blanks and with neither half empty. Leave the key out to let the router choose.
"),
    row(BLIND_MODEL, "blind-model", Error, "the model reads no images", "\
The step gives `images` to a model that is not known to read any, so it would fail before anything is sent. Name another model, or leave `model` out: the router chooses one that reads images. Of a model in a `models.yaml`, `capabilities: [vision]` says that it does.
"),
    row(TOOLLESS_MODEL, "toolless-model", Error, "the model calls no tools", "\
The step offers `tools` to a model that is known to call none, so it would fail before anything is sent. Name another model, or leave `model` out: the router chooses one that calls tools. Of a model in a `models.yaml`, `capabilities: [tools]` says that it does.
"),
    row(OVER_BUDGET, "over-budget", Warning, "a run may cost more than it may", "\
In an editor a step, or the whole, says so whose estimate exceeds a `budget` of the file or the setting `orc.cost.limit`. What counts is the most that it may cost; where nothing bounds that, the least. A run keeps to a `budget` all the same: a call that does not fit is not made, so that its step fails. `orc.cost.limit` stops nothing.

```yaml
budget: 0.50
steps:
  - id: summary
    action: generate
    budget: 0.02
    parameters: {prompt: \"…\", max_tokens: 500}   # bounds what the answer may cost
```

`orc validate` never says this, since it looks at no prices and no earlier runs; `orc plan` shows the same figures.
"),
    row(UNCLOSED_AUTO, "unclosed-auto", Error, "the `<AUTO>` tag is not closed", "\
Everything between `<AUTO>` and `</AUTO>` is the question. Without the closing tag it is unknown where it ends.
"),
    row(BARE_AUTO, "bare-auto", Error, "a bare `<AUTO>` says nothing here", "\
`<AUTO>` without a body is legal only for `model`, where it means that the router chooses. Anywhere else say what shall be decided:

```yaml
format: <AUTO>markdown or html, whichever fits the audience</AUTO>
```
"),
    row(UNKNOWN_ATTRIBUTE, "unknown-auto-attribute", Warning, "the tag has no such attribute", "\
AUTO tags take `type`, `min`, `max`, `choices`, `pattern`, `task`, `model_hint` and `default`. Others have no effect.
"),
    row(BAD_ATTRIBUTE, "bad-auto-attribute", Error, "the attribute's value cannot be used", "\
`type` is one of `string`, `integer`, `number`, `boolean`, `array`, `object`; `min` and `max` are numbers, `min` not above `max`; `choices` is a comma-separated list.
"),
    row(EMPTY_AUTO, "empty-auto", Error, "the `<AUTO>` tag asks nothing", "\
The body of the tag is the question that a model answers. An empty one has no answer.
"),
    row(DEEP_AUTO, "deep-auto", Error, "`<AUTO>` tags stand too deep in each other", "\
A tag may stand in the question of another: it is answered first. Sixteen deep is the limit; ask in a step of its own what lies deeper.
"),
];
