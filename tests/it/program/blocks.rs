//! What becomes of blocks that people, other programs and other installations lay hands on.

use std::{fs, path::Path};

use crate::support::program::{
    Files, Home, KEY, calendar, event_with, files_in, meeting, utc, weekly, write,
};

/// A home with one block in `home`, and that block's file name and text.
fn one_block() -> (Home, String, String) {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let (name, bytes) = home.blocks("home").into_iter().next().unwrap();
    (home, name, String::from_utf8(bytes).unwrap())
}

/// A text without the time it was written at.
fn timeless(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("DTSTAMP"));
    lines.collect::<Vec<_>>().join("\n")
}

fn text_of(home: &Home, file: &str) -> String {
    fs::read_to_string(home.folder("home").join(file)).unwrap()
}

#[test]
fn an_edited_block_comes_back_as_it_was() {
    let edits: [(&str, &str); 6] = [
        ("SUMMARY:Busy", "SUMMARY:Mine"),
        ("DTSTART:", "X-WAS:"),
        ("T090000Z", "T083000Z"),
        ("TRANSP:OPAQUE", "TRANSP:TRANSPARENT"),
        ("END:VEVENT", "LOCATION:Here\r\nEND:VEVENT"),
        ("CLASS:PRIVATE", "CLASS:PUBLIC"),
    ];
    let (home, name, text) = one_block();
    for (from, to) in edits {
        assert!(text.contains(from), "{text}");
        home.put("home", &name, text.replace(from, to));
        let report = home.expect(0, &["sync", "--json"]).json();
        assert_eq!(report["updated"], 1, "{to}: {report}");
        assert_eq!(timeless(&text_of(&home, &name)), timeless(&text), "{to}");
        home.sync_idle();
    }
}

#[test]
fn a_deleted_block_comes_back() {
    let (home, name, text) = one_block();
    home.delete("home", &name);
    home.sync();
    assert_eq!(timeless(&text_of(&home, &name)), timeless(&text));
    home.sync_idle();
}

#[test]
fn a_block_file_that_cannot_be_read_is_named_and_left_alone() {
    // Whoever is writing it may be a person's calendar program; a name alone proves nothing of what is in it.
    for damage in ["rubbish", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT"] {
        let (home, name, text) = one_block();
        home.put("home", &name, damage);
        for _ in 0..2 {
            home.expect(5, &["sync"]).says(&[&name]);
            assert_eq!(text_of(&home, &name), damage);
            assert_eq!(
                home.blocks("home").len(),
                2,
                "the time is blocked all the same"
            );
        }
        home.expect(5, &["sync"]);
        home.delete("work", "a.ics");
        home.expect(5, &["sync"]);
        home.expect(0, &["reset", "--all", "--yes"]);
        assert_eq!(text_of(&home, &name), damage);
        assert_eq!(home.blocks("home").len(), 1);
        home.put("work", "a.ics", meeting("a", 3));
        home.put("home", &name, &text);
        home.sync();
        home.sync_idle();
        assert_eq!(home.blocks("home").len(), 1);
    }
}

#[test]
fn a_block_of_which_nothing_is_left_comes_back() {
    let (home, name, text) = one_block();
    home.put("home", &name, "");
    home.sync();
    assert_eq!(timeless(&text_of(&home, &name)), timeless(&text));
    home.put("home", &name, "");
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(home.files("home"), Files::new());
}

#[test]
fn a_block_copied_into_another_calendar_is_never_touched() {
    let (home, name, text) = one_block();
    let edited = text
        .replace("SUMMARY:Busy", "SUMMARY:Dentist")
        .replace("T090000Z", "T080000Z");
    home.put("work", "dentist.ics", &edited);
    home.put("work", &name, &text);
    let before = home.world();
    home.sync()
        .says(&["work: 2 blocks made for another calendar", "calsync check"]);
    assert_eq!(home.world(), before);
    home.sync_idle();
    home.expect(0, &["check"]).shows(&[
        "calendar work: 2 blocks copied or moved here from another calendar",
        "by hand: cs1",
        "dentist.ics",
    ]);
    home.delete("work", "a.ics");
    home.sync();
    assert_eq!(home.files("home"), Files::new());
    let left = home.files("work");
    home.sync_idle();
    home.lose_state();
    home.sync_idle();
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(home.files("work"), left);
    assert_eq!(left.len(), 2);
}

