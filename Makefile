# Needs Rust, a C compiler, make and npm. `make` alone runs the demo.
.PHONY: demo test check check-long mutants bench package

# Monitors small systems on this machine, breaks and repairs them, and shows what Nines does.
demo:
	@scripts/cargo run -- demo

# Checks imports, metrics and paths, then runs every test that needs no other program.
test:
	@cargo run --quiet --package nines-tidy
	@scripts/cargo test --workspace

# Random cases, and tests with the real nginx, mail servers and Prometheus, which must be installed.
check:
	@scripts/check

# 100,000 random cases and 500 kills: takes hours, not part of CI.
check-long:
	@scripts/check-long

# Changes one module in small ways and lists the changes that no test notices:
# `make mutants MODULE=domain/src/windows`.
mutants:
	@scripts/mutants

# Measures the figures of benches/README.md.
bench:
	@benches/run

# Builds dist/nines-*.tar.gz, which needs no other library. Takes over half an hour on two cores.
package:
	@scripts/package
