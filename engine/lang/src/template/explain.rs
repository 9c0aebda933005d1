//! What is wrong with a template that does not parse, in words that say what to write; and the names
//! in those of its tags that do parse.

use minijinja::machinery;
use text_size::{TextRange, TextSize};

use super::{
    Segment, SegmentKind, TemplateError,
    lex::{self, Token, TokenKind},
    refs,
    walk::Walk,
};
use crate::registry::did_you_mean;

/// Statements with a body, and the word that ends each.
const BLOCKS: [(&str, &str); 8] = [
    ("if", "endif"),
    ("for", "endfor"),
    ("set", "endset"),
    ("with", "endwith"),
    ("filter", "endfilter"),
    ("macro", "endmacro"),
    ("call", "endcall"),
    ("autoescape", "endautoescape"),
];

/// All words a statement may begin with.
pub(super) const STATEMENT_WORDS: [&str; 23] = [
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "endset",
    "with",
    "endwith",
    "filter",
    "endfilter",
    "macro",
    "endmacro",
    "call",
    "endcall",
    "raw",
    "endraw",
    "do",
    "autoescape",
    "endautoescape",
    "break",
    "continue",
];

/// A tag of more tokens than this is refused: deep trees would exhaust the stack.
pub(super) const MOST_TOKENS: usize = 1_000;

/// The first tag that is too long to be parsed safely.
pub(super) fn too_long(text: &str, segments: &[Segment]) -> Option<TemplateError> {
    let error = |segment: &Segment, message: &str| TemplateError { message: message.to_owned(), range: segment.range };
    let mut branches = 0;
    for segment in segments {
        let length = usize::from(segment.inner.len());
        if length > MOST_TOKENS && deep_tokens(text, segment.inner) > MOST_TOKENS {
            return Some(error(segment, "this template is too long to be read; split it with `{% set … %}`"));
        }
        branches +=
            usize::from(segment.kind == SegmentKind::Statement && text[segment.inner].trim_start().starts_with("elif"));
        if branches > MOST_TOKENS / 4 {
            return Some(error(segment, "too many `{% elif %}` branches; look the value up in a mapping"));
        }
    }
    None
}

/// Tokens that may deepen the tree: all but literals and what separates them.
pub(super) fn deep_tokens(text: &str, range: TextRange) -> usize {
    lex::tokens(text, range)
        .iter()
        .filter(|token| match token.kind {
            TokenKind::Name => true,
            TokenKind::Sign => !matches!(&text[token.range], "," | ":"),
            TokenKind::Number | TokenKind::Quoted { .. } => false,
        })
        .count()
}

/// Parses each tag by itself: what parses is walked, what does not is explained.
pub(super) fn tag_by_tag(
    text: &str,
    normal: &str,
    segments: &[Segment],
    walk: &mut Walk<'_>,
    errors: &mut Vec<TemplateError>,
) {
    for segment in segments.iter().filter(|segment| segment.kind == SegmentKind::Statement) {
        bind_targets(text, segment.inner, walk);
    }
    for segment in segments {
        match segment.kind {
            SegmentKind::Expression => match machinery::parse_expr(&normal[segment.inner]) {
                Ok(tree) => {
                    walk.set_base(segment.inner.start());
                    walk.expression(&tree);
                }
                Err(error) => errors.push(expression(text, segment.inner, &error)),
            },
            SegmentKind::Statement => statement(text, normal, segment, walk, errors),
            SegmentKind::Unclosed => {
                let opener = TextRange::at(segment.range.start(), TextSize::new(2));
                let closer = match &text[opener] {
                    "{%" => "%}",
                    "{#" => "#}",
                    _ => "}}",
                };
                let message = format!("`{}` is never closed; write `{closer}` at its end", &text[opener]);
                errors.push(TemplateError { message, range: opener });
            }
            _ => {}
        }
    }
    balance(text, segments, errors);
}

/// Why the template as a whole does not parse, if each of its tags does.
pub(super) fn whole(text: &str, error: &minijinja::Error) -> TemplateError {
    let range = error_range(text, error, refs::whole_range(text), TextSize::new(0));
    TemplateError { message: in_our_words(text, range, error), range }
}

/// Why the expression in `text[inner]` does not parse.
pub(super) fn expression(text: &str, inner: TextRange, error: &minijinja::Error) -> TemplateError {
    let tokens = lex::tokens(text, inner);
    slip(text, inner, &tokens).unwrap_or_else(|| {
        let range = error_range(text, error, inner, inner.start());
        TemplateError { message: in_our_words(text, range, error), range }
    })
}

