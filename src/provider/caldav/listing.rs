//! What a server says is there, or changed since: by a token, by a tag, or by listing everything. A server that failed at the
//! calendar itself has listed nothing, whatever else it says.

use super::{
    CaldavCalendar,
    account::Ask,
    address::Address,
    answer::{Doing, Refusal},
    cursor::Mark,
    reading::{Reading, Step, Stumble},
    xml::{self, Member, Multistatus},
};
use crate::{
    http::Response,
    provider::{Answer, ErrorKind, Known, ProviderError},
};

/// The most pages that a listing may have.
const PAGES_MAX: usize = 2_000;
/// How many pages in a row may tell of nothing that those before did not tell of.
const IDLE_PAGES_MAX: usize = 50;

impl CaldavCalendar {
    /// One page of what changed since a token.
    pub(super) async fn sync_page(
        &mut self,
        reading: &mut Reading,
        folder: &Address,
        token: Option<&str>,
    ) -> Result<(), Stumble> {
        let ask = Ask::xml("REPORT", folder, "0", &xml::sync(token));
        let (at, response) = self.ask_around(ask).await?;
        let at = at.as_folder();
        if response.status.as_u16() != 207 {
            let refusal = Refusal::read(&response);
            let error = self.refused(&response, Doing::Reading);
            return without_sync(reading, token, &refusal, error);
        }
        let found = self.listing(&response)?;
        if let Some(refusal) = own_failure(&found, folder) {
            let error = self.refused_inside(&refusal, &response);
            return without_sync(reading, token, &refusal, error);
        }
        let cut = found
            .members
            .iter()
            .any(|member| member.status == Some(507));
        let told = reading.listed.len() + reading.gone.len();
        for member in &found.members {
            if member.status != Some(507) {
                reading.note(&[folder, &at], member);
            }
        }
        reading.pages += 1;
        reading.idle_pages = match reading.listed.len() + reading.gone.len() > told {
            true => 0,
            false => reading.idle_pages + 1,
        };
        let Some(next) = found.token else {
            // Nowhere to go on from: then the next run has to compare as well.
            reading.step = Step::Tag;
            return Ok(());
        };
        let again = Some(&*next) == token;
        if cut {
            if again || reading.pages > PAGES_MAX || reading.idle_pages >= IDLE_PAGES_MAX {
                let words = format!(
                    "its listing does not end, or has more than {PAGES_MAX} pages; nothing of it is believed"
                );
                return Err(self.error(ErrorKind::Broken, &words).into());
            }
            reading.step = Step::Sync(Some(next));
            return Ok(());
        }
        reading.mark = Some(Mark::Sync(next));
        reading.step = Step::Missing;
        Ok(())
    }

    /// Whether anything changed, by the tag that changes with everything.
    pub(super) async fn tag(
        &mut self,
        reading: &mut Reading,
        folder: &Address,
        known_before: &dyn Known,
    ) -> Result<(), Stumble> {
        let known = match reading.from.as_ref().map(|reached| &reached.mark) {
            Some(Mark::Tag(tag)) => Some(tag.clone()),
            _ => None,
        };
        // A server without tags has nothing to say here, so nobody asks it twice.
        let tag = match &known {
            Some(None) => None,
            _ => {
                let ask = Ask::xml("PROPFIND", folder, "0", &xml::propfind(&["s:getctag"]));
                let response = self.ask(ask).await?;
                if known.is_some() && Refusal::read(&response).is_elsewhere() {
                    return Err(Stumble::Lost { moved: true });
                }
                let found = self.listing(&response)?;
                if let Some(refusal) = own_failure(&found, folder) {
                    return Err(self.refused_inside(&refusal, &response).into());
                }
                let props = found.members.into_iter().next().map(|member| member.props);
                props.and_then(|props| props.tag)
            }
        };
        let wrote = self.wrote || known_before.wrote();
        let is_same = !wrote && tag.is_some() && known == Some(tag.clone());
        reading.mark = Some(Mark::Tag(tag));
        reading.step = match is_same {
            true => Step::Choose,
            false => Step::List,
        };
        Ok(())
    }

