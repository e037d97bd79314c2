//! Every kind of probe is explained, and nothing else is.

use std::path::Path;

#[test]
fn every_kind_has_a_section_and_an_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = include_str!("../../../docs/probes.md");
    // Heartbeats call Nines: they are no kind of this crate, and their title has more words.
    let section = |line: &'static str| line.strip_prefix("## `")?.strip_suffix('`');
    let sections: Vec<_> = text.lines().filter_map(section).collect();
    let kinds: Vec<_> = probes::KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(sections, kinds, "in the order of the table in kinds.rs");
    for kind in kinds {
        let example = format!("examples/{kind}.toml");
        assert!(folder.join(&example).is_file(), "{example}");
        assert!(text.contains(&format!("`probes/{example}`")), "{example}");
    }
}
