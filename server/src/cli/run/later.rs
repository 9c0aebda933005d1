//! Options of the contract that this version cannot honour yet. They are known, so that the answer
//! is a plain one instead of a guess at a typing error, and they are refused, so that nothing else
//! happens than what was asked.

use clap::Args;

/// Options that come with a later version.
#[derive(Debug, Args)]
pub(crate) struct Later {
    #[arg(long, hide = true, value_name = "USD")]
    max_cost: Option<String>,
}

impl Later {
    /// An error that names the first such option in use.
    pub(super) fn refuse(&self) -> Result<(), String> {
        let used = [("--max-cost", self.max_cost.is_some())];
        match used.into_iter().find(|(_, used)| *used) {
            Some((option, _)) => {
                Err(format!("`{option}` comes with a later version; run the whole pipeline without it"))
            }
            None => Ok(()),
        }
    }
}
