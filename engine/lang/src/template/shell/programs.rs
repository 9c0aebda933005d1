//! Programs that run what they are given: shells and what starts them, and languages with code in an
//! argument.

use super::{
    Place,
    reader::{CALCULATION, EXPANSION, QUOTED_EXPANSION, Redirect, VALUE, Word},
};

/// Shells that run the word behind `-c`, and what they read when they are given no script.
const SHELLS: &[&str] = &[
    "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox", "pwsh", "su", "runuser",
    "script", "flock", "nu", "xonsh",
];

/// Programs that run their words as a command, which a shell reads.
const RUNNERS: &[&str] = &["eval", "trap", "watch", "parallel", "alias"];

/// Programs that run a command that stands behind their own words.
const WRAPPERS: &[&str] = &[
    "sudo", "doas", "env", "exec", "command", "builtin", "nohup", "nice", "ionice", "timeout", "time", "stdbuf",
    "setsid", "chroot", "unshare", "docker", "podman", "kubectl", "xargs",
];

/// Options of `ssh` that take the next word (OpenSSH's manual).
const SSH_WITH_WORD: &str = "BbcDEeFIiJLlmOoPpQRSWw";

/// How a language is given code.
enum Code {
    /// Behind an option that ends with one of these letters, or is one of these words.
    Behind(&'static [char], &'static [&'static str]),
    /// In the first word that is no option.
    First,
}

/// Languages and how they are given code.
const LANGUAGES: &[(&str, Code)] = &[
    ("python", Code::Behind(&['c'], &[])),
    ("python2", Code::Behind(&['c'], &[])),
    ("python3", Code::Behind(&['c'], &[])),
    ("node", Code::Behind(&['e', 'p'], &["--eval", "--print"])),
    ("deno", Code::Behind(&[], &["eval"])),
    ("perl", Code::Behind(&['e', 'E'], &[])),
    ("ruby", Code::Behind(&['e'], &[])),
    ("php", Code::Behind(&['r'], &[])),
    ("lua", Code::Behind(&['e'], &[])),
    ("Rscript", Code::Behind(&['e'], &[])),
    ("psql", Code::Behind(&['c'], &["--command"])),
    ("mysql", Code::Behind(&['e'], &["--execute"])),
    ("awk", Code::First),
    ("gawk", Code::First),
    ("mawk", Code::First),
    ("jq", Code::First),
];

/// Words before a command that are none of it.
const RESERVED: &[&str] = &["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "coproc"];

/// Comparisons for which bash calculates what stands beside them.
const COMPARISONS: &[&str] = &["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v"];

/// Commands that read a name with a subscript, which is calculated.
const SUBSCRIPTS: &[&str] =
    &["declare", "typeset", "local", "export", "readonly", "read", "unset", "printf", "test", "[", "[[", "let"];

pub(super) const SHELL_CODE: &str = "it would be a part of what a second shell runs; give it to that shell as an argument: `sh -c '… \"$1\" …' sh` and \
     then the value";
pub(super) const RUN: &str = "the command runs its words as a command";
pub(super) const UNKNOWN: &str =
    "what runs it depends on how many words `$…` before it gives; put that between double quotes";
pub(super) const REMOTE: &str =
    "a shell on the other machine reads it; write it to a file or send it on the standard input of the program there";
pub(super) const READ: &str = "a shell reads it as a program";

/// What is known of a command's values.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Values for which something else holds than for where they stand.
    pub(super) places: Vec<(usize, Place)>,
    /// Values in code of a language, which is named.
    pub(super) code: Vec<(usize, &'static str)>,
    /// What comes in on standard input is run.
    pub(super) runs_what_it_reads: bool,
}

/// The words of a command without what stands before it: reserved words and assignments.
pub(super) fn command(words: &[Word]) -> &[Word] {
    let before = |word: &Word| RESERVED.contains(&word.text.as_str()) || is_assignment(&word.text);
    let begin = words.iter().position(|word| !before(word)).unwrap_or(words.len());
    &words[begin..]
}

fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        let name = name.strip_suffix('+').unwrap_or(name);
        is_name(name.split('[').next().unwrap_or(name))
    })
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|next| next.is_ascii_alphanumeric() || next == '_')
}

