//! Commands that are one program and its arguments: a shell would read nothing else into them.

/// What `sh` does itself (dash 0.5.12, bash 5.2, busybox 1.36): builtins and words of its grammar.
const OWN: &str = "\
    . : alias bg bind break builtin caller case cd chdir command compgen complete compopt continue \
    coproc declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi \
    for function getopts hash help history if in jobs kill let local logout mapfile popd printf pushd \
    pwd read readarray readonly return select set shift shopt source suspend test then time times trap \
    true type typeset ulimit umask unalias unset until wait while";

/// The words of `text` if it is one command of plain words, quoted or not, whose first is no builtin, no
/// keyword and no assignment. `None` where a shell may read more into it.
pub fn plain_words(text: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.trim_end_matches([' ', '\t', '\n']).chars();
    while let Some(next) = rest.next() {
        match next {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        end if end == next => break,
                        '\0' => return None,
                        '$' | '`' | '\\' if next == '"' => return None,
                        inner => word.push(inner),
                    }
                }
            }
            next if is_plain(next) => word.get_or_insert_default().push(next),
            _ => return None,
        }
    }
    words.extend(word);
    let program = words.first()?;
    let is_own = program.is_empty() || program.contains('=') || OWN.split(' ').any(|own| own == program);
    (!is_own).then_some(words)
}

/// Whether a shell takes the character as it is, wherever it stands in a word.
fn is_plain(next: char) -> bool {
    next.is_ascii_alphanumeric()
        || matches!(next, '-' | '_' | '.' | '/' | ':' | '=' | ',' | '+' | '@' | '%')
        || (!next.is_ascii() && next.is_alphanumeric())
}
