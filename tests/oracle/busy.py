"""Print the busy time of .ics files as an independent implementation sees it.

    python busy.py --from 2026-03-01T00:00:00Z --to 2027-06-01T00:00:00Z \
        --zone Europe/Berlin --me me@example.com FOLDER_OR_FILE...

The recurrences are worked out by recurring-ical-events. This file only asks
it, drops what is not busy, and writes the rest down in one fixed form.
"""

import argparse
import json
import pathlib
import sys
import warnings
import zoneinfo
from datetime import datetime, timedelta, timezone

# The zone rules come from the pinned tzdata package, not from the machine,
# so that every machine gets the same answer.
zoneinfo.reset_tzpath(to=())

import icalendar  # noqa: E402
import recurring_ical_events  # noqa: E402

# A vendor prefix before an IANA name is guessed right, so no word on it.
warnings.simplefilter("ignore", icalendar.error.GloballyUniqueTZIDGuessed)

FORM = "%Y-%m-%dT%H:%M:%SZ"
# Floating times are only placed after the expansion, so the library is asked
# for a wider span and the exact overlap is decided here.
MARGIN = timedelta(days=3)


def moment(text):
    """Read 2026-03-01T00:00:00Z."""
    return datetime.strptime(text, FORM).replace(tzinfo=timezone.utc)


def declined(event, me):
    """Whether one of my own addresses has declined. Others do not matter."""
    attendees = event.get("ATTENDEE", [])
    for attendee in attendees if isinstance(attendees, list) else [attendees]:
        address = str(attendee).lower().removeprefix("mailto:")
        if address in me and attendee.params.get("PARTSTAT", "").upper() == "DECLINED":
            return True
    return False


def blocks(event, me):
    """Whether the event takes up time."""
    return (
        str(event.get("STATUS", "")).upper() != "CANCELLED"
        and str(event.get("TRANSP", "")).upper() != "TRANSPARENT"
        and not declined(event, me)
    )


def to_utc(time, zone):
    """Place a time on the UTC line.

    fold=0 gives calsync's rule: a time in a gap moves forward by the length
    of the gap, a time in a fold is the earlier one.
    """
    if time.tzinfo is None:
        time = time.replace(tzinfo=zone)
    return time.replace(fold=0).astimezone(timezone.utc)


def calendar_busy(calendar, start, stop, zone, me):
    """Return the busy (timed, all_day) sets of one VCALENDAR."""
    # X-WR-TIMEZONE places floating times only. The library would also turn
    # UTC series into local ones by it, which RFC 5545 does not know.
    name = calendar.pop("X-WR-TIMEZONE", None)
    if name:
        zone = zoneinfo.ZoneInfo(str(name))
    timed, all_day = set(), set()
    query = recurring_ical_events.of(calendar, components=["VEVENT"])
    for event in query.between(start - MARGIN, stop + MARGIN):
        if not blocks(event, me):
            continue
        first, end = event["DTSTART"].dt, event["DTEND"].dt
        if isinstance(first, datetime):
            first, end = to_utc(first, zone), to_utc(end, zone)
            if first < end and first < stop and end > start:
                timed.add((first, end))
        elif first < end and first < stop.date() and end > start.date():
            all_day.add((first, end))
    return timed, all_day


def read(path):
    """Return the VCALENDARs of one file."""
    # The library remembers every VTIMEZONE it has seen. Begin anew, so that
    # no file can change what another one means.
    icalendar.use_zoneinfo()
    return icalendar.Calendar.from_ical(pathlib.Path(path).read_bytes(), multiple=True)


def file_busy(path, start, stop, zone, me):
    """Return the busy (timed, all_day) sets of one file."""
    timed, all_day = set(), set()
    for calendar in read(path):
        more_timed, more_days = calendar_busy(calendar, start, stop, zone, me)
        timed |= more_timed
        all_day |= more_days
    return timed, all_day


def written(timed, all_day):
    """Return both sets as sorted lists of texts."""
    return {
        "timed": [[a.strftime(FORM), b.strftime(FORM)] for a, b in sorted(timed)],
        "all_day": [[a.isoformat(), b.isoformat()] for a, b in sorted(all_day)],
    }


def ics_files(names):
    """Yield the files named, and those in the folders named."""
    for name in map(pathlib.Path, names):
        if not name.is_dir():
            yield name
            continue
        for path in sorted(name.iterdir()):
            if path.suffix == ".ics" and not path.name.startswith("."):
                yield path


def main():
    parser = argparse.ArgumentParser(description="Print the busy time of .ics files.")
    parser.add_argument("--from", dest="start", type=moment, required=True)
    parser.add_argument("--to", dest="stop", type=moment, required=True)
    parser.add_argument("--zone", type=zoneinfo.ZoneInfo, required=True)
    parser.add_argument("--me", action="append", default=[])
    parser.add_argument("paths", nargs="+")
    args = parser.parse_args()
    me = {address.lower() for address in args.me}
    timed, all_day = set(), set()
    for path in ics_files(args.paths):
        more_timed, more_days = file_busy(path, args.start, args.stop, args.zone, me)
        timed |= more_timed
        all_day |= more_days
    json.dump(written(timed, all_day), sys.stdout)
    print()


if __name__ == "__main__":
    main()
