"""Which rows each operation locks, in which order, and that it decides on what it reads after that.

And what it writes, and what the database refuses when all that has failed.

Most races cannot be steered into a deadlock, nor into every gap that a missing lock would leave.
So this looks at the statements themselves.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.bookings.services import expire_bookings
from apps.events.models import Event
from apps.organizations.models import Membership, Organization
from apps.tickets.models import EventsTicket
from apps.tickets.services import repair_sold
from apps.venues.models import Venue
from tests.admin.helpers import edit
from tests.bookings.helpers import cancel, confirm, place, refund, refused, sold
from tests.clients import client_of
from tests.common.helpers import iso, unchanged
from tests.factories import (
    BookingFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    VenueFactory,
)
from tests.races import race

pytestmark = pytest.mark.postgresql

TABLES = {
    model._meta.db_table: model.__name__
    for model in (User, Organization, Venue, Event, EventsTicket, Booking)
}

LOCK = re.compile(r' FROM "(\w+)" .*?(ORDER BY .* (?:ASC|DESC))?(?: LIMIT \d+)? (FOR .*UPDATE.*)')

UPDATE = re.compile(r'^UPDATE "(\w+)" SET (.*) WHERE ')

EVENT = "Event FOR NO KEY UPDATE"
TICKETS = "EventsTicket FOR NO KEY UPDATE"
BOOKINGS = "Booking FOR NO KEY UPDATE"


def locks_of(call: Callable[[], Any]) -> list[str]:
    """The locks that `call` takes, in its order: what is locked and how."""
    with CaptureQueriesContext(connection) as queries:
        outcome = call()
    assert getattr(outcome, "status_code", 200) < 400, outcome.content
    locks = []
    for query in queries:
        if found := LOCK.search(query["sql"]):
            table, order, strength = found.groups()
            locks.append(f"{TABLES[table]} {strength}")
            # Without an order there is one row: `get()` takes it away.
            assert order in (f'ORDER BY "{table}"."id" ASC', "ORDER BY 1 ASC", None)
    return locks


@pytest.mark.django_db
class TestLocks:
    def test_of_a_purchase_without_a_capacity(self, customer):
        ticket = EventsTicketFactory()
        EventsTicketFactory(event=ticket.event)
        assert locks_of(lambda: place(customer, ticket)) == [TICKETS]

    def test_of_a_purchase_under_a_capacity(self, customer):
        ticket = EventsTicketFactory(event=EventFactory(capacity=9))
        assert locks_of(lambda: place(customer, ticket)) == [EVENT, TICKETS]

    @pytest.mark.parametrize(
        ("move", "state"), [(confirm, {}), (cancel, {}), (refund, {"confirmed": True})]
    )
    def test_of_what_starts_from_a_booking(self, support, move, state):
        booking = BookingFactory(**state)
        assert locks_of(lambda: move(support, booking)) == [TICKETS, BOOKINGS]

    @pytest.mark.parametrize("draft", [True, False])
    def test_of_an_event_that_is_cancelled(self, admin, draft):
        ticket = EventsTicketFactory(event=EventFactory(draft=draft))
        url = reverse("event-cancel", args=[ticket.event_id])
        assert locks_of(lambda: admin.post(url)) == [EVENT, TICKETS]

    def test_of_an_event_that_is_published(self, admin):
        ticket = EventsTicketFactory(event=EventFactory(draft=True))
        url = reverse("event-publish", args=[ticket.event_id])
        assert locks_of(lambda: admin.post(url)) == [EVENT]

    def test_of_an_event_that_is_deleted(self, admin):
        ticket = EventsTicketFactory()
        url = reverse("event-detail", args=[ticket.event_id])
        expected = ["Event FOR UPDATE", "EventsTicket FOR UPDATE"]
        assert locks_of(lambda: admin.delete(url)) == expected

    @pytest.mark.parametrize("field", ["capacity", "starts_at", "organization"])
    def test_of_an_edit_that_sales_rely_on(self, admin, field):
        event = EventsTicketFactory().event
        body = {
            "capacity": 50,
            "starts_at": iso(event.starts_at + timedelta(minutes=5)),
            "organization": EventFactory().organization_id,
        }
        url = reverse("event-detail", args=[event.pk])
        assert locks_of(lambda: admin.patch(url, {field: body[field]})) == [EVENT, TICKETS]

    def test_of_another_edit(self, admin):
        url = reverse("event-detail", args=[EventsTicketFactory().event_id])
        assert locks_of(lambda: admin.patch(url, {"title": "New"})) == [EVENT]

    def test_of_a_new_ticket_type(self, admin):
        body = {"event": EventFactory().pk, "ticket_type": "VIP", "price": "1.00", "quota": 5}
        assert locks_of(lambda: admin.post(reverse("ticket-list"), body)) == [EVENT]

    def test_of_an_edited_ticket_type(self, admin):
        url = reverse("ticket-detail", args=[EventsTicketFactory().pk])
        assert locks_of(lambda: admin.patch(url, {"quota": 5})) == [TICKETS]

    def test_of_a_deleted_ticket_type(self, admin):
        ticket = EventsTicketFactory(event=EventsTicketFactory().event)
        url = reverse("ticket-detail", args=[ticket.pk])
        assert locks_of(lambda: admin.delete(url)) == [EVENT, "EventsTicket FOR UPDATE"]

    @pytest.mark.parametrize("changes", [{"title": "New"}, {"capacity": "500"}, {}])
    def test_of_an_event_that_is_edited_with_its_ticket_types(self, changes):
        """All of them before anything is written, whatever is written first."""
        ticket = EventsTicketFactory(quota=10)
        other = EventsTicketFactory(event=ticket.event)
        client = Client()
        client.force_login(UserFactory(admin=True))
        typed = {"tickets-0-quota": "20", "tickets-1-id": other.pk, "tickets-1-DELETE": "on"}
        locks = locks_of(lambda: edit(client, ticket.event, **typed, **changes))
        assert locks[:2] == [EVENT, "EventsTicket FOR UPDATE"]
        assert locks.count(TICKETS) >= 1
        ticket.refresh_from_db()
        assert ticket.quota == 20
        assert list(EventsTicket.objects.all()) == [ticket]

    def test_of_an_organization_that_is_edited_with_its_members(self):
        member = MembershipFactory()
        client = Client()
        client.force_login(UserFactory(admin=True))
        joining = UserFactory()
        typed = {"memberships-TOTAL_FORMS": 1, "memberships-0-user": joining.pk}
        typed |= {"memberships-0-role": "MEMBER", "memberships-2-0-role": "OWNER", "name": "New"}
        locks = locks_of(lambda: edit(client, member.organization, **typed))
        assert locks[:2] == ["User FOR NO KEY UPDATE", "Organization FOR NO KEY UPDATE"]
        assert Membership.objects.filter(user=joining, role="MEMBER").exists()
        member.refresh_from_db()
        assert member.role == "OWNER"

    def test_of_the_sweep(self):
        BookingFactory(run_out=True)
        assert locks_of(expire_bookings) == [f"{TICKETS} SKIP LOCKED", BOOKINGS]

    def test_of_a_repair(self):
        ticket = EventsTicketFactory()
        assert locks_of(lambda: repair_sold(ticket_id=ticket.pk)) == [TICKETS]


def writes_of(call: Callable[[], Any]) -> dict[str, set[str]]:
    """The columns that `call` updates, by model, but for `updated_at`, which must be among them."""
    with CaptureQueriesContext(connection) as queries:
        outcome = call()
    assert getattr(outcome, "status_code", 200) < 400, outcome.content
    written = {}
    for query in queries:
        if found := UPDATE.search(query["sql"]):
            columns = set(re.findall(r'(?:^|, )"(\w+)" = ', found[2]))
            assert "updated_at" in columns
            written[TABLES[found[1]]] = columns - {"updated_at"}
    return written


@pytest.mark.django_db
class TestWrites:
    """Nothing is written but what changes: a lock that was forgotten loses no more than that."""

    @pytest.mark.parametrize(
        ("action", "draft", "columns"),
        [("publish", True, {"status", "published_at"}), ("cancel", False, {"status"})],
    )
    def test_of_an_event_whose_status_moves(self, admin, action, draft, columns):
        event = EventsTicketFactory(event=EventFactory(draft=draft)).event
        url = reverse(f"event-{action}", args=[event.pk])
        assert writes_of(lambda: admin.post(url))["Event"] == columns

    def test_of_an_edited_event(self, admin):
        url = reverse("event-detail", args=[EventFactory().pk])
        body = {"title": "New", "capacity": 9}
        assert writes_of(lambda: admin.patch(url, body)) == {"Event": set(body)}

    def test_of_an_edited_ticket_type(self, admin):
        url = reverse("ticket-detail", args=[EventsTicketFactory().pk])
        body = {"price": "9.00", "quota": 9}
        assert writes_of(lambda: admin.patch(url, body)) == {"EventsTicket": set(body)}

    def test_of_a_ticket_type_edited_in_admin(self):
        ticket, client = EventsTicketFactory(), Client()
        client.force_login(UserFactory(admin=True))
        written = writes_of(lambda: edit(client, ticket, price="9.00"))
        assert written == {"EventsTicket": {"price"}}

    @pytest.mark.parametrize(
        ("factory", "page"),
        [(OrganizationFactory, "organization-detail"), (VenueFactory, "venue-detail")],
    )
    def test_of_a_patch_without_a_service(self, admin, factory, page):
        row = factory()
        url = reverse(page, args=[row.pk])
        written = writes_of(lambda: admin.patch(url, {"name": "New"}))
        assert written == {type(row).__name__: {"name"}}

    @pytest.mark.sqlite
    def test_of_a_purchase(self, customer):
        ticket = EventsTicketFactory(event=EventFactory(capacity=9))
        assert writes_of(lambda: place(customer, ticket)) == {"EventsTicket": {"sold"}}

    def test_of_a_confirmation(self, support):
        columns = {"status", "confirmed_at", "expires_at"}
        booking = BookingFactory()
        assert writes_of(lambda: confirm(support, booking)) == {"Booking": columns}

    def test_of_a_cancellation(self, support):
        columns = {"status", "cancelled_at", "cancellation_reason", "expires_at"}
        expected = {"Booking": columns, "EventsTicket": {"sold"}}
        booking = BookingFactory()
        assert writes_of(lambda: cancel(support, booking)) == expected

    def test_of_a_repair(self):
        ticket = EventsTicketFactory(sold=3)
        assert writes_of(lambda: repair_sold(ticket_id=ticket.pk)) == {"EventsTicket": {"sold"}}


class Clock:
    """Stands for `timezone` in a module of services, and moves when told."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def move_to(self, now: datetime) -> None:
        self.time = now


