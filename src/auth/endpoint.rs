//! Where Google is: at its own addresses, or all of it behind one other address that keeps the paths.

/// Google's servers, or what stands in for them. Pure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint(Option<String>);

/// What Google's own servers are called where sign-ins are kept.
const GOOGLE: &str = "google";

impl Endpoint {
    /// A stand-in or a proxy, at this scheme and host.
    pub fn at(base: &str) -> Self {
        Self(Some(base.trim_end_matches('/').to_owned()))
    }

    /// The one that was called so.
    pub(super) fn named(name: &str) -> Self {
        if name == GOOGLE {
            Self(None)
        } else {
            Self::at(name)
        }
    }

    fn url(&self, own: &str, path: &str) -> String {
        let base = self.0.as_deref().unwrap_or(own);
        format!("{base}{path}")
    }

    /// Where tokens are.
    pub fn token(&self) -> String {
        self.url("https://oauth2.googleapis.com", "/token")
    }

    /// Where tokens are taken back.
    pub fn revoke(&self) -> String {
        self.url("https://oauth2.googleapis.com", "/revoke")
    }

    /// Where a device gets a code for a person to type in elsewhere.
    pub fn device_code(&self) -> String {
        self.url("https://oauth2.googleapis.com", "/device/code")
    }

    /// Where a person is asked.
    pub fn consent(&self) -> String {
        self.url("https://accounts.google.com", "/o/oauth2/v2/auth")
    }

    /// Where calendars are; paths such as `/users/me/calendarList` follow.
    pub fn calendar(&self) -> String {
        self.url("https://www.googleapis.com", "/calendar/v3")
    }

    /// Whether it is Google itself.
    pub fn is_own(&self) -> bool {
        self.0.is_none()
    }

    /// What it is called where sign-ins are kept: one that was made for one server is not shown to another.
    pub fn name(&self) -> &str {
        self.0.as_deref().unwrap_or(GOOGLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_keeps_the_paths() {
        let urls = |endpoint: &Endpoint| {
            [
                endpoint.token(),
                endpoint.revoke(),
                endpoint.device_code(),
                endpoint.consent(),
                endpoint.calendar(),
            ]
        };
        let own = urls(&Endpoint::default());
        let other = urls(&Endpoint::at("http://127.0.0.1:8080/"));
        for (own, other) in own.iter().zip(&other) {
            let path = own.strip_prefix("https://").unwrap();
            let (_, path) = path.split_once('/').unwrap();
            assert_eq!(*other, format!("http://127.0.0.1:8080/{path}"));
        }
    }
}
