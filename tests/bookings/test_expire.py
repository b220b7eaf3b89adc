"""The sweep of run-out holds: tidying that nothing depends on."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.bookings.models import Booking
from apps.bookings.services import expire_bookings
from apps.tickets.services import audit_inventory, give_back
from tests.bookings.helpers import sold
from tests.factories import BookingFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db


def sweep(**options) -> str:
    out = StringIO()
    call_command("expire_bookings", stdout=out, **options)
    return out.getvalue()


def test_run_out_holds_are_cancelled_and_their_tickets_return():
    ticket = EventsTicketFactory()
    run_out = BookingFactory.create_batch(3, event_ticket=ticket, run_out=True)
    live = BookingFactory(event_ticket=ticket)
    confirmed = BookingFactory(event_ticket=ticket, confirmed=True)
    assert sweep() == "3 expired\n"
    for booking in Booking.objects.filter(pk__in=[hold.pk for hold in run_out]):
        assert (booking.status, booking.cancellation_reason) == ("CANCELLED", "EXPIRED")
        assert booking.expires_at is None
        assert booking.cancelled_at is not None
    live.refresh_from_db()
    confirmed.refresh_from_db()
    assert (live.status, confirmed.status) == ("PENDING", "CONFIRMED")
    assert sold(ticket) == 4


def test_a_second_sweep_finds_nothing():
    BookingFactory(run_out=True)
    assert [sweep(), sweep()] == ["1 expired\n", "0 expired\n"]


def test_a_hold_without_an_expiry_never_runs_out():
    BookingFactory()
    Booking.objects.update(expires_at=None)
    assert sweep() == "0 expired\n"


def test_batches_together_do_everything():
    for ticket in EventsTicketFactory.create_batch(2):
        BookingFactory.create_batch(5, event_ticket=ticket, run_out=True)
    assert expire_bookings(batch_size=2) == 10
    assert not Booking.objects.filter(status="PENDING").exists()


def test_a_batch_that_fails_is_undone_and_those_before_it_stay(monkeypatch):
    ticket = EventsTicketFactory()
    BookingFactory.create_batch(5, event_ticket=ticket, run_out=True)
    batches = []

    def give_back_once(*args) -> None:
        batches.append(args)
        if len(batches) == 2:
            raise RuntimeError("out of memory")
        give_back(*args)

    with monkeypatch.context() as patch:
        patch.setattr("apps.bookings.services.give_back", give_back_once)
        with pytest.raises(RuntimeError, match="out of memory"):
            expire_bookings(batch_size=2)
    assert Booking.objects.filter(cancellation_reason="EXPIRED").count() == 2
    assert sold(ticket) == 6
    assert audit_inventory().differences == []
    assert sweep() == "3 expired\n"


@pytest.mark.parametrize("every", ["0", "-1", "nan", "86401"])
def test_an_impossible_pause_is_refused(every):
    with pytest.raises(CommandError, match="--every"):
        call_command("expire_bookings", "--every", every)


def test_every_sweeps_again_after_the_pause(monkeypatch):
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("apps.bookings.management.commands.expire_bookings.time.sleep", sleep)
    with pytest.raises(CommandError, match=r"^Interrupted\.$"):
        sweep(every=5)
    assert pauses == [5, 5, 5]
