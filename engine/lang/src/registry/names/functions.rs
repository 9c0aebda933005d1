//! The global functions, in the order completion offers them.

use super::{GlobalSpec, Signature};

const fn function(
    name: &'static str,
    returns: &'static str,
    params: &'static [(&'static str, &'static str, Option<&'static str>)],
    doc: &'static str,
) -> GlobalSpec {
    GlobalSpec { name, doc, signature: Signature { params, variadic: false, returns }, deprecated: None }
}

const BASE_DIR: (&str, &str, Option<&str>) = ("base_dir", "string", Some("the pipeline's folder"));

pub(super) const FUNCTIONS: &[GlobalSpec] = &[
    function(
        "include_file",
        "string",
        &[("path", "string", None), BASE_DIR],
        "The text of a file.\n\nThe path counts from the pipeline's folder, then from the working directory, and never leaves the workspace.\nThe text is data: templates in it are not rendered.",
    ),
    function(
        "file_exists",
        "boolean",
        &[("path", "string", None), BASE_DIR],
        "Whether a file is there when the step runs.",
    ),
    function(
        "range",
        "array",
        &[("start", "integer", Some("0")), ("stop", "integer", None), ("step", "integer", Some("1"))],
        "The whole numbers from `start` up to, but without, `stop`.\n\nWith one argument, that is `stop`.",
    ),
    GlobalSpec {
        name: "dict",
        doc: "An object made of keyword arguments: `dict(a=1, b=2)`.",
        signature: Signature { params: &[], variadic: true, returns: "object" },
        deprecated: None,
    },
    function(
        "namespace",
        "object",
        &[("values", "object", Some("{}"))],
        "An object whose members `{% set %}` may change inside a `{% for %}`.\n\n`{% set ns = namespace(found=false) %}` and later `{% set ns.found = true %}`.",
    ),
    GlobalSpec {
        name: "cycler",
        doc: "Its `next()` gives the arguments one after the other, round and round.",
        signature: Signature { params: &[("items", "any", None)], variadic: true, returns: "object" },
        deprecated: None,
    },
    function(
        "joiner",
        "object",
        &[("separator", "string", Some("', '"))],
        "Called, it gives nothing the first time and `separator` from then on.",
    ),
    function(
        "lipsum",
        "string",
        &[
            ("n", "integer", Some("5")),
            ("html", "boolean", Some("true")),
            ("min", "integer", Some("20")),
            ("max", "integer", Some("100")),
        ],
        "Filler text in `n` paragraphs.",
    ),
    function(
        "loop_var",
        "any",
        &[("loop", "string", None), ("name", "string", None)],
        "The variable `name` of the enclosing loop whose step is `loop`.",
    ),
    function(
        "loop_item_at",
        "any",
        &[("loop", "string", None), ("index", "integer", None)],
        "The item at `index` of the enclosing loop whose step is `loop`.",
    ),
    function("current_loop_name", "string", &[], "The id of the innermost enclosing loop step."),
    function("active_loops", "array", &[], "The ids of the enclosing loop steps, outermost first."),
    function("historical_loops", "array", &[], "The ids of the loop steps that have ended."),
    GlobalSpec {
        name: "now",
        doc: "The time of the call.\n\nA run that uses it cannot be repeated or resumed with the same result.",
        signature: Signature { params: &[], variadic: false, returns: "string" },
        deprecated: Some("execution.timestamp"),
    },
];
