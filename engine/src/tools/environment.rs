//! What a child process sees of the environment (contract §2.22, §6.1): a fixed list, what the person
//! permits, and never a provider's key.

use super::ToolCx;

/// What programs need to find their way, on any system.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TERM",
    "TZ",
    "TMPDIR",
    "TMP",
    "TEMP",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "USERPROFILE",
    "USERNAME",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PROGRAMFILES",
];

/// Keys of model providers: no permission passes them on.
pub(crate) const PROVIDER_KEYS: &[&str] = &[
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_AI_API_KEY",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
];

/// The variables for a process that a tool starts.
pub(crate) fn for_child(cx: &ToolCx) -> Vec<(String, String)> {
    let permitted = |name: &str| {
        let upper = name.to_ascii_uppercase();
        let known = PASSED.contains(&upper.as_str()) || upper.starts_with("LC_");
        let allowed = cx.permissions.env.iter().any(|permitted| permitted == name);
        (known || allowed) && !PROVIDER_KEYS.contains(&upper.as_str())
    };
    let passed = cx.environment.iter().filter(|(name, _)| permitted(name));
    passed.map(|(name, value)| (name.clone(), value.clone())).collect()
}
