//! Tokens, for whoever shows what is good for them: a device's code, a code from the consent page, a refresh token, or what a
//! service account signed.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::errors;
use super::{Answer, ClientKind, DeviceAnswer, Form, OAuth, Surroundings, field, words};

impl OAuth {
    pub(super) fn by_device(
        &mut self,
        form: &Form,
        name: &str,
        around: Surroundings<'_>,
    ) -> Answer {
        let client = self.client_with_secret(form)?;
        let code = field(form, name)?.to_owned();
        let known = self
            .devices
            .get_mut(&code)
            .filter(|device| device.client == client);
        let device = known.ok_or_else(errors::bad_code)?;
        device.polls += 1;
        if matches!(device.answer, DeviceAnswer::None)
            && around
                .behaviour
                .auto_approve
                .is_some_and(|polls| device.polls > polls)
        {
            device.answer = DeviceAnswer::Approved(around.behaviour.person.clone());
        }
        let expired = || match around.behaviour.expired_device_code_is_an_invalid_grant {
            true => errors::bad_code(),
            false => errors::expired_code(),
        };
        match &device.answer {
            DeviceAnswer::Used => Err(errors::bad_code()),
            DeviceAnswer::Denied => Err(errors::access_denied()),
            DeviceAnswer::Expired => Err(expired()),
            _ if device.expires <= around.now => Err(expired()),
            DeviceAnswer::None => Err(errors::pending()),
            DeviceAnswer::Approved(account) => {
                let (account, scopes) = (account.clone(), around.behaviour.granted(&device.scopes));
                device.answer = DeviceAnswer::Used;
                Ok(self.grant(client, account, scopes, around))
            }
        }
    }

    pub(super) fn by_code(&mut self, form: &Form, around: Surroundings<'_>) -> Answer {
        let client = self.client_with_secret(form)?;
        // A code is good for one try, whatever comes of it.
        let code = self
            .codes
            .remove(field(form, "code")?)
            .ok_or_else(errors::bad_code)?;
        if code.client != client || code.expires <= around.now {
            return Err(errors::foreign_grant());
        }
        if form.get("redirect_uri") != Some(&code.redirect_uri) {
            return Err(errors::oauth(400, "redirect_uri_mismatch", "Bad Request"));
        }
        if let Some(challenge) = &code.challenge {
            let Some(verifier) = form.get("code_verifier") else {
                return Err(errors::oauth(
                    400,
                    "invalid_grant",
                    "Missing code verifier.",
                ));
            };
            if !is_verifier(verifier)
                || BASE64URL_NOPAD.encode(&Sha256::digest(verifier)) != *challenge
            {
                return Err(errors::oauth(
                    400,
                    "invalid_grant",
                    "Invalid code verifier.",
                ));
            }
        }
        Ok(self.grant(client, code.account, code.scopes, around))
    }

    pub(super) fn by_refresh(&mut self, form: &Form, around: Surroundings<'_>) -> Answer {
        let client = self.client_with_secret(form)?;
        let token = field(form, "refresh_token")?.to_owned();
        let grant = self
            .refresh
            .get(&token)
            .cloned()
            .ok_or_else(errors::dead_grant)?;
        if grant.client != client {
            return Err(errors::foreign_grant());
        }
        let renewed = around
            .behaviour
            .rotate_refresh_tokens
            .then(|| self.secret("1//0"));
        if let Some(renewed) = &renewed {
            self.refresh.remove(&token);
            self.refresh.insert(renewed.clone(), grant.clone());
        }
        let refresh = renewed.clone().unwrap_or(token);
        let mut answer = self.access(&grant.account, &grant.scopes, Some(refresh), around);
        if let Some(renewed) = renewed {
            answer["refresh_token"] = renewed.into();
        }
        Ok(answer)
    }

    /// A service account: any assertion that is well formed and of a known issuer; the signature is not looked at.
    pub(super) fn by_assertion(&mut self, form: &Form, around: Surroundings<'_>) -> Answer {
        let invalid =
            |why: &str| errors::oauth(400, "invalid_grant", &format!("Invalid JWT: {why}"));
        let parts: Vec<_> = field(form, "assertion")?.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(invalid("not three parts"));
        };
        let json = |part: &str| {
            let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).ok()?;
            serde_json::from_slice::<Value>(&bytes).ok()
        };
        let header = json(header).ok_or_else(|| invalid("the header cannot be read"))?;
        let claims = json(claims).ok_or_else(|| invalid("the claims cannot be read"))?;
        let text = |name: &str| claims[name].as_str().unwrap_or_default();
        let known = self
            .clients
            .get(text("iss"))
            .filter(|client| client.kind == ClientKind::Service);
        if known.is_none() {
            return Err(errors::oauth(
                400,
                "invalid_grant",
                "Invalid grant: account not found",
            ));
        }
        let life = claims["exp"].as_i64().zip(claims["iat"].as_i64());
        let sound = [
            (header["alg"] == "RS256", "the algorithm is not RS256"),
            (!signature.is_empty(), "no signature"),
            (
                text("aud").ends_with("/token"),
                "the audience is not the token endpoint",
            ),
            (!text("scope").is_empty(), "no scope"),
            (
                life.is_some_and(|(exp, iat)| exp > iat && exp - iat <= 3600),
                "Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
            ),
        ];
        if let Some((_, why)) = sound.iter().find(|(sound, _)| !sound) {
            return Err(invalid(why));
        }
        let subject = claims["sub"].as_str().map(str::to_owned);
        let account = subject.clone().unwrap_or_else(|| text("iss").to_owned());
        let scopes = words(text("scope"));
        self.subjects.push(subject);
        let mut answer = self.access(&account, &scopes, None, around);
        answer.as_object_mut().unwrap().remove("scope");
        Ok(answer)
    }
}

/// RFC 7636, 4.1.
fn is_verifier(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    (43..=128).contains(&text.len()) && text.bytes().all(fits)
}
