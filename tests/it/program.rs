//! The program from outside: what it writes, what it says, and with which code it ends.

mod accounts;
mod away;
mod blocks;
mod explained;
mod filters;
mod google;
mod hushed;
mod left;
mod merged;
mod messages;
mod output;
mod owners;
mod renamed;
mod reset;
mod respected;
mod rules;
mod standing;
mod sync;
mod trip;
mod twins;
mod whose;
mod worded;
