//! A listener for the network: each request knows its client, and a connection may hold a place of its address.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use super::client::{Scheme, TrustedProxies};
use super::server::{self, Limits};
use super::tls::{self, ListenerTls};

/// Browsers that came by HTTPS use nothing else for half a year (RFC 6797). Over plain HTTP it must not be sent.
const HSTS: (HeaderName, HeaderValue) = (
    header::STRICT_TRANSPORT_SECURITY,
    HeaderValue::from_static("max-age=31536000"),
);

/// A listener and what stands in front of its routes.
pub struct Listener {
    pub tcp: TcpListener,
    pub proxies: Arc<TrustedProxies>,
    pub tls: Arc<ListenerTls>,
}

/// A connection, with TLS or without.
trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection for S {}

impl Listener {
    /// Serves `router` until `stop`. `place` gives an address a place for one more connection, or refuses it.
    pub(super) async fn serve<P: Send + 'static>(
        self,
        limits: Limits,
        router: Router,
        place: impl Fn(IpAddr) -> Option<P>,
        stop: impl Future<Output = ()>,
    ) {
        let router = TowerToHyperService::new(router);
        let accept = || async {
            let (stream, address) = self.tcp.accept().await?;
            let peer = address.ip().to_canonical();
            Ok(place(peer).map(|place| (stream, peer, place)))
        };
        let open = |(stream, peer, place): (TcpStream, IpAddr, P)| {
            let settings = self.tls.settings();
            let service = ClientService {
                router: router.clone(),
                peer,
                scheme: match settings {
                    Some(_) => Scheme::Https,
                    None => Scheme::Http,
                },
                proxies: Arc::clone(&self.proxies),
                _place: place,
            };
            async move {
                // Answers are written whole: waiting for more only delays them.
                stream.set_nodelay(true).ok()?;
                let stream: Box<dyn Connection> = match settings {
                    Some(settings) => Box::new(tls::handshake(settings, stream).await.ok()?),
                    None => Box::new(stream),
                };
                Some((stream, service))
            }
        };
        server::serve_within(limits, accept, open, stop).await;
    }
}

/// The routes for one connection. Each request gets the address and the scheme of its client.
struct ClientService<P> {
    router: TowerToHyperService<Router>,
    peer: IpAddr,
    scheme: Scheme,
    proxies: Arc<TrustedProxies>,
    _place: P,
}

impl<P> Service<Request<Incoming>> for ClientService<P> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let (peer, scheme) = self
            .proxies
            .client(self.peer, self.scheme, request.headers());
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(scheme);
        let answer = self.router.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            if scheme == Scheme::Https {
                let (name, value) = HSTS;
                answer.headers_mut().insert(name, value);
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;
    use values::{Format as _, IpNetwork};

    use super::super::client::Peer;
    use super::super::server::LIMITS;
    use super::*;

    async fn who(Extension(Peer(peer)): Extension<Peer>) -> String {
        peer.to_string()
    }

    /// The answer of a listener behind `proxies` to a request with these header lines.
    async fn answer(proxies: &[&str], lines: &str) -> String {
        let trusted = TrustedProxies::default();
        let networks = proxies.iter().map(|text| IpNetwork::parse(text).unwrap());
        trusted.replace(networks.collect());
        let listener = Listener {
            tcp: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            proxies: Arc::new(trusted),
            tls: Arc::new(ListenerTls::new("public")),
        };
        let address = listener.tcp.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().route("/", get(who));
        let served = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            listener.serve(LIMITS, router, |_| Some(()), stopped).await;
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        drop(stop);
        served.await.unwrap();
        answer
    }

    const FORWARDED: &str = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n";

    #[tokio::test]
    async fn a_request_of_a_trusted_proxy_is_its_clients() {
        let answer = answer(&["127.0.0.0/8"], FORWARDED).await;
        assert!(answer.ends_with("\r\n\r\n192.0.2.7"), "{answer}");
        assert!(
            answer.contains("strict-transport-security: max-age="),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn another_client_cannot_name_an_address_or_a_scheme() {
        let answer = answer(&["10.0.0.0/8"], FORWARDED).await;
        assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
        assert!(!answer.contains("strict-transport-security"), "{answer}");
    }
}
