//! Signing in: clients, device codes, the consent page, tokens. Must never look at a calendar.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Behaviour, errors,
    exchange::{Reply, Request, encode},
};

mod tokens;

/// The scopes that the device endpoint takes, whatever its documentation says.
const OF_DEVICES: [&str; 9] = [
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.google.com/calendar/feeds",
    "https://www.googleapis.com/auth/drive.file",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
    "openid",
    "email",
    "profile",
];
/// How many refresh tokens an account has with one client; more make the oldest die silently.
const TOKENS_PER_CLIENT: usize = 100;
/// How long a code from the consent page is good for.
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// What sort of client a person made in the Google Cloud console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientKind {
    /// "TVs and Limited Input devices": the device flow and nothing else.
    Tv,
    /// "Desktop app": loopback redirects and nothing else.
    Desktop,
    /// A service account; its id is the e-mail address.
    Service,
    /// One that Google has deleted.
    Deleted,
}

#[derive(Debug)]
struct Client {
    kind: ClientKind,
    secret: String,
}

/// A device that waits for a person.
#[derive(Debug)]
struct Device {
    client: String,
    user_code: String,
    scopes: Vec<String>,
    expires: Timestamp,
    polls: usize,
    answer: DeviceAnswer,
}

#[derive(Debug)]
enum DeviceAnswer {
    None,
    Approved(String),
    Denied,
    Expired,
    Used,
}

/// A code that the consent page gave.
#[derive(Debug)]
struct Code {
    client: String,
    account: String,
    scopes: Vec<String>,
    redirect_uri: String,
    challenge: Option<String>,
    expires: Timestamp,
}

/// What a person allowed a client to do.
#[derive(Clone, Debug)]
struct Grant {
    client: String,
    account: String,
    scopes: Vec<String>,
    /// The order in which grants were made.
    number: u64,
}

/// Who a request with an access token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) account: String,
    pub(crate) scopes: Vec<String>,
    expires: Timestamp,
    /// The refresh token that it comes from, if there is one.
    refresh: Option<String>,
}

/// Everything that signing in needs to remember.
#[derive(Debug, Default)]
pub(crate) struct OAuth {
    clients: BTreeMap<String, Client>,
    devices: BTreeMap<String, Device>,
    codes: BTreeMap<String, Code>,
    refresh: BTreeMap<String, Grant>,
    access: BTreeMap<String, Access>,
    /// The `sub` of every service account's request, as far as it had one.
    pub(crate) subjects: Vec<Option<String>>,
    made: u64,
}

/// The time, and how the server is to behave.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) now: Timestamp,
    pub(crate) behaviour: &'a Behaviour,
}

type Answer = Result<Value, Reply>;
type Form = BTreeMap<String, String>;

impl OAuth {
    pub(crate) fn register(&mut self, kind: ClientKind, id: &str, secret: &str) {
        let secret = secret.to_owned();
        self.clients.insert(id.to_owned(), Client { kind, secret });
    }

    /// `POST /device/code`.
    pub(crate) fn device_code(&mut self, request: &Request, around: Surroundings<'_>) -> Answer {
        let form = request.form();
        let (id, client) = self.client(&form)?;
        if client.kind != ClientKind::Tv {
            return Err(errors::wrong_client_type());
        }
        let scopes = words(field(&form, "scope")?);
        if let Some(odd) = scopes
            .iter()
            .find(|scope| !OF_DEVICES.contains(&scope.as_str()))
        {
            return Err(errors::invalid_scope(odd));
        }
        let device_code = self.secret("4/4-");
        let letters: String = self
            .secret("")
            .to_uppercase()
            .chars()
            .filter(char::is_ascii_alphabetic)
            .collect();
        let user_code = format!("{}-{}", &letters[..4], &letters[4..8]);
        let life = around.behaviour.device_code_life;
        let device = Device {
            client: id,
            user_code: user_code.clone(),
            scopes,
            expires: around.now + life,
            polls: 0,
            answer: DeviceAnswer::None,
        };
        self.devices.insert(device_code.clone(), device);
        Ok(json!({
            "device_code": device_code,
            "user_code": user_code,
            "verification_url": "https://www.google.com/device",
            "expires_in": life.as_secs(),
            "interval": around.behaviour.device_interval,
        }))
    }

    /// The codes that devices show and that nobody answered yet.
    pub(crate) fn user_codes(&self) -> Vec<String> {
        let waiting = self
            .devices
            .values()
            .filter(|d| matches!(d.answer, DeviceAnswer::None));
        waiting.map(|device| device.user_code.clone()).collect()
    }

    fn answer_device(&mut self, user_code: &str, answer: DeviceAnswer) {
        let mut devices = self.devices.values_mut();
        let device = devices.find(|device| device.user_code == user_code);
        device.expect("a device shows this code").answer = answer;
    }