#[test]
fn a_block_beside_somebodys_to_do_is_left_alone() {
    let (home, name, text) = one_block();
    let todo = "BEGIN:VTODO\r\nUID:t\r\nSUMMARY:tax\r\nEND:VTODO\r\nEND:VCALENDAR";
    let mixed = text
        .replace("END:VCALENDAR", todo)
        .replace("SUMMARY:Busy", "SUMMARY:Mine");
    home.put("home", &name, &mixed);
    home.expect(0, &["sync"]);
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(text_of(&home, &name), mixed);
}

#[test]
fn a_renamed_block_is_recognised_and_goes_with_its_event() {
    for with_state in [true, false] {
        let (home, name, _) = one_block();
        let folder = home.folder("home");
        fs::rename(folder.join(&name), folder.join("renamed.ics")).unwrap();
        if !with_state {
            home.lose_state();
        }
        home.sync_idle();
        assert_eq!(home.files("home").len(), 1);
        home.delete("work", "a.ics");
        home.sync();
        assert_eq!(home.files("home"), Files::new(), "with state: {with_state}");
    }
}

#[test]
fn a_block_that_was_cut_short_comes_back_as_it_was() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let (name, bytes) = home.blocks("home").into_iter().next().unwrap();
    for end in [0, 40, 60, 76, 90, 100, 160, 200, 300, bytes.len() - 20] {
        home.put("home", &name, &bytes[..end]);
        home.expect(0, &["sync"]);
        let blocks = home.blocks("home");
        assert_eq!(blocks.len(), 1, "{end}");
        assert_eq!(text_of(&home, &name).len(), bytes.len(), "{end}");
    }
    // What some disks put in the place of what they lost.
    let nothing = vec![0; bytes.len()];
    home.put("home", &name, &nothing);
    home.expect(0, &["sync"]);
    home.sync_idle();
    assert_eq!(text_of(&home, &name).len(), bytes.len());
    for left in [&bytes[..200], &nothing] {
        home.sync();
        home.put("home", &name, left);
        home.expect(0, &["reset", "--all", "--yes"]);
        assert_eq!(home.blocks("home").len(), 0);
    }
}

#[test]
fn copies_of_blocks_among_other_events_are_counted_and_stay() {
    let home = Home::with(&["work", "home", "club"]);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let block = home.blocks("home").into_values().next().unwrap();
    let block = String::from_utf8(block).unwrap();
    let (_, block) = block.split_once("BEGIN:VEVENT").unwrap();
    let (block, _) = block.split_once("END:VCALENDAR").unwrap();
    let export = meeting("own", 9).replace(
        "END:VCALENDAR",
        &format!("BEGIN:VEVENT{block}END:VCALENDAR"),
    );
    for folder in ["home", "club"] {
        home.put(folder, "export.ics", &export);
    }
    home.sync();
    let shown = home.expect(0, &["status"]).stdout;
    assert!(
        shown.contains("1 block somebody's own by now")
            && shown.contains("1 block copied from another calendar"),
        "{shown}"
    );
    let ran = home.expect(0, &["reset", "--all", "--yes"]);
    ran.says(&[
        "home: 1 block became somebody's own",
        "club: 1 block copied",
    ]);
    assert_eq!(home.files("home")["export.ics"], export.as_bytes());
}

