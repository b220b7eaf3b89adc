import os
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.core.management import call_command

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.events.models import Event, EventCategory
from apps.organizations.models import Organization
from apps.venues.models import Venue

SECONDS = 60
ROOT = Path(__file__).resolve().parents[2]

# §8.1, as it stands there.
COMMAND_LINE = (
    "python ./settings/manage.py seed --flush "
    "--users 20 --orgs 5 --venues 6 --cats 6 --events 12 --bookings 80 "
    "--settings=settings.local"
)
EXAMPLE = {"users": 20, "orgs": 5, "venues": 6, "cats": 6, "events": 12, "bookings": 80}
NOTHING = dict.fromkeys(EXAMPLE, 0)
MODELS = (User, Organization, Venue, EventCategory, Event, Booking)

HEADING = "  Log in as             Password     Role"
ADMIN = "  admin@example.com     password123  admin"
OWNER = "  owner@example.com     password123  owner of an organization"
SUPPORT = "  support@example.com   password123  support agent"
CUSTOMER = "  customer@example.com  password123  customer"


def seed(*arguments: str, stderr: StringIO | None = None, **options: Any) -> str:
    """What the command prints; numbers that are not given are its defaults."""
    out = StringIO()
    call_command("seed", *arguments, stdout=out, stderr=stderr or StringIO(), **options)
    return out.getvalue()


def table(output: str) -> list[str]:
    """The lines of the table of accounts in `output`."""
    lines = output[output.index(HEADING) :].partition("\n\n")[0]
    return lines.rstrip("\n").split("\n")


def counts() -> dict[str, int]:
    """How many rows of each kind there are, superusers left out."""
    numbers = [model.objects.count() for model in MODELS]
    numbers[0] -= User.objects.filter(is_superuser=True).count()
    return dict(zip(EXAMPLE, numbers, strict=True))


def freeze(monkeypatch: Any, moment: datetime) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)


def environment(database: Path, **variables: str) -> dict[str, str]:
    """That of a process of its own on `database`, without what a developer has set."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    # With an absolute path, four slashes.
    return {**kept, "DATABASE_URL": f"sqlite:///{database}", **variables}


def run(
    line: str, database: Path, arguments: Sequence[str] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a line that begins with `python` from the root of the repository."""
    return subprocess.run(
        [sys.executable, *shlex.split(line)[1:], *arguments],
        cwd=ROOT,
        env=environment(database, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def select(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def counts_in(database: Path) -> dict[str, int]:
    tables = [model._meta.db_table for model in MODELS]
    numbers = [select(database, f"SELECT count(*) FROM {name}")[0][0] for name in tables]  # noqa: S608
    return dict(zip(EXAMPLE, numbers, strict=True))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def demo_server(database: Path, address: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`rundemo` with its output in the file `log`, ended at the end of the block."""
    command = [sys.executable, "settings/manage.py", "rundemo", address, "--noreload"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(database),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urlopen(url, timeout=SECONDS):  # noqa: S310
                return
        except URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.05)
    pytest.fail(f"no answer\n{log.read_text()}")
