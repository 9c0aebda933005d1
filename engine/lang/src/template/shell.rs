//! Where values stand in a shell command, and how they are written there so that they stay values
//! (contract, "templates in commands are passed safely").
//!
//! A command is read as a POSIX shell reads it, with a mark in place of each value. What cannot be read for
//! certain is no place for a value: the reader then says so instead of guessing, because a wrong guess would
//! make a value a part of the program.

/// Begins the mark of a value; its number in decimal and [`MARK_END`] follow.
pub const MARK: char = '\u{F8E0}';

/// Ends the mark of a value.
pub const MARK_END: char = '\u{F8E1}';

/// What stands around a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Outside of all quotes.
    Word,
    /// Between double quotes.
    Double,
    /// Between single quotes.
    Single,
    /// In a comment.
    Comment,
    /// In `$(( … ))`.
    Arithmetic,
    /// In a here-document that ends with this line; quoted ones know no `$`.
    Here {
        /// The line that ends it.
        end: String,
        /// Nothing in it is expanded.
        quoted: bool,
    },
    /// Where no value can stand, and why.
    Nowhere(&'static str),
}

/// A value in a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where its mark begins and ends, in bytes.
    pub range: std::ops::Range<usize>,
    /// Its number.
    pub number: usize,
    /// Where it stands.
    pub place: Place,
    /// It stands directly behind a `$`, which is meant as the character.
    pub after_dollar: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Commands: the whole, or inside `( … )` and `$( … )`.
    Commands,
    Double,
    Backtick,
    Brace,
    /// With how many parentheses are open inside.
    Arithmetic(usize),
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    frames: Vec<Frame>,
    /// Why nothing after this is certain, once that is so.
    lost: Option<&'static str>,
    /// Here-documents whose bodies begin with the next line.
    here: Vec<(String, bool, bool)>,
    found: Vec<Found>,
}

const BACKTICKS: &str = "it stands between backticks; use `$( … )`";
const BRACES: &str = "it stands in `${ … }`; put it into a variable first";
const BACKSLASH: &str = "a backslash stands before it";
const CASE: &str = "`case` in `$( … )` cannot be read for certain; run it as a step of its own";
const DOLLAR_QUOTE: &str = "`$'…'` means different things to different shells; use `'…'`";
const HERE: &str = "it stands in the word that ends a here-document";

