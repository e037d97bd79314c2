//! The dashboard in `grafana/`: its queries, its layout, and its form.

fn dashboard() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/grafana/dashboards/nines.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn panels(dashboard: &serde_json::Value) -> Vec<&serde_json::Value> {
    let panels = dashboard["panels"].as_array().unwrap();
    panels
        .iter()
        .filter(|panel| panel["type"] != "row")
        .collect()
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    let dashboard = dashboard();
    assert!(panels(&dashboard).len() > 20);
    for panel in panels(&dashboard) {
        let said = |value: &serde_json::Value| value.as_str().is_some_and(|text| !text.is_empty());
        assert!(said(&panel["title"]), "{panel}");
        assert!(said(&panel["description"]), "{}", panel["title"]);
        assert!(
            said(&panel["fieldConfig"]["defaults"]["unit"]),
            "{}",
            panel["title"]
        );
        assert_eq!(
            panel["datasource"]["uid"], "${datasource}",
            "{}",
            panel["title"]
        );
    }
}

#[test]
fn every_query_of_the_dashboard_keeps_to_the_chosen_instance() {
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let selectors = query.matches('{').count();
            let kept = query
                .matches(r#"job=~"$job", instance=~"$instance""#)
                .count();
            assert!(selectors > 0 && selectors == kept, "{query}");
            // A difference to the step before names its counter twice.
            let differences = 2 * query.matches(" offset $__interval").count();
            assert!(
                query.matches("_total{").count() <= query.matches("rate(").count() + differences,
                "a counter is read as a rate or as a difference: {query}"
            );
        }
    }
}

#[test]
fn a_state_on_the_dashboard_is_a_word_and_not_only_a_colour() {
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        for mapping in panel["fieldConfig"]["defaults"]["mappings"]
            .as_array()
            .into_iter()
            .flatten()
        {
            for (value, shown) in mapping["options"].as_object().unwrap() {
                assert!(shown["text"].is_string(), "{value} of {}", panel["title"]);
            }
        }
        assert!(
            panel["fieldConfig"]["defaults"]["thresholds"].is_null(),
            "{} tells by colour alone",
            panel["title"]
        );
    }
}

/// The panel types of Grafana 10 and later.
const PANEL_TYPES: [&str; 6] = [
    "row",
    "stat",
    "table",
    "bargauge",
    "timeseries",
    "state-timeline",
];

#[test]
fn grafana_can_read_the_dashboard_as_it_is() {
    let dashboard = dashboard();
    assert!(dashboard["id"].is_null(), "an id belongs to one Grafana");
    assert!(dashboard["uid"].is_string());
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 39);
    let mut ids = std::collections::BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let kind = panel["type"].as_str().unwrap();
        assert!(PANEL_TYPES.contains(&kind), "{kind}");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let mut refs = std::collections::BTreeSet::new();
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert!(refs.insert(target["refId"].as_str().unwrap()), "{panel}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
        }
    }
}

#[test]
fn the_panels_of_the_dashboard_lie_beside_each_other() {
    let dashboard = dashboard();
    let mut taken = std::collections::BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(
            place("x") + place("w") <= 24,
            "{} is too wide",
            panel["title"]
        );
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{} lies on another", panel["title"]);
            }
        }
    }
}

#[test]
fn a_query_of_the_dashboard_uses_variables_that_there_are() {
    let dashboard = dashboard();
    let listed = dashboard["templating"]["list"].as_array().unwrap();
    let mut known: Vec<_> = listed.iter().map(|v| v["name"].as_str().unwrap()).collect();
    known.extend(["__interval", "__rate_interval"]);
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for panel in panels(&dashboard) {
        for target in panel["targets"].as_array().unwrap() {
            for after in target["expr"].as_str().unwrap().split('$').skip(1) {
                let name = after.split(|c| !word(c)).next().unwrap();
                assert!(known.contains(&name), "${name} in {}", panel["title"]);
            }
        }
    }
}

#[test]
fn what_is_said_of_now_is_not_the_last_value_of_hours_ago() {
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        if ["stat", "bargauge", "table"].contains(&panel["type"].as_str().unwrap()) {
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["instant"], true, "{}", panel["title"]);
            }
        }
    }
}

#[test]
fn a_bar_has_no_colour_that_judges() {
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        if panel["type"] == "bargauge" {
            // Without one Grafana takes green, and red from 80 on.
            let mode = &panel["fieldConfig"]["defaults"]["color"]["mode"];
            assert_eq!(mode, "fixed", "{}", panel["title"]);
        }
    }
}
