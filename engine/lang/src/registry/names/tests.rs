//! The tests (`is …`), in alphabetical order.

use super::{Signature, TestSpec};

const fn test(name: &'static str, doc: &'static str) -> TestSpec {
    TestSpec { name, doc, signature: Signature { params: &[], variadic: false, returns: "boolean" } }
}

const fn compared(name: &'static str, doc: &'static str) -> TestSpec {
    TestSpec {
        name,
        doc,
        signature: Signature { params: &[("other", "any", None)], variadic: false, returns: "boolean" },
    }
}

pub(super) const TESTS: &[TestSpec] = &[
    test("boolean", "It is `true` or `false`."),
    test("callable", "It can be called."),
    test("defined", "It exists.\n\nA step that was skipped, and a field that a result lacks, do not."),
    TestSpec {
        name: "divisibleby",
        doc: "It is a multiple of `number`.",
        signature: Signature { params: &[("number", "integer", None)], variadic: false, returns: "boolean" },
    },
    compared("eq", "It equals `other`; the same as `==`."),
    compared("equalto", "It equals `other`; the same as `==`."),
    test("escaped", "It is text marked as safe for HTML."),
    test("even", "It is an even number."),
    test("false", "It is `false`."),
    test("filter", "It is the name of a filter."),
    test("float", "It is a number with a fraction."),
    compared("ge", "It is `other` or greater; the same as `>=`."),
    compared("greaterthan", "It is greater than `other`; the same as `>`."),
    compared("gt", "It is greater than `other`; the same as `>`."),
    compared("in", "It is an item of, or a part of, `other`."),
    test("integer", "It is a whole number."),
    test("iterable", "It can be looped over."),
    compared("le", "It is `other` or less; the same as `<=`."),
    compared("lessthan", "It is less than `other`; the same as `<`."),
    test("lower", "It is text in lower case."),
    compared("lt", "It is less than `other`; the same as `<`."),
    test("mapping", "It is an object."),
    compared("ne", "It differs from `other`; the same as `!=`."),
    test("none", "It is `none` (`null`)."),
    test("number", "It is a number."),
    test("odd", "It is an odd number."),
    compared("sameas", "It is the very same value as `other`."),
    test("sequence", "It is a list."),
    test("string", "It is text."),
    test("test", "It is the name of a test."),
    test("true", "It is `true`."),
    test("undefined", "It does not exist; the opposite of `defined`."),
    test("upper", "It is text in upper case."),
];
