//! `nines.toml`: the service itself, and the people who belong to it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::catalogue::{self, Catalogue};
use domain::id::{CommitteeId, CustomerId, SystemId, VantageId};
use probes::self_check::{ResolverName, Target};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{
    Address, FilePath, Id, IpNetwork, Line, Parsed, Reach, Seconds, Source, Written, Zone,
};

use super::console::{self, ConsoleSetup, ConsoleTable};
use super::fields::{Contacts, Names, References, mailed, reference, unique};
use super::listen::{Listen, ListenTable, listen};
use super::mail::{self, MailTable};
use super::outbound::{OutboundHeartbeat, OutboundTable, outbound};
use super::public::{self, PublicPages, PublicTable};
use super::reporting::{DayTimeTable, ReportingKeys, reporting};
use super::webhook::{WebhookTable, Webhooks};
use super::{Look, Mail, Paper, SelfCheck, Templates, Webhook};

/// How long a `downtime` waits for others, in seconds, unless the file says otherwise.
const GATHER_S: i64 = 30;

/// The service: its operator, its listeners, its mail, its customers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["vantages", "agent", "desk", "command"]))]
pub(super) struct ServiceFile {
    /// The service itself.
    pub service: Written<ServiceTable>,
    /// The addresses on which the service listens.
    listen: Option<ListenTable>,
    /// The public pages. Default: there are none.
    public: Option<PublicTable>,
    /// The console, and how people sign in to it.
    console: Option<ConsoleTable>,
    /// How the monitor checks itself before it blames a target. Default: it does not.
    self_check: Option<Written<SelfCheckTable>>,
    /// An external alarm service that expects regular requests from Nines. Default: there is none.
    outbound_heartbeat: Option<OutboundTable>,
    /// The log.
    #[serde(default)]
    log: Log,
    /// The samples that are kept.
    #[serde(default)]
    samples: KeptSamples,
    /// How notices are sent. Default: none is sent.
    pub mail: Option<MailTable>,
    /// The committees that receive reports. Every system has one.
    #[schemars(length(min = 1))]
    committee: Vec<Committee>,
    /// The customers who receive notices.
    #[serde(default)]
    customer: Vec<Written<Customer>>,
    /// Staff. Those who owe texts of a report get its draft.
    #[serde(default)]
    #[schemars(length(min = 1))]
    contact: Vec<Written<Contact>>,
}

/// The samples that are kept. Events, reports and daily roll-ups stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeptSamples {
    /// The archive of a month is deleted after this many whole months. Default: 13.
    #[schemars(range(min = 2, max = 1200))]
    pub keep_months: u32,
}

impl Default for KeptSamples {
    fn default() -> Self {
        Self { keep_months: 13 }
    }
}

/// The log that the service writes to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The least level that is written. Default: "info".
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["error", "warn", "info", "debug", "trace"]))]
    pub level: LogLevel,
    /// "json" writes each line as a JSON object. Default: "text".
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["text", "json"]))]
    pub format: LogFormat,
}

/// The least level of lines that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The words, the least talkative first.
    pub const WORDS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The form of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The service itself. Paths are relative to this file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["quorum", "flap_limit", "flap_hold", "group_within", "tzdb", "retention"]))]
