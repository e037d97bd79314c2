//! Mails about reports: their text, and the file that they attach.

use domain::catalogue::Catalogue;
use domain::notice::{Kind, Notice};
use jiff::Timestamp;
use mail_parser::{MessageParser, MimeHeaders as _};

use super::render::Renderer;
use super::{Sender, sample};
use crate::digest::sha256;

const CONTACT: &str = "Service Desk, +1 716 555 0100";

fn at() -> Timestamp {
    "2026-11-01T13:00:00Z".parse().unwrap()
}

fn sender() -> Sender {
    Sender {
        service: "Example HIE".to_owned(),
        contact: CONTACT.to_owned(),
        mail_from: "Status <status@example.org>".into(),
        message_id: "<1@example.org>".to_owned(),
        references: Vec::new(),
    }
}

fn said(notice: &Notice) -> String {
    let renderer = Renderer::new(None).unwrap();
    let said = renderer.say(notice, "Example HIE", CONTACT).unwrap();
    format!("Subject: {}\n\n{}", said.subject, said.text)
}

#[test]
fn a_draft_says_what_is_missing_and_how_to_write_it() {
    insta::assert_snapshot!(said(&sample::notice(
        Kind::ReportDraft,
        &Catalogue::default(),
        at()
    )));
}

#[test]
fn a_report_says_the_first_page_and_what_is_attached() {
    insta::assert_snapshot!(said(&sample::notice(
        Kind::Report,
        &Catalogue::default(),
        at()
    )));
}

#[test]
fn a_revision_names_what_it_replaces_and_a_large_file_by_its_hash() {
    let mut notice = sample::notice(Kind::Report, &Catalogue::default(), at());
    let report = notice.report.as_mut().unwrap();
    report.revision = 2;
    report.replaces = vec![0, 1];
    report.reason = Some("An exclusion was approved.".to_owned());
    report.file.as_mut().unwrap().bytes = 7_300_000;
    let renderer = Renderer::new(None).unwrap();
    let said = renderer.say_with(&notice, &sender(), false).unwrap();
    insta::assert_snapshot!(format!("Subject: {}\n\n{}", said.subject, said.text));
}

/// The names and contents of the files that a mail attaches.
fn attached(renderer: &Renderer, notice: &Notice) -> Vec<(String, Vec<u8>)> {
    let message = renderer.message(notice, &sender(), at()).unwrap();
    let message = MessageParser::default().parse(&message.bytes).unwrap();
    let parts = message.attachments();
    parts
        .map(|part| {
            let name = part.attachment_name().unwrap_or_default().to_owned();
            (name, part.contents().to_vec())
        })
        .collect()
}

#[test]
fn only_the_approved_file_is_attached_and_only_up_to_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let renderer = Renderer::new(None).unwrap();
    renderer.attach_from(folder.path().to_owned());
    let page = b"<!DOCTYPE html>\n<p>A line that ends in CR\r and a dot:\n.\n".to_vec();
    let mut notice = sample::notice(Kind::Report, &Catalogue::default(), at());
    let file = notice.report.as_mut().unwrap().file.as_mut().unwrap();
    file.sha256 = sha256(&page);
    file.bytes = page.len() as u64;
    let path = folder.path().join(&file.name);
    let name = file.name.clone();
    // Lost: the mail leaves without it.
    assert_eq!(attached(&renderer, &notice), []);
    std::fs::write(&path, &page).unwrap();
    assert_eq!(attached(&renderer, &notice), [(name, page)]);
    std::fs::write(&path, "changed").unwrap();
    assert_eq!(attached(&renderer, &notice), []);
    let file = notice.report.as_mut().unwrap().file.as_mut().unwrap();
    file.bytes = 5_000_001;
    assert_eq!(attached(&renderer, &notice), []);
}
