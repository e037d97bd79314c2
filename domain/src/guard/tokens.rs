//! A text as words, numbers and signs.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Letters, in lower case.
    Word,
    /// Digits.
    Number,
    /// One other character.
    Sign(char),
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub form: Form,
    /// The letters or digits in their usual form.
    pub text: String,
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// A blank stands before it.
    pub spaced: bool,
    /// A line begins before it.
    pub breaks: bool,
}

/// The tokens of a text, blanks left out.
pub(super) struct Tokens(Vec<Token>);

impl Tokens {
    /// Splits at blanks, between letters and digits, and between a small and a capital letter, so that `patientId` is
    /// two words.
    pub fn of(text: &str) -> Self {
        let mut all: Vec<Token> = Vec::new();
        let (mut spaced, mut breaks, mut after_small) = (false, true, false);
        for (at, c) in text.char_indices() {
            let span = at..at + c.len_utf8();
            if is_invisible(c) {
                continue;
            }
            let c = usual(c);
            if c.is_whitespace() || c.is_control() {
                breaks |= matches!(c, '\n' | '\r');
                spaced = true;
                continue;
            }
            let form = match c {
                '0'..='9' => Form::Number,
                c if c.is_alphabetic() => Form::Word,
                c => Form::Sign(c),
            };
            let starts_word = after_small && c.is_uppercase();
            after_small = c.is_lowercase();
            let joins = !spaced && !starts_word && !matches!(form, Form::Sign(_));
            match all.last_mut().filter(|last| joins && last.form == form) {
                Some(last) => {
                    last.text.extend(c.to_lowercase());
                    last.span.end = span.end;
                }
                None => all.push(Token {
                    form,
                    text: c.to_lowercase().collect(),
                    span,
                    spaced,
                    breaks,
                }),
            }
            (spaced, breaks) = (false, false);
        }
        Self(all)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn get(&self, at: usize) -> Option<&Token> {
        self.0.get(at)
    }

    /// The word at `at`.
    pub fn word(&self, at: usize) -> Option<&str> {
        let token = self.get(at).filter(|token| token.form == Form::Word);
        token.map(|token| token.text.as_str())
    }

    /// The digits at `at`.
    pub fn number(&self, at: usize) -> Option<&str> {
        let token = self.get(at).filter(|token| token.form == Form::Number);
        token.map(|token| token.text.as_str())
    }

    pub fn sign(&self, at: usize) -> Option<char> {
        match self.get(at)?.form {
            Form::Sign(c) => Some(c),
            _ => None,
        }
    }

    /// The token at `at` if no blank stands before it.
    pub fn close(&self, at: usize) -> Option<&Token> {
        self.get(at).filter(|token| !token.spaced)
    }

    /// The sign at `at` if no blank stands before it.
    pub fn close_sign(&self, at: usize) -> Option<char> {
        self.close(at)?;
        self.sign(at)
    }

    /// The bytes from one token to before another.
    pub fn span(&self, tokens: Range<usize>) -> Range<usize> {
        let start = self.get(tokens.start).map_or(0, |token| token.span.start);
        let last = tokens.end.checked_sub(1).and_then(|last| self.get(last));
        start..last.map_or(start, |token| token.span.end)
    }
}

/// Characters without width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The ASCII character for a full-width one, a hyphen or a quotation mark of another form.
fn usual(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = u32::from(c) - 0xff01 + 0x21;
            char::from_u32(ascii).unwrap_or(c)
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        c => c,
    }
}
