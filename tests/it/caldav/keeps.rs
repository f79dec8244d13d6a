//! Servers that keep what they are given in a way of their own: what of that is still calsync's block, what somebody made of it,
//! and that a run ends whatever they do.

use crate::support::{
    dav::{
        PASSWORD,
        cloud::{Cloud, Manners, Stores},
    },
    program::{Home, is_block, meeting_at},
};

use super::program::configured;

const WORK: &str = "/alice/work/";

/// A folder, and a calendar at a server with these manners.
struct Keeper {
    home: Home,
    cloud: Cloud,
}

impl Keeper {
    fn new(stores: Stores) -> Self {
        let cloud = Cloud::start();
        cloud.renew(Manners {
            stores,
            ..Manners::default()
        });
        cloud.calendar(WORK);
        let command = format!("password_command = [\"echo\", \"{PASSWORD}\"]");
        let home = configured(&cloud.url(), &format!("id = \"{WORK}\""), &command);
        Self { home, cloud }
    }

    /// The blocks at the server: names and texts.
    fn blocks(&self) -> Vec<(String, String)> {
        let items = self.cloud.items(WORK).into_iter();
        let blocks = items.filter(|(name, _)| is_block(name));
        blocks.map(|(name, item)| (name, item.text)).collect()
    }

    /// The one block at the server.
    fn block(&self) -> (String, String) {
        let mut blocks = self.blocks();
        assert_eq!(blocks.len(), 1, "{blocks:?}");
        blocks.remove(0)
    }
}

#[test]
fn an_organiser_that_the_server_names_makes_no_meeting_of_a_block() {
    let keeper = Keeper::new(Stores::Organised);
    let home = &keeper.home;
    // Its event moves, and the block moves along, however often everything is read anew.
    for hour in 8..11 {
        home.put("home", "a.ics", meeting_at("a", 9, hour));
        home.sync();
        let (_, text) = keeper.block();
        assert!(text.contains("ORGANIZER"), "{text}");
        home.expect(0, &["sync", "--full"]).is_silent();
    }
    // Without its state calsync knows it again, and has nothing to write.
    home.lose_state();
    home.sync_idle();
    // Whoever is invited makes it theirs, on such a server as on any.
    let (name, text) = keeper.block();
    let guest = "BEGIN:VEVENT\r\nATTENDEE:mailto:bob@example.org";
    let meeting_of_it = text.replace("BEGIN:VEVENT", guest);
    keeper.cloud.put(WORK, &name, &meeting_of_it);
    home.sync();
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(keeper.block(), (name.clone(), meeting_of_it));
    keeper.cloud.put(WORK, &name, &text);
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(keeper.blocks(), []);
    keeper.cloud.asked();
}
