//! The service's own file: who runs it, where it listens, how it sends mail, whom it serves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::{Around, Names, TWICE, mail, no_repeats, path, reference, seconds, unique};
use crate::config::mistakes::Page;
use crate::config::raw::service::{
    Committee as RawCommittee, Contact as RawContact, Customer as RawCustomer, Listen as RawListen,
    ServiceFile,
};
use crate::config::read::File;
use crate::config::values::{Email, FilePath};
use crate::config::words::{As, At, Must, Written};
use crate::config::{Listen, Mail};
use domain::catalogue::{Catalogue, Committee, Contact, Customer};
use domain::id::{CommitteeId, CustomerId, SystemId};

/// The private listener unless the file says otherwise.
const PRIVATE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// Seconds that a `downtime` waits unless the file says otherwise.
const GATHER_S: i64 = 30;

/// What the service's file says.
pub(in crate::config) struct Service {
    /// All but systems and policies.
    pub catalogue: Catalogue,
    /// Where to listen.
    pub listen: Listen,
    /// How to send mail.
    pub mail: Option<Mail>,
    /// The folder of the stores.
    pub data: PathBuf,
    /// A folder of templates.
    pub templates: Option<PathBuf>,
}

/// The ids of the committees, before anything of them is checked.
pub(in crate::config) fn committee_ids(raw: &ServiceFile) -> Names {
    let list = raw.committee.get();
    let ids: Vec<Option<&str>> = list
        .into_iter()
        .flat_map(|list| &list.value)
        .map(|committee| committee.value.id.get().map(|id| id.value.0.as_str()))
        .collect();
    Names {
        whole: list.is_some() && ids.iter().all(Option::is_some),
        ids: ids.into_iter().flatten().map(str::to_owned).collect(),
    }
}

/// All of the file, if all of it could be read.
pub(in crate::config) fn service(
    page: &mut Page<'_>,
    file: &File<ServiceFile>,
    around: &Around<'_>,
) -> Option<Service> {
    let raw = &file.raw;
    let own = raw.service.get().map(|service| &service.value);
    let name = page.read(own.and_then(|own| own.name.get()));
    let zone = page.read(own.and_then(|own| own.zone.get()));
    let vantage = page.read(own.and_then(|own| own.vantage.as_ref()));
    let data = own.and_then(|own| own.data.as_ref());
    let data = folder(page, data, false).unwrap_or_else(|| page.folder().join("data"));
    let templates = folder(page, own.and_then(|own| own.templates.as_ref()), true);
    let listen = listen(page, raw.listen.as_ref());
    let mail = raw.mail.as_ref().map(|mail| mail::mail(page, mail, around));
    let gather = raw
        .mail
        .as_ref()
        .and_then(|mail| mail.value.gather.as_ref());
    let gather_s = seconds(page, gather, 0).unwrap_or(GATHER_S);
    let committees = committees(page, raw.committee.get());
    let customers = customers(page, raw, around);
    let contacts = contacts(page, raw);
    let mail = match mail {
        Some(mail) => Some(mail?),
        None => None,
    };
    Some(Service {
        catalogue: Catalogue {
            service: name?,
            zone: zone?,
            vantage: vantage.unwrap_or_else(|| "local".to_owned()),
            mail_from: mail
                .as_ref()
                .map(|mail| mail.from.clone())
                .unwrap_or_default(),
            gather_s,
            committees: committees?,
            customers: customers?,
            contacts: contacts?,
            policies: Vec::new(),
            systems: Vec::new(),
        },
        listen,
        mail,
        data,
        templates,
    })
}

/// A folder that must not be a file, and where `needed` must be there.
fn folder(
    page: &mut Page<'_>,
    written: Option<&Written<As<FilePath>>>,
    needed: bool,
) -> Option<PathBuf> {
    let at = &written?.at;
    let folder = path(page, written)?;
    if folder.exists() && !folder.is_dir() {
        page.wrong(at, format!("`{}` is not a folder", folder.display()));
    } else if needed && !folder.exists() {
        page.wrong(
            at,
            format!("the folder `{}` does not exist", folder.display()),
        );
    }
    Some(folder)
}

fn listen(page: &mut Page<'_>, written: Option<&Written<RawListen>>) -> Listen {
    let raw = written.map(|written| &written.value);
    let public = page.read(raw.and_then(|raw| raw.public.as_ref()));
    let private = page
        .read(raw.and_then(|raw| raw.private.as_ref()))
        .unwrap_or(PRIVATE);
    let at = raw
        .and_then(|raw| raw.private.as_ref().or(raw.public.as_ref()))
        .map(|text| &text.at);
    if let Some(at) = at
        && public == Some(private)
        && private.port() != 0
    {
        page.wrong(at, "the public and the private address are the same");
    }
    Listen { public, private }
}

