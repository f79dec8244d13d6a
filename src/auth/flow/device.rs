//! A code that a person types in on any other device. yup-oauth2 says how to ask for it and makes sense of the answer; it speaks
//! to no server itself, shows nothing and keeps nothing. The waiting is done here, because a server that stumbles once must not
//! end it. What that crate logs is for nobody's eyes: the program lets no crate but calsync log.

use std::{
    cell::RefCell,
    future::pending,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use yup_oauth2::{
    ApplicationSecret, CustomHyperClientBuilder, DeviceFlowAuthenticator, Error,
    authenticator_delegate::{DeviceAuthResponse, DeviceFlowDelegate},
    error::AuthError,
};

mod desk;

use desk::Desk;

use super::{Ask, Newcomer, Outcome, Tell};
use crate::{
    auth::{
        OauthClient, SCOPE, Way,
        token::{self, Granted, Refusal},
        words,
    },
    clock::Clock,
    http,
    provider::{Answer, ErrorKind, ProviderError},
    secrets::Secret,
};

/// How long the server may take to come up with a code.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How long a person may take, whatever the server allows.
const PERSON_MAX: Duration = Duration::from_hours(1);
/// How much more time to leave between two questions when the server wants to be asked less often, or cannot answer.
const STEP: Duration = Duration::from_secs(5);

/// A code that a person was shown.
struct Code {
    /// What the server knows it by.
    device: Secret,
    /// How long to wait between two questions.
    interval: Duration,
    /// How long it is good for.
    left: Duration,
}

/// Signs in with a code.
pub(super) async fn run(new: &Newcomer, client: &OauthClient, tell: &Tell) -> Answer<Outcome> {
    let code = match ask(new, client, tell).await {
        Ok(code) => code,
        Err(Failed::Closed(code)) => {
            return Ok(Outcome::Closed(
                new.error(ErrorKind::SignIn, &words::closed(&code)),
            ));
        }
        Err(Failed::Otherwise(error)) => return Err(error),
    };
    let granted = wait(new, client, &code).await?;
    new.keep(Way::Device, &granted).await
}

enum Failed {
    /// Not with this client; the code says why.
    Closed(String),
    Otherwise(ProviderError),
}

/// Asks for a code and shows it.
async fn ask(new: &Newcomer, client: &OauthClient, tell: &Tell) -> Result<Code, Failed> {
    let broken = |words: &str| Failed::Otherwise(new.error(ErrorKind::Broken, words));
    let endpoint = &new.google.endpoint;
    let (token_url, code_url) = (endpoint.token(), endpoint.device_code());
    let desk = Desk::new(new, &code_url);
    let (guest, bridge) = http::bridge();
    let secret = ApplicationSecret {
        client_id: client.id.clone(),
        token_uri: token_url,
        ..ApplicationSecret::default()
    };
    let (shown, is_shown) = oneshot::channel();
    let show = Show {
        tell: Arc::clone(tell),
        shown: Mutex::new(Some(shown)),
    };
    let guest = CustomHyperClientBuilder::from(guest);
    let authenticator = DeviceFlowAuthenticator::with_client(secret, guest)
        .device_code_url(code_url.clone())
        .flow_delegate(Box::new(show))
        .build()
        .await
        .map_err(|_| broken("the sign-in cannot be made ready"))?;
    let asking = pin!(Box::pin(authenticator.token(&[SCOPE])));
    let serving = pin!(async {
        bridge.serve(async |_, form| desk.answer(form).await).await;
        pending::<()>().await;
    });
    let asked = select(select(asking, is_shown), serving);
    let answer = new.clock().limit(ANSWER_MAX, asked).await;
    let failed_on_the_way = desk.failed.take();
    match (answer, failed_on_the_way) {
        (Some(Either::Left((Either::Right((Ok(code), _)), _))), _) => Ok(code),
        (_, Some(error)) => Err(Failed::Otherwise(new.refused(Refusal::Http(error)))),
        (Some(Either::Left((Either::Left((Err(error), _)), _))), _) => Err(failed(new, &error)),
        (Some(_), _) => Err(broken("the sign-in server gave no code")),
        (None, _) => Err(Failed::Otherwise(
            new.error(ErrorKind::Retry(None), &no_code(new)),
        )),
    }
}

/// Waits until the person has typed the code in, through whatever trouble the server has meanwhile.
async fn wait(new: &Newcomer, client: &OauthClient, code: &Code) -> Answer<Granted> {
    let trouble = RefCell::default();
    let asking = poll(new, client, code, &trouble);
    match new.clock().limit(code.left, asking).await {
        Some(answer) => answer,
        None => Err(too_late(new, trouble.take())),
    }
}

async fn poll(
    new: &Newcomer,
    client: &OauthClient,
    code: &Code,
    trouble: &RefCell<Option<ProviderError>>,
) -> Answer<Granted> {
    let form = [
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.expose()),
        ("device_code", code.device.expose()),
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
    ];
    let url = new.google.endpoint.token();
    let now = || new.clock().now();
    let end = now().saturating_add(code.left).unwrap_or_else(|_| now());
    let mut interval = code.interval;
    let mut is_first = true;
    loop {
        if !std::mem::take(&mut is_first) {
            new.clock().sleep(interval).await;
        }
        if now() >= end {
            return Err(too_late(new, trouble.take()));
        }
        let refusal = match token::ask(&new.line, &url, &form).await {
            Ok(granted) => return Ok(granted),
            Err(refusal) => refusal,
        };
        match refusal {
            Refusal::No(code) if code == "authorization_pending" => {
                trouble.take();
            }
            // A code that was used up or is too old; nothing is stored yet that could have died.
            Refusal::No(code) if matches!(&*code, "expired_token" | "invalid_grant") => {
                return Err(too_late(new, trouble.take()));
            }
            refusal if refusal.may_pass() => {
                interval += STEP;
                note(trouble, new.refused(refusal));
            }
            refusal => return Err(new.refused(refusal)),
        }
    }
}

