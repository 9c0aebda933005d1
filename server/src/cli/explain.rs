//! `orc explain`.

use std::{io, process::ExitCode};

use clap::Args;
use lang::{check::codes::codes, registry::did_you_mean};

use super::print;
use crate::pages;

/// Options of `orc explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A code such as ORC204, or its name; without one, all codes are listed.
    code: Option<String>,
}

impl Explain {
    /// Prints the page of a code, or the list of codes.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let Some(wanted) = self.code.as_deref().map(str::trim) else {
            let lines = codes().iter().map(|spec| {
                format!("{}  {:<11}  {}: {}\n", spec.code, pages::severity_name(spec.severity), spec.name, spec.summary)
            });
            print::out(&lines.collect::<String>())?;
            return Ok(ExitCode::SUCCESS);
        };
        let found = codes()
            .iter()
            .find(|spec| spec.code.to_string().eq_ignore_ascii_case(wanted) || spec.name.eq_ignore_ascii_case(wanted));
        match found {
            Some(spec) => {
                print::out(&pages::markdown(spec))?;
                Ok(ExitCode::SUCCESS)
            }
            None => {
                let known: Vec<String> =
                    codes().iter().flat_map(|spec| [spec.code.to_string(), spec.name.to_owned()]).collect();
                let guess = did_you_mean(&wanted.to_lowercase(), known.iter().map(String::as_str))
                    .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
                print::error(&format!("unknown code `{wanted}`; {guess}`orc explain` lists all codes"));
                Ok(ExitCode::from(super::INVALID))
            }
        }
    }
}