#[test]
fn copies_of_a_block_go_and_the_block_stays() {
    for shape in [
        "copy.ics",
        "000.ics",
        "ID_copy.ics",
        "ID (copy).ics",
        "ID-1.ics",
        "ID.ics.ics",
    ] {
        let (home, name, text) = one_block();
        let copy = shape.replace("ID", name.trim_end_matches(".ics"));
        home.put("home", &copy, &text);
        home.put("home", "edited.ics", text.replace("Busy", "Mine"));
        let before = home.files("home");
        for _ in 0..2 {
            let report = home.expect(0, &["sync", "--dry-run", "--json"]).json();
            assert_eq!(report["operations"][0]["why"], "spare", "{report}");
            assert_eq!(home.files("home"), before);
        }
        let report = home.expect(0, &["sync", "--json"]).json();
        assert_eq!(
            (&report["deleted"], &report["created"]),
            (&2.into(), &0.into())
        );
        assert_eq!(home.files("home"), Files::from([(name, text.into_bytes())]));
        home.sync_idle();
    }
}

#[test]
fn many_copies_at_once_are_no_mass_removal_and_reset_finds_them_all() {
    for with_state in [true, false] {
        let (home, name, text) = one_block();
        for i in 0..30 {
            home.put("home", &format!("{i}.ics"), &text);
        }
        if with_state {
            home.sync();
            assert_eq!(home.files("home").len(), 1);
            for i in 0..30 {
                home.put("home", &format!("{i}.ics"), &text);
            }
        } else {
            home.lose_state();
        }
        let report = home
            .expect(0, &["reset", "--all", "--yes", "--json"])
            .json();
        assert_eq!(report["deleted"], 31, "{report}");
        assert_eq!(home.files("home"), Files::new(), "{name}");
    }
}

/// What a run that was cut short leaves of this text, at the place where a block file is looked at before it goes.
fn left_aside(home: &Home, block: &str, text: &str) -> std::path::PathBuf {
    let key = data_encoding::HEXLOWER.decode(KEY.as_bytes()).unwrap();
    let tag = calsync::ident::Mint::new(&key.try_into().unwrap()).fingerprint();
    let path = calsync::fsx::aside(&home.folder("home"), &tag, block);
    write(&path, text.as_bytes());
    path
}

#[test]
fn what_a_killed_run_left_aside_goes_if_it_is_a_block_and_comes_back_if_it_is_somebodys() {
    let home = Home::with(&["work", "home"]);
    home.give_key(KEY);
    home.put("work", "a.ics", meeting("a", 3));
    home.sync();
    let (name, bytes) = home.blocks("home").into_iter().next().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let guest = text.replace(
        "END:VEVENT",
        "ATTENDEE:mailto:bob@example.org\r\nEND:VEVENT",
    );
    let half = text.split_at(text.len() / 2).0;
    let mut day = 10;
    for (left, stays) in [
        (&*text, false),
        (half, false),
        ("", false),
        (&*guest, true),
        (&*meeting("precious", 5), true),
        ("what nobody can read", true),
    ] {
        let aside = left_aside(&home, &name, left);
        let before = home.files("home").len();
        day += 1;
        home.put("work", "more.ics", meeting("more", day));
        home.run(&["sync"]);
        assert!(!aside.exists(), "{left}");
        let files = home.files("home");
        assert_eq!(
            files.values().any(|file| file == left.as_bytes()),
            stays || left == text
        );
        let back = files
            .keys()
            .find(|file| file.starts_with(name.trim_end_matches(".ics")) && **file != name);
        assert_eq!(back.is_some(), stays, "{before} {left}");
        if let Some(back) = back {
            home.delete("home", back);
        }
    }
}

#[test]
fn a_damaged_block_with_guests_is_left_alone() {
    let (home, name, text) = one_block();
    let damaged = text.replace("DTSTART:", "DTSTART:x").replace(
        "END:VEVENT",
        "ATTENDEE:mailto:bob@example.org\r\nEND:VEVENT",
    );
    home.put("home", &name, &damaged);
    home.run(&["sync"]);
    home.lose_state();
    home.run(&["sync"]);
    home.run(&["reset", "--all", "--yes"]);
    assert_eq!(text_of(&home, &name), damaged);
}

