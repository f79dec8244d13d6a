//! What `calsync check` says of calendars that go by their name at Google: also before the first run, and after somebody called
//! them something else.

use super::{
    desk::{ME, ROBOT, google},
    program::{home, signed_in},
};
use crate::support::{
    google::FakeGoogle,
    program::{Home, meeting},
};

const TEAM: &str = "team@group.calendar.google.com";
const TRIPS: &str = "trips@group.calendar.google.com";

/// Gives somebody two calendars beside their own, and a home one of them, by this name.
fn with_team(fake: &FakeGoogle, home: &Home, person: &str, name: &str) {
    fake.calendar(TEAM, "Team", "Europe/Berlin", person);
    fake.calendar(TRIPS, "Business trips", "Europe/Berlin", person);
    let calendar = format!("[calendars.team]\naccount = \"work\"\nname = \"{name}\"");
    home.configure_also("", &calendar);
}

#[test]
fn before_the_first_run_a_name_that_nobody_has_is_told_with_those_that_there_are() {
    for (name, near) in [
        ("Taem", "; did you mean name = \"Team\"? There are: "),
        ("busines  trip", "; did you mean name = \"Business trips\"?"),
        ("Choir", "; there are: "),
    ] {
        let fake = google();
        fake.account(ROBOT);
        // A service account needs no sign-in, and so no state file.
        let home = home(&fake, ROBOT);
        with_team(&fake, &home, ROBOT, name);
        let ran = home.expect(5, &["check"]);
        let first =
            format!("calendar team: account work has no calendar of this name ({name}){near}");
        ran.shows(&[
            &first,
            "\"Team\"",
            "\"Business trips\"",
            "calsync calendars work",
        ]);
        assert!(!home.state_file().exists(), "looking leaves no trace");
    }
}

#[test]
fn a_calendar_that_is_called_something_else_by_now_is_known_and_its_new_name_told() {
    let (fake, home) = signed_in();
    with_team(&fake, &home, ME, "Team");
    home.put("one", "a.ics", meeting("a", 3));
    home.sync();
    let checked = home.expect(0, &["check"]).stdout;
    assert!(
        checked.contains("ok  calendar team: reachable"),
        "{checked}"
    );
    fake.rename_calendar(TEAM, "Crew");
    for _ in 0..2 {
        home.expect(0, &["check"]).shows(&[
            "??  calendar team: it is called \"Crew\" at Google by now",
            "name = \"Crew\"",
            &format!("id = \"{TEAM}\""),
        ]);
        // A run goes on with the calendar that it knows.
        home.sync();
    }
    let text = std::fs::read_to_string(home.config_file()).unwrap();
    home.configure(&text.replace("name = \"Team\"", "name = \"Crew\""));
    home.sync();
    let checked = home.expect(0, &["check"]).stdout;
    assert!(
        checked.contains("ok  calendar team: reachable"),
        "{checked}"
    );
    // Nobody remembers which calendar a name meant that is in no state file.
    home.configure(&text);
    fake.rename_calendar(TEAM, "Teams");
    home.expect(5, &["check"]).shows(&[
        "calendar team: account work has no calendar of this name (Team)",
        "did you mean name = \"Teams\"?",
    ]);
}

#[test]
fn a_calendar_that_is_gone_is_not_taken_for_another_that_is_called_nearly_so() {
    let (fake, home) = signed_in();
    with_team(&fake, &home, ME, "Team");
    home.sync();
    fake.calendar("other@example.org", "Teams", "Europe/Berlin", ME);
    fake.remove_calendar(TEAM);
    let ran = home.expect(5, &["check"]);
    ran.shows(&["no calendar of this name (Team); there are: ", "\"Teams\""]);
    assert!(!ran.stdout.contains("did you mean"), "{ran:?}");
}
