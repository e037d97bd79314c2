//! Lets every binary, test and doctest find the prebuilt DuckDB library without an environment.

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if std::env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    // A build that is copied to a server finds the library beside the program, and that of a package under
    // `/usr/lib/nines`.
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN:$ORIGIN/../lib/nines");
    // A release goes to other machines, so it names no folder of the build machine.
    let is_shipped = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if let (Ok(dir), false) = (std::env::var("DUCKDB_LIB_DIR"), is_shipped) {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{dir}");
    }
}
