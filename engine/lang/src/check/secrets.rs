//! Secret inputs where others can read them (903, docs/secrets.md): in command lines, addresses, files and
//! their names.

use super::{Checker, codes, templates::place};
use crate::{
    model::{Step, lower::sites::Site, scope::Binding},
    registry::{ParamKind, ParamSpec, Target},
    template::{AccessKind, Reference},
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let facts = checker.facts;
    if !facts.pipeline.inputs.values().any(|input| input.secret) {
        return;
    }
    let steps = checker.scopes.steps().to_vec();
    for site in facts.sites {
        let Some(step) = site.step.and_then(|at| steps.iter().find(|step| step.index == at)) else { continue };
        let Some(exposure) = exposure(checker, step, site) else { continue };
        let decoded = checker.tree.decoded(site.node);
        for reference in &facts.templates[&site.node].references {
            let Some(name) = secret(checker, site, reference) else { continue };
            let message = format!("the secret input `{name}` {exposure}");
            checker.report(codes::SECRET_EXPOSED, place(&decoded, reference.range), message);
        }
    }
}

/// The secret input that the reference reads.
fn secret<'r>(checker: &Checker<'_>, site: &Site, reference: &'r Reference) -> Option<&'r str> {
    let name = match checker.scopes.resolve(site, &reference.root)? {
        Binding::Input(_) => &reference.root,
        Binding::Inputs => match &reference.path.first()?.kind {
            AccessKind::Field(name) => name,
            _ => return None,
        },
        _ => return None,
    };
    checker.facts.pipeline.inputs.get(name)?.secret.then_some(name)
}

/// Who could read what stands at `site`, and what to do instead.
fn exposure(checker: &Checker<'_>, step: &Step, site: &Site) -> Option<&'static str> {
    const IN_FILE: &str = "is written into a file as it is; whoever can read the file can read it";
    const IN_NAME: &str = "becomes a part of a file's name, which anybody sees who lists the directory; name the file \
                           otherwise";
    let place = checker.tree.range(site.node);
    let parameter = step.parameters.iter().find(|parameter| checker.tree.range(parameter.value).contains_range(place));
    let Some(parameter) = parameter else {
        let is_prose = matches!(checker.targets[step.index.0 as usize], Target::FileProse);
        let action = step.keys.iter().find(|key| key.name == "action")?;
        return (is_prose && checker.tree.range(action.value).contains_range(place)).then_some(IN_FILE);
    };
    let specs = super::parameters::specs(checker, step)?;
    let is = |spec: &&ParamSpec, name: &str| spec.name == name || spec.aliases.iter().any(|alias| alias == name);
    let spec = specs.iter().find(|spec| is(spec, &parameter.name));
    let writes = || {
        let given = |spec: &&ParamSpec| step.parameters.iter().any(|parameter| is(spec, &parameter.name));
        specs.iter().filter(|spec| spec.kind == ParamKind::WritePath).any(|spec| given(&spec))
    };
    match spec.map(|spec| spec.kind) {
        Some(ParamKind::Command) => Some(
            "becomes a part of a command line, which every process of the machine can read; let the command read it \
             from an environment variable (`--allow-env`)",
        ),
        Some(ParamKind::Url) => {
            Some("becomes a part of an address, which servers and proxies write into their logs; send it in a header")
        }
        Some(ParamKind::ReadPath | ParamKind::WritePath) => Some(IN_NAME),
        _ if writes() => Some(IN_FILE),
        _ => None,
    }
}