/// What is known of the values in `words`, a command with what stands before it.
pub(super) fn judge(words: &[Word], is_test: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let nowhere = |verdict: &mut Verdict, words: &[&Word], why: &'static str| {
        for word in words {
            verdict.places.extend(word.values.iter().map(|index| (*index, Place::Nowhere(why))));
        }
    };
    let arguments: Vec<&Word> = command(words).iter().filter(|word| word.redirect.is_none()).collect();
    calculations(words, is_test, &mut verdict);
    for (at, word) in arguments.iter().enumerate() {
        // What is expanded may be nothing, or the name of a shell.
        let expansions = [VALUE, EXPANSION, QUOTED_EXPANSION];
        // What stands in parentheses names no command.
        let expanded = |word: &Word| word.text.contains(expansions) && !word.text.starts_with('(');
        let text = word.text.replace(expansions, "");
        let name = text.rsplit('/').next().unwrap_or(&text);
        let after = &arguments[at + 1..];
        let is_unknown = arguments[..=at].iter().all(|word| expanded(word));
        if is_unknown && word.text.contains(EXPANSION) {
            nowhere(&mut verdict, &arguments[at..], UNKNOWN);
        }
        if SHELLS.contains(&name) || is_unknown {
            // Which of the words is the code depends on how many an expansion gives.
            let many = after.iter().position(|word| word.text.contains(EXPANSION)).unwrap_or(after.len());
            nowhere(&mut verdict, &after[many..], UNKNOWN);
            match behind(after, &['c'], &["--command"], false) {
                Some(code) => {
                    nowhere(&mut verdict, &[code], SHELL_CODE);
                    // `xargs` puts what it reads into the code; the code may be another shell.
                    verdict.runs_what_it_reads |= arguments[0].text == "xargs" || names_a_shell(&code.text);
                }
                None => {
                    let is_run = WRAPPERS.contains(&arguments[0].text.as_str())
                        || arguments[..at].iter().all(|word| expanded(word));
                    // A value that names the command is no reason to refuse that value.
                    let is_named = !text.is_empty() || word.text.contains([EXPANSION, QUOTED_EXPANSION]);
                    verdict.runs_what_it_reads |= is_run && is_named && after.iter().all(|word| is_option(word));
                }
            }
        }
        if RUNNERS.contains(&name) {
            nowhere(&mut verdict, after, RUN);
            // It may be a shell that is run.
            verdict.runs_what_it_reads = true;
        }
        if name == "ssh" || name == "rsh" {
            let rest = &after[host(after)..];
            nowhere(&mut verdict, rest, REMOTE);
            verdict.runs_what_it_reads |= rest.is_empty();
        }
        if let Some((language, code)) = LANGUAGES.iter().find(|(language, _)| *language == name) {
            let code = match code {
                Code::Behind(letters, long) => behind(after, letters, long, true),
                Code::First => first(after),
            };
            for index in code.into_iter().flat_map(|code| &code.values) {
                verdict.code.push((*index, language));
            }
        }
    }
    if verdict.runs_what_it_reads {
        let texts: Vec<&Word> = words.iter().filter(|word| word.redirect == Some(Redirect::Text)).collect();
        nowhere(&mut verdict, &texts, READ);
    }
    verdict
}

/// Where the shell calculates: `let`, integers, comparisons in `[[ … ]]`, subscripts.
fn calculations(words: &[Word], is_test: bool, verdict: &mut Verdict) {
    let first = command(words).first().map_or("", |word| word.text.as_str());
    let declares = matches!(first, "declare" | "typeset" | "local" | "readonly" | "export");
    let is_integer =
        declares && words.iter().any(|word| word.text.strip_prefix('-').is_some_and(|letters| letters.contains('i')));
    let compares = is_test && words.iter().any(|word| COMPARISONS.contains(&word.text.as_str()));
    let exists = matches!(first, "test" | "[") && words.iter().any(|word| word.text == "-v");
    let all = first == "let" || is_integer || compares || exists;
    for word in words {
        let is_number = word.redirect == Some(Redirect::Number);
        let before = word.text.split(VALUE).next().unwrap_or_default();
        let subscript = before.split_once('[').is_some_and(|(name, _)| is_name(name));
        let calculates = subscript && (SUBSCRIPTS.contains(&first) || is_assignment(&word.text));
        if all || calculates || is_number {
            verdict.places.extend(word.values.iter().map(|index| (*index, Place::Integer(CALCULATION))));
        }
    }
}

/// Whether the code of a shell may run a shell that reads what is given to the first.
fn names_a_shell(code: &str) -> bool {
    let is_part = |next: char| !(next.is_alphanumeric() || matches!(next, '_' | '-' | '.'));
    code.split(is_part).any(|word| SHELLS.contains(&word) || RUNNERS.contains(&word))
}

fn is_option(word: &Word) -> bool {
    word.text.len() > 1 && word.text.starts_with(['-', '+'])
}

/// The word behind an option that ends with one of `letters` or is one of `long`; `is_first` if no other
/// word may stand before the option.
fn behind<'w>(words: &[&'w Word], letters: &[char], long: &[&str], is_first: bool) -> Option<&'w Word> {
    let mut takes_code = false;
    for word in words.iter().copied() {
        let text = word.text.as_str();
        if !is_option(word) {
            if takes_code {
                return Some(word);
            }
            takes_code = long.contains(&text);
            if is_first && !takes_code {
                return None;
            }
        } else if text.split_once('=').is_some_and(|(option, _)| long.contains(&option)) {
            return Some(word);
        } else if long.contains(&text) {
            takes_code = true;
        } else if !text.starts_with("--") && text[1..].contains(letters) {
            // `-ec code`, and `-ccode` of those that allow it.
            if !word.values.is_empty() {
                return Some(word);
            }
            takes_code = true;
        }
    }
    None
}

/// The first word that is no option.
fn first<'w>(words: &[&'w Word]) -> Option<&'w Word> {
    words.iter().copied().find(|word| !is_option(word))
}

/// How many words stand before what `ssh` runs: options and the host.
fn host(words: &[&Word]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let Some(letters) = word.text.strip_prefix('-') else { break };
        if letters.len() == 1 && letters.chars().all(|letter| SSH_WITH_WORD.contains(letter)) {
            at += 1;
        }
    }
    at.min(words.len())
}
