//! Options of the contract that this version cannot honour yet. They are known, so that the answer
//! is a plain one instead of a guess at a typing error, and they are refused, so that nothing else
//! happens than what was asked.

use clap::Args;

/// Options that come with a later version.
#[derive(Debug, Args)]
pub(crate) struct Later {
    #[arg(long, hide = true, value_name = "DIR")]
    record: Option<String>,
    #[arg(long, hide = true, value_name = "DIR")]
    replay: Option<String>,
    #[arg(long, hide = true)]
    locked: bool,
}

impl Later {
    /// An error that names the first such option in use.
    pub(super) fn refuse(&self) -> Result<(), String> {
        let used =
            [("--record", self.record.is_some()), ("--replay", self.replay.is_some()), ("--locked", self.locked)];
        match used.into_iter().find(|(_, used)| *used) {
            Some((option, _)) => {
                Err(format!("`{option}` comes with a later version; run the whole pipeline without it"))
            }
            None => Ok(()),
        }
    }
}
