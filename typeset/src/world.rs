//! All that a template can reach: itself, `data.json` and the pictures. There is no folder, no package and
//! no clock behind it.

use std::collections::HashMap;

use serde_json::Value;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt};

use crate::{Document, Error, Fonts};

pub(crate) struct World<'a> {
    library: LazyHash<Library>,
    fonts: &'a Fonts,
    template: Source,
    files: HashMap<FileId, Bytes>,
    today: Option<Datetime>,
}

impl<'a> World<'a> {
    pub(crate) fn new<'p>(
        document: &Document<'_>,
        data: &Value,
        pictures: impl IntoIterator<Item = (&'p str, String)>,
        fonts: &'a Fonts,
    ) -> Result<Self, Error> {
        let mut files = HashMap::from([(id("data.json")?, Bytes::from_string(data.to_string()))]);
        for (name, svg) in pictures {
            files.insert(id(name)?, Bytes::from_string(svg));
        }
        let date = document.date.to_zoned(jiff::tz::TimeZone::UTC);
        Ok(Self {
            library: LazyHash::new(Library::default()),
            fonts,
            template: Source::new(id("template.typ")?, document.template.to_owned()),
            files,
            today: crate::instant(&date),
        })
    }
}

fn id(name: &str) -> Result<FileId, Error> {
    let path = VirtualPath::new(name).map_err(|_| Error::Name(name.to_owned()))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// Why a template gets no other file.
fn absent(id: FileId) -> FileError {
    let reason = match id.get().root() {
        VirtualRoot::Package(package) => {
            format!("a report cannot load {package}: templates use no packages")
        }
        VirtualRoot::Project => format!(
            "a report cannot read {}: a template sees its data and pictures alone",
            id.get().vpath().get_without_slash()
        ),
    };
    FileError::Other(Some(reason.into()))
}

impl typst::World for World<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.fonts.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() {
            Ok(self.template.clone())
        } else {
            Err(absent(id))
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(&id).cloned().ok_or_else(|| absent(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        self.today
    }
}
