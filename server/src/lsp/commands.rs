//! The commands of `workspace/executeCommand`.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};

/// All commands, as `initialize` reports them.
pub(crate) const NAMES: [&str; 4] = ["orc.run", "orc.cancel", "orc.trust", "orc.explain"];

/// Explains a code: its page as Markdown.
pub(crate) fn explain(code: &str) -> Result<Value> {
    let spec = lang::check::codes::codes().iter().find(|spec| spec.code.to_string().eq_ignore_ascii_case(code.trim()));
    let Some(spec) = spec else {
        return Err(Error::invalid_params(format!("unknown code `{code}`; `orc explain` lists all")));
    };
    Ok(
        json!({ "code": spec.code.to_string(), "name": spec.name, "severity": spec.severity, "markdown": crate::pages::markdown(spec) }),
    )
}
