"""`rundemo`: what it does before it serves, and what it leaves as it is."""

import os
import socket
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands import runserver

from apps.accounts.models import User
from apps.demo.management.commands import rundemo as module
from tests.common.helpers import unchanged
from tests.demo.helpers import (
    ADMIN,
    CUSTOMER,
    EXAMPLE,
    HEADING,
    NOTHING,
    OWNER,
    SUPPORT,
    counts,
    table,
)
from tests.factories import OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(autouse=True)
def served(monkeypatch) -> list[str]:
    """The addresses served on: no server is started, but one is said to listen."""
    addresses: list[str] = []

    def run(self, **_options) -> None:
        addresses.append(f"{self.addr}:{self.port}")
        self.on_bind(int(self.port))

    monkeypatch.setattr(runserver.Command, "run", run)
    return addresses


@pytest.fixture
def commands(monkeypatch) -> list[str]:
    """The commands that it calls, with what says that they ask nothing."""
    called: list[str] = []

    def record(name, *args, **options):
        called.append(f"{name} interactive={options.get('interactive')}")
        return call_command(name, *args, **options)

    monkeypatch.setattr(module, "call_command", record)
    return called


def rundemo(address: str) -> str:
    out = StringIO()
    call_command("rundemo", address, stdout=out, stderr=StringIO())
    return out.getvalue()


class TestEmptyDatabase:
    def test_it_migrates_makes_the_admin_by_createsuperuser_and_seeds(
        self, address, commands, served
    ):
        rundemo(address)
        assert commands == ["migrate interactive=False", "createsuperuser interactive=False"]
        assert counts() == EXAMPLE
        admin = User.objects.get(is_superuser=True)
        assert (admin.email, admin.is_staff) == ("admin@example.com", True)
        assert admin.check_password("password123")
        assert served == [address]

    def test_it_prints_addresses_and_accounts(self, address):
        output = rundemo(address)
        root = f"http://{address}"
        assert (
            f"  API      {root}/api/v1/events/\n"
            f"  Swagger  {root}/api/schema/swagger/\n"
            f"  Redoc    {root}/api/schema/redoc/\n"
            f"  Admin    {root}/admin/\n"
        ) in output
        assert table(output) == [HEADING, ADMIN, OWNER, SUPPORT, CUSTOMER]

    def test_addresses_are_ones_to_open(self, address):
        port = address.rpartition(":")[2]
        output = rundemo(f"0.0.0.0:{port}")
        assert f"http://localhost:{port}/api/v1/events/\n" in output
        assert "0.0.0.0" not in output  # noqa: S104

    def test_a_superuser_who_is_there_already_is_enough(self, address):
        root = UserFactory(email="root@example.net", admin=True)
        output = rundemo(address)
        assert list(User.objects.filter(is_superuser=True)) == [root]
        assert counts() == EXAMPLE
        assert table(output) == [HEADING, OWNER, SUPPORT, CUSTOMER]

    def test_the_admin_is_that_of_the_demo_whatever_the_environment_says(
        self, address, monkeypatch
    ):
        monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "mine@example.net")
        monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD", raising=False)
        rundemo(address)
        assert User.objects.get(is_superuser=True).email == "admin@example.com"
        assert os.environ["DJANGO_SUPERUSER_EMAIL"] == "mine@example.net"
        assert "DJANGO_SUPERUSER_PASSWORD" not in os.environ

    def test_after_an_interruption_the_next_run_goes_on(self, address, monkeypatch, served):
        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(module, "seed", interrupt)
            with pytest.raises(CommandError, match=r"^Interrupted") as caught:
                rundemo(address)
        assert caught.value.returncode == 130
        assert (counts(), served) == (NOTHING, [])
        rundemo(address)
        assert (counts(), served) == (EXAMPLE, [address])
        assert User.objects.filter(is_superuser=True).count() == 1

    def test_it_says_what_it_does_and_how_to_stop_it(self, address):
        output = rundemo(address)
        assert output.startswith(
            "== Migrating the database\n"
            "== Creating the admin account\n"
            "== Making the demo data: users 20, organizations 5, venues 6, event categories 6, "
            "events 12, bookings 80\n"
            "\nBTick is running, on a server for development.\n\n"
        )
        assert output.endswith(
            "\n\n  Ctrl-C stops it; the data stay. For new ones: "
            ".venv/bin/python settings/manage.py seed --flush\n"
            "  docs/tutorial.md leads from here to a sold-out event of your own.\n"
        )


class TestDatabaseInUse:
    @pytest.mark.parametrize("factory", [UserFactory, OrganizationFactory])
    def test_it_is_left_as_it_is(self, address, commands, served, factory):
        factory()
        with unchanged():
            output = rundemo(address)
        assert commands == ["migrate interactive=False"]
        assert table(output) == [HEADING]
        assert output.startswith(
            "== Migrating the database\n== The database has data already: they stay as they are\n\n"
        )
        assert served == [address]

    def test_a_second_run_changes_nothing(self, address):
        first = rundemo(address)
        with unchanged():
            second = rundemo(address)
        assert table(second) == table(first)


class TestRefusals:
    def refused(self, address: str, says: str) -> None:
        with unchanged(), pytest.raises(CommandError) as caught:
            rundemo(address)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_where_seeding_is_off(self, address, settings, commands, served):
        settings.ALLOW_SEED = False
        self.refused(address, "ALLOW_SEED")
        assert (commands, served) == ([], [])

    def test_a_taken_port(self, taken, commands, served):
        self.refused(taken, taken)
        assert (commands, served) == ([], [])

    @pytest.mark.parametrize("address", ["127.0.0.1:65536", "127.0.0.1:x", "203.0.113.1:8000"])
    def test_an_address_that_is_none_of_ours(self, address, commands, served):
        self.refused(address, address)
        assert (commands, served) == ([], [])


def test_the_process_that_the_autoreloader_starts_only_serves(
    address, commands, served, monkeypatch
):
    monkeypatch.setenv("RUN_MAIN", "true")
    with unchanged():
        rundemo(address)
    assert (commands, served) == ([], [address])
