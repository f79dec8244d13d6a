//! The page on which a person lets calsync in, and what comes back from it. Pure but for chance.

use data_encoding::BASE64URL_NOPAD;
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
};

use crate::{
    auth::{Endpoint, OauthClient, SCOPE},
    secrets::Secret,
};

/// A page that was opened for one person, once.
pub(super) struct Consent {
    /// Where the browser is sent afterwards.
    pub(super) redirect: String,
    /// Proves to the server that whoever comes with the code is who opened the page.
    pub(super) verifier: Secret,
    /// Proves to us that whoever comes back went out from here.
    state: String,
}

/// What a browser brought back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// A code, good for tokens.
    Code(Secret),
    /// The person, or the server, says no; the code of OAuth.
    No(String),
    /// It is not from this page.
    Stranger,
}

impl Consent {
    pub(super) fn new(redirect: String) -> Option<Self> {
        Some(Self {
            redirect,
            verifier: Secret::new(chance::<32>()?),
            state: chance::<16>()?,
        })
    }

    /// The address of the page.
    pub(super) fn address(&self, endpoint: &Endpoint, client: &OauthClient) -> String {
        let challenge = digest(&SHA256, self.verifier.expose().as_bytes());
        let challenge = BASE64URL_NOPAD.encode(challenge.as_ref());
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", client.id.as_str()),
                ("redirect_uri", &self.redirect),
                ("response_type", "code"),
                ("scope", SCOPE),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
                ("state", &self.state),
                // A lasting sign-in, also for somebody who signed in before.
                ("access_type", "offline"),
                ("prompt", "consent"),
            ])
            .finish();
        format!("{}?{query}", endpoint.consent())
    }

    /// What an address says that a browser was sent to: all of it, or from the `?` on.
    pub(super) fn read(&self, address: &str) -> Brought {
        let (_, query) = address.trim().split_once('?').unwrap_or_default();
        let query = query.split('#').next().unwrap_or_default();
        let field = |wanted: &str| {
            let mut fields = form_urlencoded::parse(query.as_bytes());
            fields
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        if field("state").as_ref() != Some(&self.state) {
            return Brought::Stranger;
        }
        match (field("error"), field("code")) {
            (Some(error), _) => Brought::No(error),
            (None, Some(code)) if !code.is_empty() => Brought::Code(Secret::new(code)),
            _ => Brought::Stranger,
        }
    }
}

fn chance<const N: usize>() -> Option<String> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(BASE64URL_NOPAD.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent() -> Consent {
        Consent {
            redirect: "http://127.0.0.1:4711/".to_owned(),
            verifier: Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            state: "xyz".to_owned(),
        }
    }

    #[test]
    fn the_page_is_asked_as_the_standard_says() {
        let client = OauthClient {
            id: "id&1".to_owned(),
            secret: Secret::new("hidden"),
        };
        let address = consent().address(&Endpoint::default(), &client);
        assert!(
            address.starts_with("https://accounts.google.com/o/oauth2/v2/auth?client_id=id%261&")
        );
        // The pair of RFC 7636, appendix B.
        assert!(address.contains("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"));
        assert!(!address.contains("hidden") && !address.contains("dBjft"));
    }

    #[test]
    fn only_what_comes_from_the_page_counts() {
        let read = |address| consent().read(address);
        let code = Brought::Code(Secret::new("4/0A b"));
        assert_eq!(
            read("http://127.0.0.1:4711/?state=xyz&code=4%2F0A+b&scope=x"),
            code
        );
        assert_eq!(read("  /?code=4%2F0A%20b&state=xyz#end\n"), code);
        assert_eq!(
            read("/?error=access_denied&state=xyz"),
            Brought::No("access_denied".to_owned())
        );
        for odd in [
            "",
            "4/0A",
            "/?code=4",
            "/?code=4&state=other",
            "/?state=xyz",
            "/?state=xyz&code=",
        ] {
            assert_eq!(read(odd), Brought::Stranger, "{odd}");
        }
    }

    #[test]
    fn no_two_pages_are_alike() {
        let new = || Consent::new(String::new()).unwrap();
        let (one, two) = (new(), new());
        assert!(one.state != two.state && one.verifier != two.verifier);
        assert_eq!(one.verifier.expose().len(), 43);
    }
}