@pytest.mark.django_db(transaction=True)
class TestTheClockMovesOnWhileOneWaitsForALock:
    """What is too late when the lock is there is refused, however early it was asked for."""

    @pytest.fixture
    def clock(self, monkeypatch) -> Clock:
        clock = Clock(timezone.now())
        for module in ("bookings", "events", "tickets"):
            monkeypatch.setattr(f"apps.{module}.services.timezone", clock)
        return clock

    def wait(self, clock: Clock, event: Event, call: Callable[[], Any], until: datetime) -> Any:
        """What `call` answers when it had to wait for `event` and its types `until` then."""

        def lock() -> None:
            Event.objects.for_update().get(pk=event.pk)
            list(event.tickets.for_update())

        return race(lock, call, partial(clock.move_to, until))[1]

    @pytest.mark.parametrize("capacity", [None, 50])
    def test_a_purchase(self, clock, capacity):
        ticket = EventsTicketFactory(event=EventFactory(capacity=capacity))
        event, buy = ticket.event, partial(place, client_of(UserFactory()), ticket)
        assert refused(self.wait(clock, event, buy, event.starts_at), "event_started")
        assert sold(ticket) == 0

    def test_a_confirmation_of_a_hold_that_runs_out(self, clock, support):
        booking = BookingFactory()
        event, late = booking.event_ticket.event, booking.expires_at
        outcome = self.wait(clock, event, partial(confirm, support, booking), late)
        assert refused(outcome, "booking_expired")

    def test_a_cancellation_by_the_customer(self, clock):
        booking = BookingFactory(confirmed=True)
        event, call = booking.event_ticket.event, partial(cancel, client_of(booking.user), booking)
        assert refused(self.wait(clock, event, call, event.starts_at), "event_started")
        assert sold(booking.event_ticket) == 2

    def test_publishing(self, clock, admin):
        event = EventsTicketFactory(event=EventFactory(draft=True)).event
        call = partial(admin.post, reverse("event-publish", args=[event.pk]))
        assert refused(self.wait(clock, event, call, event.starts_at), "event_started")

    def test_cancelling_an_event(self, clock, admin):
        event = EventsTicketFactory().event
        call = partial(admin.post, reverse("event-cancel", args=[event.pk]))
        assert refused(self.wait(clock, event, call, event.ends_at), "event_ended")

    def test_moving_an_event(self, clock, admin):
        event = EventsTicketFactory().event
        start = event.starts_at - timedelta(days=1)
        url = reverse("event-detail", args=[event.pk])
        call = partial(admin.patch, url, {"starts_at": iso(start)})
        assert list(self.wait(clock, event, call, start).json()) == ["starts_at"]

    def test_a_new_ticket_type(self, clock, admin):
        event = EventFactory()
        body = {"event": event.pk, "ticket_type": "VIP", "price": "1.00", "quota": 5}
        call = partial(admin.post, reverse("ticket-list"), body)
        assert refused(self.wait(clock, event, call, event.ends_at), "event_ended")


