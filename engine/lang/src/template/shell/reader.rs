//! Reads a command as a shell does (POSIX, Shell Command Language, 2.2–2.10; bash where it reads more).

pub(super) mod here;

use self::here::Here;
use super::{Command, Found, Place, mark_at, programs};

/// What stands open around a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Commands: the whole, or inside `( … )` and `$( … )`.
    Commands,
    Double,
    Backtick,
    Brace,
    /// With how many parentheses are open inside.
    Arithmetic(usize),
    /// A here-document that is expanded; it ends where its text ends.
    Here,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    /// The words of the command that is being read.
    words: Vec<Word>,
    word: Option<Word>,
    /// The next word names a file; for `<<<` it is what is read.
    redirect: Option<Redirect>,
    /// The values of this pipeline's commands so far, and of all of this frame's.
    pipeline: Vec<usize>,
    all: Vec<usize>,
    /// Between `[[` and `]]`.
    is_test: bool,
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            words: Vec::new(),
            word: None,
            redirect: None,
            pipeline: Vec::new(),
            all: Vec::new(),
            is_test: false,
        }
    }
}

/// What a word after `<` or `>` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirect {
    File,
    /// Behind `>&` and `<&`. bash expands anything but a number a second time.
    Number,
    Text,
}

/// A word of a command.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// Without its quotes; [`VALUE`] in place of values and [`EXPANSION`] in place of `$…`.
    pub(super) text: String,
    /// The values in it, as indices of what was found.
    pub(super) values: Vec<usize>,
    pub(super) redirect: Option<Redirect>,
    is_quoted: bool,
}

/// In a word's text: a value.
pub(super) const VALUE: char = super::MARK;
/// In a word's text: what a variable or a command gives, which may be several words.
pub(super) const EXPANSION: char = '\u{F8E2}';
/// The same between double quotes, where it is a part of one word.
pub(super) const QUOTED_EXPANSION: char = '\u{F8E3}';

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Where the text that is read ends; the body of a here-document is read by itself.
    stop: usize,
    frames: Vec<Frame>,
    /// Why nothing after this is certain, once that is so.
    lost: Option<&'static str>,
    here: Vec<Here>,
    command: Command,
}

pub(super) const BACKTICKS: &str = "it stands between backticks; use `$( … )`";
pub(super) const BRACES: &str = "it stands in `${ … }`; put it into a variable first";
pub(super) const BACKSLASH: &str = "a backslash stands before it";
pub(super) const CASE: &str = "`case` in `$( … )` cannot be read for certain; run it as a step of its own";
pub(super) const DOLLAR_QUOTE: &str = "`$'…'` means different things to different shells; use `'…'`";
pub(super) const CALCULATION: &str = "only a whole number can stand where the shell calculates";

/// Reads `text`. Never fails: where nothing is certain, the values say so.
pub fn read(text: &str) -> Command {
    let mut reader = Reader {
        text,
        at: 0,
        stop: text.len(),
        frames: vec![Frame::new(Kind::Commands)],
        lost: None,
        here: Vec::new(),
        command: Command::default(),
    };
    reader.all();
    reader.command
}

impl<'t> Reader<'t> {
    fn all(&mut self) {
        while self.at < self.stop {
            self.step();
        }
        while !self.frames.is_empty() {
            self.close(0);
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..self.stop]
    }

    fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// What follows, after lines that are continued.
    fn skipped(&self) -> usize {
        let mut at = self.at;
        while self.text[at..self.stop].starts_with("\\\n") {
            at += 2;
        }
        at
    }

    /// Takes `text` if it follows, across lines that are continued.
    fn take(&mut self, text: &str) -> bool {
        let before = self.at;
        for wanted in text.chars() {
            self.at = self.skipped();
            if self.next() != Some(wanted) {
                self.at = before;
                return false;
            }
            self.at += wanted.len_utf8();
        }
        true
    }

    fn kind(&self) -> Kind {
        self.frames.last().map_or(Kind::Commands, |frame| frame.kind)
    }

    fn inside(&self, kind: Kind) -> bool {
        self.frames.iter().any(|frame| frame.kind == kind)
    }

    /// The innermost commands that stand open.
    fn commands(&mut self) -> Option<&mut Frame> {
        self.frames.iter_mut().rev().find(|frame| frame.kind == Kind::Commands)
    }

    /// The word that is being read, which begins here if there is none.
    fn word(&mut self) -> Option<&mut Word> {
        let frame = self.commands()?;
        let redirect = &mut frame.redirect;
        Some(frame.word.get_or_insert_with(|| Word { redirect: redirect.take(), ..Word::default() }))
    }

    fn push(&mut self, next: char) {
        if let Some(word) = self.word() {
            word.text.push(next);
        }
    }

