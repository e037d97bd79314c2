//! An OpenID Connect provider: what it publishes about itself, and the checks of its answers. Both are the library's
//! work. Nothing is fetched before somebody signs in, so that a provider that is down holds nothing up.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthenticationFlow,
    AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IdTokenVerifier, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata,
    RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse,
    SubjectIdentifier, TokenResponse as _, UserInfoClaims, UserInfoError,
};
use openidconnect::{ClaimsVerificationError, SignatureVerificationError};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;
use values::url::is_protected;

use super::http::{self, Http};
use crate::clock;
use crate::config::OpenId;

/// The provider's document and keys are fetched again after that time, and when a key is unknown.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// After a failure they are not asked for again for that time, so that requests do not queue up.
const PAUSE: Duration = Duration::from_secs(2);

/// What a provider publishes beside the usual.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct MoreMetadata {
    /// True if each answer names the issuer (RFC 9207).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The claims that OpenID Connect does not define, such as groups.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
struct MoreClaims(Map<String, Value>);

impl AdditionalClaims for MoreClaims {}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        MoreClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type ProviderClient = Client<
    MoreClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why nobody is signed in.
#[derive(Debug)]
pub enum Failure {
    /// The provider does not answer, or not as OpenID Connect asks for. The log says why.
    Unavailable,
    /// It answered, and the answer proves nobody. The text is the end of "the answer was refused: …".
    Refused(String),
}

/// A sign-in to begin.
pub struct Begun {
    /// The provider's page.
    pub url: Url,
    pub state: CsrfToken,
    pub nonce: Nonce,
    pub verifier: PkceCodeVerifier,
}

/// A provider, and what it last published.
pub struct Provider {
    pub setup: OpenId,
    published: Mutex<Published>,
    is_failing: AtomicBool,
}

#[derive(Default)]
struct Published {
    last: Option<Arc<Fetched>>,
    /// By a clock that only runs forward.
    failed_at: Option<Duration>,
}

struct Fetched {
    metadata: Metadata,
    http: Http,
    at: Duration,
}

