//! The filters, in alphabetical order.

use super::{FilterSpec, Signature};

const fn filter(
    name: &'static str,
    returns: &'static str,
    params: &'static [(&'static str, &'static str, Option<&'static str>)],
    doc: &'static str,
) -> FilterSpec {
    FilterSpec { name, doc, signature: Signature { params, variadic: false, returns } }
}

const fn variadic(
    name: &'static str,
    returns: &'static str,
    params: &'static [(&'static str, &'static str, Option<&'static str>)],
    doc: &'static str,
) -> FilterSpec {
    FilterSpec { name, doc, signature: Signature { params, variadic: true, returns } }
}

const TO_JSON: &str =
    "The value as JSON, indented by two spaces.\n\nUse it to put an object or list into a prompt or a file.";
const DEFAULT_PARAMS: &[(&str, &str, Option<&str>)] =
    &[("default_value", "any", Some("''")), ("boolean", "boolean", Some("false"))];
const DEFAULT: &str = "`default_value` where the value is undefined, else the value itself.\n\nWith `boolean` true, also where it is false or empty.\nA field of a skipped step counts as undefined.";
const ESCAPE: &str = "The text with `&`, `<`, `>`, `'` and `\"` as HTML entities.";
const INCLUDE_PARAMS: &[(&str, &str, Option<&str>)] = &[("base_dir", "string", Some("the pipeline's folder"))];