    /// Everything that is there.
    pub(super) async fn list(
        &mut self,
        reading: &mut Reading,
        folder: &Address,
    ) -> Result<(), Stumble> {
        let props = ["d:getetag", "d:resourcetype"];
        let ask = Ask::xml("PROPFIND", folder, "1", &xml::propfind(&props));
        let (at, response) = self.ask_around(ask).await?;
        let at = at.as_folder();
        let found = self.listing(&response)?;
        let failure = own_failure(&found, folder).or_else(|| own_failure(&found, &at));
        if let Some(refusal) = failure {
            return Err(self.refused_inside(&refusal, &response).into());
        }
        if !is_told(&found, folder) && !is_told(&found, &at) {
            return Err(self.error(ErrorKind::Broken, NOT_LISTED).into());
        }
        // What a listing was begun with in another way is told here again.
        reading.listed.clear();
        reading.gone.clear();
        reading.strays = 0;
        for member in &found.members {
            if member.status == Some(507) {
                let words = "its listing was cut short by the server; nothing of it is believed";
                return Err(self.error(ErrorKind::Broken, words).into());
            }
            reading.note(&[folder, &at], member);
        }
        reading.whole = true;
        reading.step = Step::Missing;
        Ok(())
    }

    /// What a listing says.
    pub(super) fn listing(&self, response: &Response) -> Answer<Multistatus> {
        self.account
            .multistatus(response, self.whose(), Doing::Reading)
    }
}

/// A server did not say what changed: the token is lost, or it cannot say such things at all, or it has trouble.
fn without_sync(
    reading: &mut Reading,
    token: Option<&str>,
    refusal: &Refusal,
    error: ProviderError,
) -> Result<(), Stumble> {
    let trouble_again = refusal.is_servers() && reading.stumbled;
    if token.is_some() && (refusal.may_be_token() || trouble_again) {
        if reading.from.is_none() {
            // A page of what is read from the beginning: to begin once more would only lead here again.
            reading.step = Step::Tag;
            return Ok(());
        }
        let moved = refusal.is_elsewhere();
        return Err(Stumble::Lost { moved });
    }
    let cannot = refusal.may_be_unknown_report() || (trouble_again && refusal.status == 500);
    if token.is_none() && cannot {
        reading.step = Step::Tag;
        return Ok(());
    }
    reading.stumbled |= refusal.is_servers();
    Err(error.into())
}

const NOT_LISTED: &str = "the server lists what is in it without the calendar itself, so that nobody knows whether that is all; \
                          nothing of it is believed";

/// What a server says of the calendar itself.
fn own<'a>(found: &'a Multistatus, folder: &Address) -> impl Iterator<Item = &'a Member> {
    found.members.iter().filter(|member| {
        let at = folder.join(&member.href);
        at.is_some_and(|at| folder.name_of(&at).is_none())
    })
}

/// How the server failed at the calendar itself, in an answer that is otherwise a success. A 507 says there that a listing goes
/// on, and a 404 of nothing but properties that there are none.
pub(super) fn own_failure(found: &Multistatus, folder: &Address) -> Option<Refusal> {
    let failure = |member: &Member| {
        let whole = member.status.filter(|code| *code >= 300 && *code != 507);
        whole.or(member.untold.filter(|code| *code >= 300 && *code != 404))
    };
    own(found, folder).find_map(failure).map(Refusal::inside)
}

/// Whether a server tells of the calendar itself: what it lists is then what is in it.
fn is_told(found: &Multistatus, folder: &Address) -> bool {
    let is_told = |member: &Member| member.status.is_none_or(|code| code < 300);
    own(found, folder).any(|member| is_told(member) && member.untold.is_none())
}
