//! A calendar at Google, by version 3 of its Calendar API.

pub mod answer;
pub mod decode;
pub mod encode;
pub mod gather;