#[test]
fn a_block_with_guests_is_left_alone() {
    let (home, name, text) = one_block();
    let meeting = text.replace(
        "END:VEVENT",
        "ATTENDEE:mailto:bob@example.org\r\nEND:VEVENT",
    );
    home.put("home", &name, &meeting);
    let told = home.expect(0, &["sync", "-v"]);
    told.says(&[
        "1 block became somebody's own",
        &format!("to be looked at by hand: {name}"),
    ]);
    assert_eq!(text_of(&home, &name), meeting);
    home.sync();
    home.delete("work", "a.ics");
    home.sync();
    assert_eq!(text_of(&home, &name), meeting);
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(text_of(&home, &name), meeting);
    home.lose_state();
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(text_of(&home, &name), meeting);
}

/// Puts a text in a block's place; neither a sync nor a reset may touch it, nor one that remembers nothing.
fn is_left_alone(home: &Home, name: &str, theirs: &str) {
    let is_there = || home.blocks("home").contains_key(name);
    home.put("home", name, theirs);
    home.run(&["sync"]);
    assert_eq!(text_of(home, name), theirs, "sync");
    home.run(&["reset", "--all", "--yes"]);
    assert!(is_there(), "reset removed {theirs}");
    assert_eq!(text_of(home, name), theirs, "reset");
    home.lose_state();
    home.run(&["sync"]);
    home.run(&["reset", "--all", "--yes"]);
    assert!(is_there(), "reset without state removed {theirs}");
    assert_eq!(text_of(home, name), theirs, "without state");
}

#[test]
fn a_recurring_block_that_became_a_meeting_is_left_alone_whatever_else_is_said_of_it() {
    let guests = "ORGANIZER:mailto:me@example.org\r\nATTENDEE:mailto:bob@example.org\r\nEND:VEVENT";
    for what in ["after", "before", "broken", "broken before", "twice broken"] {
        let home = Home::with(&["work", "home"]);
        home.put("work", "a.ics", weekly("a", 3));
        home.sync();
        let (name, bytes) = home.blocks("home").into_iter().next().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let meeting = text.replace("END:VEVENT", guests);
        let id = name.trim_end_matches(".ics");
        let at = utc(10, "090000");
        let start = match what.contains("broken") {
            true => "tomorrow".to_owned(),
            false => utc(10, "110000"),
        };
        let change = format!(
            "BEGIN:VEVENT\r\nUID:{id}\r\nRECURRENCE-ID:{at}\r\nDTSTART:{start}\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
        );
        let theirs = match what {
            "twice broken" => {
                let both = format!("{change}{change}END:VCALENDAR");
                meeting.replace("END:VCALENDAR", &both)
            }
            "after" | "broken" => {
                meeting.replace("END:VCALENDAR", &format!("{change}END:VCALENDAR"))
            }
            _ => meeting.replacen("BEGIN:VEVENT", &format!("{change}BEGIN:VEVENT"), 1),
        };
        assert!(theirs.len() > meeting.len(), "{theirs}");
        is_left_alone(&home, &name, &theirs);
    }
}

#[test]
fn a_block_with_a_changed_occurrence_and_no_guests_comes_back_as_it_was() {
    let home = Home::with(&["work", "home"]);
    home.put("work", "a.ics", weekly("a", 3));
    home.sync();
    let (name, bytes) = home.blocks("home").into_iter().next().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let id = name.trim_end_matches(".ics");
    for start in ["20300101T000000Z", "tomorrow"] {
        let change = format!(
            "BEGIN:VEVENT\r\nUID:{id}\r\nRECURRENCE-ID:{}\r\nDTSTART:{start}\r\nEND:VEVENT\r\n",
            utc(10, "090000")
        );
        let changed = text.replace("END:VCALENDAR", &format!("{change}{change}END:VCALENDAR"));
        home.put("home", &name, changed);
        let report = home.expect(0, &["sync", "--json"]).json();
        assert_eq!(report["updated"], 1, "{start}: {report}");
        assert_eq!(timeless(&text_of(&home, &name)), timeless(&text));
    }
}