/// The place of an id, for the search of repeated ones.
fn id_of(id: &Must<As<crate::config::values::Id>>) -> Option<(&str, &At)> {
    id.get().map(|id| (id.value.0.as_str(), &id.at))
}

fn committees(
    page: &mut Page<'_>,
    written: Option<&Written<Vec<Written<RawCommittee>>>>,
) -> Option<Vec<Committee>> {
    let list = written?.value.as_slice();
    unique(
        page,
        "committee",
        list.iter().filter_map(|one| id_of(&one.value.id)),
    );
    let read: Vec<Option<Committee>> = list
        .iter()
        .map(|one| {
            let raw = &one.value;
            let id = page.read(raw.id.get());
            let name = page.read(raw.name.get());
            let zone = page.read(raw.zone.get());
            let members = emails(page, &raw.members);
            Some(Committee {
                id: CommitteeId::from(id?),
                name: name?,
                zone: zone?,
                members: members?,
            })
        })
        .collect();
    let mut all: Vec<Committee> = read.into_iter().collect::<Option<_>>()?;
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Some(all)
}

/// Addresses in the order in which they are written, each once. Two that differ in capitals are one:
/// RFC 5321 lets a host tell `IT@` from `it@`, but none does, and a person would get every notice twice.
fn emails(page: &mut Page<'_>, written: &Must<Vec<Written<As<Email>>>>) -> Option<Vec<String>> {
    let list = written.get()?.value.as_slice();
    let mut read: Vec<String> = Vec::new();
    for one in list {
        let Some(address) = page.read(Some(one)) else {
            continue;
        };
        let same = read.iter().find(|a| a.eq_ignore_ascii_case(&address));
        match same {
            Some(same) if *same == address => page.wrong(&one.at, TWICE),
            Some(same) => {
                let why = format!("this is the same address as `{same}`, which stands before it");
                page.wrong(&one.at, why);
            }
            None => {}
        }
        read.push(address);
    }
    Some(read)
}

fn customers(
    page: &mut Page<'_>,
    file: &ServiceFile,
    around: &Around<'_>,
) -> Option<Vec<Customer>> {
    let Some(written) = &file.customer else {
        return Some(Vec::new());
    };
    let list = written.value.as_slice();
    unique(
        page,
        "customer",
        list.iter().filter_map(|one| id_of(&one.value.id)),
    );
    if let (false, false, Some(first)) =
        (around.has_mail, page.spoilt(&(0..0), "mail"), list.first())
    {
        page.wrong(
            &first.at,
            "customers are to be told by mail: this file lacks `[mail]`",
        );
    }
    let read: Vec<Option<Customer>> = list
        .iter()
        .map(|one| {
            let raw = &one.value;
            let id = page.read(raw.id.get());
            let name = page.read(raw.name.get());
            let zone = page.read(raw.zone.get());
            let contacts = emails(page, &raw.contacts);
            let systems = depends_on(page, raw, around);
            Some(Customer {
                id: CustomerId::from(id?),
                name: name?,
                zone: zone?,
                contacts: contacts?,
                systems: systems?,
            })
        })
        .collect();
    let mut all: Vec<Customer> = read.into_iter().collect::<Option<_>>()?;
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Some(all)
}

fn depends_on(
    page: &mut Page<'_>,
    raw: &RawCustomer,
    around: &Around<'_>,
) -> Option<Vec<SystemId>> {
    let list = raw.systems.get()?.value.as_slice();
    let mut read = Vec::new();
    for one in list {
        if let Some(id) = reference(page, Some(one), "system", &around.systems) {
            read.push((SystemId::from(id), one.at.clone()));
        }
    }
    no_repeats(page, &read);
    let mut ids: Vec<SystemId> = read.into_iter().map(|(id, _)| id).collect();
    ids.sort();
    Some(ids)
}

fn contacts(page: &mut Page<'_>, file: &ServiceFile) -> Option<Vec<Contact>> {
    let Some(written) = &file.contact else {
        return Some(Vec::new());
    };
    let list = written.value.as_slice();
    unique(
        page,
        "contact",
        list.iter().filter_map(|one| id_of(&one.value.id)),
    );
    let read: Vec<Option<Contact>> = list.iter().map(|one| contact(page, one)).collect();
    let mut all: Vec<Contact> = read.into_iter().collect::<Option<_>>()?;
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Some(all)
}

fn contact(page: &mut Page<'_>, written: &Written<RawContact>) -> Option<Contact> {
    let raw = &written.value;
    let id = page.read(raw.id.get());
    let email = page.read(raw.email.as_ref());
    let phone = page.read(raw.phone.as_ref());
    let spoilt = page.spoilt(&written.at, "email") || page.spoilt(&written.at, "phone");
    if raw.email.is_none() && raw.phone.is_none() && !spoilt {
        page.wrong(&written.at, "`[[contact]]` lacks `email` or `phone`");
    }
    Some(Contact {
        id: id?,
        email,
        phone,
    })
}
