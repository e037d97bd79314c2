//! A service that was killed between the approval of a report and its files.

use domain::calendar::Month;
use domain::id::CommitteeId;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::config;

/// A ledger of January 2024 whose report was approved and has no files.
fn approved(house: &House) {
    let loaded = config::load(&house.start().config).unwrap_or_else(|e| panic!("{e}"));
    files::make_private_dir(&house.data).unwrap();
    let mut ledger = Ledger::open(&house.data).unwrap();
    let january: Month = "2024-01".parse().unwrap();
    let facts = [
        (
            "2024-01-01T00:00:00Z",
            Fact::LedgerCreated {
                identity: "test".into(),
                tzdb: "2026e".into(),
            },
        ),
        (
            "2024-01-01T00:00:00Z",
            Fact::Configured {
                catalogue: Box::new(loaded.catalogue),
            },
        ),
        ("2024-01-01T00:00:01Z", Fact::Started { alive_until: None }),
        ("2024-02-01T00:00:00Z", Fact::DayClosed),
        ("2024-02-01T00:00:01Z", Fact::Stopped),
        (
            "2024-02-02T09:00:00Z",
            Fact::ReportApproved {
                committee: "c".into(),
                month: january,
                revision: 0,
                as_of: 5,
                reason: None,
            },
        ),
    ];
    for (at, fact) in facts {
        let at = at.parse().unwrap();
        let by = Actor::cli("chair");
        ledger.append(at, &[Event { at, by, fact }], &[]).unwrap();
    }
}

/// Waits until the ledger holds the files of the report.
async fn filed(house: &House) -> Vec<Fact> {
    let found = async {
        loop {
            let mut facts = house.facts();
            facts.retain(|fact| matches!(fact, Fact::ReportFiled { .. }));
            if !facts.is_empty() {
                return facts;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, found)
        .await
        .expect("it is filed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_approved_before_a_kill_gets_its_files_at_the_next_start_and_once() {
    let house = House::new("127.0.0.1:0", "data");
    approved(&house);
    // The kill left half a file.
    let folder = house.data.join("reports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("c-2024-01-final.html"), "<!DOC").unwrap();
    for _ in 0..2 {
        let (stop, service) = house.runs();
        let facts = filed(&house).await;
        assert_eq!(facts.len(), 1);
        let Fact::ReportFiled {
            committee, files, ..
        } = &facts[0]
        else {
            unreachable!()
        };
        assert_eq!(*committee, CommitteeId::from("c"));
        for file in files {
            let bytes = std::fs::read(folder.join(&file.name)).unwrap();
            let hash = Sha256::digest(&bytes);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, file.sha256);
        }
        stop.send(()).unwrap();
        service.await.unwrap().unwrap();
    }
    // A service without a mail server owes no mail.
    let facts = house.facts();
    assert!(
        !facts
            .iter()
            .any(|f| matches!(f, Fact::DeliveryAttempted { .. }))
    );
}
