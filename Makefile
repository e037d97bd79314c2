# The set-up is Rust, a C compiler, make and npm; everything else happens here. `make` alone demonstrates.
.PHONY: demo test check bench package

# The first minute: small real systems on loopback, watched, broken, mended and reported.
demo:
	@scripts/cargo run -- demo

# Everything that needs nothing but this machine: the house rules, then every test.
test:
	@cargo run --quiet --package nines-tidy
	@scripts/cargo test --workspace

# The long properties and the real peers (nginx, mail servers, Prometheus): none may be missing.
check:
	@scripts/check

# The figures of benches/README.md, side by side with their peers.
bench:
	@benches/run

# A release that needs no library beside it (over half an hour on two cores), as dist/nines-*.tar.gz.
package:
	@scripts/package
