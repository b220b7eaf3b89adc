"""Two requests at once, on real PostgreSQL, steered to collide.

Every race has its positive control: without the locks the same collision does the damage that
the test would see.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from apps.bookings.services import expire_bookings
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from tests.bookings.helpers import cancel, confirm, place, refund, refused, sold
from tests.clients import client_of
from tests.factories import (
    BookingFactory,
    EventFactory,
    EventsTicketFactory,
    UserFactory,
)
from tests.races import race, unlocked

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def statuses(outcomes: list[Any]) -> list[int]:
    return [outcome.status_code for outcome in outcomes]


def buyer(ticket: EventsTicket, quantity: int = 2, key: str | None = None) -> Callable[[], Any]:
    return partial(place, client_of(UserFactory()), ticket, quantity, key)


def held(ticket: EventsTicket) -> int:
    bookings = Booking.objects.holding().filter(event_ticket=ticket)
    return bookings.aggregate(total=Sum("quantity"))["total"] or 0


def consistent(*tickets: EventsTicket) -> bool:
    return all(sold(ticket) == held(ticket) <= ticket.quota for ticket in tickets)


def organizer(name: str, *args: Any, method: str = "post", **body: Any) -> Callable[[], Any]:
    client = client_of(UserFactory(admin=True))
    return partial(getattr(client, method), reverse(name, args=args), body)


class TestTheLastTickets:
    def collide(self) -> tuple[list[int], EventsTicket]:
        ticket = EventsTicketFactory(quota=3)
        return statuses(race(buyer(ticket), buyer(ticket))), ticket

    def test_go_to_one_buyer(self):
        outcome, ticket = self.collide()
        assert outcome == [201, 400]
        assert (sold(ticket), held(ticket)) == (2, 2)

    def test_would_be_sold_twice_without_locks(self, monkeypatch):
        with unlocked(monkeypatch):
            outcome, ticket = self.collide()
        assert outcome == [201, 201]
        assert (sold(ticket), held(ticket)) == (2, 4)

    def test_a_stampede_sells_exactly_the_quota(self):
        ticket = EventsTicketFactory(quota=9)
        outcomes = race(buyer(ticket), *(buyer(ticket) for _ in range(7)))
        assert sorted(statuses(outcomes)) == [201] * 4 + [400] * 4
        assert (sold(ticket), held(ticket)) == (8, 8)


class TestTwoTypesAgainstOneCapacity:
    def collide(self) -> tuple[list[int], int]:
        event = EventFactory(capacity=3)
        first, second = EventsTicketFactory.create_batch(2, event=event)
        outcome = statuses(race(buyer(first), buyer(second)))
        return outcome, held(first) + held(second)

    def test_the_capacity_holds(self):
        assert self.collide() == ([201, 400], 2)

    def test_it_would_be_exceeded_without_locks(self, monkeypatch):
        with unlocked(monkeypatch):
            assert self.collide() == ([201, 201], 4)


class TestACapacitySetWhilePeopleBook:
    def collide(self) -> tuple[list[int], int]:
        event = EventFactory()
        first, second = EventsTicketFactory.create_batch(2, event=event)
        BookingFactory(event_ticket=second)
        edit = organizer("event-detail", event.pk, method="patch", capacity=3)
        return statuses(race(edit, buyer(first))), held(first) + held(second)

    def test_it_holds(self):
        assert self.collide() == ([200, 400], 2)

    def test_it_would_be_exceeded_without_locks(self, monkeypatch):
        with unlocked(monkeypatch):
            assert self.collide() == ([200, 201], 4)

    def test_two_types_that_wait_for_it_share_it(self):
        event = EventFactory()
        first, second = EventsTicketFactory.create_batch(2, event=event)
        edit = organizer("event-detail", event.pk, method="patch", capacity=3)
        assert sorted(statuses(race(edit, buyer(first), buyer(second)))) == [200, 201, 400]
        assert held(first) + held(second) == 2


class TestAnEventCancelledWhilePeopleBook:
    @pytest.fixture(params=[None, 50])
    def ticket(self, request) -> EventsTicket:
        return EventsTicketFactory(event=EventFactory(capacity=request.param))

    def test_nothing_is_sold_after_it(self, ticket):
        first, second = race(organizer("event-cancel", ticket.event_id), buyer(ticket))
        assert first.status_code == 200
        assert refused(second, "event_not_published")
        assert (sold(ticket), held(ticket)) == (0, 0)

    def test_what_was_sold_before_it_is_cancelled(self, ticket):
        first, second = race(buyer(ticket), organizer("event-cancel", ticket.event_id))
        assert statuses([first, second]) == [201, 200]
        assert Booking.objects.get().cancellation_reason == "EVENT_CANCELLED"
        assert (sold(ticket), held(ticket)) == (0, 0)

    def test_a_live_booking_would_stay_without_locks(self, ticket, monkeypatch):
        with unlocked(monkeypatch):
            outcomes = race(organizer("event-cancel", ticket.event_id), buyer(ticket))
        assert statuses(outcomes) == [200, 201]
        assert held(ticket) == 2

    def test_a_type_added_at_that_moment_is_refused(self, ticket):
        body = {"event": ticket.event_id, "ticket_type": "VIP", "price": "1.00", "quota": 5}
        add = organizer("ticket-list", **body)
        first, second = race(organizer("event-cancel", ticket.event_id), add)
        assert first.status_code == 200
        assert refused(second, "event_cancelled")
        assert EventsTicket.objects.count() == 1

    def test_a_title_edit_does_not_bring_it_back(self, ticket):
        edit = organizer("event-detail", ticket.event_id, method="patch", title="New")
        first, second = race(organizer("event-cancel", ticket.event_id), edit)
        assert first.status_code == 200
        assert refused(second, "event_cancelled")
        assert Event.objects.get().status == "CANCELLED"


class TestOneBookingTwoTransitions:
    @pytest.fixture
    def clients(self):
        return client_of(UserFactory(support=True)), client_of(UserFactory(support=True))

    @pytest.mark.parametrize(
        ("state", "first", "second", "code", "status"),
        [
            ({}, confirm, confirm, "booking_not_pending", "CONFIRMED"),
            ({}, cancel, confirm, "booking_not_pending", "CANCELLED"),
            ({}, cancel, cancel, "booking_cancelled", "CANCELLED"),
            ({"confirmed": True}, refund, cancel, "booking_cancelled", "CANCELLED"),
            ({"confirmed": True}, refund, refund, "booking_not_confirmed", "CANCELLED"),
        ],
    )
    def test_the_second_sees_what_the_first_did(self, clients, state, first, second, code, status):
        booking = BookingFactory(**state)
        one, two = race(partial(first, clients[0], booking), partial(second, clients[1], booking))
        assert one.status_code == 200
        assert refused(two, code)
        booking.refresh_from_db()
        assert booking.status == status
        assert consistent(booking.event_ticket)

    def test_tickets_would_be_given_back_twice_without_locks(self, clients, monkeypatch):
        booking = BookingFactory()
        BookingFactory(event_ticket=booking.event_ticket)
        calls = [partial(cancel, client, booking) for client in clients]
        with unlocked(monkeypatch):
            assert statuses(race(*calls)) == [200, 200]

    def confirmed_in_time(self, client, booking, monkeypatch) -> Any:
        """Confirm, then let the clock pass the expiry that others still see."""
        response = confirm(client, booking)
        later = timezone.now() + timedelta(days=29, hours=1)
        monkeypatch.setattr("apps.bookings.services.timezone", SimpleNamespace(now=lambda: later))
        return response

    def test_a_booking_confirmed_in_time_is_not_swept(self, clients, monkeypatch):
        booking = BookingFactory()
        confirmation = partial(self.confirmed_in_time, clients[0], booking, monkeypatch)
        first, swept = race(confirmation, expire_bookings)
        assert (first.status_code, swept) == (200, 0)
        booking.refresh_from_db()
        assert booking.status == "CONFIRMED"
        assert consistent(booking.event_ticket)

    def test_it_would_be_swept_without_locks(self, clients, monkeypatch):
        booking = BookingFactory()
        confirmation = partial(self.confirmed_in_time, clients[0], booking, monkeypatch)
        with unlocked(monkeypatch):
            race(confirmation, expire_bookings)
        booking.refresh_from_db()
        assert (booking.status, booking.confirmed_at is None) == ("CANCELLED", False)

    def test_a_swept_booking_is_not_confirmed(self, clients):
        booking = BookingFactory(run_out=True)
        swept, second = race(expire_bookings, partial(confirm, clients[0], booking))
        assert swept == 1
        assert refused(second, "booking_not_pending")
        assert consistent(booking.event_ticket)

    def test_an_event_that_starts_meanwhile_is_seen_by_confirm(self, clients):
        booking = BookingFactory()
        event = booking.event_ticket.event

        def start_now() -> None:
            Event.objects.for_update().get(pk=event.pk)
            list(event.tickets.for_update())
            Event.objects.filter(pk=event.pk).update(
                starts_at=timezone.now() - timedelta(seconds=1)
            )

        assert refused(race(start_now, partial(confirm, clients[0], booking))[1], "event_started")


class TestStockEditedWhilePeopleBook:
    def test_a_quota_cut_is_seen_by_the_buyer(self):
        ticket = EventsTicketFactory(quota=10)
        cut = organizer("ticket-detail", ticket.pk, method="patch", quota=1)
        first, second = race(cut, buyer(ticket))
        assert first.status_code == 200
        assert refused(second, "sold_out")
        assert second.json()["remaining"] == 1

    def test_a_sale_is_seen_by_the_quota_cut(self):
        ticket = EventsTicketFactory(quota=10)
        cut = organizer("ticket-detail", ticket.pk, method="patch", quota=1)
        first, second = race(buyer(ticket), cut)
        assert first.status_code == 201
        assert refused(second, "quota_below_sold")

    def test_without_locks_the_constraint_is_what_is_left(self, monkeypatch):
        ticket = EventsTicketFactory(quota=10)
        cut = organizer("ticket-detail", ticket.pk, method="patch", quota=1)
        with unlocked(monkeypatch):
            first, second = race(cut, buyer(ticket))
        assert first.status_code == 200
        assert refused(second, "conflict")

    @pytest.mark.parametrize("target", ["ticket-detail", "event-detail"])
    def test_what_is_deleted_cannot_be_booked(self, target):
        ticket = EventsTicketFactory()
        EventsTicketFactory(event=ticket.event)
        pk = ticket.pk if target == "ticket-detail" else ticket.event_id
        first, second = race(organizer(target, pk, method="delete"), buyer(ticket))
        assert statuses([first, second]) == [204, 400]
        assert list(second.json()) == ["event_ticket"]
        assert Booking.objects.count() == 0

    @pytest.mark.parametrize(
        ("target", "code"), [("ticket-detail", "has_sales"), ("event-detail", "in_use")]
    )
    def test_what_is_booked_cannot_be_deleted(self, target, code):
        ticket = EventsTicketFactory()
        EventsTicketFactory(event=ticket.event)
        pk = ticket.pk if target == "ticket-detail" else ticket.event_id
        first, second = race(buyer(ticket), organizer(target, pk, method="delete"))
        assert first.status_code == 201
        assert refused(second, code)
        assert consistent(ticket)

    def test_the_last_type_cannot_go_while_the_event_is_published(self):
        ticket = EventsTicketFactory(event=EventFactory(draft=True))
        publish = organizer("event-publish", ticket.event_id)
        delete = organizer("ticket-detail", ticket.pk, method="delete")
        first, second = race(publish, delete)
        assert first.status_code == 200
        assert refused(second, "last_ticket_type")

    def test_an_event_is_not_published_while_its_last_type_goes(self):
        ticket = EventsTicketFactory(event=EventFactory(draft=True))
        publish = organizer("event-publish", ticket.event_id)
        delete = organizer("ticket-detail", ticket.pk, method="delete")
        first, second = race(delete, publish)
        assert first.status_code == 204
        assert refused(second, "no_ticket_types")


class TestTheSameKeyAtTheSameMoment:
    def test_on_the_last_tickets_both_get_the_one_booking(self):
        client, ticket = client_of(UserFactory()), EventsTicketFactory(quota=2)
        click = partial(place, client, ticket, 2, "click")
        first, second = race(click, click)
        assert statuses([first, second]) == [201, 201]
        assert first.json()["id"] == second.json()["id"]
        assert second.headers["Idempotent-Replayed"] == "true"
        assert (sold(ticket), held(ticket)) == (2, 2)

    def test_for_another_ticket_type_the_index_refuses_it(self):
        client = client_of(UserFactory())
        first, second = EventsTicketFactory.create_batch(2, event=EventFactory())
        outcomes = race(
            partial(place, client, first, 2, "click"), partial(place, client, second, 2, "click")
        )
        assert statuses(outcomes) == [201, 422]
        assert consistent(first, second)
        assert held(second) == 0


class TestRunOutHolds:
    def test_one_hold_is_released_for_one_of_two_buyers(self):
        ticket = EventsTicketFactory(quota=2)
        BookingFactory(event_ticket=ticket, run_out=True)
        assert statuses(race(buyer(ticket), buyer(ticket))) == [201, 400]
        assert consistent(ticket)

    def test_the_sweep_passes_by_a_type_that_is_being_sold(self):
        busy, idle = EventsTicketFactory.create_batch(2)
        for ticket in (busy, idle):
            BookingFactory(event_ticket=ticket, run_out=True)
        first, swept = race(buyer(busy), expire_bookings)
        assert (first.status_code, swept) == (201, 1)
        assert consistent(busy, idle)

    def test_a_buyer_waits_for_the_sweep_and_finds_the_tickets_back(self):
        ticket = EventsTicketFactory(quota=2)
        BookingFactory(event_ticket=ticket, run_out=True)
        swept, second = race(expire_bookings, buyer(ticket))
        assert (swept, second.status_code) == (1, 201)
        assert consistent(ticket)

    def test_two_sweeps_expire_each_hold_once(self):
        ticket = EventsTicketFactory()
        BookingFactory.create_batch(3, event_ticket=ticket, run_out=True)
        assert sum(race(expire_bookings, expire_bookings)) == 3
        assert (sold(ticket), held(ticket)) == (0, 0)