pub(super) struct ServiceTable {
    /// The operator's name, as it appears in notices and reports.
    name: Parsed<Line>,
    /// The contact for customers, which every mail prints: a telephone number, an address. Default: the address in `from` of `[mail]`.
    contact: Option<Parsed<Line>>,
    /// The operator's time zone, an IANA name.
    zone: Parsed<Zone>,
    /// The folder of the ledger and the samples. Default: data.
    data: Option<Parsed<FilePath>>,
    /// The folder with one file per system. Default: systems.
    pub systems: Option<Parsed<FilePath>>,
    /// The folder with one file per agreement. Default: policies.
    pub policies: Option<Parsed<FilePath>>,
    /// A folder of templates to use in place of the built-in ones. Default: none.
    templates: Option<Parsed<FilePath>>,
    /// The language of notices and reports: the folder of that name in `templates` has its templates, such as `de` or `pt-br`. Default: English.
    language: Option<Parsed<Id>>,
    /// A folder of TrueType and OpenType fonts for PDF reports, for alphabets that the built-in fonts lack. Default: none.
    fonts: Option<Parsed<FilePath>>,
    /// The paper of PDF reports: "a4" or "letter". Default: "a4".
    #[serde(default)]
    paper: Paper,
    /// The name of the place from which the probes run. Default: local.
    vantage: Option<Parsed<Id>>,
    /// A group of the operating system, by name or number. Its members may use the socket: they see the
    /// status and carry out acts. Default: only the service's user and root may.
    socket_group: Option<Parsed<Line>>,
    /// The ids of the contacts who get the draft of a report if no contact owes its texts. Default: none.
    #[serde(default)]
    operators: Vec<Parsed<Id>>,
    /// `true` if `http` probes use the proxies of the environment variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and
    /// NO_PROXY. Default: false.
    proxy_from_environment: Option<Written<bool>>,
    /// The programs that `command` probes may run, by absolute paths. A path with a slash at its end allows each program
    /// in that folder. Default: none.
    #[serde(default)]
    commands: Vec<Parsed<FilePath>>,
    /// Addresses that probes may reach although they usually have no service: metadata, multicast, broadcast, reserved or
    /// unspecified ones. Default: none.
    #[serde(default)]
    allow_addresses: Vec<Parsed<IpNetwork>>,
    /// Addresses that no probe may reach. Of an allowed and a denied range, the narrower one counts. Default: none.
    #[serde(default)]
    deny_addresses: Vec<Parsed<IpNetwork>>,
}

/// How the monitor checks itself before it blames a target.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SelfCheckTable {
    /// If none of them answers, the monitor's own network fails, and bad samples are inconclusive. Each is a host with
    /// a TCP port, or the address of a DNS server. Default: the network is not checked.
    #[schemars(length(min = 1))]
    targets: Option<Vec<Parsed<Target>>>,
    /// A name that always exists. If this machine's resolver answers for it, another name that does not resolve is
    /// down. Default: the names of other probes.
    name: Option<Parsed<ResolverName>>,
}

/// A committee that receives reports.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Committee {
    /// The id that systems name.
    id: Parsed<Id>,
    /// The name that reports print.
    name: Parsed<Line>,
    /// The time zone in which its months begin and end.
    zone: Parsed<Zone>,
    /// The mail addresses of its members. Each gets every approved report.
    #[schemars(length(min = 1))]
    members: Vec<Parsed<Address>>,
    /// When people who owe texts get the draft of a month: a day and a time in the month after it.
    /// Default: no draft is mailed.
    draft: Option<Written<DayTimeTable>>,
    /// When the committee meets, in the month after the reported one. Default: five days after the
    /// draft.
    meeting: Option<Written<DayTimeTable>>,
    /// How long before the meeting they are reminded. Default: ["5d", "1d"].
    remind: Option<Vec<Parsed<Seconds>>>,
    /// The ids of the contacts who may approve its reports. Default: any named person.
    #[serde(default)]
    approvers: Vec<Parsed<Id>>,
    /// True if the approver may have written none of the month's texts. Default: true.
    second_person: Option<Written<bool>>,
}

/// A customer who receives notices.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Customer {
    /// An id, unique among customers.
    id: Parsed<Id>,
    /// The name that notices and reports print.
    name: Parsed<Line>,
    /// The time zone of the times in its notices.
    zone: Parsed<Zone>,
    /// The mail addresses that are notified. Needed unless there is a `webhook`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    contacts: Vec<Parsed<Address>>,
    /// The webhook that is notified, too.
    webhook: Option<Written<WebhookTable>>,
    /// A telephone number, printed for staff if the mail does not arrive.
    phone: Option<Parsed<Line>>,
    /// The ids of the systems on which it depends.
    #[schemars(length(min = 1))]
    systems: Vec<Parsed<Id>>,
}

/// A member of staff.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["pager"]))]
struct Contact {
    /// An id, unique among contacts.
    id: Parsed<Id>,
    /// A mail address.
    email: Option<Parsed<Address>>,
    /// A webhook, as of a pager.
    webhook: Option<Written<WebhookTable>>,
    /// A telephone number to print.
    phone: Option<Parsed<Line>>,
}

