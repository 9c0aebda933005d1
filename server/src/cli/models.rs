//! `orc models`: the models that are known, what they cost, and whether their providers answer.

use std::{fmt::Write as _, io, process::ExitCode};

use clap::{Args, Subcommand};
use lang::registry::{ModelSpec, ModelTable, Price, did_you_mean};
use serde_json::{Value, json};

use super::{
    INVALID,
    print::{self, Format},
};

/// Options of `orc models`.
#[derive(Debug, Args)]
pub(crate) struct Models {
    #[command(subcommand)]
    command: Option<Command>,

    /// How to write it.
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all models, or those of one provider.
    List {
        /// The provider, e.g. openai.
        provider: Option<String>,
    },
    /// Show one: its limits, abilities and prices.
    Show {
        /// The model: provider/name, or a name alone.
        name: String,
    },
    /// Whether each provider that is set up answers, by its list of models, which costs nothing.
    ///
    /// A model that is named is asked a tiny question, which costs a fraction of a cent. A provider without a key is
    /// not asked. Nothing counts in any run. Exit code 0 if all that were asked answered, 1 otherwise.
    Check {
        /// Only these: providers, or models as provider/name.
        #[arg(value_name = "NAME|PROVIDER")]
        names: Vec<String>,
    },
}

mod check;

impl Models {
    /// Exit code 0; 1 where a provider that is checked does not answer; 2 where there is no such provider or model.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let around = engine::catalog::around_file("-");
        for problem in &*around.problems {
            print::error(&problem.to_string());
        }
        if !around.problems.is_empty() {
            return Ok(ExitCode::from(INVALID));
        }
        let table = &around.registry.models;
        if let Some(Command::Check { names }) = &self.command {
            return check::run(&around.registry, names, self.format);
        }
        let shown = match &self.command {
            None => self.list(table, None),
            Some(Command::List { provider }) => self.list(table, provider.as_deref()),
            Some(Command::Show { name }) => self.show(table, name),
            Some(Command::Check { .. }) => Ok(String::new()),
        };
        match shown {
            Ok(text) => {
                print::out(&text)?;
                Ok(ExitCode::SUCCESS)
            }
            Err(message) => {
                print::error(&message);
                Ok(ExitCode::from(INVALID))
            }
        }
    }

    fn list(&self, table: &ModelTable, provider: Option<&str>) -> Result<String, String> {
        if let Some(provider) = provider.filter(|provider| !table.knows_provider(provider)) {
            let known: Vec<&str> = table.providers().iter().map(String::as_str).collect();
            return Err(format!("unknown provider `{provider}`; the providers are {}", known.join(", ")));
        }
        let models = table.models().iter().filter(|model| provider.is_none_or(|provider| model.provider == provider));
        let models: Vec<&ModelSpec> = models.collect();
        if self.format == Format::Json {
            let models: Vec<Value> = models.iter().map(|model| described(model)).collect();
            return Ok(print::json(&json!({"price_date": table.price_date(), "models": models})));
        }
        let width = models.iter().map(|model| name(model).chars().count()).max().unwrap_or_default();
        let head = format!("{:<width$}  {:>9}  {:>9}  {:>9}", "model", "context", "in $/M", "out $/M");
        let mut text = format!("{head}\n");
        for model in models {
            let context = model.context.map_or_else(|| "?".to_owned(), |tokens| tokens.to_string());
            let (input, output) = (dollars(model.price.input), dollars(model.price.output));
            let old = if model.deprecated { "  deprecated" } else { "" };
            let _ = writeln!(text, "{:<width$}  {context:>9}  {input:>9}  {output:>9}{old}", name(model));
        }
        let _ = writeln!(text, "prices of {}", table.price_date());
        Ok(text)
    }

    fn show(&self, table: &ModelTable, wanted: &str) -> Result<String, String> {
        let found = table.find(wanted);
        if found.is_empty() {
            let names: Vec<String> = table.models().iter().map(name).collect();
            let near = did_you_mean(
                wanted,
                names.iter().map(String::as_str).chain(table.models().iter().map(|model| model.name.as_str())),
            );
            let hint =
                near.map_or_else(|| "`orc models list` names all".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(format!("unknown model `{wanted}`; {hint}"));
        }
        if self.format == Format::Json {
            let found: Vec<Value> = found.into_iter().map(described).collect();
            return Ok(print::json(&json!({"price_date": table.price_date(), "models": found})));
        }
        let mut text = String::new();
        for model in found {
            let _ = writeln!(text, "{}", name(model));
            let tokens =
                |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), |count| format!("{count} tokens"));
            let able = |known: Option<bool>| known.map_or("unknown", |able| if able { "yes" } else { "no" });
            let _ = writeln!(text, "  context    {}", tokens(model.context));
            let _ = writeln!(text, "  answer     {}", tokens(model.max_output));
            let _ = writeln!(text, "  tools      {}", able(model.tools));
            let _ = writeln!(text, "  schema     {}", able(model.json_schema));
            let _ = writeln!(text, "  images     {}", able(Some(model.vision)));
            let _ =
                writeln!(text, "  price      {} (US$ per million tokens, {})", price(&model.price), table.price_date());
            for tier in &model.tiers {
                let _ = writeln!(text, "             {} above {} prompt tokens", price(&tier.price), tier.above_tokens);
            }
            if model.deprecated {
                text.push_str("  deprecated\n");
            }
        }
        Ok(text)
    }
}

fn name(model: &ModelSpec) -> String {
    format!("{}/{}", model.provider, model.name)
}

fn dollars(amount: Option<f64>) -> String {
    amount.map_or_else(|| "?".to_owned(), |amount| amount.to_string())
}

fn price(price: &Price) -> String {
    format!("{} in, {} out", dollars(price.input), dollars(price.output))
}

fn described(model: &ModelSpec) -> Value {
    let prices = |price: &Price| {
        json!({
            "input": price.input, "output": price.output, "cache_read": price.cache_read,
            "cache_write": price.cache_write,
        })
    };
    let tiers: Vec<Value> = model
        .tiers
        .iter()
        .map(|tier| json!({"above_tokens": tier.above_tokens, "price": prices(&tier.price)}))
        .collect();
    json!({
        "provider": model.provider, "name": model.name, "context": model.context, "max_output": model.max_output,
        "tools": model.tools, "json_schema": model.json_schema, "vision": model.vision, "chat": model.chat,
        "deprecated": model.deprecated, "price": prices(&model.price), "tiers": tiers,
    })
}
