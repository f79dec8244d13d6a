//! What was asked for, and whom the server would have mailed: the memory that tests count in.

use std::collections::BTreeMap;

use super::exchange::Request;

/// One request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Which of the API's methods it is, such as `events.insert`; `unknown` if it is none.
    pub(crate) call: &'static str,
    pub(crate) request: Request,
    /// The status that the server answered with, or would have; none while no answer is made.
    pub(crate) status: Option<u16>,
}

/// A mail that Google would have sent to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) calendar: String,
    pub(crate) event: String,
    /// The method that caused it.
    pub(crate) call: &'static str,
    /// `sendUpdates` as it was sent.
    pub(crate) send_updates: Option<String>,
}

/// Requests and mails, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) records: Vec<Record>,
    pub(crate) mails: Vec<Mail>,
}

impl Journal {
    /// Notes how a request was answered, if it is still remembered.
    pub(crate) fn answered(&mut self, number: usize, status: u16) {
        if let Some(record) = self.records.get_mut(number) {
            record.status = Some(status);
        }
    }

    /// How many requests there were of each method.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for record in &self.records {
            *counts.entry(record.call).or_default() += 1;
        }
        counts
    }
}