impl ServiceFile {
    /// True if it names the address of the public listener, or tries to.
    pub fn listens_publicly(&self) -> bool {
        self.listen.as_ref().is_some_and(ListenTable::is_public)
    }

    /// The place from which the probes run.
    pub fn vantage(&self) -> VantageId {
        let named = self.service.value.vantage.as_ref();
        named.map_or_else(|| "local".into(), |v| v.value.as_str().into())
    }

    /// The ids that systems may name as their owner.
    pub fn contact_ids(&self) -> Contacts {
        let ids = || self.contact.iter().map(|contact| &contact.value.id);
        let mailed = self.contact.iter().filter(|c| c.value.email.is_some());
        Contacts {
            names: Names {
                is_complete: !ids().any(Parsed::is_stand_in),
                ids: ids().map(|id| id.value.clone()).collect(),
            },
            mailed: mailed.map(|c| c.value.id.value.clone()).collect(),
        }
    }

    /// True if probes use the proxies that environment variables name.
    pub fn proxy_from_environment(&self) -> bool {
        let written = self.service.value.proxy_from_environment.as_ref();
        written.is_some_and(|written| written.value)
    }

    /// The programs that `command` probes may run. A relative path allows none.
    pub fn commands(&self) -> Vec<String> {
        let commands = self.service.value.commands.iter();
        let paths = commands.map(|path| path.value.to_string_lossy().into_owned());
        paths.filter(|path| path.starts_with('/')).collect()
    }

    /// The addresses that probes may reach.
    pub fn reach(&self) -> Reach {
        let ranges = |list: &[Parsed<IpNetwork>]| {
            let written = list.iter().filter(|range| !range.is_stand_in());
            written.map(|range| range.value).collect()
        };
        Reach {
            allow: ranges(&self.service.value.allow_addresses),
            deny: ranges(&self.service.value.deny_addresses),
        }
    }

    /// The ids of the customers that probes may name.
    pub fn customer_ids(&self) -> Names {
        let ids = || self.customer.iter().map(|customer| &customer.value.id);
        Names {
            is_complete: !ids().any(Parsed::is_stand_in),
            ids: ids().map(|id| id.value.clone()).collect(),
        }
    }

    /// The ids that systems may name as their committee.
    pub fn committee_ids(&self) -> Names {
        let ids = || self.committee.iter().map(|committee| &committee.id);
        Names {
            is_complete: !ids().any(Parsed::is_stand_in),
            ids: ids().map(|id| id.value.clone()).collect(),
        }
    }
}

/// The content of the service's file.
pub(super) struct Service {
    /// All but systems and policies.
    pub catalogue: Catalogue,
    pub listen: Listen,
    pub public: Option<PublicPages>,
    pub console: ConsoleSetup,
    pub self_check: SelfCheck,
    pub outbound_heartbeat: Option<OutboundHeartbeat>,
    pub mail: Option<Mail>,
    pub webhooks: Vec<Webhook>,
    pub log: Log,
    pub samples: KeptSamples,
    pub data: PathBuf,
    /// What the variables that name proxies do, a sentence each.
    pub proxies: Vec<String>,
    pub look: Look,
    pub socket_group: Option<String>,
}