    pub(crate) fn approve(&mut self, user_code: &str, account: &str) {
        self.answer_device(user_code, DeviceAnswer::Approved(account.to_owned()));
    }

    pub(crate) fn deny(&mut self, user_code: &str) {
        self.answer_device(user_code, DeviceAnswer::Denied);
    }

    pub(crate) fn expire_device(&mut self, user_code: &str) {
        self.answer_device(user_code, DeviceAnswer::Expired);
    }

    /// `GET /o/oauth2/v2/auth`: the consent page, with a person who answers at once.
    pub(crate) fn consent(
        &mut self,
        request: &Request,
        around: Surroundings<'_>,
    ) -> Result<Reply, Reply> {
        let page = |status: u16, error: &str| {
            Reply::html(
                status,
                &format!("<html><title>Error {status}: {error}</title></html>"),
            )
        };
        let param = |name: &str| request.param(name).filter(|value| !value.is_empty());
        let client_id = param("client_id").ok_or_else(|| page(400, "invalid_request"))?;
        let client = self
            .clients
            .get(client_id)
            .ok_or_else(|| page(401, "invalid_client"))?;
        match client.kind {
            ClientKind::Deleted => return Err(page(401, "deleted_client")),
            ClientKind::Desktop => {}
            ClientKind::Tv | ClientKind::Service => return Err(page(400, "invalid_request")),
        }
        let redirect = param("redirect_uri").ok_or_else(|| page(400, "invalid_request"))?;
        if !is_loopback(redirect) {
            return Err(page(400, "redirect_uri_mismatch"));
        }
        let method = param("code_challenge_method");
        let challenge = param("code_challenge");
        let sound = param("response_type") == Some("code")
            && (challenge.is_none() || method == Some("S256"));
        let scopes = words(
            param("scope")
                .filter(|_| sound)
                .ok_or_else(|| page(400, "invalid_request"))?,
        );
        let mut back: Vec<(&str, String)> = param("state")
            .map(|state| ("state", state.to_owned()))
            .into_iter()
            .collect();
        if around.behaviour.consent_refused {
            back.insert(0, ("error", "access_denied".to_owned()));
        } else {
            let code = Code {
                client: client_id.to_owned(),
                account: around.behaviour.person.clone(),
                scopes: around.behaviour.granted(&scopes),
                redirect_uri: redirect.to_owned(),
                challenge: challenge.map(str::to_owned),
                expires: around.now + CODE_LIFE,
            };
            back.push(("scope", code.scopes.join(" ")));
            let name = self.secret("4/0A");
            back.insert(1.min(back.len()), ("code", name.clone()));
            self.codes.insert(name, code);
        }
        let query: Vec<_> = back
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        let join = if redirect.contains('?') { '&' } else { '?' };
        Ok(Reply::empty(302).with("location", &format!("{redirect}{join}{}", query.join("&"))))
    }

    /// `POST /token`.
    pub(crate) fn token(&mut self, request: &Request, around: Surroundings<'_>) -> Answer {
        let form = request.form();
        match field(&form, "grant_type")? {
            "urn:ietf:params:oauth:grant-type:device_code" => {
                self.by_device(&form, "device_code", around)
            }
            "http://oauth.net/grant_type/device/1.0" => self.by_device(&form, "code", around),
            "authorization_code" => self.by_code(&form, around),
            "refresh_token" => self.by_refresh(&form, around),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => self.by_assertion(&form, around),
            other => Err(errors::oauth(
                400,
                "unsupported_grant_type",
                &format!("Invalid grant_type: {other}"),
            )),
        }
    }

    /// `POST /revoke`: an access token takes its refresh token with it.
    pub(crate) fn revoke(&mut self, request: &Request) -> Answer {
        let form = request.form();
        let token = request
            .param("token")
            .or(form.get("token").map(String::as_str));
        let token = token.unwrap_or_default();
        let access = self.access.remove(token);
        let refresh = access
            .as_ref()
            .map_or(Some(token), |access| access.refresh.as_deref());
        let revoked = refresh.is_some_and(|token| self.revoke_refresh(token));
        match revoked || access.is_some() {
            true => Ok(json!({})),
            // The words are not known for sure.
            false => Err(errors::oauth(
                400,
                "invalid_token",
                "Token expired or revoked",
            )),
        }
    }

    fn revoke_refresh(&mut self, token: &str) -> bool {
        self.access
            .retain(|_, access| access.refresh.as_deref() != Some(token));
        self.refresh.remove(token).is_some()
    }

    /// The person takes back everything: all tokens of an account are dead.
    pub(crate) fn revoke_account(&mut self, account: &str) {
        self.refresh.retain(|_, grant| grant.account != account);
        self.access.retain(|_, access| access.account != account);
    }

