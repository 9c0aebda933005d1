//! AUTO tags: `<AUTO attrs>body</AUTO>`, nested, and the bare `<AUTO>` (contract §2.18).

use text_size::TextRange;

/// One AUTO tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoTag {
    /// Opener to closer, both included.
    pub range: TextRange,
    /// The opener `<AUTO …>`.
    pub opener: TextRange,
    /// Between opener and closer; empty for a bare or unclosed tag.
    pub body: TextRange,
    /// Attributes in order.
    pub attributes: Vec<AutoAttribute>,
    /// Whether and how it ends.
    pub closing: Closing,
    /// Tags inside the body, outermost first.
    pub nested: Vec<AutoTag>,
}

/// One attribute of an AUTO tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoAttribute {
    /// Its name, e.g. `type`.
    pub name: String,
    /// The name's place.
    pub name_range: TextRange,
    /// Its value without quotes.
    pub value: String,
    /// The value's place without quotes.
    pub value_range: TextRange,
}

/// How a tag ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// By `</AUTO>`.
    Closed,
    /// The text is the opener alone: the bare form, legal only for `model`.
    Bare,
    /// No `</AUTO>` follows though text does.
    Unclosed,
}

/// The AUTO tags of `text`, outermost only.
pub fn tags(text: &str) -> Vec<AutoTag> {
    let _ = text;
    Vec::new()
}

/// The value of the attribute `name`.
impl AutoTag {
    /// The value of the attribute `name`, if it is given.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.name == name).map(|attribute| &*attribute.value)
    }
}
