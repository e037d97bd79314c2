//! Histories that a search found, kept after their mend.

use super::{Step, every_property_holds};

/// `b` flaps by a declared outage and two that were seen, and the configuration takes its probe away.
fn flapping_until_its_probe_goes() -> Vec<Step> {
    use Step::{Act, Configure, Deliver, Pass, Switch};
    let mut steps = vec![
        Pass(2),
        Switch(3, 'D'),
        Pass(3),
        Act(3, 1),
        Deliver(0),
        Pass(1),
    ];
    steps.extend([
        Switch(3, 'U'),
        Pass(4),
        Deliver(82),
        Act(5, 1),
        Pass(2),
        Act(5, 0),
    ]);
    steps.extend([
        Deliver(0),
        Switch(3, 'D'),
        Pass(6),
        Deliver(0),
        Switch(3, 'U'),
        Pass(4),
    ]);
    steps.extend([
        Pass(1),
        Switch(3, 'D'),
        Pass(5),
        Deliver(157),
        Configure(10),
        Pass(15),
    ]);
    steps.extend([Deliver(0), Configure(1)]);
    steps
}

#[test]
fn flapping_that_a_configuration_ended_is_over_for_customers_when_the_system_was_heard() {
    let mut steps = flapping_until_its_probe_goes();
    steps.push(Step::Send);
    every_property_holds(&steps).unwrap();
}

#[test]
fn a_declared_outage_that_is_moved_beyond_later_ones_ends_the_row() {
    let mut steps = flapping_until_its_probe_goes();
    steps.push(Step::Act(5, 0));
    every_property_holds(&steps).unwrap();
}

#[test]
fn a_subscriber_whose_system_was_hidden_for_a_while_reads_its_recovery_and_no_second_downtime() {
    use Step::{Configure, Deliver, Pass, Subscribe, Switch};
    let steps = [
        Subscribe(2, 2),
        Switch(3, 'D'),
        Pass(6),
        Deliver(0),
        Switch(3, 'U'),
        Pass(4),
        Switch(2, 'U'),
        Pass(1),
        Switch(3, 'D'),
        Pass(3),
        Deliver(0),
        Pass(2),
        Deliver(190),
        Configure(2),
    ];
    every_property_holds(&steps).unwrap();
}