/// The values in `text`, in order.
pub fn values(text: &str) -> Vec<Found> {
    let mut reader =
        Reader { text, at: 0, frames: vec![Frame::Commands], lost: None, here: Vec::new(), found: Vec::new() };
    while reader.at < text.len() {
        reader.step();
    }
    reader.found
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn frame(&self) -> Frame {
        self.frames.last().copied().unwrap_or(Frame::Commands)
    }

    /// Takes the mark that begins here, if one does.
    fn mark(&mut self, place: Place) -> bool {
        let Some((range, number)) = mark_at(self.text, self.at) else { return false };
        let before = &self.text[..range.start];
        let after_dollar = before.ends_with('$') && !is_escaped(before, before.len() - 1);
        let uncertain = [
            self.lost,
            (self.frames.contains(&Frame::Backtick)).then_some(BACKTICKS),
            (self.frames.contains(&Frame::Brace)).then_some(BRACES),
        ];
        let place = match uncertain.into_iter().flatten().next() {
            Some(why) => Place::Nowhere(why),
            None => place,
        };
        self.at = range.end;
        self.found.push(Found { range, number, place, after_dollar });
        true
    }

    fn step(&mut self) {
        let place = match self.frame() {
            Frame::Double => Place::Double,
            Frame::Arithmetic(_) => Place::Arithmetic,
            Frame::Commands | Frame::Backtick | Frame::Brace => Place::Word,
        };
        if self.mark(place) {
            return;
        }
        let Some(next) = self.rest().chars().next() else { return };
        match (self.frame(), next) {
            (_, '\\') => self.backslash(),
            (Frame::Double, '"') => self.close(),
            (Frame::Commands | Frame::Backtick, '"') => self.open(Frame::Double, 1),
            (Frame::Commands | Frame::Backtick, '\'') => self.single(),
            (Frame::Brace | Frame::Arithmetic(_), '"' | '\'') => {
                self.lost = self.lost.or(Some(BRACES));
                self.at += 1;
            }
            (Frame::Backtick, '`') => self.close(),
            (_, '`') => self.open(Frame::Backtick, 1),
            (_, '$') => self.dollar(),
            (Frame::Brace, '}') => self.close(),
            (Frame::Arithmetic(0), ')') => {
                let width = if self.rest().starts_with("))") { 2 } else { 1 };
                self.frames.pop();
                self.at += width;
            }
            (Frame::Arithmetic(open), '(' | ')') => {
                let open = if next == '(' { open + 1 } else { open - 1 };
                self.frames.pop();
                self.open(Frame::Arithmetic(open), 1);
            }
            (Frame::Commands, '(') => self.open(Frame::Commands, 1),
            (Frame::Commands, ')') if self.frames.len() > 1 => self.close(),
            (Frame::Commands | Frame::Backtick, '#') if self.begins_word() => self.comment(),
            (Frame::Commands, '<') if self.rest().starts_with("<<") => self.here(),
            (Frame::Commands, '\n') => {
                self.at += 1;
                self.bodies();
            }
            (Frame::Commands, 'c') if self.frames.len() > 1 && self.begins_word() && self.is_case() => {
                self.lost = self.lost.or(Some(CASE));
                self.at += 4;
            }
            _ => self.at += next.len_utf8(),
        }
    }

    fn open(&mut self, frame: Frame, width: usize) {
        self.frames.push(frame);
        self.at += width;
    }

    fn close(&mut self) {
        self.frames.pop();
        self.at += 1;
    }

    fn backslash(&mut self) {
        self.at += 1;
        if mark_at(self.text, self.at).is_some() {
            let lost = self.lost.replace(BACKSLASH);
            self.mark(Place::Word);
            self.lost = lost;
        } else {
            self.at += self.rest().chars().next().map_or(0, char::len_utf8);
        }
    }

    fn dollar(&mut self) {
        let rest = self.rest();
        if rest.starts_with("$((") {
            self.open(Frame::Arithmetic(0), 3);
        } else if rest.starts_with("$(") {
            self.open(Frame::Commands, 2);
        } else if rest.starts_with("${") {
            self.open(Frame::Brace, 2);
        } else {
            if rest.starts_with("$'") && self.frame() != Frame::Double {
                self.lost = self.lost.or(Some(DOLLAR_QUOTE));
            }
            self.at += 1;
        }
    }

    fn single(&mut self) {
        self.at += 1;
        while let Some(next) = self.rest().chars().next() {
            if self.mark(Place::Single) {
                continue;
            }
            self.at += next.len_utf8();
            if next == '\'' {
                return;
            }
        }
    }

    fn comment(&mut self) {
        while let Some(next) = self.rest().chars().next().filter(|next| *next != '\n') {
            if !self.mark(Place::Comment) {
                self.at += next.len_utf8();
            }
        }
    }

    fn begins_word(&self) -> bool {
        let before = self.text[..self.at].chars().next_back();
        before.is_none_or(|before| before.is_whitespace() || matches!(before, ';' | '&' | '|' | '('))
    }

    fn is_case(&self) -> bool {
        self.rest().strip_prefix("case").is_some_and(|rest| rest.starts_with(char::is_whitespace))
    }

    /// `<<END`, `<<-END`, `<<'END'`; `<<<` takes a word like any other.
    fn here(&mut self) {
        if self.rest().starts_with("<<<") {
            self.at += 3;
            return;
        }
        self.at += 2;
        let strips = self.rest().starts_with('-');
        self.at += usize::from(strips);
        while self.rest().starts_with([' ', '\t']) {
            self.at += 1;
        }
        let (mut word, mut quoted) = (String::new(), false);
        while let Some(next) = self.rest().chars().next() {
            if mark_at(self.text, self.at).is_some() {
                self.lost = self.lost.or(Some(HERE));
                return;
            }
            match next {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\'' | '"' | '\\' => quoted = true,
                other => word.push(other),
            }
            self.at += next.len_utf8();
        }
        if word.is_empty() {
            self.lost = self.lost.or(Some(HERE));
        } else {
            self.here.push((word, quoted, strips));
        }
    }

    /// The bodies of the here-documents that the line before began.
    fn bodies(&mut self) {
        for (end, quoted, strips) in std::mem::take(&mut self.here) {
            while self.at < self.text.len() {
                let line = self.rest().split('\n').next().unwrap_or_default().to_owned();
                let bare = if strips { line.trim_start_matches('\t') } else { &line };
                let stop = self.at + line.len();
                if bare == end {
                    self.at = (stop + 1).min(self.text.len());
                    break;
                }
                while self.at < stop {
                    if !self.mark(Place::Here { end: end.clone(), quoted }) {
                        self.at += self.rest().chars().next().map_or(1, char::len_utf8);
                    }
                }
                self.at = (self.at + 1).min(self.text.len());
            }
        }
    }
}

/// The mark that begins at `at`, and its number.
fn mark_at(text: &str, at: usize) -> Option<(std::ops::Range<usize>, usize)> {
    let rest = text.get(at..)?.strip_prefix(MARK)?;
    let end = rest.find(MARK_END)?;
    let number = rest[..end].parse().ok()?;
    Some((at..at + MARK.len_utf8() + end + MARK_END.len_utf8(), number))
}

/// Whether the character at `at` is escaped by an odd number of backslashes before it.
fn is_escaped(text: &str, at: usize) -> bool {
    text[..at].chars().rev().take_while(|before| *before == '\\').count() % 2 == 1
}

