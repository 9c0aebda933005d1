//! Tools that are described, checked and completed like all others, and that this version cannot
//! execute: their steps fail and say so.

use std::sync::Arc;

use lang::registry::ToolSpec;
use serde_json::{Map, Value};

use super::{Tool, ToolCx, ToolError, ToolFuture};

/// The class of the failure, for handlers.
const ERROR_TYPE: &str = "NotAvailableError";

/// A tool that only knows what it would be.
struct Unavailable {
    describe: fn() -> ToolSpec,
}

impl Tool for Unavailable {
    fn spec(&self) -> ToolSpec {
        (self.describe)()
    }

    fn run<'a>(&'a self, _operation: &'a str, _params: Map<String, Value>, _cx: &'a ToolCx) -> ToolFuture<'a> {
        let name = self.spec().name;
        let message = format!(
            "this version of orc cannot execute the tool `{name}`; \
             give the step a `condition`, or `on_failure: continue`, to run the rest of the pipeline"
        );
        Box::pin(async move { Err(ToolError::new(ERROR_TYPE, message)) })
    }
}

/// All of them, in the order completion offers them.
pub(super) fn all() -> Vec<Arc<dyn Tool>> {
    let described: [fn() -> ToolSpec; 14] = [
        super::web_search::spec,
        super::mcp_server::spec,
        super::report_generator::spec,
        super::image_analysis::spec,
        super::mcp_memory::spec,
        super::python_executor::spec,
        super::headless_browser::spec,
        super::visualization::spec,
        super::audio_processing::spec,
        super::video_processing::spec,
        super::image_generation::spec,
        super::pdf_compiler::spec,
        super::mcp_resource::spec,
        super::auto_debugger::spec,
    ];
    described.into_iter().map(|describe| Arc::new(Unavailable { describe }) as Arc<dyn Tool>).collect()
}
