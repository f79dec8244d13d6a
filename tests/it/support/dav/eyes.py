"""Reads calendars with a client that calsync has no hand in, and says what busy time they show.

    eyes.py --from 2026-03-01T00:00:00Z --to 2027-06-01T00:00:00Z --zone Europe/Berlin \
        --url http://127.0.0.1:5232 --user alice NAME=/alice/work/... < PASSWORD

The client is Python's caldav, the recurrences are worked out by recurring-ical-events, in the words of tests/oracle/busy.py.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import zoneinfo

ORACLE = pathlib.Path(__file__).parents[3] / "oracle"
sys.path.insert(0, str(ORACLE))
sys.dont_write_bytecode = True

import busy  # noqa: E402
import caldav  # noqa: E402


def shown(calendar, args):
    """Return the busy time that a calendar shows, and how many events it holds."""
    timed, all_day = set(), set()
    events = calendar.events()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "event.ics"
        for event in events:
            path.write_bytes(event.data.encode())
            more = busy.file_busy(path, args.start, args.stop, args.zone, {args.me})
            timed |= more[0]
            all_day |= more[1]
    return {"events": len(events), **busy.written(timed, all_day)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="start", type=busy.moment, required=True)
    parser.add_argument("--to", dest="stop", type=busy.moment, required=True)
    parser.add_argument("--zone", type=zoneinfo.ZoneInfo, required=True)
    parser.add_argument("--me", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("calendars", nargs="+")
    args = parser.parse_args()
    password = sys.stdin.readline().strip()
    with caldav.DAVClient(url=args.url, username=args.user, password=password) as client:
        found = {}
        for named in args.calendars:
            name, path = named.split("=", 1)
            found[name] = shown(client.calendar(url=args.url + path), args)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
