//! The files of a configuration, and the order in which they are read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use domain::catalogue::Catalogue;
use domain::id::SystemId;
use jiff::Timestamp;
use toml::de::DeTable;
use values::{Environment, Parsed, Place, Source, is_id};

use super::fields::{Names, References};
use super::policy::{self, PolicyFile};
use super::probe;
use super::read::{File, LARGEST, read, read_with};
use super::schema::SchemaKind;
use super::service::{self, ServiceFile};
use super::system::{self, SystemFile};
use super::{
    Fingerprint, HeartbeatSetup, Loaded, Mistakes, TokenHash, Warnings, folder_of, warnings,
};

/// The most files of one kind that are read.
const MOST_FILES: usize = 10_000;

/// Reads a configuration, with environment variables from `variable`.
pub(super) fn load(
    file: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    now: Timestamp,
) -> Result<Loaded, Mistakes> {
    let read_file =
        |path: &Path| crate::files::read(path, LARGEST).map_err(|error| error.to_string());
    let environment = Environment {
        variable,
        file: &read_file,
        proxy_from_environment: false,
        commands: &[],
        reach: &values::reach::BUILT_IN,
    };
    let mut service: File<'_, ServiceFile> = read(file, SchemaKind::Service, environment);
    let own = folder_of(file);
    let policy_files = Listed::new(&mut service, "policies", &[&own]);
    let taken = [own.as_path(), policy_files.folder.as_path()];
    let system_files = Listed::new(&mut service, "systems", &taken);

    let mut sources = Vec::new();
    let mut policies = Vec::new();
    let contacts = service
        .table
        .as_ref()
        .map(ServiceFile::contact_ids)
        .unwrap_or_default();
    for named in &policy_files.files {
        let mut file: File<'_, PolicyFile> = read(&named.path, SchemaKind::Policy, environment);
        named.check_id(&mut file.source);
        policies.extend(
            file.table
                .map(|t| policy::policy(&mut file.source, t, &named.id, &contacts.names)),
        );
        sources.push(file.source);
    }
    let targets = policies
        .iter()
        .filter_map(|p| Some((p.id.to_string(), p.target?)));
    let references = References {
        committees: service
            .table
            .as_ref()
            .map(ServiceFile::committee_ids)
            .unwrap_or_default(),
        contacts,
        systems: system_files.names(),
        policies: policy_files.names(),
        targets: targets.collect::<BTreeMap<_, _>>(),
    };
    let table = service.table.as_ref();
    let commands = table.map(ServiceFile::commands).unwrap_or_default();
    let reach = table.map(ServiceFile::reach).unwrap_or_default();
    let environment = Environment {
        proxy_from_environment: table.is_some_and(ServiceFile::proxy_from_environment),
        commands: &commands,
        reach: &reach,
        ..environment
    };
    let vantage = service.table.as_ref().map(ServiceFile::vantage);
    let vantage = vantage.unwrap_or_default();
    let customers = service.table.as_ref().map(ServiceFile::customer_ids);
    let customers = customers.unwrap_or_default();
    let (mut systems, mut probes, mut heartbeats) = (Vec::new(), Vec::new(), Vec::new());
    for named in &system_files.files {
        let id = SystemId::from(named.id.as_str());
        let take_probes = |source: &mut Source<'_>, tree: &DeTable<'_>| {
            probe::probes(source, tree, &id, &vantage, &customers)
        };
        let mut file: File<'_, (SystemFile, _)> =
            read_with(&named.path, SchemaKind::System, environment, take_probes);
        named.check_id(&mut file.source);
        if let Some((table, own)) = file.table {
            let tokens = own.heartbeats.into_iter();
            heartbeats.extend(tokens.map(|(at, setup)| (sources.len(), at, setup)));
            let setups = own.setups;
            let system = system::system(&mut file.source, table, own.all, id, &references);
            // The service's own source will be the first.
            systems.push((sources.len() + 1, system));
            probes.extend(setups);
        }
        sources.push(file.source);
    }
    one_token_each(&mut sources, &heartbeats);
    let heartbeats: Vec<_> = heartbeats.into_iter().map(|(_, _, setup)| setup).collect();
    let table = service.table;
    let hears = table.as_ref().is_some_and(ServiceFile::listens_publicly);
    if let Some(first) = heartbeats.first().filter(|_| table.is_some() && !hears) {
        let why = format!(
            "the heartbeat `{}` needs the public listener: this file lacks `public` in `[listen]`",
            first.id
        );
        service.source.wrong(&(0..0), why);
    }
    let checked = table.map(|table| service::service(&mut service.source, table, &references));
    sources.insert(0, service.source);
    let mistakes = Mistakes::collect(&sources);
    let Some(checked) = checked.filter(|_| mistakes.is_empty()) else {
        return Err(mistakes);
    };
    let (service_source, others) = sources.split_at(1);
    let (of_policies, of_systems) = others.split_at(policy_files.files.len());
    let fingerprint = Fingerprint::of(&service_source[0], of_policies, of_systems);
    warnings::of_systems(&mut sources, &systems, &policies, &checked.catalogue, now);
    let mut systems: Vec<_> = systems
        .into_iter()
        .map(|(_, placed)| placed.system)
        .collect();
    systems.sort_by(|a, b| a.id.cmp(&b.id));
    policies.sort_by(|a, b| a.id.cmp(&b.id));
    probes.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Loaded {
        catalogue: Catalogue {
            policies,
            systems,
            ..checked.catalogue
        },
        probes,
        heartbeats,
        public: checked.public,
        console: checked.console,
        self_check: checked.self_check,
        outbound_heartbeat: checked.outbound_heartbeat,
        listen: checked.listen,
        mail: checked.mail,
        webhooks: checked.webhooks,
        log: checked.log,
        samples: checked.samples,
        data: checked.data,
        look: checked.look,
        fingerprint,
        proxies: checked.proxies,
        warnings: Warnings::collect(&sources),
        socket_group: checked.socket_group,
    })
}

