//! The dashboards in `grafana/`: their queries, their layout, and their form.

fn dashboards() -> Vec<serde_json::Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/grafana/dashboards");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let texts = paths.iter().map(|p| std::fs::read_to_string(p).unwrap());
    texts.map(|t| serde_json::from_str(&t).unwrap()).collect()
}

#[test]
fn operators_and_the_committee_each_have_a_dashboard() {
    let dashboards = dashboards();
    let uids: Vec<_> = dashboards
        .iter()
        .map(|d| d["uid"].as_str().unwrap())
        .collect();
    assert_eq!(uids, ["nines-committee", "nines"]);
    for dashboard in &dashboards {
        for link in dashboard["links"].as_array().unwrap() {
            let uid = link["url"].as_str().unwrap().strip_prefix("/d/").unwrap();
            assert!(uids.contains(&uid), "{link}");
            assert_ne!(dashboard["uid"], uid);
        }
    }
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
    for dashboard in dashboards() {
        assert!(panels(&dashboard).len() > 10);
        for panel in panels(&dashboard) {
            let said =
                |value: &serde_json::Value| value.as_str().is_some_and(|text| !text.is_empty());
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
}

#[test]
fn every_query_of_the_dashboard_keeps_to_the_chosen_instance() {
    for dashboard in dashboards() {
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
                    query.matches("_total{").count()
                        <= query.matches("rate(").count()
                            + query.matches("increase(").count()
                            + differences,
                    "a counter is read as a rate or as a difference: {query}"
                );
            }
        }
    }
}

#[test]
fn a_state_on_the_dashboard_is_a_word_and_not_only_a_colour() {
    for dashboard in dashboards() {
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
    for dashboard in dashboards() {
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
}

#[test]
fn the_panels_of_the_dashboard_lie_beside_each_other() {
    for dashboard in dashboards() {
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
}

#[test]
fn a_query_of_the_dashboard_uses_variables_that_there_are() {
    for dashboard in dashboards() {
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
}

#[test]
fn what_is_said_of_now_is_not_the_last_value_of_hours_ago() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard) {
            if ["stat", "bargauge", "table"].contains(&panel["type"].as_str().unwrap()) {
                for target in panel["targets"].as_array().unwrap() {
                    assert_eq!(target["instant"], true, "{}", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn a_bar_has_no_colour_that_judges() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard) {
            if panel["type"] == "bargauge" {
                // Without one Grafana takes green, and red from 80 on.
                let mode = &panel["fieldConfig"]["defaults"]["color"]["mode"];
                assert_eq!(mode, "fixed", "{}", panel["title"]);
            }
        }
    }
}