/// `value` as it is written at `place` so that the shell takes it as it is; why it cannot stand there
/// otherwise.
pub fn written(value: &str, place: &Place) -> Result<String, String> {
    if value.contains('\0') {
        return Err("a command can hold no NUL character".to_owned());
    }
    let in_quotes = || format!("'{}'", value.replace('\'', "'\\''"));
    Ok(match place {
        Place::Word => in_quotes(),
        // The double quotes end, the value stands in quotes of its own, and they begin again.
        Place::Double => format!("\"{}\"", in_quotes()),
        Place::Single => value.replace('\'', "'\\''"),
        Place::Comment => value.replace(['\n', '\r'], " "),
        Place::Arithmetic => {
            let digits = value.trim().strip_prefix('-').unwrap_or_else(|| value.trim());
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("only a whole number can stand in `$(( … ))`".to_owned());
            }
            value.trim().to_owned()
        }
        Place::Here { end, quoted } => {
            if value.lines().any(|line| line.trim_start_matches('\t') == end) {
                return Err(format!("a line of the value is `{end}`, which ends the here-document"));
            }
            if *quoted {
                value.to_owned()
            } else {
                let mut text = String::with_capacity(value.len());
                for next in value.chars() {
                    if matches!(next, '\\' | '$' | '`') {
                        text.push('\\');
                    }
                    text.push(next);
                }
                text
            }
        }
        Place::Nowhere(why) => return Err((*why).to_owned()),
    })
}

/// `text` with the values in place of their marks; the number of the value that cannot stand where it does,
/// and why, otherwise.
pub fn filled(text: &str, values_of: &[String]) -> Result<String, (usize, String)> {
    let mut filled = String::with_capacity(text.len());
    let mut done = 0;
    for Found { range, number, place, after_dollar } in values(text) {
        let before = &text[done..range.start];
        // The `$` before a value is a character, not the beginning of a name.
        match before.strip_suffix('$').filter(|_| after_dollar && matches!(place, Place::Word | Place::Double)) {
            Some(before) => {
                filled.push_str(before);
                filled.push_str("\\$");
            }
            None => filled.push_str(before),
        }
        let is_expanded = after_dollar && matches!(place, Place::Here { quoted: false, .. } | Place::Arithmetic);
        if is_expanded {
            return Err((number, "a `$` stands before it".to_owned()));
        }
        let value = values_of.get(number).map(String::as_str).unwrap_or_default();
        filled.push_str(&written(value, &place).map_err(|why| (number, why))?);
        done = range.end;
    }
    filled.push_str(&text[done..]);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> String {
        let mut marked = String::new();
        for (at, part) in text.split('@').enumerate() {
            if at > 0 {
                marked.push_str(&format!("{MARK}{}{MARK_END}", at - 1));
            }
            marked.push_str(part);
        }
        marked
    }

    fn filled_with(text: &str, values: &[&str]) -> Result<String, String> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        filled(&command(text), &values).map_err(|(_, why)| why)
    }

    #[test]
    fn values_stay_values_wherever_they_stand() {
        let evil = "a'; rm -rf \"$HOME\" `x`\\";
        let cases = [
            ("echo @", "echo 'a'\\''; rm -rf \"$HOME\" `x`\\'"),
            ("echo '@'", "echo 'a'\\''; rm -rf \"$HOME\" `x`\\'"),
            ("echo \"@\"", "echo \"\"'a'\\''; rm -rf \"$HOME\" `x`\\'\"\""),
            ("echo \"$(cat @)\"", "echo \"$(cat 'a'\\''; rm -rf \"$HOME\" `x`\\')\""),
            ("true # @", "true # a'; rm -rf \"$HOME\" `x`\\"),
            ("cat <<'E'\n@\nE\n", "cat <<'E'\na'; rm -rf \"$HOME\" `x`\\\nE\n"),
            ("cat <<E\n@\nE\n", "cat <<E\na'; rm -rf \"\\$HOME\" \\`x\\`\\\\\nE\n"),
        ];
        for (text, wanted) in cases {
            assert_eq!(filled_with(text, &[evil]).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn a_dollar_before_a_value_is_a_dollar() {
        assert_eq!(filled_with("echo $@", &["HOME"]).as_deref(), Ok("echo \\$'HOME'"));
        assert_eq!(filled_with("echo \"costs $@\"", &["5"]).as_deref(), Ok("echo \"costs \\$\"'5'\"\""));
    }

    #[test]
    fn numbers_stand_in_arithmetic() {
        assert_eq!(filled_with("echo $((@ + 1))", &["-4"]).as_deref(), Ok("echo $((-4 + 1))"));
        assert!(filled_with("echo $((@ + 1))", &["x[$(id)]"]).is_err());
    }

    #[test]
    fn where_nothing_is_certain_no_value_stands() {
        for (text, why) in [
            ("echo `cat @`", BACKTICKS),
            ("echo \"`cat '@'`\"", BACKTICKS),
            ("echo ${x:-@}", BRACES),
            ("echo \"${x:-\"a\"}\" @", BRACES),
            ("echo \\@", BACKSLASH),
            ("echo \"\\@\"", BACKSLASH),
            ("echo $'a' @", DOLLAR_QUOTE),
            ("x=\"$(case a in a) echo \"@\" ;; esac)\"", CASE),
            ("cat <<@\n", HERE),
        ] {
            assert_eq!(filled_with(text, &["v"]), Err(why.to_owned()), "{text}");
        }
        assert!(filled_with("cat <<E\n@\nE\n", &["a\nE\nid"]).is_err());
    }
}