#[test]
fn a_block_in_a_file_with_anything_of_somebodys_own_is_left_alone() {
    type Put = fn(&str, &str) -> String;
    let todo = "BEGIN:VTODO\r\nUID:t\r\nSUMMARY:tax\r\nEND:VTODO\r\n";
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bob\r\nEND:VCARD\r\n";
    let second = calendar(todo);
    let things: [(&str, Put, &str); 7] = [
        (
            "a calendar after it",
            |text, own| text.to_owned() + own,
            &second,
        ),
        (
            "a calendar before it",
            |text, own| own.to_owned() + text,
            &second,
        ),
        ("a card after it", |text, own| text.to_owned() + own, card),
        ("a card before it", |text, own| own.to_owned() + text, card),
        (
            "a note after it",
            |text, own| text.to_owned() + own,
            "buy milk\r\n",
        ),
        (
            "a line after it",
            |text, own| text.to_owned() + own,
            "NOTE:buy milk\r\n",
        ),
        (
            "a to-do inside it",
            |text, own| text.replace("END:VEVENT", &format!("{own}END:VEVENT")),
            todo,
        ),
    ];
    for (what, put, own) in things {
        for edit in ["Mine", "Busy"] {
            let (home, name, text) = one_block();
            let text = text.replace("SUMMARY:Busy", &format!("SUMMARY:{edit}"));
            let theirs = put(&text, own);
            assert!(theirs.contains(own), "{what}");
            is_left_alone(&home, &name, &theirs);
        }
    }
}

#[test]
fn whatever_tells_of_people_makes_a_block_theirs() {
    for line in [
        "ATTENDEE bob@example.org",
        "organizer bob@example.org",
        "ATT\r\n ENDEE bob@example.org",
        "ATTENDEE;CN=\"Bob:mailto:bob@example.org",
        "X-MOZ-OLD-ATTENDEE:mailto:bob@example.org",
        "X-SAVED-ORGANIZER;CN=Bob:mailto:bob@example.org",
        "CONFERENCE;VALUE=URI:https://meet.example.org/1",
        "X-GOOGLE-CONFERENCE:https://meet.example.org/1",
        "BEGIN:PARTICIPANT\r\nUID:p\r\nPARTICIPANT-TYPE:SPONSOR\r\nEND:PARTICIPANT",
    ] {
        let (home, name, text) = one_block();
        let theirs = text.replace("END:VEVENT", &format!("{line}\r\nEND:VEVENT"));
        is_left_alone(&home, &name, &theirs);
    }
}

#[test]
fn a_block_in_a_file_with_other_events_is_left_alone() {
    let (home, name, text) = one_block();
    let own = meeting("own", 40);
    let inner = own
        .split_once("BEGIN:VEVENT")
        .unwrap()
        .1
        .split_once("END:VCALENDAR")
        .unwrap()
        .0;
    let both = text.replace(
        "END:VCALENDAR",
        &format!("BEGIN:VEVENT{inner}END:VCALENDAR"),
    );
    home.put("home", "mixed.ics", &both);
    home.delete("home", &name);
    home.sync();
    home.sync();
    assert_eq!(text_of(&home, "mixed.ics"), both);
    home.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(text_of(&home, "mixed.ics"), both);
}

