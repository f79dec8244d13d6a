//! What several rooms of tests share.

pub(crate) mod program;
