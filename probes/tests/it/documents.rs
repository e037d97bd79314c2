//! Every kind of probe is explained, and nothing else is.

use std::path::Path;

#[test]
fn every_kind_has_a_section_and_an_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(folder.join("../docs/probes.md")).unwrap();
    let sections = text.lines().filter_map(|line| line.strip_prefix("## `"));
    let sections: Vec<_> = sections.map(|rest| rest.trim_end_matches('`')).collect();
    let kinds: Vec<_> = probes::KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(sections, kinds, "in the order of the table in kinds.rs");
    for kind in kinds {
        let example = format!("examples/{kind}.toml");
        assert!(folder.join(&example).is_file(), "{example}");
        assert!(text.contains(&format!("`probes/{example}`")), "{example}");
    }
}