@pytest.mark.django_db(transaction=True)
class TestNoSaleIsLost:
    """Two that move the same `sold`, neither of which may write what it read before the other."""

    @pytest.fixture(params=[None, 50])
    def ticket(self, request) -> EventsTicket:
        return EventsTicketFactory(event=EventFactory(capacity=request.param))

    def test_when_two_bookings_of_one_type_are_cancelled(self, ticket, support):
        first, second = BookingFactory.create_batch(2, event_ticket=ticket)
        BookingFactory(event_ticket=ticket, quantity=3)
        outcomes = race(partial(cancel, support, first), partial(cancel, support, second))
        assert [outcome.status_code for outcome in outcomes] == [200, 200]
        assert sold(ticket) == 3

    def test_when_one_is_cancelled_and_one_placed(self, ticket, support, customer):
        gone, _ = BookingFactory.create_batch(2, event_ticket=ticket)
        outcomes = race(partial(cancel, support, gone), partial(place, customer, ticket, 5))
        assert [outcome.status_code for outcome in outcomes] == [200, 201]
        assert sold(ticket) == 7

    def test_when_one_is_placed_and_one_cancelled(self, ticket, support, customer):
        gone, _ = BookingFactory.create_batch(2, event_ticket=ticket)
        outcomes = race(partial(place, customer, ticket, 5), partial(cancel, support, gone))
        assert [outcome.status_code for outcome in outcomes] == [201, 200]
        assert sold(ticket) == 7

    def test_when_a_sale_needs_what_another_type_is_giving_back(self, support, customer):
        event = EventFactory(capacity=4)
        ticket, other = EventsTicketFactory.create_batch(2, event=event)
        live = BookingFactory(event_ticket=other)
        BookingFactory(event_ticket=other, run_out=True)
        outcomes = race(partial(cancel, support, live), partial(place, customer, ticket, 4))
        assert [outcome.status_code for outcome in outcomes] == [200, 201]
        assert (sold(ticket), sold(other)) == (4, 0)