/// The usual slips, found without a parser.
fn slip(text: &str, inner: TextRange, tokens: &[Token]) -> Option<TemplateError> {
    let error = |range: TextRange, message: String| Some(TemplateError { message, range });
    let Some(last) = tokens.last() else {
        let around = TextRange::new(inner.start(), inner.end().max(inner.start()));
        return error(around, "nothing stands between the braces; write a name or an expression".to_owned());
    };
    let mut open: Vec<Token> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let word = &text[token.range];
        let next_name = tokens.get(index + 1).filter(|next| next.kind == TokenKind::Name).map(|next| &text[next.range]);
        match (token.kind, word) {
            (TokenKind::Quoted { closed: false }, _) => {
                let quote = &word[..1];
                return error(token.range, format!("this text is never closed; write `{quote}` at its end"));
            }
            (TokenKind::Sign, "?") => {
                return error(token.range, "`c ? a : b` is not known here; write `a if c else b`".to_owned());
            }
            (TokenKind::Sign, "&&") => return error(token.range, "`&&` is not known here; write `and`".to_owned()),
            (TokenKind::Sign, "||") => return error(token.range, "`||` is not known here; write `or`".to_owned()),
            (TokenKind::Sign, "!") => {
                let name = next_name.unwrap_or("…");
                return error(token.range, format!("`!` is not known here; write `not {name}`"));
            }
            (TokenKind::Sign, "$") if next_name.is_none() => {
                return error(token.range, "`$` is not part of the template language; write the bare name".to_owned());
            }
            (TokenKind::Sign, "(" | "[" | "{") => open.push(*token),
            (TokenKind::Sign, ")" | "]" | "}") => {
                let matching = open.pop().is_some_and(|opener| closer_of(&text[opener.range]) == word);
                if !matching {
                    return error(token.range, format!("`{word}` closes nothing; remove it or open it before"));
                }
            }
            (TokenKind::Sign, "=") if open.is_empty() => {
                return error(token.range, "`=` does not compare; write `==`".to_owned());
            }
            _ => {}
        }
    }
    if let Some(opener) = open.last() {
        let bracket = &text[opener.range];
        return error(opener.range, format!("`{bracket}` is never closed; write `{}` at its end", closer_of(bracket)));
    }
    let word = &text[last.range];
    match (last.kind, word) {
        (TokenKind::Sign, "|") => error(last.range, "a filter's name is missing after `|`".to_owned()),
        (TokenKind::Sign, ".") => error(last.range, "a field's name is missing after `.`".to_owned()),
        (
            TokenKind::Sign,
            "+" | "-" | "*" | "/" | "//" | "**" | "%" | "~" | "==" | "!=" | "<" | "<=" | ">" | ">=" | ",",
        )
        | (TokenKind::Name, "and" | "or" | "not" | "in" | "if" | "else" | "is") => {
            error(last.range, format!("a value is missing after `{word}`"))
        }
        _ => None,
    }
}

