"""Runs a calendar server until whoever started it is gone: `serve.py radicale FOLDER PORT`, or `xandikos` in its place."""

import os
import runpy
import sys
import threading

PEOPLE = ["alice:open-sesame-7xq"]
RADICALE = """
[server]
hosts = 127.0.0.1:{port}
{tls}
[auth]
type = htpasswd
htpasswd_filename = {folder}/people
htpasswd_encryption = plain
delay = 0
[rights]
type = from_file
file = {folder}/rights
[storage]
filesystem_folder = {folder}/collections
[web]
type = none
[logging]
level = error
"""
# Everybody's own, and a calendar that everybody may read.
RIGHTS = """
[root]
user: .+
collection:
permissions: R
[shared]
user: .+
collection: {user}/shared
permissions: r
[shared-of-their-own]
user: .+
collection: {user}/shared/.*
permissions: r
[principal]
user: .+
collection: {user}
permissions: RW
[calendars]
user: .+
collection: {user}/[^/]+
permissions: rw
"""


def until_orphaned():
    """The pipe from whoever started this ends with them, however they end."""
    sys.stdin.buffer.read()
    os._exit(0)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


kind, folder, port = sys.argv[1:]
threading.Thread(target=until_orphaned, daemon=True).start()
if kind == "radicale":
    certificate = os.path.join(folder, "certificate.pem")
    tls = ""
    if os.path.exists(certificate):
        tls = f"ssl = True\ncertificate = {certificate}\nkey = {folder}/key.pem"
    write(f"{folder}/people", "\n".join(PEOPLE) + "\n")
    write(f"{folder}/rights", RIGHTS)
    write(f"{folder}/config", RADICALE.format(port=port, folder=folder, tls=tls))
    sys.argv = ["radicale", "--config", f"{folder}/config"]
    runpy.run_module("radicale", run_name="__main__")
else:
    sys.argv = [
        "xandikos", "-d", f"{folder}/collections", "--defaults", "-l", "127.0.0.1", "-p", port,
        "--current-user-principal=/alice/", "--no-detect-systemd",
    ]
    runpy.run_module("xandikos", run_name="__main__")
