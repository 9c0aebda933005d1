//! Pages of groups 0xx (YAML) and 1xx (structure).

use super::*;
use Severity::{Error, Hint, Warning};

pub(super) const ROWS: &[CodeSpec] = &[
    row(SYNTAX, "syntax-error", Error, "the text is not YAML here", "\
The text cannot be read as YAML at this place, so what stands there is passed over. The rest of the file is still checked.

Common causes are a missing quote or bracket, a `: ` inside unquoted text, and lines indented by different amounts.

```yaml
description: note: this needs quotes     # two colons
description: \"note: this needs quotes\"   # mended
```
"),
    row(TAB_INDENT, "tab-indentation", Error, "a tab indents the line", "\
YAML allows only spaces in indentation: how far a tab reaches depends on the editor, so no parser guesses it.

Replace the tab by spaces. The fix uses two for each tab.
"),
    row(DUPLICATE_KEY, "duplicate-key", Error, "the same key stands twice in one mapping", "\
A mapping can hold each key once. Other parsers silently keep the last value, so half of what is written has no effect.

Remove one of them, or merge their values.

```yaml
parameters:
  path: a.txt
  path: b.txt   # which one?
```
"),
    row(BLOCK_TAG, "block-tag-between-entries", Error, "a `{% … %}` line stands between YAML entries", "\
Templates are rendered inside values, after the file was read as YAML. A `{% if %}` or `{% for %}` between keys or steps can therefore not add or remove them.

Use what the language has for it: `condition` runs a step only sometimes, `for_each` repeats it, and a template inside one value may hold any `{% … %}`.

```yaml
- id: notify
  condition: \"{{ send_mail }}\"   # instead of {% if send_mail %} around the step
  action: generate
  parameters: {prompt: \"Write the mail\"}
```
"),
    row(SECOND_DOCUMENT, "second-document", Warning, "a second document follows; only the first counts", "\
A pipeline is one YAML document. What follows the second `---` is never read.

Remove it or move it to a file of its own.
"),
    row(UNQUOTED_TEMPLATE, "unquoted-template", Hint, "an unquoted template is not portable YAML", "\
Orc reads an unquoted `{{ x }}` or `<AUTO>…</AUTO>` as one text. Other YAML parsers see a mapping in a mapping, a comment or an error, so other tools cannot read the file.

Put it in quotes; the fix does.

```yaml
path: {{ out_dir }}/a.txt     # only orc understands this
path: \"{{ out_dir }}/a.txt\"   # every parser does
```
"),
    row(UNKNOWN_ALIAS, "unknown-alias", Error, "`*name` has no `&name` before it", "\
An alias repeats a value that an anchor named earlier in the file. Without the anchor there is nothing to repeat.

Write `&name` before the value that is meant, or put text that begins with `*` in quotes.
"),
    row(BAD_MERGE, "bad-merge", Error, "a merge key needs a mapping", "\
`<<` copies the entries of another mapping into this one, so its value must be a mapping, an alias of one, or a list of them.

```yaml
defaults: &defaults {timeout: 30}
steps:
  - <<: *defaults
    id: a
```
"),
    row(TOO_DEEP, "too-deep", Error, "nested too deeply", "\
Collections may nest two hundred levels deep. Deeper text is not read, so that no file can exhaust the stack.
"),
    row(CONFLICT_MARKER, "conflict-marker", Error, "a merge conflict is unresolved", "\
The file holds a marker that git leaves where two versions disagree. Keep the version you mean and remove the markers.
"),
    row(CONTROL_CHARACTER, "control-character", Error, "a character that YAML does not allow", "\
Control characters such as NUL cannot stand in a YAML file. Remove it, or write it as an escape in a double-quoted text: `\"\\0\"`.
"),
    row(UNKNOWN_TAG, "unknown-tag", Error, "a YAML tag that has no meaning here", "\
Only YAML's own tags (`!!str`, `!!int`, …) are known. A `!name` comes from another program that gives it a meaning of its own.

Remove the tag, or quote the text if it begins with an exclamation mark.
"),
    row(MISSING_NAME, "missing-name", Error, "the pipeline has neither `name` nor `id`", "\
Runs, logs and the output directory are named after the pipeline.

```yaml
id: daily-report
name: Daily report
steps: []
```
"),
    row(MISSING_STEPS, "missing-steps", Error, "the pipeline has no `steps`", "\
`steps` is the list of what the pipeline does. Without it there is nothing to run.

If the file nests everything beneath another key such as `pipeline:`, move its content to the root.
"),
    row(WRONG_SHAPE, "wrong-shape", Error, "the value has the wrong shape for its key", "\
Each key takes certain kinds of values: text, a number, `true` or `false`, a list, or a mapping.

```yaml
parameters: path=a.txt        # text where a mapping belongs
parameters: {path: a.txt}     # mended
```
"),
    row(EMPTY_STEPS, "empty-steps", Error, "`steps` is empty", "\
A pipeline does what its steps say, so it needs at least one. `orc new` writes a pipeline to start from.
"),
    row(UNKNOWN_KEY, "unknown-key", Warning, "nothing reads this key", "\
The key is not part of the language at this place, so whatever it says has no effect. Most often it is misspelt or stands one level too high or too low.

Prose belongs in `description`, free data in `metadata`.
"),
    row(BAD_VERSION, "bad-version", Error, "`version` is not of the form `x.y.z`", "\
The version is text made of three whole numbers. `1.0` is read by YAML as a number and loses its last digit.

```yaml
version: \"1.0.0\"
```
"),
    row(BAD_ID, "bad-id", Error, "the id has characters that an id cannot have", "\
An id begins with a letter and goes on with letters, digits, `_` and `-`. Templates, dependencies and file names are made of it.

Prefer `_` to `-`: in a template `{{ a-b }}` means `a` minus `b`.
"),
    row(NOTHING_TO_DO, "nothing-to-do", Error, "the step says nothing that could be done", "\
A step needs an `action`, a `tool`, or a loop (`for_each`, `while`, `action_loop`, `create_parallel_queue`).

```yaml
- id: greet
  action: generate
  parameters: {prompt: \"Say hello\"}
```
"),
    row(BAD_CHOICE, "bad-choice", Error, "the key takes one of a few words", "\
Some keys take one of a closed list of words. The message names them.
"),
    row(LIST_INPUTS, "list-inputs", Hint, "inputs are written as a list", "\
The list form is read, but py-orc refuses it, and the name of an input is easier to find as a key. The fix rewrites the section.

```yaml
inputs:
  - name: topic          # list form
    type: string
```
becomes
```yaml
inputs:
  topic:
    type: string
```
"),
    row(INPUT_TWICE, "input-declared-twice", Warning, "the name is declared in `inputs` and in `parameters`", "\
`inputs` and `parameters` are one namespace. Where both declare a name, `inputs` wins and the other declaration is not read.

Keep one of them.
"),
    row(DEFAULT_TYPE, "default-type", Error, "the default is not of the declared type", "\
The `default` of an input must itself be a legal value of it; otherwise every run that relies on it is refused before the first step.

```yaml
inputs:
  count: {type: integer, default: \"five\"}   # text, not a whole number
```
"),
    row(DEFAULT_CHOICE, "default-not-a-choice", Error, "the default is none of the listed choices", "\
`enum` (or `choices`) lists the only values the input may have. The default has to be one of them.
"),
    row(DEFAULT_RANGE, "default-out-of-range", Error, "the default is outside of the declared range or pattern", "\
`minimum`, `maximum`, `range` and `pattern` hold for the default too.
"),
    row(UNKNOWN_TYPE, "unknown-type", Warning, "the type is not known", "\
Types are `string`, `integer`, `number`, `boolean`, `array`, `object` and `any`. A value of another type cannot be checked before a run.
"),
    row(BAD_PATTERN, "bad-pattern", Error, "the pattern is not a regular expression", "\
`pattern` is a regular expression that text must match. This one cannot be read, so no value could be checked against it.
"),
    row(EMPTY_OUTPUT, "empty-output", Warning, "the output has no value", "\
An output is an expression, or an object whose `value` is one. Without it the output is null in every result document.

```yaml
outputs:
  report: {type: string, value: \"{{ write.result.path }}\"}
```
"),
];
