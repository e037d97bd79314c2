//! Which files belong to a configuration, and the order in which they are read and checked.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use domain::catalogue::Catalogue;
use domain::policy::Policy;

use super::check::{self, Around, Names};
use super::mistakes::{Sheet, folder_of};
use super::raw::policy::PolicyFile;
use super::raw::service::ServiceFile;
use super::raw::system::SystemFile;
use super::read::{File, read};
use super::schema::SchemaKind;
use super::values::is_id;
use super::{Loaded, Mistakes};

/// The most files of one kind that are read.
const MOST_FILES: usize = 10_000;

/// Reads the environment through `variable`.
pub(super) fn load(file: &Path, variable: check::Variable<'_>) -> Result<Loaded, Mistakes> {
    let mut sheet = Sheet::default();
    let service: File<ServiceFile> = read(&mut sheet, file, SchemaKind::Service);
    let own = folder_of(file);
    let policy_files = folder(&mut sheet, &service, Folder::Policies, &own, &[&own]);
    let taken = [own.as_path(), policy_files.folder.as_path()];
    let system_files = folder(&mut sheet, &service, Folder::Systems, &own, &taken);

    let mut policies = policies(&mut sheet, &policy_files);
    let around = Around {
        committees: check::service::committee_ids(&service.raw),
        systems: system_files.names(),
        policies: policy_files.names(),
        targets: policies
            .iter()
            .filter_map(|p| Some((p.id.clone(), p.target?)))
            .collect(),
        has_mail: !service.whole || service.raw.mail.is_some(),
        variable,
    };
    let mut systems = Vec::new();
    let mut setups = Vec::new();
    for named in &system_files.files {
        let file: File<SystemFile> = read(&mut sheet, &named.path, SchemaKind::System);
        named.check_id(&mut sheet, file.page);
        let page = &mut sheet.on(file.page);
        if let Some((system, probes)) = check::system::system(page, &file, &named.id, &around) {
            systems.push(system);
            setups.extend(probes);
        }
    }
    let checked = check::service::service(&mut sheet.on(service.page), &service, &around);

    let complete =
        systems.len() == system_files.files.len() && policies.len() == policy_files.files.len();
    match checked {
        Some(checked) if complete && sheet.is_clean() => {
            systems.sort_by(|a, b| a.id.cmp(&b.id));
            policies.sort_by(|a, b| a.id.cmp(&b.id));
            setups.sort_by(|a, b| a.id.cmp(&b.id));
            Ok(Loaded {
                catalogue: Catalogue {
                    policies,
                    systems,
                    ..checked.catalogue
                },
                probes: setups,
                listen: checked.listen,
                mail: checked.mail,
                data: checked.data,
                templates: checked.templates,
            })
        }
        _ => {
            if sheet.is_clean() {
                // Nothing is dropped in silence, even by a mistake of our own.
                let message = "a part of this configuration could not be read";
                sheet.on(service.page).wrong(&(0..0), message);
            }
            Err(sheet.into_mistakes())
        }
    }
}

/// The policies that could be read.
fn policies(sheet: &mut Sheet, listed: &Listed) -> Vec<Policy> {
    let mut policies = Vec::new();
    for named in &listed.files {
        let file: File<PolicyFile> = read(sheet, &named.path, SchemaKind::Policy);
        named.check_id(sheet, file.page);
        let page = &mut sheet.on(file.page);
        policies.extend(check::policy::policy(page, &file, &named.id));
    }
    policies
}

/// A file with the id that its name gives.
struct Named {
    id: String,
    path: PathBuf,
}

impl Named {
    fn check_id(&self, sheet: &mut Sheet, page: usize) {
        if !is_id(&self.id) {
            sheet.on(page).wrong(
                &(0..0),
                "a file's name is an id: small letters, digits and inner hyphens, at most 64, \
                 then `.toml`",
            );
        }
    }
}

/// The files of one folder.
struct Listed {
    folder: PathBuf,
    files: Vec<Named>,
    /// Whether these are all: a name that is not among them is then unknown.
    whole: bool,
}

impl Listed {
    fn names(&self) -> Names {
        let ids: BTreeSet<String> = self.files.iter().map(|file| file.id.clone()).collect();
        Names {
            ids,
            whole: self.whole && self.files.iter().all(|file| is_id(&file.id)),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Folder {
    Systems,
    Policies,
}

/// Lists a folder's `*.toml`, in order of their names; hidden files are none of them. It must be
/// none of those `taken`, or a file would be read as two kinds.
fn folder(
    sheet: &mut Sheet,
    service: &File<ServiceFile>,
    which: Folder,
    own: &Path,
    taken: &[&Path],
) -> Listed {
    let (key, written) = match which {
        Folder::Systems => ("systems", service.folders[0].as_deref()),
        Folder::Policies => ("policies", service.folders[1].as_deref()),
    };
    let folder = own.join(written.unwrap_or(key));
    let optional = written.is_none() && which == Folder::Policies;
    let table = service.raw.service.get();
    let spoilt = table.is_some_and(|table| sheet.on(service.page).spoilt(&table.at, key));
    // Where the key itself is wrong another folder may be meant, which holds others.
    let sure = written.is_some() || (service.whole && !spoilt);
    let why = match files_in(&folder) {
        _ if taken.iter().any(|taken| is_same(taken, &folder)) => {
            "it holds other files, and must be a folder of its own".to_owned()
        }
        Ok(files) if files.len() > MOST_FILES => format!("there are more than {MOST_FILES} files"),
        Ok(files) if files.is_empty() && which == Folder::Systems => {
            "there is no system: each has a file there, as portal.toml".to_owned()
        }
        Ok(files) => {
            return Listed {
                folder,
                files,
                whole: sure,
            };
        }
        // Without any policy folder, every policy that a system names is unknown.
        Err(error) if optional && error.kind() == ErrorKind::NotFound => {
            return Listed {
                folder,
                files: Vec::new(),
                whole: sure,
            };
        }
        Err(error) => error.to_string(),
    };
    let mut page = sheet.on(service.page);
    // Where the key itself is wrong, or nothing is known of it, nothing is said of the folder.
    if service.whole
        && let Some(table) = table.filter(|_| !spoilt)
    {
        let value = match which {
            Folder::Systems => &table.value.systems,
            Folder::Policies => &table.value.policies,
        };
        let at = value.as_ref().map_or(&table.at, |value| &value.at);
        page.wrong(
            at,
            format!("the folder of {key}, `{}`: {why}", folder.display()),
        );
    }
    Listed {
        folder,
        files: Vec::new(),
        whole: false,
    }
}

/// Whether two paths lead to one folder that exists.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn files_in(folder: &Path) -> std::io::Result<Vec<Named>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let toml = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        let id = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        if let (true, Some(id)) = (toml, id)
            && !id.starts_with('.')
        {
            files.push(Named { id, path });
        }
    }
    files.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(files)
}
