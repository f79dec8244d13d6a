//! The nouns that every room shares: plain data and arithmetic on it. Nothing here reads a clock, a file or a server.

pub mod block;
pub mod count;
pub mod event;
pub mod face;
pub mod marks;
pub mod name;
pub mod plain;
pub mod print;
pub mod seen;
pub mod span;
pub mod traits;
pub mod when;
pub mod window;
pub mod words;
pub mod zone;

pub use block::{Block, Series, Shape, Traces};
pub use count::{agreeing, counted};
pub use event::{Dated, Event, Extra, Hole, Master, Override, Recurs, Revision, Said, Standing};
pub use face::{Appears, Colour, Face, Visibility};
pub use marks::{Interest, Mark, Pattern};
pub use name::{CalendarName, Href, OccurrenceKey, Uid, Version};
pub use plain::{plain, shell_word};
pub use print::Print;
pub use seen::{Part, Resource, SeenBlock};
pub use span::Span;
pub use traits::{Answer, Kind, Shown, Traits};
pub use when::{Length, When};
pub use window::Window;
pub use words::{Telling, Words};
pub use zone::{Table, Zone};
