//! A code that a person types in on any other device. yup-oauth2 says what to ask and makes sense of the answers; it speaks to
//! no server itself, keeps nothing, prints nothing, and is given no more time than the code has. What it logs is for nobody's eyes: the program lets no crate but calsync log.

use std::{
    future::pending,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use yup_oauth2::{
    ApplicationSecret, CustomHyperClientBuilder, DeviceFlowAuthenticator, Error,
    authenticator_delegate::{DeviceAuthResponse, DeviceFlowDelegate},
    storage::{TokenInfo, TokenStorage, TokenStorageError},
};

mod desk;

use desk::Desk;

use super::{Ask, Newcomer, Outcome, Tell};
use crate::{
    auth::{OauthClient, SCOPE, Way, token::Refusal, words},
    clock::Clock,
    http,
    provider::{Answer, ErrorKind, ProviderError},
    secrets::Secret,
};

/// How long the server may take to come up with a code, and with each answer after that.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// Signs in with a code.
pub(super) async fn run(new: &Newcomer, client: &OauthClient, tell: &Tell) -> Answer<Outcome> {
    let refresh = match ask(new, client, tell).await {
        Ok(refresh) => refresh,
        Err(Failed::Closed(code)) => {
            return Ok(Outcome::Closed(
                new.error(ErrorKind::SignIn, &closed(&code)),
            ));
        }
        Err(Failed::Otherwise(error)) => return Err(error),
    };
    let granted = new.try_out(client, &refresh).await?;
    new.keep(Way::Device, &granted)
}

enum Failed {
    /// Not with this client; the code says why.
    Closed(String),
    Otherwise(ProviderError),
}

fn closed(code: &str) -> String {
    format!(
        "Google does not let this OAuth client sign in with a code ({code}). That takes a client of the type \"TVs and Limited \
         Input devices\"; one of the type \"Desktop app\" signs in with a browser: --flow browser on this machine, or --flow \
         paste from another"
    )
}

async fn ask(new: &Newcomer, client: &OauthClient, tell: &Tell) -> Result<Secret, Failed> {
    let broken = |words: &str| Failed::Otherwise(new.error(ErrorKind::Broken, words));
    let endpoint = &new.google.endpoint;
    let (token_url, code_url) = (endpoint.token(), endpoint.device_code());
    let desk = Desk::new(new, &code_url, &token_url);
    let (guest, bridge) = http::bridge();
    let secret = ApplicationSecret {
        client_id: client.id.clone(),
        client_secret: client.secret.expose().to_owned(),
        token_uri: token_url.clone(),
        ..ApplicationSecret::default()
    };
    let caught = Catch::default();
    let (shown, is_shown) = oneshot::channel();
    let show = Show {
        tell: Arc::clone(tell),
        shown: Mutex::new(Some(shown)),
    };
    let guest = CustomHyperClientBuilder::from(guest);
    let authenticator = DeviceFlowAuthenticator::with_client(secret, guest)
        .device_code_url(code_url.clone())
        .flow_delegate(Box::new(show))
        .with_storage(Box::new(caught.clone()))
        .build()
        .await
        .map_err(|_| broken("the sign-in cannot be made ready"))?;
    let asking = pin!(Box::pin(authenticator.token(&[SCOPE])));
    let serving = async {
        bridge
            .serve(async |path, form| desk.answer(&path, form).await)
            .await;
        pending().await
    };
    let (serving, late) = (pin!(serving), pin!(too_late(new.clock(), is_shown)));
    let over = select(serving, late);
    match select(asking, over).await {
        Either::Left((Ok(_), _)) => caught
            .refresh_token()
            .ok_or_else(|| broken("Google gave no lasting sign-in")),
        Either::Left((Err(error), _)) => Err(match desk.failed.take() {
            Some(error) => Failed::Otherwise(new.refused(Refusal::Http(error))),
            None => failed(new, &error),
        }),
        Either::Right((Either::Left((late, _)) | Either::Right((late, _)), _)) => {
            Err(Failed::Otherwise(new.error(late.0, late.1)))
        }
    }
}

/// Ends when it is too late for an answer: of the server, or of the person.
async fn too_late(clock: &Clock, shown: oneshot::Receiver<Duration>) -> (ErrorKind, &'static str) {
    match clock.limit(ANSWER_MAX, shown).await {
        Some(Ok(left)) => {
            clock.limit(left, pending::<()>()).await;
            (
                ErrorKind::SignIn,
                "the code was not entered in time; start again",
            )
        }
        // No code comes, and whoever was asked for it says why.
        Some(Err(_)) => pending().await,
        None => (
            ErrorKind::Retry(None),
            "the sign-in server did not answer in time; try again later",
        ),
    }
}

fn failed(new: &Newcomer, error: &Error) -> Failed {
    let refusal = match error {
        Error::AuthError(error) => {
            let code = error.error.as_str();
            match code {
                "invalid_client" | "invalid_scope" | "unauthorized_client" => {
                    return Failed::Closed(code.to_owned());
                }
                // A code that was used up or is too old; nothing is stored yet that could have died.
                "invalid_grant" => Refusal::No("expired_token".to_owned()),
                code if words::is_code(code) => Refusal::No(code.to_owned()),
                _ => Refusal::Odd(http::StatusCode::BAD_REQUEST),
            }
        }
        _ => {
            let words = "the answer of the sign-in server makes no sense; is `endpoint` right? Else Google may be limiting or \
                in trouble: try again in some minutes";
            return Failed::Otherwise(new.error(ErrorKind::Broken, words));
        }
    };
    Failed::Otherwise(new.refused(refusal))
}

/// Shows the code, and how long it is good for.
struct Show {
    tell: Tell,
    shown: Mutex<Option<oneshot::Sender<Duration>>>,
}

impl DeviceFlowDelegate for Show {
    fn present_user_code<'a>(
        &'a self,
        answer: &'a DeviceAuthResponse,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        // yup-oauth2 counts from the machine's clock.
        let now = Clock::System.now().as_second();
        let left = answer.expires_at.unix_timestamp().saturating_sub(now);
        let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
        (self.tell)(&Ask::Code {
            address: &answer.verification_uri,
            code: &answer.user_code,
            minutes: left.as_secs().div_ceil(60),
        });
        let shown = self.shown.lock().ok().and_then(|mut shown| shown.take());
        let sent = shown.map(|shown| shown.send(left));
        if matches!(sent, Some(Err(_))) {
            tracing::debug!("nobody waits for the code any more");
        }
        Box::pin(async {})
    }
}

/// Keeps the refresh token for a moment, and everything else not at all.
#[derive(Clone, Default)]
struct Catch(Arc<Mutex<Option<Secret>>>);

impl Catch {
    fn refresh_token(&self) -> Option<Secret> {
        self.0.lock().ok().and_then(|mut caught| caught.take())
    }
}

#[async_trait]
impl TokenStorage for Catch {
    async fn set(&self, _scopes: &[&str], token: TokenInfo) -> Result<(), TokenStorageError> {
        if let Ok(mut caught) = self.0.lock() {
            *caught = token.refresh_token.map(Secret::new);
        }
        Ok(())
    }

    async fn get(&self, _scopes: &[&str]) -> Option<TokenInfo> {
        None
    }
}
