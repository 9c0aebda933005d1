//! What a step says to a model: its `messages`, and its `images` out of files and `data:` URLs.

use lang::registry::{did_you_mean, is_path_of_image};
use schemars::JsonSchema;
use serde_json::Value;

use crate::{
    models::message::{Image, LARGEST_IMAGE, LARGEST_IMAGES, MOST_IMAGES, Message, Role, decoded},
    tools::{
        ToolCx, ToolError, blocking,
        confine::{Access, Last, locate},
        params,
    },
};

/// A message of `messages`, for the registry.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct MessageParams {
    /// Who says it: `system` before all others, then `user` and `assistant`.
    #[schemars(extend("enum" = ["system", "user", "assistant"]))]
    role: String,
    /// What is said.
    #[schemars(extend("x-kind" = "prompt"))]
    content: String,
}

/// An image of `images`, for the registry.
#[derive(Debug, JsonSchema)]
#[schemars(extend("x-kind" = "image"), inline)]
pub(super) struct ImageParam(#[expect(dead_code, reason = "only its schema is used")] String);

/// A conversation: what the model is told before it, and its turns, of which the last is the user's.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Conversation {
    pub(super) system: Option<String>,
    pub(super) messages: Vec<Message>,
}

const ROLES: [&str; 3] = ["system", "user", "assistant"];

fn wrong(message: String) -> ToolError {
    ToolError::new("ParameterError", message)
}

impl Conversation {
    /// The one that `messages` holds; `system_prompt` goes before it. What one says twice in a row is one turn:
    /// some providers take turns only.
    pub(super) fn of(messages: &Value, system_prompt: Option<String>) -> Result<Self, ToolError> {
        let Value::Array(items) = messages else {
            return Err(wrong("`messages` is no list; write a list of `{role, content}`".to_owned()));
        };
        let system = system_prompt.filter(|text| !text.trim().is_empty());
        let mut said = Self { system, messages: Vec::new() };
        for (index, item) in items.iter().enumerate() {
            let (role, content) = part(item, index)?;
            let role = match role {
                "system" if !said.messages.is_empty() => {
                    return Err(wrong(format!(
                        "`messages[{index}]` is of `system` after others have spoken; put it before all others"
                    )));
                }
                "system" => {
                    said.system = Some(match said.system.take() {
                        Some(before) => format!("{before}\n\n{content}"),
                        None => content,
                    });
                    continue;
                }
                "user" => Role::User,
                _ => Role::Assistant,
            };
            match said.messages.last_mut() {
                None if role == Role::Assistant => {
                    return Err(wrong(format!(
                        "`messages[{index}]` is of `assistant`, and nobody has asked it anything; begin with one of `user`"
                    )));
                }
                Some(last) if last.role == role => last.content.extend(["\n\n", &content]),
                _ => said.messages.push(Message { role, content }),
            }
        }
        match said.messages.last() {
            Some(Message { role: Role::User, .. }) => Ok(said),
            Some(_) => Err(wrong(
                "`messages` ends with one of `assistant`; end with one of `user`, which the model is to answer"
                    .to_owned(),
            )),
            None => Err(wrong("`messages` asks nothing; add one of `user`".to_owned())),
        }
    }
}

/// Role and content of a message.
fn part(item: &Value, index: usize) -> Result<(&str, String), ToolError> {
    let Value::Object(fields) = item else {
        return Err(wrong(format!("`messages[{index}]` is no mapping; write `{{role: user, content: …}}`")));
    };
    if let Some(name) = fields.keys().find(|name| !["role", "content"].contains(&&***name)) {
        return Err(wrong(format!("`messages[{index}]` has `{}`; it takes `role` and `content`", params::brief(name))));
    }
    let role = match fields.get("role") {
        Some(Value::String(role)) => role.as_str(),
        _ => return Err(wrong(format!("`messages[{index}]` has no `role`; it is `system`, `user` or `assistant`"))),
    };
    if !ROLES.contains(&role) {
        let near = did_you_mean(role, ROLES).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(wrong(format!(
            "`messages[{index}]` has the role `{}`, which is none of `system`, `user` and `assistant`{near}",
            params::brief(role)
        )));
    }
    let content = fields.get("content").filter(|content| !content.is_null()).map(params::text).unwrap_or_default();
    if content.trim().is_empty() {
        return Err(wrong(format!("`messages[{index}]` says nothing; give it a `content`, or leave it out")));
    }
    Ok((role, content))
}

