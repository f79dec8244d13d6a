"""Make expected.json from the calendars: python make.py

Each answer is what busy.py finds, except for the calendars under POLICY below:
there calsync means something else on purpose, and the difference is written
out by hand, instant by instant.
"""

import json
import pathlib
import re
import zoneinfo
from datetime import datetime, timezone

from dateutil.rrule import FR, WEEKLY, rrule

import busy

HERE = pathlib.Path(__file__).parent
FROM, TO = "2026-03-01T00:00:00Z", "2027-06-01T00:00:00Z"
ZONE = "Europe/Berlin"
ME = "me@example.com"

POLICY = {}


def policy(name, reason):
    """Register a function that turns the oracle's timed spans into calsync's."""

    def register(change):
        POLICY[name] = (reason, change)
        return change

    return register


def change(timed, drop=(), add=()):
    """Take spans out and put spans in, written as start/end without seconds."""
    drop, add = ({span(text) for text in texts} for texts in (drop, add))
    # A policy that the oracle has learned by now must not linger here.
    assert drop <= timed, f"the oracle does not say {drop - timed}"
    assert not add & timed, f"the oracle says so already: {add & timed}"
    return timed - drop | add


def span(text):
    """Read 2026-03-29T01:30/02:30 or 2026-03-28T21:00/2026-03-29T05:00, in UTC."""
    start, end = text.split("/")
    if "T" not in end:
        end = start[:11] + end
    return tuple(busy.moment(moment + ":00Z") for moment in (start, end))


@policy(
    "dst-gap-hour",
    "an occurrence moved out of a gap keeps its length (RFC 5545 3.3.5 and 3.8.5.3);"
    " the oracle ends it at its unmoved time, which leaves nothing",
)
def _(timed):
    return change(timed, add=["2026-03-29T01:30/02:30"])


@policy(
    "dst-overnight-duration",
    "hours of a DURATION are elapsed time (RFC 5545 3.3.6); the oracle takes them by the wall clock",
)
def _(timed):
    return change(
        timed,
        drop=["2026-03-28T21:00/2026-03-29T04:00", "2026-10-24T20:00/2026-10-25T05:00"],
        add=["2026-03-28T21:00/2026-03-29T05:00", "2026-10-24T20:00/2026-10-25T04:00"],
    )


@policy(
    "length-pt24h",
    "hours of a DURATION are elapsed time (RFC 5545 3.3.6); the oracle takes them by the wall clock",
)
def _(timed):
    return change(
        timed,
        drop=[
            "2026-03-28T11:00/2026-03-29T10:00",
            "2026-10-24T10:00/2026-10-25T11:00",
            "2026-03-29T00:00/01:00",
            "2026-03-28T17:00/2026-03-29T16:00",
        ],
        add=[
            "2026-03-28T11:00/2026-03-29T11:00",
            "2026-10-24T10:00/2026-10-25T10:00",
            "2026-03-29T00:00/02:00",
            "2026-03-28T17:00/2026-03-29T17:00",
        ],
    )


@policy(
    "rule-until-local-west",
    "UNTIL without Z is local like DTSTART (RFC 5545 3.3.10 on local UNTIL); the oracle reads it as UTC",
)
def _(timed):
    return change(timed, add=["2026-05-15T13:00/14:00", "2026-11-04T00:30/01:30"])


@policy(
    "rule-until-date-edge",
    "UNTIL is inclusive (RFC 5545 3.3.10), so a DATE includes that local day;"
    " the oracle ends at its first UTC instant",
)
def _(timed):
    return change(
        timed,
        add=["2026-06-05T08:00/09:00", "2026-07-10T01:00/02:00", "2026-07-11T01:00/02:00"],
    )


@policy(
    "rule-until-before-start",
    "DTSTART is the first instance of a series whatever its rule says (RFC 5545 3.8.5.3), so what was entered once shows;"
    " the oracle shows nothing",
)
def _(timed):
    return change(timed, add=["2026-06-01T10:00/11:00", "2026-07-06T08:00/09:00"])


