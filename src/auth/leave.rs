//! Signing out: forgetting a sign-in, and taking it back where it was made.

use super::{Endpoint, Vault, VaultError, Way, token};
use crate::{
    http::{Line, StatusCode},
    secrets::Purpose,
};

/// What came of signing out. The account is forgotten in every case but the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// There was nothing to forget.
    Nothing,
    /// It is forgotten, and there was nothing to take back.
    Forgotten,
    /// It is forgotten, and worth nothing any more.
    Revoked,
    /// It is forgotten, but could not be taken back, for this reason.
    NotRevoked(String),
}

/// Forgets an account's sign-in, then takes it back at the server that it was made for.
pub async fn leave(account: &str, line: &Line, vault: &Vault) -> Result<Left, VaultError> {
    let Some(sign_in) = vault.sign_in(account)? else {
        return Ok(Left::Nothing);
    };
    let refresh = vault.open(account, Purpose::Refresh);
    vault.forget(account)?;
    if sign_in.way == Way::ServiceAccount.word() {
        return Ok(Left::Forgotten);
    }
    let refresh = match refresh {
        Ok(Some(refresh)) => refresh,
        Ok(None) => return Ok(Left::Forgotten),
        Err(error) => return Ok(Left::NotRevoked(error.to_string())),
    };
    let url = Endpoint::named(&sign_in.server).revoke();
    Ok(
        match token::send(line, &url, &[("token", refresh.expose())]).await {
            // What is not known there any more is as good as taken back.
            Ok(answer) if matches!(answer.status, StatusCode::OK | StatusCode::BAD_REQUEST) => {
                Left::Revoked
            }
            Ok(answer) => {
                Left::NotRevoked(format!("the server answered {}", answer.status.as_u16()))
            }
            Err(error) => Left::NotRevoked(error.to_string()),
        },
    )
}
