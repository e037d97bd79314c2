//! What people write of incidents stays written.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod common;

use common::{House, system};
use domain::act::{Act, Which};
use domain::incident::{Measure, Review};

#[test]
fn a_preventive_measure_is_added_or_changed_and_never_dropped() {
    let mut house = House::new("2026-10-01T00:00:00Z", vec![system("a")]);
    house.draw(0, &[("a/p", "UDDD")]);
    let incident = *house.record.incidents.keys().next().unwrap();
    let measure = |text: &str, owner: &str, due: &str| Measure {
        text: text.into(),
        owner: owner.into(),
        due: due.parse().unwrap(),
    };
    let disk = measure("Buy a disk", "platform", "2026-12-10");
    let logs = measure("Rotate logs", "platform", "2026-11-30");
    let moved = measure("Rotate logs", "security", "2026-12-24");
    for measures in [vec![logs], vec![disk.clone(), moved.clone()]] {
        let review = Review {
            measures,
            ..Review::default()
        };
        let incident = Which::Incident(incident);
        house.acts(100, "kim", Act::Review { incident, review });
    }
    let measures = &house.record.incidents[&incident].review.measures;
    assert_eq!(*measures, [moved, disk]);
}