fn closer_of(opener: &str) -> &'static str {
    match opener {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

/// The place minijinja names, moved by `base` and kept within `bounds`.
fn error_range(text: &str, error: &minijinja::Error, bounds: TextRange, base: TextSize) -> TextRange {
    let Some(range) = error.range() else { return bounds };
    // The parser may end a place one byte into a character it cannot read.
    let boundary = |offset: TextSize| {
        let mut at = usize::from(offset.clamp(bounds.start(), bounds.end()));
        while !text.is_char_boundary(at) {
            at += 1;
        }
        TextSize::new(at as u32)
    };
    let start = boundary(TextSize::new(range.start as u32) + base);
    let end = boundary(TextSize::new(range.end as u32) + base).max(start);
    if start == end { bounds } else { TextRange::new(start, end) }
}

fn in_our_words(text: &str, range: TextRange, error: &minijinja::Error) -> String {
    let detail = error.detail().unwrap_or("it does not parse");
    let word = text.get(range.start().into()..range.end().into()).unwrap_or_default().trim();
    let short = !word.is_empty() && word.chars().count() <= 40 && !word.contains('\n');
    match detail {
        _ if short && detail.starts_with("unexpected") && detail.contains("end of variable block") => {
            format!("`{word}` cannot stand here; an operator, `|` or `}}}}` is missing before it")
        }
        "unexpected input after expression" if short => {
            format!("`{word}` cannot stand here; an operator or `|` is missing before it")
        }
        _ if short && detail.starts_with("unexpected") => {
            let expected = detail.split_once("expected ").map_or("", |(_, expected)| expected);
            match expected {
                "" => format!("`{word}` cannot stand here"),
                expected => format!("`{word}` cannot stand here; expected {expected}"),
            }
        }
        _ => detail.to_owned(),
    }
}

/// Parses the head of one statement by itself.
fn statement(text: &str, normal: &str, segment: &Segment, walk: &mut Walk<'_>, errors: &mut Vec<TemplateError>) {
    let tokens = lex::tokens(text, segment.inner);
    let Some(first) = tokens.first() else {
        let message = "nothing stands between `{%` and `%}`; write a statement such as `if` or `for`".to_owned();
        errors.push(TemplateError { message, range: segment.range });
        return;
    };
    let word = &text[first.range];
    if !STATEMENT_WORDS.contains(&word) {
        errors.push(TemplateError { message: unknown_statement(word), range: first.range });
        return;
    }
    let mut head = normal[segment.range].to_owned();
    let closer = match word {
        "elif" => {
            let at = usize::from(first.range.start() - segment.range.start());
            head.replace_range(at..at + 4, "  if");
            "endif"
        }
        "set" if tokens.iter().any(|token| &text[token.range] == "=") => "",
        "do" => "",
        _ => match BLOCKS.iter().find(|(opener, _)| *opener == word) {
            Some((_, closer)) => closer,
            None => return,
        },
    };
    if !closer.is_empty() {
        head.push_str("{% ");
        head.push_str(closer);
        head.push_str(" %}");
    }
    match machinery::parse(&head, "", minijinja::syntax::SyntaxConfig::default()) {
        Ok(tree) => {
            walk.set_base(segment.range.start());
            walk.statements(refs::children(&tree));
        }
        Err(error) => {
            let rest = TextRange::new(first.range.end(), segment.inner.end());
            let slip = match word {
                "if" | "elif" => slip(text, rest, &tokens[1..]),
                _ => None,
            };
            errors.push(slip.unwrap_or_else(|| {
                let range = error_range(text, &error, segment.range, segment.range.start());
                TemplateError { message: in_our_words(text, range, &error), range }
            }));
        }
    }
}

fn unknown_statement(word: &str) -> String {
    match word {
        "include" | "import" | "from" | "extends" | "block" => {
            format!("`{{% {word} %}}` is not available here; use `{{{{ file:path }}}}` or `include_file(path)`")
        }
        _ => match did_you_mean(word, STATEMENT_WORDS) {
            Some(near) => format!("unknown statement `{word}`; did you mean `{near}`?"),
            None => format!("unknown statement `{word}`; write `if`, `for` or `set`"),
        },
    }
}

/// Whether every statement with a body is closed by its own word.
fn balance(text: &str, segments: &[Segment], errors: &mut Vec<TemplateError>) {
    let mut open: Vec<(&str, TextRange)> = Vec::new();
    for segment in segments.iter().filter(|segment| segment.kind == SegmentKind::Statement) {
        let tokens = lex::tokens(text, segment.inner);
        let Some(first) = tokens.first() else { continue };
        let word = &text[first.range];
        let has_body = BLOCKS.iter().any(|(opener, _)| *opener == word)
            && !(word == "set" && tokens.iter().any(|token| &text[token.range] == "="));
        if has_body {
            open.push((word, segment.range));
            continue;
        }
        let mut error = |message: String| errors.push(TemplateError { message, range: segment.range });
        if let Some((opener, _)) = BLOCKS.iter().find(|(_, closer)| *closer == word) {
            match open.iter().rposition(|(inside, _)| inside == opener) {
                Some(at) => {
                    let unclosed: Vec<_> = open.drain(at..).skip(1).collect();
                    errors.extend(unclosed.into_iter().map(never_closed));
                }
                None => error(format!("`{{% {word} %}}` closes nothing; write `{{% {opener} … %}}` before it")),
            }
        } else if matches!(word, "else" | "elif") {
            let fits = open.last().is_some_and(|(inside, _)| *inside == "if" || (*inside == "for" && word == "else"));
            if !fits {
                error(format!("`{{% {word} %}}` belongs into an `{{% if … %}}`"));
            }
        }
    }
    errors.extend(open.into_iter().map(never_closed));
}

fn never_closed((word, range): (&str, TextRange)) -> TemplateError {
    let closer = BLOCKS.iter().find(|(opener, _)| *opener == word).map_or("", |(_, closer)| closer);
    TemplateError { message: format!("`{{% {word} %}}` is never closed; write `{{% {closer} %}}`"), range }
}

/// Binds the names that a statement's head binds, for the whole text: too many rather than too few.
fn bind_targets(text: &str, inner: TextRange, walk: &mut Walk<'_>) {
    for name in targets(text, inner) {
        walk.bind(name, None);
    }
}

/// The names that the statement in `text[inner]` binds.
pub(super) fn targets(text: &str, inner: TextRange) -> Vec<&str> {
    let tokens = lex::tokens(text, inner);
    let Some((first, rest)) = tokens.split_first() else { return Vec::new() };
    let until = |stop: &'static [&'static str]| {
        rest.iter()
            .map(|token| (token.kind, &text[token.range]))
            .take_while(move |(_, word)| !stop.contains(word))
            .filter(|(kind, _)| *kind == TokenKind::Name)
            .map(|(_, word)| word)
    };
    match &text[first.range] {
        "for" => until(&["in"]).chain(["loop"]).collect(),
        "set" => until(&["=", "|"]).collect(),
        "macro" => until(&[]).chain(["caller"]).collect(),
        "with" => rest
            .windows(2)
            .filter(|pair| pair[0].kind == TokenKind::Name && &text[pair[1].range] == "=")
            .map(|pair| &text[pair[0].range])
            .collect(),
        _ => Vec::new(),
    }
}
