//! What is said to a model: messages by turns, and the images that go with them.

use std::{borrow::Cow, fmt, sync::Arc};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, general_purpose::PAD},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    calls::{FunctionCall, FunctionResult, Round},
    estimate::Range,
};
use crate::run::cache::hex;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// As most providers call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// By whom.
    pub role: Role,
    /// What.
    pub content: String,
}

/// A turn as it is sent.
#[derive(Debug, PartialEq)]
pub(super) struct Turn<'r> {
    pub(super) role: Role,
    pub(super) text: Cow<'r, str>,
    /// They stand before the text.
    pub(super) images: &'r [Image],
    /// Of the assistant: it calls these functions. Of the user: what came of that, and nothing else.
    pub(super) round: Option<&'r Round>,
}

impl<'r> Turn<'r> {
    /// What the assistant calls in it.
    pub(super) fn calls(&self) -> Option<&'r Round> {
        self.round.filter(|_| self.role == Role::Assistant)
    }

    /// The calls whose results it holds, and these.
    pub(super) fn results(&self) -> Option<impl Iterator<Item = (&'r FunctionCall, &'r FunctionResult)>> {
        let round = self.round.filter(|_| self.role == Role::User)?;
        Some(round.calls.iter().zip(&round.results))
    }
}

/// An image for a model to look at.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Image {
    /// One that the provider fetches.
    At {
        /// Its address.
        url: String,
    },
    /// One that is sent. In recordings and where answers are kept its hash stands for it.
    Sent {
        /// What it is, e.g. `image/png`.
        media_type: String,
        /// The hash of its bytes.
        sha256: String,
        /// Its bytes in base64.
        #[serde(skip)]
        base64: Arc<str>,
    },
}

/// How large an image may be: what the strictest provider takes, in bytes.
pub(crate) const LARGEST_IMAGE: usize = (5 << 20) / 4 * 3;
/// How large all of a request together.
pub(crate) const LARGEST_IMAGES: usize = 15 << 20;
/// How many of them.
pub(crate) const MOST_IMAGES: usize = 20;

/// The tokens of an image, wherever it is sent. Providers count its parts: Anthropic up to some 5000 tokens, Gemini
/// 258 for each part of 768 pixels, OpenAI from 70 to 48 169 by model and size.
pub(crate) const IMAGE_TOKENS: (u64, u64, u64) = (64, 1000, 50_000);

impl Image {
    /// The image that these bytes are; nothing where they are none that models read.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let media_type = media_type(bytes)?.to_owned();
        Some(Self::Sent { media_type, sha256: hex(&Sha256::digest(bytes)), base64: LENIENT.encode(bytes).into() })
    }

    /// How many tokens so many of them are.
    pub(crate) fn tokens(count: u64) -> Range {
        let (low, expected, high) = IMAGE_TOKENS;
        Range::between(low, expected, high).times(Range::exactly(count))
    }

    /// Its bytes, where they are sent.
    pub(super) fn base64(&self) -> Option<&str> {
        match self {
            Self::At { .. } => None,
            Self::Sent { base64, .. } => Some(base64),
        }
    }

    /// As an address that holds it.
    pub(super) fn data_url(&self) -> Cow<'_, str> {
        match self {
            Self::At { url } => Cow::Borrowed(url),
            Self::Sent { media_type, base64, .. } => Cow::Owned(format!("data:{media_type};base64,{base64}")),
        }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { url } => write!(f, "Image({url})"),
            Self::Sent { media_type, sha256, .. } => write!(f, "Image({media_type} {sha256})"),
        }
    }
}

/// What an image is by its first bytes.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        Some("image/gif")
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}

/// Base64 whose end is filled up or not, as people write it.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// The bytes of base64, with the signs that fill it up or without; nothing where it is none.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_may_lack_what_fills_it_up() {
        for text in ["Zm8=", "Zm8"] {
            assert_eq!(decoded(text).as_deref(), Some(b"fo".as_slice()), "{text}");
        }
        assert_eq!((decoded("Z"), decoded("Z g=")), (None, None));
    }

    #[test]
    fn an_image_is_told_by_its_bytes_and_kept_by_its_hash() {
        assert_eq!(Image::of(b"<svg/>"), None);
        let Some(image) = Image::of(b"GIF89a!") else { panic!() };
        assert_eq!(image.data_url(), "data:image/gif;base64,R0lGODlhIQ==");
        let written = serde_json::to_string(&image).unwrap_or_default();
        assert!(written.starts_with("{\"media_type\":\"image/gif\",\"sha256\":\""), "{written}");
        assert!(!written.contains("R0lGOD"), "{written}");
    }
}