pub(super) const FILTERS: &[FilterSpec] = &[
    filter("abs", "number", &[], "The number without its sign."),
    filter("attr", "any", &[("name", "string", None)], "The attribute `name` of the value; the same as `value.name`."),
    filter("basename", "string", &[], "The last part of a path: `reports/a.md` gives `a.md`."),
    filter(
        "batch",
        "array",
        &[("linecount", "integer", None), ("fill_with", "any", Some("none"))],
        "The list in groups of `linecount` items.\n\nThe last group is filled up with `fill_with` if that is given.",
    ),
    filter("capitalize", "string", &[], "The text with its first letter upper case and all others lower case."),
    filter("center", "string", &[("width", "integer", Some("80"))], "The text in the middle of `width` characters."),
    filter("count", "integer", &[], "The number of items, members or characters; the same as `length`."),
    filter("d", "any", DEFAULT_PARAMS, DEFAULT),
    filter(
        "date",
        "string",
        &[("format", "string", Some("'%Y-%m-%d %H:%M:%S'"))],
        "A date in the given `strftime` format.\n\nTakes an ISO date text such as `execution.timestamp`, or `'now'`.",
    ),
    filter("default", "any", DEFAULT_PARAMS, DEFAULT),
    filter(
        "dictsort",
        "array",
        &[
            ("case_sensitive", "boolean", Some("false")),
            ("by", "string", Some("'key'")),
            ("reverse", "boolean", Some("false")),
        ],
        "The members of an object as sorted `[key, value]` pairs.\n\n`by` is `'key'` or `'value'`.",
    ),
    filter("e", "string", &[], ESCAPE),
    filter("escape", "string", &[], ESCAPE),
    filter("file_exists", "boolean", INCLUDE_PARAMS, "Whether the file of this path is there when the step runs."),
    filter(
        "filesizeformat",
        "string",
        &[("binary", "boolean", Some("false"))],
        "A number of bytes for people: `13 kB`, or `12.7 KiB` with `binary`.",
    ),
    filter("first", "any", &[], "The first item of a list or the first character of a text."),
    filter("float", "number", &[], "The value as a number.\n\nFails on text that is no number."),
    filter("forceescape", "string", &[], "The text with HTML entities, even if it is marked as safe."),
    variadic(
        "format",
        "string",
        &[],
        "Fills the places of a text with the arguments.\n\n`'%s of %d' | format(name, count)` or, with keywords, `'{a}' | format(a=1)`.",
    ),
    filter(
        "from_json",
        "any",
        &[],
        "The value that a JSON text stands for.\n\nAnything that does not parse comes back as it is.",
    ),
    filter(
        "groupby",
        "array",
        &[
            ("attribute", "string", None),
            ("default", "any", Some("none")),
            ("case_sensitive", "boolean", Some("false")),
        ],
        "The items in groups of equal `attribute`, each with `grouper` and `list`.",
    ),
    filter(
        "include_file",
        "string",
        INCLUDE_PARAMS,
        "The text of the file of this path.\n\nIt is data: templates in it are not rendered.",
    ),
    filter(
        "indent",
        "string",
        &[("width", "integer", Some("4")), ("first", "boolean", Some("false")), ("blank", "boolean", Some("false"))],
        "The text with each line but the first moved in by `width` spaces.",
    ),
    filter("int", "integer", &[], "The value as a whole number.\n\nFails on text that is no number."),
    filter("items", "array", &[], "The members of an object as `[key, value]` pairs."),
    filter(
        "join",
        "string",
        &[("separator", "string", Some("', '")), ("attribute", "string", Some("none"))],
        "The items of a list as one text, `separator` between them.\n\nThe separator is a comma and a blank if none is given.",
    ),
    filter("json", "string", &[], TO_JSON),
    filter("json_encode", "string", &[], TO_JSON),
    filter("last", "any", &[], "The last item of a list or the last character of a text; none if there is none."),
    filter("length", "integer", &[], "The number of items, members or characters."),
    filter("list", "array", &[], "The value as a list: the characters of a text, the keys of an object."),
    filter("loop_get", "any", &[("index", "integer", None)], "The item of the list at `index`; none outside of it."),
    filter("lower", "string", &[], "The text in lower case."),
    variadic(
        "map",
        "array",
        &[("filter", "string", Some("none")), ("attribute", "string", Some("none")), ("default", "any", Some("none"))],
        "A filter applied to each item, or an attribute of each.\n\n`users | map(attribute='name')`, `names | map('upper')`.",
    ),
    filter("markdown_format", "string", &[], "The Markdown text with blank lines around headings and lists."),
    filter(
        "max",
        "any",
        &[("case_sensitive", "boolean", Some("false")), ("attribute", "string", Some("none"))],
        "The greatest item of a list.",
    ),
    filter(
        "min",
        "any",
        &[("case_sensitive", "boolean", Some("false")), ("attribute", "string", Some("none"))],
        "The smallest item of a list.",
    ),
    filter(
        "next_in_loop",
        "any",
        &[("index", "integer", None)],
        "The item of the list after `index`; none at its end.",
    ),
    filter("pprint", "string", &[], "The value laid out for reading."),
    filter(
        "prev_in_loop",
        "any",
        &[("index", "integer", None)],
        "The item of the list before `index`; none at its start.",
    ),
    filter(
        "random",
        "any",
        &[],
        "One item of the list, by chance.\n\nA step that uses it gives another result on each run.",
    ),
    filter(
        "regex_replace",
        "string",
        &[("pattern", "string", None), ("replacement", "string", Some("''"))],
        "The text with every match of `pattern` replaced.\n\nGroups are written `\\1` or `$1` in the replacement.",
    ),
    filter(
        "regex_search",
        "string",
        &[("pattern", "string", None)],
        "The first match of `pattern` in the text; none if there is none.",
    ),
    variadic(
        "reject",
        "array",
        &[("test", "string", Some("none"))],
        "The items that do not pass `test`; without a test, those that are false or empty.",
    ),
    variadic(
        "rejectattr",
        "array",
        &[("attribute", "string", None), ("test", "string", Some("none"))],
        "The items whose `attribute` does not pass `test`.",
    ),
    filter(
        "replace",
        "string",
        &[("old", "string", None), ("new", "string", None), ("count", "integer", Some("none"))],
        "The text with `old` replaced by `new`, at most `count` times.",
    ),
    filter("reverse", "any", &[], "The list or text from its end to its start."),
    filter(
        "round",
        "number",
        &[("precision", "integer", Some("0"))],
        "The number rounded to `precision` places; halves go to the even neighbour.",
    ),
    filter("safe", "string", &[], "The text marked as needing no HTML escape; without effect in pipelines."),
    variadic(
        "select",
        "array",
        &[("test", "string", Some("none"))],
        "The items that pass `test`; without a test, those that are not false or empty.",
    ),
    variadic(
        "selectattr",
        "array",
        &[("attribute", "string", None), ("test", "string", Some("none"))],
        "The items whose `attribute` passes `test`.\n\n`results | selectattr('score', 'gt', 0.5)`.",
    ),
    filter(
        "shell_raw",
        "string",
        &[],
        "The value as a part of a shell command, not as a value in it.\n\nIn `command` what a template gives stays a value and is never read by the shell as a part of the program. `shell_raw` is for commands that are made of values on purpose; whoever can write the value can run anything.",
    ),
    filter(
        "slice",
        "array",
        &[("slices", "integer", None), ("fill_with", "any", Some("none"))],
        "The list in `slices` parts of nearly equal length.",
    ),
    filter(
        "slugify",
        "string",
        &[],
        "The text as a file or address name: lower case, words joined by `-`, nothing else kept.",
    ),
    filter(
        "sort",
        "array",
        &[
            ("reverse", "boolean", Some("false")),
            ("case_sensitive", "boolean", Some("false")),
            ("attribute", "string", Some("none")),
        ],
        "The items in order.",
    ),
    filter(
        "split",
        "array",
        &[("separator", "string", Some("' '"))],
        "The parts of the text between `separator`; an empty list for anything but text.",
    ),
    filter("string", "string", &[], "The value as text."),
    filter("striptags", "string", &[], "The text without HTML tags, blanks folded."),
    filter(
        "sum",
        "number",
        &[("attribute", "string", Some("none")), ("start", "number", Some("0"))],
        "The sum of the numbers, or of an attribute of each item.",
    ),
    filter("title", "string", &[], "The text with each word's first letter in upper case."),
    filter("to_json", "string", &[], TO_JSON),
    filter(
        "tojson",
        "string",
        &[("indent", "integer", Some("none"))],
        "The value as JSON on one line, or indented by `indent` spaces.",
    ),
    filter(
        "trim",
        "string",
        &[("chars", "string", Some("none"))],
        "The text without blanks, or without `chars`, at both ends.",
    ),
    filter(
        "truncate",
        "string",
        &[
            ("length", "integer", Some("255")),
            ("killwords", "boolean", Some("false")),
            ("end", "string", Some("'...'")),
            ("leeway", "integer", Some("5")),
        ],
        "The text cut to `length` characters, `end` included.\n\nCuts between words unless `killwords` is true; a text longer by up to `leeway` stays whole.",
    ),
    filter(
        "truncate_words",
        "string",
        &[("count", "integer", Some("50"))],
        "The first `count` words, followed by `...` if there were more.",
    ),
    filter(
        "unique",
        "array",
        &[("case_sensitive", "boolean", Some("false")), ("attribute", "string", Some("none"))],
        "The items, each once, in the order of their first appearance.",
    ),
    filter("upper", "string", &[], "The text in upper case."),
    filter("urlencode", "string", &[], "The text, or the members of an object, as part of an address."),
    filter(
        "urlize",
        "string",
        &[
            ("trim_url_limit", "integer", Some("none")),
            ("nofollow", "boolean", Some("false")),
            ("target", "string", Some("none")),
            ("rel", "string", Some("none")),
        ],
        "The text with addresses in it as HTML links.",
    ),
    filter("wordcount", "integer", &[], "The number of words."),
    filter(
        "wordwrap",
        "string",
        &[
            ("width", "integer", Some("79")),
            ("break_long_words", "boolean", Some("true")),
            ("wrapstring", "string", Some("newline")),
        ],
        "The text with lines of at most `width` characters.",
    ),
    filter(
        "xmlattr",
        "string",
        &[("autospace", "boolean", Some("true"))],
        "The members of an object as attributes of a tag.",
    ),
];