pub(super) fn service(
    source: &mut Source<'_>,
    file: ServiceFile,
    references: &References,
) -> Service {
    let vantage = file.vantage();
    let table = file.service.value;
    let data = table.data.map(|data| folder(source, &data, false));
    let proxies = proxies(source, table.proxy_from_environment.as_ref());
    for path in table
        .commands
        .iter()
        .filter(|path| !path.value.is_absolute())
    {
        source.wrong(
            &path.at,
            "write the program or its folder by an absolute path",
        );
    }
    let templates = table.templates.map(|t| folder(source, &t, true));
    if let Some(language) = &table.language {
        spoken(source, language, templates.as_deref());
    }
    let language = table.language.map(|language| language.value.to_string());
    let look = Look {
        templates: templates.map(|folder| Templates::new(folder, language.clone())),
        language,
        fonts: table.fonts.map(|fonts| folder(source, &fonts, true)),
        paper: table.paper,
    };
    let listen = listen(source, file.listen.unwrap_or_default());
    let pages = file.public;
    let pages = pages.map(|table| public::public(source, table, references));
    let console = console::console(source, file.console.unwrap_or_default());
    let self_check = file.self_check.map(|table| self_check(source, table));
    let heartbeat = file.outbound_heartbeat;
    let outbound_heartbeat = heartbeat.map(|table| outbound(source, table));
    let mut mailed_customers = file.customer.iter();
    let mailed_customer = mailed_customers.find(|c| !c.value.contacts.is_empty());
    if let (None, Some(first)) = (&file.mail, mailed_customer) {
        source.wrong(
            &first.at,
            "customers are notified by mail: this file lacks `[mail]`",
        );
    }
    for operator in &table.operators {
        mailed(source, operator, &references.contacts);
    }
    let operators = table.operators.into_iter().map(|id| (id.value, id.at));
    let operators: Vec<(String, _)> = operators.collect();
    source.no_repeats(&operators);
    // Without it the first customer is a mistake already.
    let has_mail = file.mail.is_some() || mailed_customer.is_some();
    let gather_s = file.mail.as_ref().and_then(|mail| mail.gather.as_ref());
    let gather_s = gather_s.map_or(GATHER_S, |gather| gather.value);
    let mail_from = file.mail.as_ref().map(|mail| mail.from.value.clone());
    let mail_from = mail_from.unwrap_or_default();
    let mail = file.mail.map(|mail| mail::mail(source, mail));
    let mut webhooks = Webhooks::default();
    let customers = customers(source, file.customer, references, &mut webhooks);
    let contacts = contacts(source, file.contact, &mut webhooks);
    Service {
        catalogue: Catalogue {
            service: table.name.value,
            contact: table.contact.map(|contact| contact.value),
            zone: table.zone.value,
            vantage,
            mail_from,
            gather_s,
            committees: committees(source, file.committee, references, has_mail),
            customers,
            contacts,
            operators: operators.into_iter().map(|(id, _)| id).collect(),
            policies: Vec::new(),
            systems: Vec::new(),
        },
        listen,
        public: pages,
        console,
        self_check: self_check.unwrap_or_default(),
        outbound_heartbeat,
        mail,
        webhooks: webhooks.into_list(),
        socket_group: table.socket_group.map(|group| group.value),
        log: file.log,
        samples: file.samples,
        data: data.unwrap_or_else(|| source.folder().join("data")),
        proxies,
        look,
    }
}

fn proxies(source: &mut Source<'_>, written: Option<&Written<bool>>) -> Vec<String> {
    let is_on = written.is_some_and(|written| written.value);
    let described = probes::http::proxy::describe(source.environment.variable, is_on);
    described.unwrap_or_else(|why| {
        source.wrong(&written.map_or(0..0, |written| written.at.clone()), why);
        Vec::new()
    })
}

/// A language needs a folder of templates.
fn spoken(source: &mut Source<'_>, language: &Parsed<Id>, templates: Option<&Path>) {
    let tag = language.value.to_string();
    let main = tag.split('-').next().unwrap_or_default();
    let is_tag = matches!(main.len(), 2 | 3) && main.bytes().all(|b| b.is_ascii_lowercase());
    if !is_tag {
        source.wrong(
            &language.at,
            "a language is two or three letters, as \"de\", and a region if need be, as \"pt-br\"",
        );
        return;
    }
    match templates {
        None => source.wrong(
            &language.at,
            format!("English is the only built-in language: name a folder with `templates` that has a folder `{tag}`"),
        ),
        Some(folder) if folder.is_dir() && !folder.join(&tag).is_dir() => source.wrong(
            &language.at,
            format!("the folder `{}` does not exist", folder.join(&tag).display()),
        ),
        Some(_) => {}
    }
}

/// A folder. It must exist if it is `needed`, and must not be a file.
fn folder(source: &mut Source<'_>, path: &Parsed<FilePath>, needed: bool) -> PathBuf {
    let folder = source.resolve(path);
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        source.wrong(&path.at, format!("`{shown}` is not a folder"));
    } else if needed && !folder.exists() {
        source.wrong(&path.at, format!("the folder `{shown}` does not exist"));
    }
    folder
}

