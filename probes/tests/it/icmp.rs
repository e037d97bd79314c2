//! Echoes on the loopback. `tests/peers/probe_icmp.py` takes rights and answers away.

use domain::sample::{Outcome, Reason};

use crate::servers::{Spec, ask};

#[tokio::test]
async fn a_host_is_up_or_this_machine_allows_no_echo() {
    for (host, resolves) in [("127.0.0.1", false), ("::1", false), ("localhost", true)] {
        let spec = Spec::of("icmp").with("host", host);
        let finding = ask(spec.clone()).await;
        let detail = finding.detail.clone().unwrap_or_default();
        match finding.outcome {
            Outcome::Up => {}
            // Without a right to ICMP the run says nothing about the host.
            _ => {
                assert_eq!(finding.reason, Some(Reason::Monitor), "{host}: {detail}");
                assert!(detail.contains("CAP_NET_RAW"), "{host}: {detail}");
            }
        }
        assert_eq!(finding.phases.resolve_us.is_some(), resolves, "{host}");
        assert!(finding.phases.processing_us.is_some(), "{host}");
        assert_eq!(finding.phases.connect_us, None, "{host}");
    }
}