/// The images that `images` names. Files are read as steps read files.
pub(super) async fn images(given: Option<&Value>, cx: &ToolCx) -> Result<Vec<Image>, ToolError> {
    let sources: Vec<String> = match given {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => items.iter().map(params::text).collect(),
        Some(_) => {
            return Err(wrong(
                "`images` is no list of texts; write a list of paths, `data:` URLs or addresses".to_owned(),
            ));
        }
    };
    if sources.len() > MOST_IMAGES {
        return Err(wrong(format!("`images` has {} images; a step takes up to {MOST_IMAGES}", sources.len())));
    }
    blocking::work("OSError", "the reading of images", || {
        let (cx, sources) = (cx.clone(), sources.clone());
        move || {
            let mut sum = 0;
            let one = |(index, source): (usize, &String)| {
                let (image, size) = image(source, index, &cx)?;
                sum += size;
                if sum > LARGEST_IMAGES {
                    return Err(wrong(format!(
                        "`images` are more than {} MiB together; make them smaller",
                        LARGEST_IMAGES >> 20
                    )));
                }
                Ok(image)
            };
            sources.iter().enumerate().map(one).collect()
        }
    })
    .await
}

/// The image that is named, and how many bytes of it are sent.
fn image(source: &str, index: usize, cx: &ToolCx) -> Result<(Image, usize), ToolError> {
    if source.trim().is_empty() {
        return Err(wrong(format!("`images[{index}]` is empty; name a file, a `data:` URL or an address")));
    }
    if source.starts_with("https://") {
        return Ok((Image::At { url: source.to_owned() }, 0));
    }
    if source.starts_with("http://") {
        return Err(wrong(format!(
            "`images[{index}]` is an address without encryption; providers fetch `https://` only"
        )));
    }
    let (bytes, named) = if is_path_of_image(source) {
        (
            crate::tools::filesystem::read_bytes(&locate(cx, source, Access::Read, Last::Followed)?)?,
            format!("`{source}`"),
        )
    } else {
        let data = source.split_once(";base64,").and_then(|(_, data)| decoded(data.trim()));
        let named = format!("`images[{index}]`");
        (
            data.ok_or_else(|| wrong(format!("{named} is no `data:` URL in base64; write `data:image/png;base64,…`")))?,
            named,
        )
    };
    if bytes.len() > LARGEST_IMAGE {
        let most = LARGEST_IMAGE as f64 / f64::from(1 << 20);
        return Err(wrong(format!(
            "{named} is larger than {most} MiB, which is more than providers take; make it smaller"
        )));
    }
    let image = Image::of(&bytes)
        .ok_or_else(|| wrong(format!("{named} is no image that models read: PNG, JPEG, GIF or WebP")))?;
    Ok((image, bytes.len()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn failed(messages: Value) -> String {
        Conversation::of(&messages, None).unwrap_err().to_string()
    }

    fn said(role: &str, content: &str) -> Value {
        json!({"role": role, "content": content})
    }

    #[test]
    fn turns_alternate_and_the_system_stands_apart() {
        let messages = json!([
            said("system", "Be brief."),
            said("system", "Be kind."),
            said("user", "Hello."),
            said("user", "Who?"),
            said("assistant", "Me."),
            said("user", "Why?"),
        ]);
        let message = |role, content: &str| Message { role, content: content.to_owned() };
        let expected = Conversation {
            system: Some("You are a bot.\n\nBe brief.\n\nBe kind.".to_owned()),
            messages: vec![
                message(Role::User, "Hello.\n\nWho?"),
                message(Role::Assistant, "Me."),
                message(Role::User, "Why?"),
            ],
        };
        assert_eq!(Conversation::of(&messages, Some("You are a bot.".to_owned())).unwrap(), expected);
    }

    #[test]
    fn what_is_no_conversation_says_why() {
        let cases = [
            (json!("hi"), "`messages` is no list; write a list of `{role, content}`"),
            (json!([]), "`messages` asks nothing; add one of `user`"),
            (json!([said("system", "Be brief.")]), "`messages` asks nothing; add one of `user`"),
            (json!(["hi"]), "`messages[0]` is no mapping; write `{role: user, content: …}`"),
            (json!([{"content": "hi"}]), "`messages[0]` has no `role`; it is `system`, `user` or `assistant`"),
            (
                json!([said("usr", "hi")]),
                "`messages[0]` has the role `usr`, which is none of `system`, `user` and `assistant`; did you mean `user`?",
            ),
            (json!([{"role": "user", "text": "hi"}]), "`messages[0]` has `text`; it takes `role` and `content`"),
            (json!([said("user", " ")]), "`messages[0]` says nothing; give it a `content`, or leave it out"),
            (json!([{"role": "user"}]), "`messages[0]` says nothing; give it a `content`, or leave it out"),
            (
                json!([said("user", "hi"), said("system", "x")]),
                "`messages[1]` is of `system` after others have spoken; put it before all others",
            ),
            (
                json!([said("assistant", "hi")]),
                "`messages[0]` is of `assistant`, and nobody has asked it anything; begin with one of `user`",
            ),
            (
                json!([said("user", "hi"), said("assistant", "x")]),
                "`messages` ends with one of `assistant`; end with one of `user`, which the model is to answer",
            ),
        ];
        for (messages, expected) in cases {
            assert_eq!(failed(messages.clone()), expected, "{messages}");
        }
    }
}