@pytest.mark.django_db
def test_a_purchase_releases_as_many_run_out_holds_as_it_needs(customer):
    ticket = EventsTicketFactory(quota=8)
    now = timezone.now()
    holds = [
        BookingFactory(event_ticket=ticket, expires_at=now - timedelta(minutes=minutes))
        for minutes in (4, 3, 2, 1)
    ]
    assert place(customer, ticket, 5).status_code == 201
    for hold in holds:
        hold.refresh_from_db()
    assert [hold.status for hold in holds] == [*["CANCELLED"] * 3, "PENDING"]
    assert sold(ticket) == 7


@pytest.mark.django_db
class TestHoldsThatSoldHasNotCounted:
    """In data that were inconsistent: they give nothing back, so nothing is sold for them."""

    @pytest.mark.parametrize(("capacity", "quota"), [(10, 99), (None, 10), (10, 10)])
    def test_do_not_make_room(self, customer, capacity, quota):
        event = EventFactory(capacity=capacity)
        other, ticket = EventsTicketFactory.create_batch(2, event=event, quota=quota)
        hold = BookingFactory(event_ticket=other if capacity else ticket, quantity=3, run_out=True)
        EventsTicket.objects.filter(event=event).update(sold=0)
        with unchanged():
            response = place(customer, ticket, 11)
            assert refused(response, "sold_out")
            assert response.json()["remaining"] == 10
        assert place(customer, ticket, 10).status_code == 201
        hold.refresh_from_db()
        assert hold.status == "PENDING"


@pytest.mark.django_db
class TestWhatTheDatabaseRefuses:
    """The last line, when rules and locks have failed."""

    @pytest.mark.parametrize(
        ("changes", "constraint"),
        [
            ({"quantity": 1}, "booking_quantity_at_least_two"),
            ({"status": "GONE"}, "booking_status_valid"),
            ({"status": "CONFIRMED"}, "booking_confirmed_never_expires"),
        ],
    )
    def test_a_booking_that_cannot_be(self, changes, constraint):
        booking = BookingFactory()
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Booking.objects.filter(pk=booking.pk).update(**changes)

    def test_two_bookings_of_one_account_with_one_key(self):
        booking = BookingFactory(idempotency_key="click")
        BookingFactory(idempotency_key="click")
        BookingFactory.create_batch(2, user=booking.user)
        with (
            pytest.raises(IntegrityError, match="booking_idempotency_key_unique"),
            transaction.atomic(),
        ):
            BookingFactory(user=booking.user, idempotency_key="click")