@policy(
    "rule-dtstart-unmatched-count",
    "DTSTART always counts as the first occurrence (RFC 5545 3.3.10 on COUNT);"
    " the oracle counts only what the rule matches",
)
def _(timed):
    return change(timed, drop=["2026-03-19T10:00/11:00"])


@policy(
    "rule-weekno-no-byday",
    "what a rule does not say is taken from DTSTART, here the weekday (RFC 5545 3.3.10);"
    " the oracle fills the whole week",
)
def _(timed):
    return {(start, end) for start, end in timed if start.weekday() == 2}


@policy(
    "rule-exrule",
    "EXRULE excludes (RFC 2445 4.8.5.2); the oracle does not read it",
)
def _(timed):
    # Both rules begin at DTSTART, a Monday at nine in summer time.
    fridays = rrule(WEEKLY, interval=2, byweekday=FR, dtstart=datetime(2026, 6, 1, 7), count=20)
    fridays = {day.replace(tzinfo=timezone.utc) for day in fridays}
    return {s for s in timed if s[0].month != 8 and s[0] not in fridays}


@policy(
    "exdate-utc-miss",
    "EXDATE in UTC is an instant (RFC 5545 3.3.5); the oracle also compares its digits with the local time",
)
def _(timed):
    return change(timed, add=["2026-03-09T08:00/09:00"])


@policy(
    "zone-windows-stale",
    "a Windows zone name is resolved by CLDR before the embedded VTIMEZONE; the oracle prefers the VTIMEZONE",
)
def _(timed):
    days = ["2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30", "2026-10-26"]
    return change(
        timed,
        drop=[f"{day}T14:00/15:00" for day in days],
        add=[f"{day}T13:00/14:00" for day in days],
    )


def answer(path):
    """Return the entry of one calendar."""
    name = path.stem
    # The library leaves the escapes in properties it does not know.
    why = re.sub(r"\\([,;\\])", r"\1", str(busy.read(path)[0]["X-WR-CALDESC"]))
    zone = zoneinfo.ZoneInfo(ZONE)
    timed, all_day = busy.file_busy(path, busy.moment(FROM), busy.moment(TO), zone, {ME})
    source = "oracle"
    if name in POLICY:
        reason, changed = POLICY[name]
        before, timed = timed, changed(timed)
        assert timed != before, f"{name}: the oracle agrees, no policy is needed"
        source = f"policy: {reason}"
    assert timed or all_day, f"{name}: nothing in the window"
    return {"why": why, "source": source, **busy.written(timed, all_day)}


def lines(spans):
    """One line per span, so that diffs read well."""
    rows = ",\n".join(f'    ["{start}","{end}"]' for start, end in spans)
    return f"[\n{rows}\n   ]" if rows else "[]"


def text(value):
    return json.dumps(value, ensure_ascii=False)


def main():
    paths = sorted((HERE / "calendars").glob("*.ics"))
    entries = {path.stem: answer(path) for path in paths}
    assert POLICY.keys() <= entries.keys(), "a policy without a calendar"
    blocks = [
        f"  {text(name)}: {{\n"
        f'   "why": {text(entry["why"])},\n'
        f'   "source": {text(entry["source"])},\n'
        f'   "timed": {lines(entry["timed"])},\n'
        f'   "all_day": {lines(entry["all_day"])}\n'
        "  }"
        for name, entry in entries.items()
    ]
    head = f'{{\n "window": {text([FROM, TO])},\n "zone": {text(ZONE)},\n "me": {text([ME])},\n'
    whole = head + ' "calendars": {\n' + ",\n".join(blocks) + "\n }\n}\n"
    json.loads(whole)
    (HERE / "expected.json").write_text(whole, encoding="utf-8", newline="\n")
    policies = [name for name in entries if name in POLICY]
    print(f"{len(entries)} calendars, {len(policies)} by policy: {', '.join(policies)}")


if __name__ == "__main__":
    main()
