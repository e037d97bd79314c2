# The set-up is Rust, a C compiler, make and npm; everything else happens here. `make` alone demonstrates.
.PHONY: demo test check check-long mutants bench package

# The first minute: small real systems on loopback, watched, broken, mended and reported.
demo:
	@scripts/cargo run -- demo

# Everything that needs nothing but this machine: the house rules, then every test.
test:
	@cargo run --quiet --package nines-tidy
	@scripts/cargo test --workspace

# Properties with a fresh seed and the real peers (nginx, mail servers, Prometheus): none may be missing.
check:
	@scripts/check

# The long searches: 100,000 random cases, 500 kills. Hours; not part of CI.
check-long:
	@scripts/check-long

# Change one module in small ways and list what no test notices: `make mutants MODULE=domain/src/windows`.
mutants:
	@scripts/mutants

# The figures of benches/README.md, side by side with their peers.
bench:
	@benches/run

# A release that needs no library beside it (over half an hour on two cores), as dist/nines-*.tar.gz.
package:
	@scripts/package