    /// Takes the mark that begins here, if one does.
    fn mark(&mut self, place: Place) -> bool {
        let Some((range, number)) = mark_at(self.text, self.at) else { return false };
        let before = &self.text[..range.start];
        let after_dollar = before.ends_with('$') && !is_escaped(before, before.len() - 1);
        let uncertain =
            [self.lost, self.inside(Kind::Backtick).then_some(BACKTICKS), self.inside(Kind::Brace).then_some(BRACES)];
        let place = match uncertain.into_iter().flatten().next() {
            Some(why) if place != Place::Comment => Place::Nowhere(why),
            _ => place,
        };
        self.at = range.end;
        let index = self.command.values.len();
        self.command.values.push(Found { range, number, place, after_dollar, code_of: None });
        if !matches!(place, Place::Comment)
            && let Some(word) = self.word()
        {
            word.text.push(VALUE);
            word.values.push(index);
        }
        true
    }

    fn step(&mut self) {
        let kind = self.kind();
        let place = match kind {
            Kind::Double => Place::Double,
            Kind::Here => Place::Here,
            Kind::Arithmetic(_) => Place::Integer(CALCULATION),
            Kind::Commands | Kind::Backtick | Kind::Brace => Place::Word,
        };
        if self.mark(place) {
            return;
        }
        let Some(next) = self.next() else { return };
        match (kind, next) {
            (_, '\\') => self.backslash(),
            (Kind::Double, '"') => self.close(1),
            (Kind::Commands | Kind::Backtick, '"') => {
                self.quoted();
                self.open(Kind::Double, 1);
            }
            (Kind::Commands | Kind::Backtick, '\'') => self.single(),
            (Kind::Brace | Kind::Arithmetic(_), '"' | '\'') => {
                self.lost = self.lost.or(Some(BRACES));
                self.at += 1;
            }
            (Kind::Backtick, '`') => self.close(1),
            (_, '`') => self.open(Kind::Backtick, 1),
            (_, '$') => self.dollar(),
            (Kind::Brace, '}') => self.close(1),
            (Kind::Arithmetic(0), ')') => self.close(if self.rest().starts_with("))") { 2 } else { 1 }),
            (Kind::Arithmetic(open), '(' | ')') => {
                let open = if next == '(' { open + 1 } else { open - 1 };
                if let Some(frame) = self.frames.last_mut() {
                    frame.kind = Kind::Arithmetic(open);
                }
                self.at += 1;
            }
            (Kind::Commands, _) => self.in_commands(next),
            _ => {
                self.push(next);
                self.at += next.len_utf8();
            }
        }
    }

    fn in_commands(&mut self, next: char) {
        let begins_word = self.commands().is_some_and(|frame| frame.word.is_none());
        match next {
            ' ' | '\t' | '\r' => {
                self.end_word();
                self.at += 1;
            }
            '\n' => {
                self.end_command(false);
                self.at += 1;
                self.bodies();
            }
            '#' if begins_word => self.comment(),
            '(' if begins_word && self.take("((") => {
                self.push('(');
                self.frames.push(Frame::new(Kind::Arithmetic(0)));
            }
            '(' => {
                self.push('(');
                self.frames.push(Frame::new(Kind::Commands));
                self.at += 1;
            }
            ')' if self.frames.len() > 1 => self.close(1),
            ')' => {
                self.end_command(false);
                self.at += 1;
            }
            '&' if self.take("&>") => self.redirected(),
            ';' | '&' => {
                self.end_command(false);
                self.at += 1;
            }
            '|' => {
                let is_or = self.take("||");
                if !is_or {
                    self.at += 1;
                }
                // `|&` pipes too.
                if !is_or && self.next() == Some('&') {
                    self.at += 1;
                }
                self.end_command(!is_or);
            }
            '<' => {
                if self.take("<<<") {
                    self.end_digits();
                    self.set_redirect(Redirect::Text);
                } else if self.take("<<") {
                    self.end_digits();
                    self.here();
                } else {
                    self.at += 1;
                    self.redirected();
                }
            }
            '>' => {
                self.at += 1;
                self.redirected();
            }
            'c' if begins_word && self.frames.len() > 1 && self.is_case() => {
                self.lost = self.lost.or(Some(CASE));
                self.at += 4;
                self.push('c');
            }
            _ => {
                self.push(next);
                self.at += next.len_utf8();
            }
        }
    }

    /// After `<` or `>`: what else belongs to the operator, then a file's name, or commands.
    fn redirected(&mut self) {
        if self.next() == Some('(') {
            return;
        }
        self.end_digits();
        let mut redirect = Redirect::File;
        while let Some(next @ ('>' | '&' | '|')) = self.next() {
            // `>&1`; `&>` has been taken.
            if next == '&' {
                redirect = Redirect::Number;
            }
            self.at += 1;
        }
        self.set_redirect(redirect);
    }

    fn set_redirect(&mut self, redirect: Redirect) {
        if let Some(frame) = self.commands() {
            frame.redirect = Some(redirect);
        }
    }

    /// The number before `<` and `>` is no word.
    fn end_digits(&mut self) {
        let Some(frame) = self.commands() else { return };
        let is_number = |word: &Word| !word.is_quoted && word.text.bytes().all(|byte| byte.is_ascii_digit());
        if frame.word.as_ref().is_some_and(is_number) {
            frame.word = None;
        }
        self.end_word();
    }

