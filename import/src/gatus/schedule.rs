//! When an endpoint is asked, and how many results confirm an outage.

use super::endpoint::Endpoint;
use crate::keys::Keys;
use crate::length::{parse_ms, spelt};
use crate::output::Imported;
use crate::yaml::Node;

impl Endpoint<'_> {
    /// `interval`, `timeout`, `failures` and `recoveries`.
    pub(super) fn schedule(&self, keys: &mut Keys, imported: &mut Imported) {
        let client = self.node.get("client");
        let timeout = client.and_then(|client| client.get("timeout"));
        let interval = self.node.get("interval");
        let mut interval_ms = 60_000;
        for (key, node, default) in [
            ("interval", interval, Some("60s")),
            ("timeout", timeout, None),
        ] {
            let text = node.and_then(Node::text).or(default);
            let Some(text) = text else { continue };
            let line = node.map_or(self.node.line, |node| node.line);
            match parse_ms(text) {
                Some(ms) if key == "timeout" && ms > interval_ms => {
                    let why = "longer than the interval: the default is used";
                    self.leave(imported, line, key, why);
                }
                Some(ms) => {
                    if key == "interval" {
                        interval_ms = ms;
                    }
                    keys.set(key, spelt(ms));
                }
                None => {
                    let why = format!(
                        "`{text}` is not a time as \"30s\" or \"1m30s\": the default is used"
                    );
                    self.leave(imported, line, key, why);
                    if key == "interval" {
                        keys.set(key, "60s");
                    }
                }
            }
        }
        self.thresholds(keys, imported);
    }

    fn thresholds(&self, keys: &mut Keys, imported: &mut Imported) {
        let Some(alerts) = self.node.get("alerts") else {
            return;
        };
        for (key, ours) in [
            ("failure-threshold", "failures"),
            ("success-threshold", "recoveries"),
        ] {
            let all = alerts
                .list()
                .iter()
                .filter_map(|alert| alert.get(key)?.text()?.parse::<i64>().ok());
            if let Some(least) = all.min().filter(|n| (1..=100).contains(n)) {
                keys.set(ours, least);
            }
        }
        let why = "only the thresholds were kept: notices go to the customers of a system";
        self.leave(imported, alerts.line, "alerts", why);
    }
}
