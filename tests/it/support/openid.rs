//! A small OpenID Connect provider. It signs in whoever the test names, and lies as the test asks.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use nines::clock;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

pub const CLIENT: &str = "nines";
pub const SECRET: &str = "the secret of the client";

/// The key that signs an ID token.
pub enum Signer {
    Own,
    /// A key that the provider does not publish, under the name of its own.
    Stranger,
    /// The secret of the client (HS256).
    Secret,
    /// No signature at all (`none`).
    Nobody,
}

/// What the provider knows and says.
pub struct Says {
    /// Claims of the ID token beside the usual, or in their place. Null leaves one out.
    pub claims: Value,
    /// Claims of the user info endpoint.
    pub user_info: Value,
    /// Keys of the document in place of the usual.
    pub document: Value,
    /// Keys of the answer of the token endpoint in place of the usual.
    pub tokens: Value,
    pub signer: Signer,
    /// The requests to each path.
    pub asked: HashMap<String, usize>,
    key: KeyPair,
    key_id: String,
    codes: HashMap<String, Asked>,
}

/// What the console asked for on the way to the provider's page.
pub struct Asked {
    pub query: HashMap<String, String>,
}

impl Says {
    /// The provider signs with a new key from now on, and publishes no other.
    pub fn rotate(&mut self) {
        self.key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        self.key_id.push('+');
    }
}

pub struct Provider {
    pub address: SocketAddr,
    says: Arc<Mutex<Says>>,
}

impl Provider {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    pub fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let says = Says {
            claims: json!({}),
            user_info: json!({}),
            document: json!({}),
            tokens: json!({}),
            signer: Signer::Own,
            asked: HashMap::new(),
            key: KeyPair::generate_for(&PKCS_ED25519).unwrap(),
            key_id: "key".to_owned(),
            codes: HashMap::new(),
        };
        let says = Arc::new(Mutex::new(says));
        let shared = Arc::clone(&says);
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, address, &mut shared.lock().unwrap());
            }
        });
        Self { address, says }
    }

    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn says(&self) -> MutexGuard<'_, Says> {
        self.says.lock().unwrap()
    }

    /// The person agrees on the provider's page. Returns the query with which the console is asked next.
    pub fn agree(&self, page: &str) -> String {
        let url = Url::parse(page).unwrap();
        assert_eq!(url.origin().ascii_serialization(), self.issuer());
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let mut says = self.says();
        let code = format!("code-{}", says.codes.len());
        let state = query["state"].clone();
        says.codes.insert(code.clone(), Asked { query });
        format!("code={code}&state={state}")
    }
}

fn serve(mut stream: TcpStream, address: SocketAddr, says: &mut Says) {
    let mut read = Vec::new();
    let mut part = [0; 4096];
    let (head, body) = loop {
        let length = stream.read(&mut part).unwrap_or(0);
        read.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
            let length = header(head, "content-length").unwrap_or("0");
            body.len() >= length.parse().unwrap()
        });
        match whole {
            Some((head, body)) => break (head.to_owned(), body.to_owned()),
            None if length == 0 => return,
            None => {}
        }
    };
    let path = head.split(' ').nth(1).unwrap();
    *says.asked.entry(path.to_owned()).or_default() += 1;
    let (status, answer) = match path {
        "/.well-known/openid-configuration" => (200, document(address, says)),
        "/keys" => (200, keys(says)),
        "/token" => token(address, says, &head, &body),
        "/userinfo" if header(&head, "authorization") == Some("Bearer access") => {
            (200, says.user_info.clone())
        }
        _ => (404, json!({})),
    };
    let answer = answer.to_string();
    let length = answer.len();
    // The console may have given up.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
    );
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn document(address: SocketAddr, says: &Says) -> Value {
    let at = |path: &str| format!("http://{address}{path}");
    let mut document = json!({
        "issuer": at(""),
        "authorization_endpoint": at("/page"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "userinfo_endpoint": at("/userinfo"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA", "RS256", "HS256", "none"],
    });
    replace(&mut document, &says.document);
    document
}

fn keys(says: &Says) -> Value {
    let x = URL_SAFE_NO_PAD.encode(says.key.public_key_raw());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": says.key_id, "x": x }] })
}

/// Exchanges a code once, for the client that asked for it, with the verifier of its challenge (RFC 7636).
fn token(address: SocketAddr, says: &mut Says, head: &str, body: &str) -> (u16, Value) {
    let form: HashMap<_, _> = form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let basic = header(head, "authorization").unwrap_or_default();
    let basic = STANDARD.decode(basic.trim_start_matches("Basic ")).unwrap();
    let expected = format!("{CLIENT}:{}", SECRET.replace(' ', "+"));
    if basic != expected.as_bytes() {
        return (401, json!({ "error": "invalid_client" }));
    }
    let Some(Asked { query }) = says.codes.remove(&form["code"]) else {
        return (400, json!({ "error": "invalid_grant" }));
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    assert_eq!(
        (challenge, "S256"),
        (
            query["code_challenge"].clone(),
            &*query["code_challenge_method"]
        )
    );
    assert_eq!(form["redirect_uri"], query["redirect_uri"]);
    assert_eq!(form["grant_type"], "authorization_code");
    let now = clock::now().as_second();
    let mut claims = json!({
        "iss": format!("http://{address}"), "aud": CLIENT, "sub": "s-1", "nonce": query["nonce"],
        "iat": now, "exp": now + 60, "preferred_username": "kim", "name": "Kim Lee", "groups": ["ops"],
    });
    replace(&mut claims, &says.claims);
    let mut answer = json!({
        "access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": signed(says, &claims),
    });
    replace(&mut answer, &says.tokens);
    (200, answer)
}

fn signed(says: &Says, claims: &Value) -> String {
    let algorithm = match says.signer {
        Signer::Own | Signer::Stranger => "EdDSA",
        Signer::Secret => "HS256",
        Signer::Nobody => "none",
    };
    let header = json!({ "alg": algorithm, "kid": says.key_id, "typ": "JWT" });
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let text = format!("{}.{}", part(&header), part(claims));
    let bytes = text.as_bytes();
    let signature = match says.signer {
        Signer::Own => says.key.sign(bytes).unwrap(),
        Signer::Stranger => {
            let other = KeyPair::generate_for(&PKCS_ED25519).unwrap();
            other.sign(bytes).unwrap()
        }
        Signer::Secret => {
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(bytes);
            mac.finalize().into_bytes().to_vec()
        }
        Signer::Nobody => Vec::new(),
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn replace(object: &mut Value, by: &Value) {
    for (name, value) in by.as_object().unwrap() {
        match value {
            Value::Null => object.as_object_mut().unwrap().remove(name),
            value => object
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
}
