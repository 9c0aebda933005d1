//! The words for types in declarations of inputs.

use super::ValueType;

/// Canonical names, and what each allows; `any` allows everything.
const TYPES: [(&str, &[ValueType]); 7] = [
    ("string", &[ValueType::String]),
    ("integer", &[ValueType::Integer]),
    ("number", &[ValueType::Number]),
    ("boolean", &[ValueType::Boolean]),
    ("array", &[ValueType::Array]),
    ("object", &[ValueType::Object]),
    ("any", &[]),
];

/// Names that other languages give the same types.
const SYNONYMS: [(&str, &str); 10] = [
    ("str", "string"),
    ("text", "string"),
    ("int", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("bool", "boolean"),
    ("list", "array"),
    ("dict", "object"),
    ("map", "object"),
    ("mapping", "object"),
];

/// The canonical names of types.
pub fn type_names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(name, _)| *name)
}

/// The canonical name of the type that `word` means, in any case and any language's spelling.
pub fn canonical_type(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let synonym = SYNONYMS.iter().find(|(old, _)| *old == lower).map(|(_, new)| *new);
    synonym.or_else(|| type_names().find(|known| *known == lower))
}

/// What the type that `word` means allows, empty for anything; `None` for no type.
pub fn types_named(word: &str) -> Option<&'static [ValueType]> {
    let canonical = canonical_type(word)?;
    TYPES.iter().find(|(name, _)| *name == canonical).map(|(_, types)| *types)
}