fn self_check(source: &mut Source<'_>, written: Written<SelfCheckTable>) -> SelfCheck {
    let Written { value: table, at } = written;
    if table.targets.is_none() && table.name.is_none() {
        source.wrong(&at, "`[self_check]` lacks `targets` or `name`");
    }
    let targets = table.targets.unwrap_or_default().into_iter();
    let targets: Vec<_> = targets.map(|target| (target.value, target.at)).collect();
    source.no_repeats(&targets);
    SelfCheck {
        targets: targets.into_iter().map(|(target, _)| target).collect(),
        name: table.name.map(|name| name.value),
    }
}

fn committees(
    source: &mut Source<'_>,
    list: Vec<Committee>,
    references: &References,
    has_mail: bool,
) -> Vec<catalogue::Committee> {
    unique(
        source,
        "committee",
        list.iter().map(|one| (one.id.value.as_str(), &one.id.at)),
    );
    let read = list.into_iter().map(|one| {
        let keys = ReportingKeys {
            draft: one.draft,
            meeting: one.meeting,
            remind: one.remind,
            approvers: one.approvers,
            second_person: one.second_person,
        };
        catalogue::Committee {
            id: CommitteeId::from(one.id.value),
            name: one.name.value,
            zone: one.zone.value,
            members: addresses(source, one.members),
            reporting: reporting(source, keys, &references.contacts.names, has_mail),
        }
    });
    sorted(read, |committee| committee.id.clone())
}

fn customers(
    source: &mut Source<'_>,
    list: Vec<Written<Customer>>,
    references: &References,
    webhooks: &mut Webhooks,
) -> Vec<catalogue::Customer> {
    unique(
        source,
        "customer",
        list.iter().map(|one| (one.id.value.as_str(), &one.id.at)),
    );
    let read = list.into_iter().map(|Written { value: one, at }| {
        if one.contacts.is_empty() && one.webhook.is_none() {
            source.wrong(&at, "`[[customer]]` lacks `contacts` or `webhook`");
        }
        let mut systems = Vec::new();
        for id in one.systems {
            reference(source, &id, "system", &references.systems);
            systems.push((SystemId::from(id.value), id.at));
        }
        source.no_repeats(&systems);
        let systems: BTreeSet<SystemId> = systems.into_iter().map(|(id, _)| id).collect();
        catalogue::Customer {
            id: CustomerId::from(one.id.value),
            name: one.name.value,
            zone: one.zone.value,
            contacts: addresses(source, one.contacts),
            webhook: webhooks.read(source, one.webhook),
            phone: one.phone.map(|phone| phone.value),
            systems: systems.into_iter().collect(),
        }
    });
    sorted(read, |customer| customer.id.clone())
}

fn contacts(
    source: &mut Source<'_>,
    list: Vec<Written<Contact>>,
    webhooks: &mut Webhooks,
) -> Vec<catalogue::Contact> {
    unique(
        source,
        "contact",
        list.iter().map(|one| (one.id.value.as_str(), &one.id.at)),
    );
    let read = list.into_iter().map(|Written { value: one, at }| {
        if one.email.is_none() && one.webhook.is_none() && one.phone.is_none() {
            source.wrong(&at, "`[[contact]]` lacks `email`, `webhook` or `phone`");
        }
        catalogue::Contact {
            id: one.id.value,
            email: one.email.map(|email| email.value),
            webhook: webhooks.read(source, one.webhook),
            phone: one.phone.map(|phone| phone.value),
        }
    });
    sorted(read, |contact| contact.id.clone())
}

fn sorted<T, K: Ord>(list: impl Iterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut list: Vec<T> = list.collect();
    list.sort_by_key(key);
    list
}

/// Addresses in the order in which they are written. Two that differ in capitals are one: RFC 5321
/// lets a host tell `IT@` from `it@`, but none does, and a person would get every notice twice.
fn addresses(source: &mut Source<'_>, list: Vec<Parsed<Address>>) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for Parsed { value: address, at } in list {
        match known
            .iter()
            .find(|known| known.eq_ignore_ascii_case(&address))
        {
            Some(same) if *same == address => source.wrong(&at, "this is already in the list"),
            Some(same) => source.wrong(&at, format!("this is the same address as `{same}`")),
            None if at != values::STAND_IN => known.push(address),
            None => {}
        }
    }
    known
}