#[test]
fn two_installations_that_share_folders_neither_echo_nor_touch_each_other() {
    let (one, two) = (Home::with(&["work", "home", "club"]), Home::bare());
    let mut config = String::from("timezone = \"Europe/Berlin\"\n");
    for name in ["work", "home", "club"] {
        let path = one.folder(name).display().to_string();
        config.push_str(&format_args!("[calendars.{name}]\npath = \"{path}\"\n").to_string());
    }
    two.configure(&config);
    one.put("work", "a.ics", meeting("a", 3));
    one.put("home", "b.ics", weekly("b", 1));
    one.sync();
    let first = one.world();
    two.sync();
    let both = one.world();
    // Two events in two other calendars each, once for each installation, and never a block of a block.
    assert_eq!((first.len(), both.len()), (2 + 4, 2 + 8));
    for _ in 0..3 {
        one.sync_idle();
        two.expect(0, &["sync"]).is_silent();
        assert_eq!(one.world(), both);
    }
    let report = one.expect(0, &["status", "--json"]).json();
    let foreign = report["calendars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["foreign_blocks"].as_u64().unwrap());
    assert_eq!(foreign.sum::<u64>(), 4, "{report}");
    one.lose_state();
    one.sync_idle();
    two.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(one.world(), first);
    one.expect(0, &["reset", "--all", "--yes"]);
    assert_eq!(one.world().len(), 2);
}

#[test]
fn an_imitation_of_a_block_is_neither_changed_nor_removed() {
    let (home, name, text) = one_block();
    // The last letter is part of the seal.
    let id = name.trim_end_matches(".ics");
    let last = if id.ends_with('0') { '1' } else { '0' };
    let forged = format!("{}{last}", &id[..id.len() - 1]);
    home.put("home", &format!("{forged}.ics"), text.replace(id, &forged));
    let invitation = event_with(
        &forged,
        "DTSTART:20300101T100000Z\nDTEND:20300101T110000Z\nORGANIZER:mailto:eve@example.org",
    );
    home.put("work", "invitation.ics", invitation);
    home.sync();
    let world = home.world();
    home.sync_idle();
    home.expect(0, &["reset", "--all", "--yes"]);
    let mut left = world;
    left.remove(&format!("home/{name}"));
    assert_eq!(home.world(), left);
}

#[test]
fn what_is_at_a_blocks_place_stays_and_the_block_goes_elsewhere() {
    type Put = (&'static str, fn(&Path));
    let put: [Put; 8] = [
        ("somebody's event", |place| {
            write(place, meeting("own", 50).as_bytes());
        }),
        ("an empty calendar", |place| {
            write(place, calendar("").as_bytes());
        }),
        ("half a file", |place| {
            write(place, b"BEGIN:VCALENDAR\nX-MINE:1");
        }),
        ("a task cut short", |place| {
            write(
                place,
                b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:own\r\n",
            );
        }),
        ("a calendar with a name", |place| {
            write(
                place,
                b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Own\r\n",
            );
        }),
        ("a folder", |place| fs::create_dir(place).unwrap()),
        ("a pipe", |place| {
            nix::unistd::mkfifo(place, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }),
        ("a link to nowhere", |place| {
            std::os::unix::fs::symlink("/nowhere/at/all", place).unwrap();
        }),
    ];
    for (what, put) in put {
        let (home, name, text) = one_block();
        let place = home.folder("home").join(&name);
        home.delete("home", &name);
        home.sync();
        home.delete("home", &name);
        home.lose_state();
        put(&place);
        let before = fs::symlink_metadata(&place).unwrap().modified().unwrap();
        home.run(&["sync"]);
        home.run(&["sync"]);
        let blocks = home.blocks("home");
        let blocks: Vec<_> = blocks.iter().filter(|(other, _)| **other != name).collect();
        let [(other, bytes)] = &blocks[..] else {
            panic!("{what}: {blocks:?}");
        };
        let uid = |name: &str| format!("UID:{}", name.trim_end_matches(".ics"));
        let shown = String::from_utf8((*bytes).clone()).unwrap();
        assert_eq!(
            timeless(&shown),
            timeless(&text).replace(&uid(&name), &uid(other)),
            "{what}"
        );
        home.delete("work", "a.ics");
        home.run(&["sync"]);
        assert_eq!(
            home.blocks("home").len(),
            usize::from(place.is_file()),
            "{what}"
        );
        let after = fs::symlink_metadata(&place).unwrap().modified().unwrap();
        assert_eq!(before, after, "{what}");
    }
}

#[test]
fn a_write_never_follows_a_link() {
    let (home, name, _) = one_block();
    home.delete("home", &name);
    let outside = home.path("outside.txt");
    write(&outside, b"mine");
    std::os::unix::fs::symlink(&outside, home.folder("home").join(&name)).unwrap();
    home.run(&["sync"]);
    home.run(&["sync"]);
    assert_eq!(fs::read(&outside).unwrap(), b"mine");
    home.run(&["reset", "--all", "--yes"]);
    assert_eq!(fs::read(&outside).unwrap(), b"mine");
    assert_eq!(files_in(&home.folder("work")).len(), 1);
}

#[test]
fn a_block_that_could_not_be_read_for_once_comes_back_when_nothing_is_left_of_it() {
    let (home, name, text) = one_block();
    let place = home.folder("home").join(&name);
    home.delete("home", &name);
    std::os::unix::fs::symlink("/nowhere/at/all", &place).unwrap();
    home.run(&["sync"]);
    fs::remove_file(&place).unwrap();
    home.put("home", &name, "");
    home.sync();
    assert_eq!(timeless(&text_of(&home, &name)), timeless(&text));
}

#[test]
fn a_blocks_uid_in_capitals_is_no_event() {
    let (home, name, text) = one_block();
    let id = name.trim_end_matches(".ics");
    home.put(
        "home",
        "loud.ics",
        text.replace(id, &id.to_ascii_uppercase()),
    );
    home.sync();
    assert_eq!(home.blocks("work").len(), 0);
    home.sync_idle();
}

/// A home with one block, of which somebody made a meeting, and its event at another time since then.
fn taken_and_moved() -> (Home, String, String) {
    let (home, name, text) = one_block();
    let guests = "ATTENDEE:mailto:bob@example.org\r\nEND:VEVENT";
    let theirs = text.replace("END:VEVENT", guests);
    home.put("home", &name, &theirs);
    home.sync();
    assert_eq!(home.blocks("home").len(), 1, "it still shows that time");
    home.put("work", "a.ics", meeting("a", 5));
    (home, name, theirs)
}

#[test]
fn a_block_that_became_a_meeting_is_made_anew_when_its_event_moves() {
    let (home, name, theirs) = taken_and_moved();
    let report = home.expect(0, &["sync", "--json"]).json();
    assert_eq!(report["created"], 1, "{report}");
    let blocks = home.blocks("home");
    assert_eq!(blocks.len(), 2);
    let (_, new) = blocks.iter().find(|(other, _)| **other != name).unwrap();
    let new = String::from_utf8_lossy(new);
    assert!(
        new.contains(&format!("DTSTART:{}", utc(5, "090000"))),
        "{new}"
    );
    home.sync_idle();
    // Also without the memory of it, there is nothing more to do.
    home.lose_state();
    home.sync();
    assert_eq!(home.blocks("home"), blocks);
    home.put("work", "a.ics", meeting("a", 6));
    home.sync();
    assert_eq!(home.blocks("home").len(), 2, "the new one moves along");
    home.delete("work", "a.ics");
    home.sync();
    assert_eq!(home.blocks("home").len(), 1);
    assert_eq!(text_of(&home, &name), theirs);
}

#[test]
fn of_two_files_with_one_id_the_one_that_is_still_a_block_counts() {
    let (home, name, text) = one_block();
    let guests = "ATTENDEE:mailto:bob@example.org\r\nEND:VEVENT";
    for copy in ["0-copy.ics", "z-copy.ics"] {
        let theirs = text.replace("END:VEVENT", guests);
        home.put("home", copy, &theirs);
        home.sync();
        assert_eq!(text_of(&home, &name), text, "the block stays");
        assert_eq!(text_of(&home, copy), theirs, "so does what is theirs");
        home.delete("home", copy);
    }
    // Theirs lies at the block's place, and the block beside it.
    let theirs = text.replace("END:VEVENT", guests);
    home.put("home", &name, &theirs);
    home.put("home", "copy.ics", &text);
    home.sync();
    assert_eq!(text_of(&home, &name), theirs);
    assert_eq!(text_of(&home, "copy.ics"), text);
}

#[test]
fn a_twin_of_one_moved_occurrence_hides_that_one_and_no_other() {
    let home = Home::with(&["a", "b"]);
    let start = utc(2, "090000");
    let moved = (utc(4, "090000"), utc(5, "090000"), utc(5, "093000"));
    let change = format!(
        "UID:daily\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID:{}\nDTSTART:{}\nDTEND:{}\nEND:VEVENT",
        moved.0, moved.1, moved.2
    );
    let series = format!("DTSTART:{start}\nDURATION:PT3H\nRRULE:FREQ=DAILY;COUNT=10");
    let series = event_with(
        "daily",
        &format!("{series}\nEND:VEVENT\nBEGIN:VEVENT\n{change}"),
    );
    home.put(
        "a",
        "daily.ics",
        series.replace("END:VEVENT\r\nEND:VEVENT", "END:VEVENT"),
    );
    home.put(
        "b",
        "daily.ics",
        calendar(&format!("BEGIN:VEVENT\n{change}")),
    );
    home.sync();
    let blocks = home.blocks("b");
    let text: String = blocks
        .values()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .collect();
    assert_eq!(blocks.len(), 1, "the moved one really stands there: {text}");
    assert!(text.contains(&format!("EXDATE:{}", moved.0)), "{text}");
    assert!(
        !text.contains(&moved.1),
        "the one of that day stays: {text}"
    );
}

#[test]
fn an_occurrence_that_is_said_twice_lasts_as_long_as_the_longer() {
    let home = Home::with(&["a", "b"]);
    let (start, long) = (utc(2, "090000"), utc(2, "140000"));
    for rule in [
        "RRULE:FREQ=DAILY;COUNT=3",
        "RRULE:FREQ=DAILY;COUNT=3\nRRULE:FREQ=WEEKLY;COUNT=2",
    ] {
        let period = format!("RDATE;VALUE=PERIOD:{start}/{long}");
        let event = event_with(
            "d",
            &format!("DTSTART:{start}\nDURATION:PT1H\n{rule}\n{period}"),
        );
        home.put("a", "d.ics", event);
        home.sync();
        let blocks = home.blocks("b");
        let ends = blocks.values().filter(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            text.contains(&format!("DTSTART:{start}")) && text.contains(&format!("DTEND:{long}"))
        });
        assert_eq!(ends.count(), 1, "{rule}: {blocks:?}");
    }
}

#[test]
fn what_an_old_copy_of_a_file_says_of_single_days_goes_with_it() {
    let line =
        |edition: u8| format!("SEQUENCE:{edition}\nLAST-MODIFIED:202601{edition:02}T000000Z");
    let series = |edition| {
        let start = format!("DTSTART:{}\nDURATION:PT1H", utc(4, "090000"));
        format!(
            "BEGIN:VEVENT\nUID:m\n{start}\nRRULE:FREQ=DAILY;COUNT=5\n{}\nEND:VEVENT\n",
            line(edition)
        )
    };
    let cancelled = |edition, ahead| {
        let at = utc(ahead, "090000");
        format!(
            "BEGIN:VEVENT\nUID:m\nRECURRENCE-ID:{at}\nDTSTART:{at}\nDURATION:PT1H\nSTATUS:CANCELLED\n{}\nEND:VEVENT\n",
            line(edition)
        )
    };
    let home = Home::with(&["work", "home"]);
    home.put("work", "m.ics", calendar(&(series(2) + &cancelled(2, 5))));
    let old = calendar(&(series(1) + &cancelled(1, 6) + &cancelled(3, 7)));
    home.put("work", "m (conflicted copy).ics", old);
    home.sync();
    let (_, block) = home.blocks("home").pop_first().unwrap();
    let text = String::from_utf8(block).unwrap();
    // Cancelled in the newer edition, in the older one, and after both.
    for (ahead, is_out) in [(5, true), (6, false), (7, true)] {
        assert_eq!(
            text.contains(&format!("EXDATE:{}", utc(ahead, "090000"))),
            is_out,
            "{text}"
        );
    }
}
