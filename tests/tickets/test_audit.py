"""`check_inventory`: finds every kind of difference, and nothing else."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.events.models import Event
from apps.tickets.models import EventsTicket
from apps.tickets.services import audit_inventory
from tests.bookings.helpers import place, sold
from tests.clients import client_of
from tests.common.helpers import unchanged
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, UserFactory
from tests.races import race

pytestmark = pytest.mark.django_db


def check(*options: str) -> tuple[str, str | None]:
    """What the command prints, and the error with which it ends, if it does."""
    out = StringIO()
    try:
        call_command("check_inventory", *options, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), None


def differences(*options: str) -> list[dict[str, Any]]:
    return json.loads(check("--json", *options)[0])["differences"]


def set_sold(ticket: EventsTicket, number: int) -> None:
    EventsTicket.objects.filter(pk=ticket.pk).update(sold=number)


@pytest.fixture
def ticket() -> EventsTicket:
    """A type with bookings in every status, consistent."""
    ticket = EventsTicketFactory(quota=10, event=EventFactory(capacity=20))
    for state in ({}, {"confirmed": True}, {"cancelled": True}, {"run_out": True}):
        BookingFactory(event_ticket=ticket, **state)
    return ticket


def test_consistent_data_have_no_difference(ticket):
    EventsTicketFactory()
    with unchanged():
        out, error = check()
    assert out == "Ticket types: 2, bookings: 4, run-out holds: 1, differences: 0.\n"
    assert error is None


def test_an_empty_database_has_no_difference():
    out, error = check()
    assert out == "Ticket types: 0, bookings: 0, run-out holds: 0, differences: 0.\n"
    assert error is None


@pytest.mark.parametrize("number", [5, 7, 0, 10])
def test_sold_that_differs_from_the_bookings(ticket, number):
    set_sold(ticket, number)
    with unchanged():
        out, error = check()
    assert out.splitlines()[2:] == [
        "   Event     Type  Difference",
        f"{ticket.event_id:>8} {ticket.pk:>8}  sold_differs: sold {number}, held 6",
    ]
    assert error == "1 differences."


def test_more_held_than_the_quota(ticket):
    EventsTicket.objects.filter(pk=ticket.pk).update(quota=5, sold=5)
    found = differences()
    base = {"event": ticket.event_id, "ticket": ticket.pk}
    assert found == [
        {"kind": "sold_differs", **base, "facts": {"sold": 5, "held": 6}},
        {"kind": "quota_exceeded", **base, "facts": {"held": 6, "quota": 5}},
    ]


def test_more_sold_than_the_capacity_of_the_event(ticket):
    other = BookingFactory(event_ticket__event=ticket.event, quantity=3).event_ticket
    Event.objects.filter(pk=ticket.event_id).update(capacity=9)
    assert differences() == []
    Event.objects.filter(pk=ticket.event_id).update(capacity=8)
    assert differences() == [
        {
            "kind": "capacity_exceeded",
            "event": other.event_id,
            "ticket": None,
            "facts": {"sold": 9, "capacity": 8},
        }
    ]


def test_live_bookings_of_a_cancelled_event(ticket):
    EventsTicketFactory(event=EventFactory(cancelled=True))
    assert differences() == []
    Event.objects.filter(pk=ticket.event_id).update(status="CANCELLED")
    assert differences() == [
        {
            "kind": "live_on_cancelled_event",
            "event": ticket.event_id,
            "ticket": ticket.pk,
            "facts": {"bookings": 3, "held": 6},
        }
    ]


class TestRepair:
    def test_it_sets_sold_to_what_is_held_and_says_so(self, ticket):
        right = BookingFactory().event_ticket
        set_sold(ticket, 9)
        out, error = check("--repair")
        assert f"Repaired ticket type {ticket.pk}: sold was 9, is 6." in out
        assert out.count("Repaired") == 1
        assert error is None
        assert (sold(ticket), sold(right)) == (6, 2)

    def test_it_reports_in_json(self, ticket):
        set_sold(ticket, 0)
        report = json.loads(check("--json", "--repair")[0])
        assert report["repaired"] == [{"ticket": ticket.pk, "sold_before": 0, "sold_after": 6}]
        assert report["differences"] == []

    def test_what_it_cannot_mend_is_still_reported(self, ticket):
        EventsTicket.objects.filter(pk=ticket.pk).update(quota=5, sold=3)
        out, error = check("--repair")
        assert f"Repaired ticket type {ticket.pk}: sold was 3, is 5." in out
        assert "quota_exceeded: held 6, quota 5" in out
        assert error == "2 differences."

    def test_without_a_difference_it_changes_nothing(self, ticket):
        with unchanged():
            assert check("--repair")[1] is None


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestDuringSales:
    def test_a_sale_in_flight_is_no_difference(self):
        ticket = EventsTicketFactory()
        BookingFactory(event_ticket=ticket)
        client = client_of(UserFactory())
        placed, audit = race(lambda: place(client, ticket), audit_inventory)
        assert placed.status_code == 201
        assert audit.differences == []
        assert (audit.bookings, sold(ticket)) == (1, 4)

    def test_a_repair_waits_for_the_sale_and_counts_it(self):
        ticket = EventsTicketFactory()
        BookingFactory(event_ticket=ticket)
        set_sold(ticket, 0)
        client = client_of(UserFactory())
        placed, (out, error) = race(lambda: place(client, ticket), lambda: check("--repair"))
        assert placed.status_code == 201
        assert f"Repaired ticket type {ticket.pk}: sold was 2, is 4." in out
        assert error is None
