//! The fields of the form: what was written, what is wrong with it, and the report that it makes.

use domain::guard;
use domain::text;
use people::Reporter;
use serde::Serialize;
use url::form_urlencoded;
use values::Format as _;

use super::token::{Opened, STAND_IN};
use super::{ProblemForm, QUICKEST};

/// The longest texts, in characters.
const NAME: usize = 100;
const ORGANISATION: usize = 200;
const EMAIL: usize = 254;
const PHONE: usize = 40;
const DESCRIPTION: usize = 5_000;
/// The contact data that a description may hold; the rest is left out.
const MOVED: usize = 10;

/// The fields as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    pub name: String,
    pub organisation: String,
    pub email: String,
    pub phone: String,
    pub issue: String,
    pub description: String,
    /// A field that people do not see. Programs fill it in.
    pub website: String,
    pub token: String,
}

impl Written {
    /// The first of each field; other fields are left out, and so are bytes that are no text.
    pub fn read(body: &[u8]) -> Self {
        let mut written = Self::default();
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            let field = match &*name {
                "name" => &mut written.name,
                "organisation" => &mut written.organisation,
                "email" => &mut written.email,
                "phone" => &mut written.phone,
                "issue" => &mut written.issue,
                "description" => &mut written.description,
                "website" => &mut written.website,
                "token" => &mut written.token,
                _ => continue,
            };
            if !seen.contains(&name) {
                *field = value.replace("\r\n", "\n");
                seen.push(name);
            }
        }
        written
    }
}

/// What is wrong with each field, as sentences for the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Errors {
    /// About the form as a whole.
    pub whole: Option<String>,
    pub name: Option<String>,
    pub organisation: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub issue: Option<String>,
    pub description: Option<String>,
    /// True if a field seems to hold protected health information.
    pub health_information: bool,
}

impl Errors {
    pub fn whole(sentence: String) -> Self {
        Self {
            whole: Some(sentence),
            ..Self::default()
        }
    }

    fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// The form with what was written.
#[derive(Serialize)]
pub struct FormView<'a> {
    form: &'a ProblemForm,
    written: Written,
    errors: Errors,
    any: bool,
}

impl<'a> FormView<'a> {
    /// The form in which each reader gets a token of their own.
    pub fn empty(form: &'a ProblemForm) -> Self {
        let written = Written {
            token: STAND_IN.to_owned(),
            ..Written::default()
        };
        Self {
            form,
            written,
            errors: Errors::default(),
            any: false,
        }
    }

    /// The form once more. Without a token, sending it shows it again.
    pub fn again(
        form: &'a ProblemForm,
        mut written: Written,
        errors: Errors,
        token: Option<String>,
    ) -> Self {
        written.token = token.unwrap_or_default();
        written.website.clear();
        Self {
            form,
            written,
            any: errors.any(),
            errors,
        }
    }
}

/// A report that may be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub contact: Reporter,
    pub issue: String,
    /// Without telephone numbers and mail addresses: those are in `contact`.
    pub text: String,
}

/// Checks all fields.
///
/// # Errors
/// Everything that is wrong.
pub fn check(
    written: &Written,
    form: &ProblemForm,
    opened: Option<&Opened>,
) -> Result<Report, Box<Errors>> {
    let mut errors = Errors {
        whole: whole(written, opened),
        name: line(&written.name, "your name", NAME),
        organisation: line(&written.organisation, "your organisation", ORGANISATION),
        email: email(&written.email),
        phone: phone(&written.phone),
        issue: issue(&written.issue, form),
        description: description(&written.description),
        health_information: false,
    };
    for (text, error) in [
        (&written.name, &mut errors.name),
        (&written.organisation, &mut errors.organisation),
        (&written.phone, &mut errors.phone),
        (&written.description, &mut errors.description),
    ] {
        if let Some(finding) = guard::check(text).first() {
            let (kind, shown) = (finding.kind, guard::excerpt(text, finding));
            *error = Some(format!(
                "This looks like {kind}: “{shown}”. Remove it: a report must hold no data of patients."
            ));
            errors.health_information = true;
        }
    }
    if errors.any() {
        return Err(Box::new(errors));
    }
    let guard::Contacts {
        text,
        emails,
        phones,
    } = guard::contacts(written.description.trim());
    let own = [written.phone.trim().to_owned()];
    let moved = phones.into_iter().chain(emails).take(MOVED);
    let phones: Vec<String> = own
        .into_iter()
        .filter(|phone| !phone.is_empty())
        .chain(moved)
        .collect();
    Ok(Report {
        contact: Reporter {
            name: written.name.trim().to_owned(),
            organisation: written.organisation.trim().to_owned(),
            email: Some(written.email.trim().to_owned()),
            phone: (!phones.is_empty()).then(|| phones.join(", ")),
        },
        issue: written.issue.clone(),
        text,
    })
}

fn whole(written: &Written, opened: Option<&Opened>) -> Option<String> {
    let why = match opened {
        _ if !written.website.is_empty() => {
            "A field that must stay empty was filled in, perhaps by your browser. It is empty again: please send the form once more."
        }
        None => {
            "The form was open for too long. Your text is still here: please send it once more."
        }
        Some(opened) if opened.since < QUICKEST => {
            "The form was sent within three seconds. Please wait a moment and send it once more."
        }
        Some(_) => return None,
    };
    Some(why.to_owned())
}

fn line(written: &str, what: &str, most: usize) -> Option<String> {
    let given = written.trim();
    if given.is_empty() {
        return Some(format!("Enter {what}."));
    }
    if text::line(given, what).is_err() {
        return Some(format!(
            "Write {what} on one line, without control characters."
        ));
    }
    (given.chars().count() > most).then(|| format!("Shorten this to {most} characters."))
}

fn email(written: &str) -> Option<String> {
    let given = written.trim();
    if given.is_empty() {
        return Some("Enter your mail address: the receipt goes there.".to_owned());
    }
    // A name without a dot is no address that other machines reach.
    let is_address = values::Address::parse(given).is_ok() && given.len() <= EMAIL;
    let domain = given.rsplit_once('@').map_or("", |(_, domain)| domain);
    (!is_address || !domain.contains('.'))
        .then(|| "Enter a mail address such as name@example.org.".to_owned())
}

fn phone(written: &str) -> Option<String> {
    let given = written.trim();
    let is_number = |c: char| c.is_ascii_digit() || "+-()./, #extEXT".contains(c);
    let digits = given.chars().filter(char::is_ascii_digit).count();
    match given.is_empty() {
        true => None,
        false if given.chars().count() > PHONE || !given.chars().all(is_number) || digits < 3 => {
            Some(
                "Enter a telephone number such as +1 716 555 0100 ext. 12, or leave it out."
                    .to_owned(),
            )
        }
        false => None,
    }
}

fn issue(written: &str, form: &ProblemForm) -> Option<String> {
    let is_known = form.issue_types.iter().any(|known| known == written);
    (!is_known).then(|| "Choose a type of issue.".to_owned())
}

fn description(written: &str) -> Option<String> {
    let given = written.trim();
    if given.is_empty() {
        return Some("Describe your issue.".to_owned());
    }
    if text::prose(given, "the description").is_err() {
        return Some(
            "The description holds a control character. Write it in plain text.".to_owned(),
        );
    }
    let length = given.chars().count();
    (length > DESCRIPTION)
        .then(|| format!("The description has {length} characters. Shorten it to {DESCRIPTION}."))
}
