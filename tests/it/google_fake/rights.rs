//! Who may see and do what: by the role in a calendar, and by the scope of a token.

use serde_json::json;

use super::{
    events::{AT, ME, NOT_FOUND, google, lunch},
    wire::User,
};
use crate::support::google::Role;

const TEAM: &str = "team#1@group.calendar.google.com";

#[test]
fn what_a_role_may_do_and_see() {
    let fake = google();
    fake.calendar(TEAM, "Team", "America/New_York", ME);
    let mut secret = lunch();
    secret["extendedProperties"] = json!({"private": {"a": "1"}});
    fake.put(TEAM, secret);
    fake.put(TEAM, json!({"id": "open1", "summary": "Open", "start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}));
    let you = User::of(&fake, "you@example.org");
    let team = "/calendars/team%231%40group.calendar.google.com";
    you.get(team).is(404, NOT_FOUND);
    let read_only = (403, "requiredAccessLevel".to_owned());
    let roles = [
        (Role::FreeBusyReader, false, [false, false]),
        (Role::Reader, false, [false, true]),
        (Role::WriterWithoutPrivateAccess, true, [false, true]),
        (Role::Writer, true, [true, true]),
        (Role::Owner, true, [true, true]),
    ];
    for (role, writes, sees) in roles {
        fake.set_role(TEAM, "you@example.org", Some(role));
        let seen = ["lunch1", "open1"].map(|id| you.get(&format!("{team}/events/{id}")).ok());
        assert_eq!(
            seen.clone().map(|event| event.get("summary").is_some()),
            sees,
            "{role:?}"
        );
        assert_eq!(seen[0].get("extendedProperties").is_some(), sees[0]);
        assert_eq!(
            (&seen[0]["visibility"], seen[0]["start"].is_object()),
            (&json!("private"), true)
        );
        let answer = you.patch(
            &format!("{team}/events/lunch1"),
            &json!({"location": "Here"}),
        );
        match writes {
            true => drop(answer.ok()),
            false => assert_eq!(answer.reason(), read_only),
        }
        let entry = you
            .get(&format!("/users/me/calendarList/{}", &team[11..]))
            .ok();
        assert_eq!(
            (&entry["accessRole"], entry.get("primary")),
            (&json!(role.name()), None)
        );
    }
    assert_eq!(
        you.get("/calendars/team#1@group.calendar.google.com")
            .status,
        404
    );
    fake.set_role(TEAM, "you@example.org", None);
    you.get(&format!("{team}/events")).is(404, NOT_FOUND);
    fake.remove_calendar(TEAM);
    User::of(&fake, ME).get(team).is(404, NOT_FOUND);
}

#[test]
fn a_token_opens_what_its_scope_allows() {
    let fake = google();
    fake.put(ME, lunch());
    let credentials = r#"{"error":{"errors":[{"domain":"global","reason":"authError","message":"Invalid Credentials","locationType":"header","location":"Authorization"}],"code":401,"message":"Invalid Credentials"}}"#;
    let bearer = "Bearer nonsense".to_owned();
    User {
        fake: &fake,
        bearer,
    }
    .get(AT)
    .is(401, credentials);
    let scopes = [
        ("calendar.readonly", [200, 200, 403]),
        ("calendar.events", [403, 200, 204]),
        ("calendar.calendarlist.readonly", [200, 403, 403]),
        ("drive.file", [403, 403, 403]),
    ];
    for (scope, expected) in scopes {
        let me = User::with_scope(
            &fake,
            ME,
            &format!("https://www.googleapis.com/auth/{scope}"),
        );
        let answers = [
            me.get("/users/me/calendarList"),
            me.get(AT),
            me.delete(&format!("{AT}/lunch1")),
        ];
        assert_eq!(
            answers.each_ref().map(|answer| answer.status),
            expected,
            "{scope}"
        );
        if expected[2] == 403 {
            assert_eq!(
                answers[2].reason(),
                (403, "insufficientPermissions".to_owned())
            );
            assert_eq!(answers[2].json()["error"]["status"], "PERMISSION_DENIED");
        }
    }
}
