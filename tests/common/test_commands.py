"""The commands as somebody meets them who has mistyped, not migrated, or had enough."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from threading import Timer

import pytest
from django.core.management import (
    CommandError,
    call_command,
    get_commands,
    load_command_class,
)
from django.db import InterfaceError, OperationalError, ProgrammingError

from tests.demo.helpers import ROOT, environment, run

OURS = sorted(name for name, app in get_commands().items() if str(app).startswith("apps."))
# What each calls first.
SERVICES = {
    "check_inventory": "apps.tickets.management.commands.check_inventory.audit_inventory",
    "expire_bookings": "apps.bookings.management.commands.expire_bookings.expire_bookings",
    "rundemo": "apps.demo.management.commands.rundemo.Command.check_address",
    "seed": "apps.demo.management.commands.seed.seed",
}
MANAGE = [sys.executable, "settings/manage.py"]


def test_these_are_all():
    assert list(SERVICES) == OURS


@pytest.mark.parametrize("name", OURS)
class TestHelp:
    def test_it_ends_with_an_example_in_one_line(self, name):
        command = load_command_class(get_commands()[name], name)
        help_text = command.create_parser("manage.py", name).format_help()
        *_, heading, line = help_text.splitlines()
        assert heading == "example:"
        assert line.startswith(f"  python settings/manage.py {name} ")
        assert command.help in help_text

    def test_the_example_is_one_that_it_takes(self, name):
        command = load_command_class(get_commands()[name], name)
        parser = command.create_parser("manage.py", name)
        arguments = shlex.split(command.example)[3:]
        assert arguments
        assert parser.parse_args(arguments)


@pytest.mark.parametrize("name", OURS)
class TestInOneLine:
    def refused(self, name: str) -> CommandError:
        with pytest.raises(CommandError) as caught:
            call_command(name, stdout=StringIO(), stderr=StringIO())
        return caught.value

    def fail(self, monkeypatch, name: str, error: BaseException) -> None:
        def raise_it(*args, **kwargs):
            raise error

        monkeypatch.setattr(SERVICES[name], raise_it)

    def migrated(self, monkeypatch, answer: bool) -> None:
        monkeypatch.setattr("apps.common.commands.is_migrated", lambda: answer)

    @pytest.mark.parametrize("error", [OperationalError, InterfaceError])
    def test_a_database_that_is_away(self, monkeypatch, name, error):
        self.fail(monkeypatch, name, error("connection refused\n\tIs the server running?"))
        self.migrated(monkeypatch, True)
        said = self.refused(name)
        assert str(said) == "The database did not answer: connection refused"
        assert said.returncode == 1

    def test_one_that_does_not_even_say_whether_it_is_migrated(self, monkeypatch, name):
        def is_migrated():
            raise OperationalError("connection refused")

        self.fail(monkeypatch, name, OperationalError("connection refused"))
        monkeypatch.setattr("apps.common.commands.is_migrated", is_migrated)
        assert str(self.refused(name)) == "The database did not answer: connection refused"

    @pytest.mark.parametrize("error", [OperationalError, ProgrammingError])
    def test_a_database_that_is_not_migrated(self, monkeypatch, name, error):
        self.fail(monkeypatch, name, error("no such table: x\nLINE 1: SELECT"))
        self.migrated(monkeypatch, False)
        said = self.refused(name)
        assert str(said) == (
            "The database lacks migrations: run `python settings/manage.py migrate` first "
            "(no such table: x)."
        )
        assert said.returncode == 1

    def test_a_mistake_of_ours_is_not_dressed_up(self, monkeypatch, name):
        self.fail(monkeypatch, name, ProgrammingError("syntax error"))
        self.migrated(monkeypatch, True)
        with pytest.raises(ProgrammingError):
            call_command(name, stdout=StringIO(), stderr=StringIO())

    def test_an_interruption(self, monkeypatch, name):
        self.fail(monkeypatch, name, KeyboardInterrupt())
        said = self.refused(name)
        assert str(said).startswith("Interrupted.")
        assert said.returncode == 130


@pytest.fixture(scope="module")
def migrated(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    assert run("python settings/manage.py migrate --verbosity=0", path).returncode == 0
    return path


@pytest.fixture
def database(migrated, tmp_path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "db.sqlite3"))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes started now obey Ctrl-C, also where the tests themselves, in the background of a
    shell, do not.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.sqlite
class TestInAShell:
    def test_an_unmigrated_database(self, tmp_path):
        done = run("python settings/manage.py seed", tmp_path / "db.sqlite3")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "CommandError: The database lacks migrations: run `python settings/manage.py migrate` "
            "first (no such table: accounts_user).\n"
        )

    def test_a_database_that_cannot_be_opened(self, tmp_path):
        done = run("python settings/manage.py check_inventory", tmp_path / "nowhere" / "db.sqlite3")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "CommandError: The database did not answer: unable to open database file\n"
        )

    @pytest.mark.usefixtures("interruptible")
    def test_a_sweeper_that_is_stopped_by_hand(self, database):
        with subprocess.Popen(
            [*MANAGE, "expire_bookings", "--every", "60"],
            cwd=ROOT,
            env=environment(database),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            impatience = Timer(30, process.kill)
            impatience.start()
            # Said at once, not when there is more to say.
            first_line = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
            impatience.cancel()
        assert first_line == "0 expired\n"
        assert (out, err, process.returncode) == ("", "CommandError: Interrupted.\n", 130)

    @pytest.mark.parametrize("arguments", [[], ["--help"]])
    def test_a_reader_who_has_gone(self, database, arguments):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = subprocess.run(
                [*MANAGE, "check_inventory", *arguments],
                cwd=ROOT,
                env=environment(database),
                stdout=writing,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (1, "")