    /// Access tokens are over; refresh tokens live on.
    pub(crate) fn expire_access(&mut self) {
        self.access.clear();
    }

    /// The accounts that hold refresh tokens, each as often as it holds one.
    pub(crate) fn granted_accounts(&self) -> Vec<String> {
        let mut accounts: Vec<_> = self
            .refresh
            .values()
            .map(|grant| grant.account.clone())
            .collect();
        accounts.sort();
        accounts
    }

    /// Who a request speaks for.
    pub(crate) fn bearer(&self, request: &Request, now: Timestamp) -> Option<&Access> {
        let token = request.header("authorization")?.strip_prefix("Bearer ")?;
        self.access.get(token).filter(|access| access.expires > now)
    }

    /// A token for a test that has nothing to do with signing in.
    pub(crate) fn hand_out(
        &mut self,
        account: &str,
        scope: &str,
        around: Surroundings<'_>,
    ) -> String {
        let answer = self.access(account, &words(scope), None, around);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// A refresh token, as a sign-in of long ago left it.
    pub(crate) fn hand_out_refresh(
        &mut self,
        client: &str,
        account: &str,
        scope: &str,
        around: Surroundings<'_>,
    ) -> String {
        assert!(self.clients.contains_key(client), "no client {client}");
        let answer = self.grant(client.to_owned(), account.to_owned(), words(scope), around);
        answer["refresh_token"].as_str().unwrap().to_owned()
    }

    /// A new refresh token with its first access token.
    fn grant(
        &mut self,
        client: String,
        account: String,
        scopes: Vec<String>,
        around: Surroundings<'_>,
    ) -> Value {
        let token = self.secret("1//0");
        let mut answer = self.access(&account, &scopes, Some(token.clone()), around);
        let number = self.made;
        let grant = Grant {
            client,
            account,
            scopes,
            number,
        };
        let of_the_same =
            |other: &&Grant| other.client == grant.client && other.account == grant.account;
        let all: BTreeSet<_> = self
            .refresh
            .values()
            .filter(of_the_same)
            .map(|other| other.number)
            .collect();
        if all.len() >= TOKENS_PER_CLIENT {
            self.refresh
                .retain(|_, other| Some(&other.number) != all.first());
        }
        answer["refresh_token"] = token.clone().into();
        self.refresh.insert(token, grant);
        answer
    }

    fn access(
        &mut self,
        account: &str,
        scopes: &[String],
        refresh: Option<String>,
        around: Surroundings<'_>,
    ) -> Value {
        let life = around.behaviour.access_token_life;
        let token = self.secret("ya29.");
        let access = Access {
            account: account.to_owned(),
            scopes: scopes.to_vec(),
            expires: around.now + life,
            refresh,
        };
        self.access.insert(token.clone(), access);
        json!({
            "access_token": token,
            "expires_in": life.as_secs(),
            "scope": scopes.join(" "),
            "token_type": "Bearer",
        })
    }

    fn client(&self, form: &Form) -> Result<(String, &Client), Reply> {
        let id = field(form, "client_id")?;
        let client = self.clients.get(id).ok_or_else(errors::unknown_client)?;
        match client.kind {
            ClientKind::Deleted => Err(errors::deleted_client()),
            _ => Ok((id.to_owned(), client)),
        }
    }

    fn client_with_secret(&self, form: &Form) -> Result<String, Reply> {
        let (id, client) = self.client(form)?;
        match form.get("client_secret") {
            Some(secret) if *secret == client.secret => Ok(id),
            Some(_) => Err(errors::wrong_secret()),
            None => Err(errors::oauth(
                400,
                "invalid_request",
                "client_secret is missing.",
            )),
        }
    }

    /// A text that nobody can guess who does not read this line; the same in every run.
    fn secret(&mut self, prefix: &str) -> String {
        self.made += 1;
        let digest = Sha256::digest(format!("secret {}", self.made));
        format!("{prefix}{}", BASE64URL_NOPAD.encode(&digest))
    }
}

fn field<'a>(form: &'a Form, name: &str) -> Result<&'a str, Reply> {
    let value = form.get(name).filter(|value| !value.is_empty());
    // The words are not known for sure.
    let missing = || {
        errors::oauth(
            400,
            "invalid_request",
            &format!("Missing required parameter: {name}"),
        )
    };
    value.map(String::as_str).ok_or_else(missing)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A desktop client may be sent back to this machine, at any port, and nowhere else.
fn is_loopback(uri: &str) -> bool {
    let hosts = ["127.0.0.1", "localhost", "[::1]"];
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    hosts.iter().any(|host| {
        let port = authority.strip_prefix(host);
        port.is_some_and(|port| {
            port.is_empty()
                || port
                    .strip_prefix(':')
                    .is_some_and(|n| n.parse::<u16>().is_ok())
        })
    })
}
