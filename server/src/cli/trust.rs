//! `orc trust`.

use std::{io, path::PathBuf, process::ExitCode};

use clap::Args;

use super::{INVALID, print};
use crate::trust;

/// Options of `orc trust`.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// The folder; what is beneath it is trusted too.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

impl Trust {
    /// Exit code 0; 2 where there is no such folder, or the list cannot be kept.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let refuse = |message: String| {
            print::error(&message);
            Ok(ExitCode::from(INVALID))
        };
        let folder = match self.folder.canonicalize() {
            Ok(folder) if folder.is_dir() => folder,
            Ok(_) => return refuse(format!("`{}` is no folder", self.folder.display())),
            Err(error) => return refuse(format!("`{}` cannot be trusted: {error}", self.folder.display())),
        };
        if let Err(error) = trust::keep(vec![folder.clone()]) {
            return refuse(format!("the list of trusted folders cannot be kept: {error}"));
        }
        print::out(&format!("{} is trusted\n", folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