/// Asks the provider for its document and its keys, as the first sign-in does. Nobody signs in.
///
/// # Errors
/// It does not answer, or its document names another issuer than the configuration.
pub async fn try_out(setup: OpenId) -> Result<String, String> {
    match Provider::new(setup).discover().await {
        Ok(found) => {
            let page = found.metadata.authorization_endpoint();
            let keys = found.metadata.jwks().keys().len();
            Ok(format!(
                "its document names this issuer; people sign in at {page}; keys: {keys}"
            ))
        }
        Err(error) => {
            let error: &(dyn std::error::Error + 'static) = &*error;
            let sources = std::iter::successors(Some(error), |e| e.source());
            let texts: Vec<String> = sources.map(ToString::to_string).collect();
            Err(texts.join(": "))
        }
    }
}

impl Provider {
    pub fn new(setup: OpenId) -> Self {
        Self {
            setup,
            published: Mutex::default(),
            is_failing: AtomicBool::new(false),
        }
    }

    /// True if it could not be asked the last time.
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// A new sign-in: a state, a nonce and a PKCE verifier of its own, and the page that asks the person.
    pub async fn begin(&self) -> Result<Begun, Failure> {
        let fetched = self.fetched(FRESH).await?;
        let client = self.client(&fetched.metadata)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let scopes = self.setup.scopes.iter().cloned().map(Scope::new);
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge)
            .add_scopes(scopes)
            .url();
        if !is_protected(&url) {
            let error = http::Error::Unprotected(url.to_string());
            return Err(self.unavailable(&error));
        }
        Ok(Begun {
            url,
            state,
            nonce,
            verifier,
        })
    }

    /// Refuses an answer that names another issuer, or none where this one always names itself (RFC 9207): a person
    /// could have been led to another provider.
    pub async fn check_issuer(&self, named: Option<&str>) -> Result<(), Failure> {
        let names_itself = || async {
            let fetched = self.fetched(FRESH).await?;
            let more = fetched.metadata.additional_metadata();
            Ok(more.authorization_response_iss_parameter_supported)
        };
        match named {
            Some(named) if named == self.setup.issuer => Ok(()),
            Some(_) => Err(refused("its answer names another issuer")),
            None if names_itself().await? => {
                Err(refused("its answer does not name it as the issuer"))
            }
            None => Ok(()),
        }
    }

    /// Exchanges the code for an ID token and verifies it: signature, issuer, audience, nonce, expiry. Returns the
    /// claims, with those of the user info endpoint that the token lacks.
    pub async fn claims(
        &self,
        code: String,
        nonce: &Nonce,
        verifier: PkceCodeVerifier,
    ) -> Result<Map<String, Value>, Failure> {
        let fetched = self.fetched(FRESH).await?;
        let client = self.client(&fetched.metadata)?;
        let exchange = client.exchange_code(AuthorizationCode::new(code));
        let exchange = exchange.map_err(|error| self.unavailable(&error))?;
        let exchanged = exchange
            .set_pkce_verifier(verifier)
            .request_async(&fetched.http)
            .await;
        let tokens = exchanged.map_err(|error| match &error {
            RequestTokenError::ServerResponse(answer) => refused(&format!(
                "it did not accept the code: {}",
                answer.error().as_ref()
            )),
            error => self.unavailable(error),
        })?;
        self.is_failing.store(false, Ordering::Relaxed);
        let mut claims = match self.verified(&fetched.metadata, &tokens, nonce) {
            // The provider may have begun to use another key.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
                | SignatureVerificationError::CryptoError(_),
            )) => {
                let fetched = self.fetched(Duration::ZERO).await?;
                self.verified(&fetched.metadata, &tokens, nonce)
            }
            verified => verified,
        }
        .map_err(|error| self.not_proven(&error))?;
        let lacks = |name: &str| find(&claims, name).is_none();
        let has_user_info = client.user_info_url().is_some();
        if has_user_info && (lacks(&self.setup.claim) || lacks("preferred_username")) {
            let more = self.user_info(&client, &fetched.http, &tokens, &claims);
            for (name, value) in more.await? {
                claims.entry(name).or_insert(value);
            }
        }
        Ok(claims)
    }

    /// The claims of the ID token if it proves a person.
    fn verified(
        &self,
        metadata: &Metadata,
        tokens: &Tokens,
        nonce: &Nonce,
    ) -> Result<Map<String, Value>, ClaimsVerificationError> {
        let other = |why: &str| ClaimsVerificationError::Other(why.to_owned());
        let token = tokens
            .id_token()
            .ok_or_else(|| other("there is no ID token"))?;
        // As for a client without a secret: a signature must be made with the provider's own key, so that the client's
        // secret signs nothing.
        let verifier = IdTokenVerifier::new_public_client(
            ClientId::new(self.setup.client_id.clone()),
            metadata.issuer().clone(),
            metadata.jwks().clone(),
        );
        let algorithms = metadata.id_token_signing_alg_values_supported();
        let verifier = verifier.set_allowed_algs(algorithms.to_vec());
        let claims = token.claims(&verifier, nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let signed = token.signing_alg().and_then(|algorithm| {
                let key = token.signing_key(&verifier)?;
                Ok((algorithm, key))
            });
            let (algorithm, key) =
                signed.map_err(ClaimsVerificationError::SignatureVerification)?;
            let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
            if hash.is_ok_and(|hash| hash != *expected) {
                return Err(other("the access token is not the one of the ID token"));
            }
        }
        match serde_json::to_value(claims) {
            Ok(Value::Object(claims)) => Ok(claims),
            _ => Err(other("the claims cannot be read")),
        }
    }

    async fn user_info(
        &self,
        client: &ProviderClient,
        http: &Http,
        tokens: &Tokens,
        claims: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let subject = claims
            .get("sub")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let subject = SubjectIdentifier::new(subject.to_owned());
        let request = client.user_info(tokens.access_token().clone(), Some(subject));
        let request = request.map_err(|error| self.unavailable(&error))?;
        let answer: Result<UserInfoClaims<MoreClaims, CoreGenderClaim>, _> =
            request.request_async(http).await;
        let answer = answer.map_err(|error| match &error {
            UserInfoError::ClaimsVerification(_) => refused("the user info is of another person"),
            error => self.unavailable(error),
        })?;
        match serde_json::to_value(answer) {
            Ok(Value::Object(claims)) => Ok(claims),
            _ => Err(Failure::Unavailable),
        }
    }

    fn client(&self, metadata: &Metadata) -> Result<ProviderClient, Failure> {
        let redirect = RedirectUrl::new(self.setup.redirect_url.clone());
        let redirect = redirect.map_err(|error| self.unavailable(&error))?;
        let client = ProviderClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.setup.client_id.clone()),
            Some(ClientSecret::new(
                self.setup.client_secret.expose_secret().to_owned(),
            )),
        );
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_some_and(|methods| methods.contains(&method));
        let auth_type = match takes(CoreClientAuthMethod::ClientSecretPost)
            && !takes(CoreClientAuthMethod::ClientSecretBasic)
        {
            true => AuthType::RequestBody,
            false => AuthType::BasicAuth,
        };
        Ok(client.set_redirect_uri(redirect).set_auth_type(auth_type))
    }

    /// What the provider publishes, no older than `age` if it can be fetched.
    async fn fetched(&self, age: Duration) -> Result<Arc<Fetched>, Failure> {
        let mut published = self.published.lock().await;
        let now = clock::elapsed();
        let last = published.last.clone();
        if let Some(last) = last
            .as_ref()
            .filter(|last| now.saturating_sub(last.at) < age)
        {
            return Ok(Arc::clone(last));
        }
        let failed_at = published.failed_at;
        let fetched = match failed_at {
            Some(at) if now.saturating_sub(at) < PAUSE => Err(Failure::Unavailable),
            _ => self.fetch().await,
        };
        match fetched {
            Ok(fetched) => {
                let fetched = Arc::new(fetched);
                *published = Published {
                    last: Some(Arc::clone(&fetched)),
                    failed_at: None,
                };
                self.is_failing.store(false, Ordering::Relaxed);
                Ok(fetched)
            }
            Err(failure) => {
                published.failed_at = failed_at
                    .filter(|at| now.saturating_sub(*at) < PAUSE)
                    .or(Some(clock::elapsed()));
                // An old document is better than none, unless it is known to be outdated.
                last.filter(|_| !age.is_zero()).ok_or(failure)
            }
        }
    }

    async fn fetch(&self) -> Result<Fetched, Failure> {
        let found = self.discover().await;
        found.map_err(|error| self.unavailable(&*error))
    }

    /// Fetches the document, which must name the issuer, and the keys.
    async fn discover(&self) -> Result<Fetched, Box<dyn std::error::Error + Send + Sync>> {
        let issuer = IssuerUrl::new(self.setup.issuer.clone())?;
        let ca_file = self.setup.ca_file.clone();
        // Reads files.
        let http = tokio::task::spawn_blocking(move || Http::new(ca_file.as_deref())).await??;
        let metadata = Metadata::discover_async(issuer, &http).await?;
        Ok(Fetched {
            metadata,
            http,
            at: clock::elapsed(),
        })
    }

    fn unavailable(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        self.is_failing.store(true, Ordering::Relaxed);
        let issuer = &self.setup.issuer;
        tracing::warn!(issuer, error, "the OpenID Connect provider cannot be used");
        Failure::Unavailable
    }

    /// Why an ID token proves nobody, in a sentence's end.
    fn not_proven(&self, error: &ClaimsVerificationError) -> Failure {
        let issuer = &self.setup.issuer;
        tracing::warn!(issuer, %error, "an ID token was refused");
        refused(match error {
            ClaimsVerificationError::Expired(_) => "the ID token has expired",
            ClaimsVerificationError::InvalidAudience(_) => "the ID token is for another client",
            ClaimsVerificationError::InvalidIssuer(_) => "the ID token is of another issuer",
            ClaimsVerificationError::InvalidNonce(_) => "the ID token is for another sign-in",
            ClaimsVerificationError::SignatureVerification(_) => {
                "the ID token is not signed with a key of the provider"
            }
            _ => "its answer has no valid ID token",
        })
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.setup.issuer)
    }
}

fn refused(why: &str) -> Failure {
    Failure::Refused(why.to_owned())
}

/// A claim by its name, or by the way to it through nested claims, with dots between them.
pub fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}