/// Remembers what is in the way, and tells it the first time.
fn note(trouble: &RefCell<Option<ProviderError>>, error: ProviderError) {
    if trouble.borrow().is_none() {
        tracing::warn!("{error}. Asking again, as long as the code is good");
    }
    trouble.replace(Some(error));
}

fn too_late(new: &Newcomer, trouble: Option<ProviderError>) -> ProviderError {
    match trouble {
        None => new.refused(Refusal::No("expired_token".to_owned())),
        Some(error) => ProviderError::new(
            error.kind,
            format!("{error}; meanwhile the code has run out"),
        ),
    }
}

fn failed(new: &Newcomer, error: &Error) -> Failed {
    Failed::Otherwise(match error {
        Error::AuthError(AuthError {
            error,
            error_description,
            ..
        }) => {
            let code = error.as_str();
            let said = error_description.as_deref().unwrap_or_default();
            match code {
                // No secret is asked for here: it is the id or the type, and Google says which.
                "invalid_client" if said.contains("not found") => {
                    new.error(ErrorKind::SignIn, words::UNKNOWN_CLIENT)
                }
                "invalid_client" | "invalid_scope" | "unauthorized_client" => {
                    return Failed::Closed(code.to_owned());
                }
                code if words::is_code(code) => new.refused(Refusal::No(code.to_owned())),
                _ => new.error(ErrorKind::Retry(None), &no_code(new)),
            }
        }
        _ => new.error(ErrorKind::Retry(None), &no_code(new)),
    })
}

/// An answer that is neither a code nor a refusal: a page of HTML, or a limit that Google tells in a form of its own.
fn no_code(new: &Newcomer) -> String {
    format!(
        "the sign-in server gives no code now: it is in trouble, or codes were asked for too often; try again in some minutes{}",
        words::at_endpoint(&new.google.endpoint)
    )
}

/// Shows the code, and hands it over to whoever waits for it.
struct Show {
    tell: Tell,
    shown: Mutex<Option<oneshot::Sender<Code>>>,
}

impl DeviceFlowDelegate for Show {
    fn present_user_code<'a>(
        &'a self,
        answer: &'a DeviceAuthResponse,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        // yup-oauth2 counts from the machine's clock.
        let now = Clock::System.now().as_second();
        let left = answer.expires_at.unix_timestamp().saturating_sub(now);
        let left = Duration::from_secs(u64::try_from(left).unwrap_or(0)).min(PERSON_MAX);
        (self.tell)(&Ask::Code {
            address: &answer.verification_uri,
            code: &answer.user_code,
            minutes: left.as_secs().div_ceil(60),
        });
        let code = Code {
            device: Secret::new(answer.device_code.clone()),
            interval: answer.interval,
            left,
        };
        let shown = self.shown.lock().ok().and_then(|mut shown| shown.take());
        let sent = shown.map(|shown| shown.send(code).is_ok());
        if sent != Some(true) {
            tracing::debug!("nobody waits for the code any more");
        }
        // It would ask for the token itself now, and give up at the first stumble.
        Box::pin(pending())
    }
}
