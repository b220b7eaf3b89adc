"""`expire_bookings --every`: a sweeper that outlives its database's restarts."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError

from tests.factories import BookingFactory

pytestmark = pytest.mark.django_db
COMMAND = "apps.bookings.management.commands.expire_bookings"


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_left_to_the_next_sweep(monkeypatch, error):
    BookingFactory(run_out=True)
    pauses: list[float] = []

    def fail() -> int:
        raise error("connection refused\n\tIs the server running?")

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            monkeypatch.undo()
            monkeypatch.setattr(f"{COMMAND}.connection", Connection)
            monkeypatch.setattr(f"{COMMAND}.time.sleep", sleep)
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(f"{COMMAND}.expire_bookings", fail)
    monkeypatch.setattr(f"{COMMAND}.connection", Connection)
    monkeypatch.setattr(f"{COMMAND}.time.sleep", sleep)
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match=r"^Interrupted\.$"):
        call_command("expire_bookings", "--every", "5", stdout=out, stderr=err)
    assert err.getvalue() == "The database did not answer, trying again: connection refused\n"
    assert out.getvalue() == "1 expired\n"
    assert (pauses, Connection.closed) == ([5, 5], 1)


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_single_sweep_does_not_hide_that_it_failed(monkeypatch, error):
    def fail() -> int:
        raise error("connection refused")

    monkeypatch.setattr(f"{COMMAND}.expire_bookings", fail)
    with pytest.raises(CommandError, match=r"^The database did not answer: connection refused$"):
        call_command("expire_bookings")


def test_a_database_that_is_not_migrated_ends_the_sweeper(monkeypatch):
    """Waiting would not help, and on PostgreSQL it is another error that ends it."""

    def fail() -> int:
        raise OperationalError("no such table: bookings_booking")

    monkeypatch.setattr(f"{COMMAND}.expire_bookings", fail)
    monkeypatch.setattr("apps.common.commands.is_migrated", lambda: False)
    monkeypatch.setattr(f"{COMMAND}.time.sleep", lambda _seconds: pytest.fail("it goes on"))
    with pytest.raises(CommandError, match=r"^The database lacks migrations: "):
        call_command("expire_bookings", "--every", "5")


class Connection:
    """Stands for the broken connection; the test's own stays open."""

    closed = 0

    @classmethod
    def close(cls) -> None:
        cls.closed = 1
