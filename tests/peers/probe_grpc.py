"""Probes of kind `grpc` against the health service of PyPI's grpcio: services in each state, an unknown one, a server
without the health service, TLS with a client certificate, and a web server.

`nines probe` runs each probe once. Its outcome, reason and words must be those of the table.
"""

import sys
from concurrent import futures

from harness import Workspace, free_port, probe_cases, say, serving
from probe_tls import Authority


def serve(port, does, folder):
    """Serve the health of three services; `does` is `health` or `nothing`."""
    import grpc
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    if does == "health":
        servicer = health.HealthServicer()
        states = health_pb2.HealthCheckResponse
        for name, state in (("", states.SERVING), ("matching.v1.Patients", states.SERVING),
                            ("consent.v1.Consent", states.NOT_SERVING), ("audit.v1.Audit", states.UNKNOWN)):
            servicer.set(name, state)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if folder:
        key, chain, roots = (open(f"{folder}/{name}", "rb").read() for name in ("web.key", "web.pem", "ca.pem"))
        credentials = grpc.ssl_server_credentials([(key, chain)], roots, require_client_auth=True)
        server.add_secure_port(f"127.0.0.1:{port}", credentials)
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def start(workspace, does, folder=""):
    """Start a server of grpcio and return its port."""
    return serving(workspace, "grpc", __file__, does, folder)


def run(workspace):
    authority = Authority(workspace.folder / "ca")
    authority.issue("web", "DNS:localhost")
    authority.issue("client", "DNS:nines.example.org")
    folder = authority.folder
    trusted = f'tls = true\nca_file = "{folder}/ca.pem"'
    client = (f'{trusted}\nclient_certificate_file = "{folder}/client.pem"\n'
              f'client_key_file = "{folder}/client.key"')
    good, bare, secure = start(workspace, "health"), start(workspace, "nothing"), start(workspace, "health", folder)
    web = free_port()
    workspace.nginx(web)
    # Port, keys; outcome, reason and words.
    cases = [
        (good, "", "up", None, ""),
        (good, 'service = "matching.v1.Patients"', "up", None, ""),
        (good, 'service = "consent.v1.Consent"', "down", "status", "the service is NOT_SERVING"),
        (good, 'service = "audit.v1.Audit"', "down", "status", "the service is UNKNOWN"),
        (good, 'service = "other"', "down", "status", "gRPC status 5 NOT_FOUND: the server does not know this service"),
        (bare, "", "down", "status", "gRPC status 12 UNIMPLEMENTED: the server has no health service"),
        (secure, client, "up", None, ""),
        # Unlike others, grpcio sends no alert before it closes.
        (secure, trusted, "down", "protocol", "the server asked for a client certificate"),
        (secure, "tls = true", "down", "certificate", "issued by Hospital CA"),
        (good, trusted, "down", "tls", ""),
        (web, "", "down", "protocol", ""),
        (free_port(), "", "down", "refused", "connection refused"),
    ]
    probe_cases(workspace, "grpc", cases, shown=6)
    say("grpc: passed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with Workspace(limit_s=240) as here:
            run(here)