/// Notes each token that another heartbeat has, too: a beat could not be told from the other's. Each heartbeat comes
/// with the index of its source and the place of its token.
fn one_token_each(sources: &mut [Source<'_>], heartbeats: &[(usize, Place, HeartbeatSetup)]) {
    for (n, (source, at, setup)) in heartbeats.iter().enumerate() {
        let mut earlier = heartbeats.iter().take(n);
        let same = earlier.find(|(_, _, other)| other.token == setup.token);
        if let Some((_, _, other)) = same.filter(|_| setup.token != TokenHash::default()) {
            let why = format!("`{}` has the same token: each feed needs its own", other.id);
            sources[*source].wrong(at, why);
        }
    }
}

/// A file, and the id that its name gives.
struct Named {
    id: String,
    path: PathBuf,
}

impl Named {
    fn check_id(&self, source: &mut Source<'_>) {
        if !is_id(&self.id) {
            let why = "a file's name must be an id: lower-case letters, digits and inner hyphens, \
                       at most 64, then `.toml`";
            source.wrong(&(0..0), why);
        }
    }
}

/// The files of one folder.
struct Listed {
    folder: PathBuf,
    files: Vec<Named>,
    /// False if a mistake hides further files.
    is_complete: bool,
}

impl Listed {
    /// Lists the `*.toml` files, by name, of the folder that `key` of `[service]` names. Hidden files
    /// are left out. Folders that are `taken` are refused: a file would be read as two kinds.
    fn new(service: &mut File<'_, ServiceFile>, key: &str, taken: &[&Path]) -> Self {
        let table = service.table.as_ref().map(|table| &table.service);
        let written = table.and_then(|table| match key {
            "systems" => table.systems.as_ref(),
            _ => table.policies.as_ref(),
        });
        // After a mistake in the key, another folder may be meant.
        let is_known = table.is_some_and(|table| !table.is_stand_in())
            && !written.is_some_and(Parsed::is_stand_in);
        let folder = match written.filter(|_| is_known) {
            Some(path) => service.source.resolve(path),
            None => service.source.folder().join(key),
        };
        let is_optional = written.is_none() && key == "policies";
        let is_taken = taken.iter().any(|taken| is_same(taken, &folder));
        let at = written
            .map(|path| &path.at)
            .or(table.map(|table| &table.at))
            .filter(|_| is_known)
            .cloned();
        let why = match in_folder(&folder) {
            _ if is_taken => "it holds other files, and must be a folder of its own".to_owned(),
            Ok((files, _)) if files.len() > MOST_FILES => {
                format!("there are more than {MOST_FILES} files")
            }
            Ok((files, _)) if files.is_empty() && key == "systems" => {
                "there is no system: put a file there for each, as portal.toml".to_owned()
            }
            Ok((files, ignored)) => {
                if let Some(at) = at.filter(|_| !ignored.is_empty()) {
                    let why = warnings::ignored(key, &folder, &ignored);
                    service.source.warn(&at, why);
                }
                return Self {
                    folder,
                    files,
                    is_complete: is_known,
                };
            }
            Err(error) if is_optional && error.kind() == ErrorKind::NotFound => {
                return Self {
                    folder,
                    files: Vec::new(),
                    is_complete: is_known,
                };
            }
            Err(error) => error.to_string(),
        };
        if let Some(at) = at {
            let why = format!("the folder of {key}, `{}`: {why}", folder.display());
            service.source.wrong(&at, why);
        }
        Self {
            folder,
            files: Vec::new(),
            is_complete: false,
        }
    }

    fn names(&self) -> Names {
        let ids: BTreeSet<String> = self.files.iter().map(|file| file.id.clone()).collect();
        Names {
            is_complete: self.is_complete && ids.iter().all(|id| is_id(id)),
            ids,
        }
    }
}

/// True if two paths lead to one folder that exists.
fn is_same(one: &Path, other: &Path) -> bool {
    let folder = one.canonicalize().ok();
    folder.is_some() && folder == other.canonicalize().ok()
}

/// The `*.toml` files of a folder, by name, and the names of other entries that look like a
/// configuration file.
fn in_folder(folder: &Path) -> std::io::Result<(Vec<Named>, Vec<String>)> {
    let (mut files, mut ignored) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_toml = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (id, name) = (text(path.file_stem()), text(path.file_name()));
        if name.starts_with('.') {
            continue;
        }
        if is_toml {
            files.push(Named { id, path });
        } else if !warnings::is_document(&name) {
            ignored.push(name);
        }
    }
    files.sort_by(|a, b| a.id.cmp(&b.id));
    ignored.sort();
    Ok((files, ignored))
}
