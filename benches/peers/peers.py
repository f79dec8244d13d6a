#!/usr/bin/env python3
"""calsync beside vdirsyncer and neverest, against the same CalDAV server on this machine, as one table.

    cargo build --release --locked && python3 benches/peers/peers.py

The server is Radicale. It and vdirsyncer go into a Python environment below `target/peers`, at the versions of
`requirements.txt`; neverest is built from its crate into the same folder, which takes ten minutes the first time. Nothing
leaves this machine but what the package managers fetch.

The peers copy events, calsync makes a block for each: the nearest that can be timed side by side. There are two worlds:

* a folder of `.ics` files and a calendar at the server. neverest has no part in this one: what it keeps on the disk is a
  store of its own, and its README says that a folder of files is not a thing it syncs;
* a calendar of one person at the server and a calendar of another.

In each the first calendar has the events and the second is empty. Of ten events one is a weekly series with a hole, which is
one resource and one block, so that everybody has the same number of things to write. `first run` writes them all; `nothing
changed` is a later run; `one change` is a run after one event was moved by an hour. The world of 10,000 is laid out as a run
would leave it, every tool then makes itself familiar with it, and what is measured is the run after that.

Wall time has the server's in it, which does most of the work; where there is a `/dev/shm`,
nobody waits for a disk. CPU is user and system time of the tool alone, peak what it
held in memory at the most, requests what the server counted in its log. All but first runs are measured several times, and
the middle is told. The script ends with an error if a tool fails or did not do what it was to do; nothing is asserted of
times.
"""

