//! The fonts of a document: those built in (Libertinus Serif for Latin, Greek and Cyrillic; New Computer
//! Modern; DejaVu Sans Mono) and those that an operator adds. No font of the system is used: the same bytes
//! come out everywhere.

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

/// The fonts that a document may use.
#[derive(Debug)]
pub struct Fonts {
    pub(crate) book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

/// A file holds no font that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} holds no TrueType or OpenType font")]
pub struct NotAFont(pub String);

impl Fonts {
    /// The built-in fonts.
    pub fn built_in() -> Self {
        Self::of(Self::shipped())
    }

    fn shipped() -> Vec<Font> {
        typst_assets::fonts()
            .flat_map(|data| Font::iter(Bytes::new(data)))
            .collect()
    }

    /// The built-in fonts and those of `more`: each a file's name and content (TrueType, OpenType, or a
    /// collection). The order counts: of two fonts that have a character the first one prints it.
    ///
    /// # Errors
    /// A file holds no font.
    pub fn new(more: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, NotAFont> {
        let mut fonts = Self::shipped();
        for (name, content) in more {
            let before = fonts.len();
            fonts.extend(Font::iter(Bytes::new(content)));
            if fonts.len() == before {
                return Err(NotAFont(name));
            }
        }
        Ok(Self::of(fonts))
    }

    fn of(fonts: Vec<Font>) -> Self {
        let mut book = FontBook::new();
        for font in &fonts {
            book.push(font.info().clone());
        }
        Self {
            book: LazyHash::new(book),
            fonts,
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    /// True if a font has a glyph for `c`.
    pub(crate) fn has(&self, c: char) -> bool {
        self.fonts
            .iter()
            .any(|font| font.info().coverage.contains(u32::from(c)))
    }
}
