//! The fake Google is what it says it is: each behaviour that the other tests lean on, asked for over a plain socket.

mod events;
mod faults;
mod listing;
mod rights;
mod series;
mod sign_in;
mod wire;