import argparse
import base64
import datetime
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "target"
PLACE = TARGET / "peers"
NEVEREST = "0.3.0"
# Files that are in no disk's way.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
PASSWORD = "open-sesame-7xq"
RADICALE = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/people
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
filesystem_folder = {folder}
[web]
type = none
[logging]
level = info
"""
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example.org//events//EN
{zone}BEGIN:VEVENT
UID:{uid}
DTSTAMP:20260101T120000Z
DTSTART;TZID=Europe/Berlin:{start}
DTEND;TZID=Europe/Berlin:{end}
SUMMARY:A meeting about something or other
LOCATION:The small room on the second floor
DESCRIPTION:What everybody should have read before: the notes of last time.
{repeats}END:VEVENT
END:VCALENDAR
"""
ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def event(n, hours=0):
    """The nth event, so many hours later than it was at first."""
    monday = datetime.date.today() - datetime.timedelta(days=datetime.date.today().weekday())
    day = monday + datetime.timedelta(days=7 + n % 300)
    start = datetime.datetime.combine(day, datetime.time(8)) + datetime.timedelta(hours=hours, minutes=n // 300 % 40 * 15)
    repeats = ""
    if n % 10 == 9:
        hole = start + datetime.timedelta(weeks=2)
        repeats = f"RRULE:FREQ=WEEKLY;COUNT=8\nEXDATE;TZID=Europe/Berlin:{hole:%Y%m%dT%H%M%S}\n"
    text = EVENT.format(
        zone=ZONE,
        uid=uid(n),
        start=f"{start:%Y%m%dT%H%M%S}",
        end=f"{start + datetime.timedelta(minutes=45):%Y%m%dT%H%M%S}",
        repeats=repeats,
    )
    return text.replace("\n", "\r\n").encode()


def uid(n):
    return f"{n:08x}-5cbe-4f50-bdbc-da989672be1a@example.org"


def fill(folder, events):
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(events):
        (folder / f"{uid(n)}.ics").write_bytes(event(n))


class Server:
    """A Radicale of its own, with a calendar `work` for each of two people."""

    def __init__(self, folder):
        self.folder = folder
        for person in ("alice", "bob"):
            self.files(person).mkdir(parents=True)
            props = {"tag": "VCALENDAR", "D:displayname": "work"}
            (self.files(person) / ".Radicale.props").write_text(json.dumps(props))
        (folder / "people").write_text(f"alice:{PASSWORD}\nbob:{PASSWORD}\n")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        (folder / "config").write_text(RADICALE.format(port=self.port, folder=folder))
        self.log = folder / "log"
        command = [PLACE / "venv/bin/python", "-m", "radicale", "--config", folder / "config"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.log.open("wb"))
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit(f"Radicale does not start:\n{self.log.read_text()}")

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def files(self, person):
        return self.folder / "collection-root" / person / "work"

    def requests(self):
        """The requests so far, by method."""
        return re.findall(r"\[INFO\] ([A-Z]+) request for '", self.log.read_text())

    def ask(self, person, method, name="", body=None, **headers):
        login = base64.b64encode(f"{person}:{PASSWORD}".encode()).decode()
        line = http.client.HTTPConnection("127.0.0.1", self.port)
        line.request(method, f"/{person}/work/{name}", body, {"Authorization": f"Basic {login}", **headers})
        answer = line.getresponse()
        answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {name}: {answer.status}")

    def warm(self):
        """Has the server read its own files, which it does once for whoever comes first."""
        for person in ("alice", "bob"):
            body = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
            self.ask(person, "PROPFIND", body=body, Depth="1")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class World:
    """Two calendars, the first with events, and one tool that is to keep them in step."""

    def __init__(self, folder, is_local, events):
        self.folder, self.is_local, self.events = folder, is_local, events
        self.server = Server(folder / "server")
        self.source = folder / "folders/work" if is_local else self.server.files("alice")
        # Of whom the second calendar is.
        self.other = "alice" if is_local else "bob"
        fill(self.source, events)
        self.moved = 0

    def move(self):
        """Moves one event by an hour."""
        self.moved += 1
        name, text = f"{uid(0)}.ics", event(0, hours=self.moved)
        if self.is_local:
            new = self.source / "new"
            new.write_bytes(text)
            new.rename(self.source / name)
        else:
            self.server.ask("alice", "PUT", name, text, **{"Content-Type": "text/calendar"})

    def written(self):
        """What is in the second calendar."""
        return {path.name: path.read_bytes() for path in self.server.files(self.other).glob("*.ics")}


class Tool:
    def __init__(self, world):
        self.world, self.folder = world, world.folder
        self.environment = {**os.environ, "HOME": str(self.folder), "NO_COLOR": "1"}

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def run(self, *command):
        """Something that is not measured."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode:
            raise SystemExit(f"{command}: {done.returncode}\n{done.stdout.decode()}")

    def set_up(self):
        """What has to be done once before the first run, in one cost."""
        self.configure()
        costs = [self.measured(command, stdin) for command, stdin in self.before_first()]
        methods = [method for cost in costs for method in cost["methods"]]
        total = {key: sum(cost[key] for cost in costs) for key in ("wall", "cpu", "requests")}
        return {**total, "peak": max(cost["peak"] for cost in costs), "methods": methods}

    def measured(self, command=None, stdin=b""):
        """What one command cost; a sync, if nothing else is said."""
        command = command or self.command
        before = len(self.world.server.requests())
        meter = [sys.executable, "-I", "-S", str(HERE / "meter.py")]
        done = subprocess.run(
            [*meter, *map(str, command)], cwd=self.folder, env=self.environment, input=stdin, capture_output=True, check=True
        )
        cost = json.loads(done.stdout)
        if cost["code"]:
            raise SystemExit(f"{command}: {cost['code']}\n{done.stderr.decode()}")
        methods = self.world.server.requests()[before:]
        return {**cost, "requests": len(methods), "methods": methods}


class Calsync(Tool):
    name = "calsync"

    def configure(self):
        self.calsync = TARGET / "release/calsync"
        self.command = [self.calsync, "--config", "config.toml", "sync"]
        at_server = '[calendars.{0}]\naccount = "{1}"\nid = "/{1}/work/"\n'
        in_folder = '[calendars.{0}]\npath = "{1}"\n'
        if self.world.is_local:
            self.people = ["alice"]
            one, other = in_folder.format("one", self.world.source), at_server.format("other", "alice")
        else:
            self.people = ["alice", "bob"]
            one, other = at_server.format("one", "alice"), at_server.format("other", "bob")
        account = '[accounts.{0}]\nprovider = "caldav"\nurl = "{1}"\nusername = "{0}"\n'
        accounts = "".join(account.format(person, self.world.server.url()) for person in self.people)
        head = 'timezone = "Europe/Berlin"\nstate = "{}"\nkey_file = "key"\n'
        self.write("config.toml", head.format("state.db") + accounts + one + other)
        # The same with folders in place of calendars at the server.
        one, other = in_folder.format("one", "laid/one"), in_folder.format("other", "laid/other")
        self.write("laid.toml", head.format("laid.db") + one + other)

    def before_first(self):
        add = [self.calsync, "--config", "config.toml", "auth", "add", "--password-stdin"]
        return [([*add, person], PASSWORD.encode()) for person in self.people]

    def lay_out(self):
        """The blocks as a run leaves them: their ids are made from names and the key, wherever the calendars are."""
        fill(self.folder / "laid/one", self.world.events)
        (self.folder / "laid/other").mkdir()
        self.run(self.calsync, "--config", "laid.toml", "sync")
        for path in (self.folder / "laid/other").iterdir():
            path.rename(self.world.server.files(self.world.other) / path.name)


class Copier(Tool):
    """A tool that copies events as they are."""

    def lay_out(self):
        fill(self.world.server.files(self.world.other), self.world.events)


class Vdirsyncer(Copier):
    name = "vdirsyncer"

    def configure(self):
        self.vdirsyncer = PLACE / "venv/bin/vdirsyncer"
        self.command = [self.vdirsyncer, "--config", "config", "sync"]
        at_server = f'type = "caldav"\nurl = "{self.world.server.url()}/"\npassword = "{PASSWORD}"\nusername = "{{}}"\n'
        one = at_server.format("alice")
        if self.world.is_local:
            one = f'type = "filesystem"\npath = "{self.world.source.parent}"\nfileext = ".ics"\n'
        self.write(
            "config",
            '[general]\nstatus_path = "status"\n[pair pair]\na = "one"\nb = "other"\ncollections = ["work"]\n'
            f"[storage one]\n{one}[storage other]\n{at_server.format(self.world.other)}",
        )

    def before_first(self):
        return [([self.vdirsyncer, "--config", "config", "discover"], b"")]


class Neverest(Copier):
    name = "neverest"

    def configure(self):
        self.neverest = PLACE / "bin/neverest"
        self.command = [self.neverest, "-c", "config.toml", "sync"]
        side = (
            f'[accounts.both.{{}}.caldav]\nserver = "{self.world.server.url()}/"\nauth.basic.username = "{{}}"\n'
            f'auth.basic.password.raw = "{PASSWORD}"\ncollection.filter.include = ["work"]\n'
        )
        head = f'[accounts.both]\ndefault = true\nstore.root = "{self.folder}/store"\n'
        self.write("config.toml", head + side.format("sources.one", "alice") + side.format("targets.other", "bob"))

    def before_first(self):
        return [([self.neverest, "-c", "config.toml", "init"], b"")]


def install(wanted):
    """Everything that takes part, once."""
    if not (TARGET / "release/calsync").exists():
        raise SystemExit("first: cargo build --release --locked")
    PLACE.mkdir(parents=True, exist_ok=True)
    pins, ready = (HERE / "requirements.txt").read_text(), PLACE / "ready"
    if not ready.exists() or ready.read_text() != pins:
        venv = PLACE / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]
        subprocess.run([*pip, HERE / "requirements.txt"], check=True)
        ready.write_text(pins)
    if Neverest in wanted and not (PLACE / "bin/neverest").exists():
        crate = ["neverest", "--version", NEVEREST, "--locked", "--root", PLACE, "--target-dir", PLACE / "build"]
        # Calendars are all that is wanted of it.
        features = ["--no-default-features", "--features", "dav,rustls-ring,vendored"]
        subprocess.run(["cargo", "install", *crate, *features], check=True)
        shutil.rmtree(PLACE / "build")


def middle(costs):
    """The middle of several runs, each figure for itself."""
    return {key: statistics.median(cost[key] for cost in costs) for key in ("wall", "cpu", "peak", "requests")}


def tell(table, what, world, tool, costs, verbose):
    """Puts a row into the table, beside those of the other tools."""
    cost = middle(costs)
    where = "server, server" if not world.is_local else "folder, server"
    cells = [what, where, tool.name, f"{cost['wall']:.2f}", f"{cost['cpu']:.3f}", f"{cost['peak']:.1f}"]
    row = f"| {' | '.join(cells)} | {cost['requests']:.0f} |"
    table.setdefault((where, what), []).append(row)
    print(row, file=sys.stderr)
    for methods in sorted({" ".join(kinds(each["methods"])) for each in costs if verbose}):
        print(f"  {methods}", file=sys.stderr)


def kinds(methods):
    return (f"{methods.count(method)} {method}" for method in sorted(set(methods)))


def from_nothing(table, world, tool, rounds, verbose):
    world.server.warm()
    before, run = tool.set_up(), tool.measured()
    costs = [{key: before[key] + run[key] for key in before} | {"peak": max(before["peak"], run["peak"])}]
    written = len(world.written())
    if written != world.events:
        raise SystemExit(f"{tool.name} made {written} of {world.events}")
    tell(table, f"first run, {world.events:,} events", world, tool, costs, verbose)
    # The run after a first one may look at what that did.
    tool.measured()
    unchanged(table, world, tool, rounds, verbose)
    costs = []
    for _ in range(rounds):
        before = world.written()
        world.move()
        costs.append(tool.measured())
        after = world.written()
        if len(after) != world.events or len(after.items() - before.items()) != 1:
            raise SystemExit(f"{tool.name} did not follow the change, or made more of it")
        tool.measured()
    tell(table, f"one change, {world.events:,} events", world, tool, costs, verbose)


def unchanged(table, world, tool, rounds, verbose):
    costs = [tool.measured() for _ in range(rounds)]
    tell(table, f"nothing changed, {world.events:,} events", world, tool, costs, verbose)


def laid_out(table, world, tool, rounds, verbose):
    tool.set_up()
    tool.lay_out()
    world.server.warm()
    before = world.written()
    for _ in range(2):
        tool.measured()
    unchanged(table, world, tool, rounds, verbose)
    if world.written() != before or len(before) != world.events:
        raise SystemExit(f"{tool.name} wrote something into a world in which all was done")


def main():
    parser = argparse.ArgumentParser(description="calsync beside vdirsyncer and neverest, as one table.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each run is measured, save first runs")
    parser.add_argument("--only", action="append", help="one of the tools, by name")
    parser.add_argument("--first", type=int, default=1_000, help="how many events a first run has to write")
    parser.add_argument("--many", type=int, default=10_000, help="how many events there are in the large world")
    parser.add_argument("--verbose", action="store_true", help="which requests were made, on stderr")
    wanted = parser.parse_args()
    tools = [kind for kind in (Calsync, Vdirsyncer, Neverest) if kind.name in (wanted.only or [kind.name])]
    install(tools)
    least = subprocess.run([sys.executable, "-I", "-S", HERE / "meter.py", "true"], capture_output=True, check=True)
    print(f"No peak below {json.loads(least.stdout)['peak']:.1f} MB can be told apart.\n")
    table = {}
    for part, events in ((from_nothing, wanted.first), (laid_out, wanted.many)):
        for is_local in (True, False):
            for kind in (kind for kind in tools if not (is_local and kind is Neverest)):
                with tempfile.TemporaryDirectory(prefix="calsync-peers-", dir=MEMORY) as folder:
                    world = World(pathlib.Path(folder), is_local, events)
                    try:
                        part(table, world, kind(world), wanted.rounds, wanted.verbose)
                    finally:
                        world.server.stop()
    print("| what | between | tool | wall s | CPU s | peak MB | requests |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    for rows in table.values():
        print("\n".join(rows))


if __name__ == "__main__":
    main()