    fn quoted(&mut self) {
        if let Some(word) = self.word() {
            word.is_quoted = true;
        }
    }

    fn end_word(&mut self) {
        if let Some(frame) = self.commands()
            && let Some(word) = frame.word.take()
        {
            frame.words.push(word);
        }
    }

    /// The command that is being read has ended, with a pipe or otherwise.
    fn end_command(&mut self, is_piped: bool) {
        self.end_word();
        let Some(frame) = self.commands() else { return };
        let words = std::mem::take(&mut frame.words);
        frame.redirect = None;
        let bare = programs::command(&words);
        let first = bare.first().map(|word| word.text.as_str());
        frame.is_test |= first == Some("[[");
        let verdict = programs::judge(&words, frame.is_test);
        if words.iter().any(|word| word.text == "]]") {
            frame.is_test = false;
        }
        if matches!(first, Some("}" | "done" | "fi" | "esac")) {
            frame.pipeline.clone_from(&frame.all);
        }
        let values: Vec<usize> = words.iter().flat_map(|word| word.values.iter().copied()).collect();
        frame.all.extend(&values);
        frame.pipeline.extend(&values);
        let read = if verdict.runs_what_it_reads { frame.pipeline.clone() } else { Vec::new() };
        if !is_piped {
            frame.pipeline.clear();
        }
        if verdict.runs_what_it_reads {
            for here in &mut self.here {
                here.is_code = true;
            }
        }
        let read = read.into_iter().map(|index| (index, Place::Nowhere(programs::READ)));
        for (index, place) in verdict.places.into_iter().chain(read) {
            self.set_place(index, place);
        }
        for (index, program) in verdict.code {
            if let Some(found) = self.command.values.get_mut(index) {
                found.code_of = Some(program);
            }
        }
    }

    /// What was found about a value replaces where it stands, unless it can stand nowhere anyway.
    fn set_place(&mut self, index: usize, place: Place) {
        if let Some(found) = self.command.values.get_mut(index)
            && !matches!(found.place, Place::Nowhere(_))
            && (found.place != Place::Comment)
        {
            found.place = place;
        }
    }

    fn open(&mut self, kind: Kind, width: usize) {
        // It is a part of the word around it, even if nothing stands in it.
        if kind != Kind::Double {
            self.expansion();
        }
        self.frames.push(Frame::new(kind));
        self.at += width;
    }

    fn close(&mut self, width: usize) {
        self.at += width;
        if self.kind() != Kind::Commands {
            self.frames.pop();
            return;
        }
        self.end_command(false);
        let Some(frame) = self.frames.pop() else { return };
        // What a command substitution says becomes a part of the word around it.
        if let Some(word) = self.word() {
            word.values.extend(frame.all);
        }
    }

    fn backslash(&mut self) {
        self.at += 1;
        if mark_at(self.text, self.at).is_some() {
            let lost = self.lost.replace(BACKSLASH);
            self.mark(Place::Word);
            self.lost = lost;
            return;
        }
        let Some(next) = self.next() else { return };
        self.at += next.len_utf8();
        if next != '\n' {
            self.push(next);
            self.quoted();
        }
    }

    fn dollar(&mut self) {
        self.at += 1;
        if self.take("((") {
            self.open(Kind::Arithmetic(0), 0);
        } else if self.take("(") {
            self.open(Kind::Commands, 0);
        } else if self.take("{") {
            self.open(Kind::Brace, 0);
        } else if self.take("[") {
            // An old spelling of `$((` in bash; a `$` and a bracket elsewhere.
            self.lost = self.lost.or(Some(CALCULATION));
        } else {
            if self.next() == Some('\'') && !matches!(self.kind(), Kind::Double | Kind::Here) {
                self.lost = self.lost.or(Some(DOLLAR_QUOTE));
            }
            self.expansion();
        }
    }

    fn expansion(&mut self) {
        self.push(if self.kind() == Kind::Double { QUOTED_EXPANSION } else { EXPANSION });
    }

    fn single(&mut self) {
        self.quoted();
        self.at += 1;
        while let Some(next) = self.next() {
            if self.mark(Place::Single) {
                continue;
            }
            self.at += next.len_utf8();
            if next == '\'' {
                return;
            }
            self.push(next);
        }
    }

    fn comment(&mut self) {
        while let Some(next) = self.next().filter(|next| *next != '\n') {
            if !self.mark(Place::Comment) {
                self.at += next.len_utf8();
            }
        }
    }

    fn is_case(&self) -> bool {
        self.rest().strip_prefix("case").is_some_and(|rest| rest.starts_with(char::is_whitespace))
    }
}

/// Whether the character at `at` is escaped by an odd number of backslashes before it.
fn is_escaped(text: &str, at: usize) -> bool {
    text[..at].chars().rev().take_while(|before| *before == '\\').count() % 2 == 1
}
