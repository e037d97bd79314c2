//! Where the program looks for the DuckDB library.

#[test]
fn a_copied_build_finds_the_library_beside_the_program_first() {
    if cfg!(feature = "bundled") {
        return;
    }
    let program = std::fs::read(env!("CARGO_BIN_EXE_nines")).unwrap();
    // The run path of an ELF file is a text that ends with a zero byte.
    let paths = program.split(|byte| *byte == 0);
    let mut paths = paths.filter(|path| path.starts_with(b"$ORIGIN"));
    assert!(
        paths.next().is_some(),
        "no run path begins with the program's own folder"
    );
}

#[test]
fn the_package_has_the_documents() {
    let script = include_str!("../../../scripts/package");
    let copied = script.lines().find(|line| line.starts_with("cp -R"));
    assert!(copied.is_some_and(|line| line.split(' ').any(|word| word == "docs")));
}
