//! Where a calendar is: at an address that was given, or wherever one of a name was found. One that was found is known by its
//! address from then on; when nobody has its name any more, it is told what it is called by now. No name is kept, only a print.

use super::{
    CaldavAccount, CaldavCalendar, Which, account::Offer, address::Address, cursor::Reached,
};
use crate::{
    model::{Print, plain},
    provider::{Answer, Cursor, ErrorKind, Known},
};

impl CaldavAccount {
    /// Which of these calendars of the account a configuration means: that of the name, else the one that had it when the state
    /// was last read up to here.
    pub fn which_of<'o>(
        &self,
        offers: &'o [Offer],
        which: &Which,
        last: Option<&Cursor>,
    ) -> Option<&'o Offer> {
        if let Some(offer) = offers.iter().find(|offer| self.is_it(offer, which)) {
            return Some(offer);
        }
        let former = last.and_then(|last| self.former(which, last))?;
        offers.iter().find(|offer| offer.address == former)
    }

    /// Where a name was found when a calendar was last read up to here.
    fn former(&self, which: &Which, last: &Cursor) -> Option<Address> {
        let by = self.found_by(which)?;
        let reached = Reached::read(last).filter(|reached| reached.of.as_ref() == Some(&by))?;
        reached.address()
    }

    /// By what a calendar is found that goes by a name.
    fn found_by(&self, which: &Which) -> Option<String> {
        let Which::Name(name) = which else {
            return None;
        };
        let base = self.base.url();
        let by = [&*base, &*self.name, name.as_str()];
        Some(Print::of(by.map(str::as_bytes)).to_string())
    }
}

impl CaldavCalendar {
    /// Where the calendar is. A name is looked up, unless it is remembered what it means.
    pub(super) async fn address(&mut self) -> Answer<Address> {
        if let Some(found) = &self.found {
            return Ok(found.clone());
        }
        let found = self.look_up().await?;
        self.found = Some(found.clone());
        Ok(found)
    }

    /// The one calendar of this name; else the one that had it when it was last found.
    async fn look_up(&mut self) -> Answer<Address> {
        let sent = self.account.line.requests();
        let offers = self.account.calendars().await;
        self.requests += self.account.line.requests() - sent;
        let offers = offers?;
        let name = self.which.word();
        let named: Vec<&Offer> = offers.iter().filter(|offer| offer.name == name).collect();
        if let [offer] = &named[..] {
            return Ok(offer.address.clone());
        }
        let is_former = |offer: &&Offer| Some(&offer.address) == self.former.as_ref();
        if let Some(offer) = offers.iter().find(is_former) {
            self.called = (offer.name != name).then(|| offer.name.clone());
            return Ok(offer.address.clone());
        }
        let what = match named.is_empty() {
            false => "there is more than one of this name; give the `id` instead",
            true => "there is none of this name",
        };
        let words = format!(
            "{what}; `calsync calendars {}` lists what there is",
            self.account.name
        );
        Err(self.error(ErrorKind::Gone, &words))
    }

    /// What to do about a calendar that has another name by now, as far as this run looked.
    pub(super) fn renamed(&self) -> Option<String> {
        let (called, at) = (self.called.as_ref()?, self.found.as_ref()?);
        let (called, id) = (plain(called), plain(&at.id(&self.account.base)));
        Some(format!(
            "it is called \"{called}\" at the server by now; calsync knows it by its address as long as the state file is there. \
             Write name = \"{called}\" or id = \"{id}\""
        ))
    }

    /// Where an earlier run found the calendar, and how far it read it.
    pub(super) fn begin(&mut self, since: Option<&Cursor>, known: &dyn Known) -> Option<Reached> {
        if let (Which::Name(_), Some(last)) = (&self.which, known.last_cursor()) {
            self.recall_name(&last);
        }
        let reached = since.and_then(Reached::read)?;
        let now = self.account.line.client().clock().now();
        // With everything listed anew, a name is looked up anew as well.
        if reached.is_old(now) {
            return None;
        }
        let address = reached.address()?;
        match &self.which {
            Which::Id(_) => (self.found.as_ref() == Some(&address)).then_some(reached),
            Which::Name(_) => {
                self.found = Some(address);
                Some(reached)
            }
        }
    }

    /// Learns from how far the calendar was read what its name was found to mean.
    pub(super) fn recall_name(&mut self, last: &Cursor) {
        self.former = self
            .account
            .former(&self.which, last)
            .or(self.former.take());
    }

    /// By what a calendar is found that goes by a name.
    pub(super) fn found_by(&self) -> Option<String> {
        self.account.found_by(&self.which)
    }
}
