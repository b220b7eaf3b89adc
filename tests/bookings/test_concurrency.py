"""Two or three requests at once for the same tickets or the same booking, on real PostgreSQL,
steered to collide.

Every race has its positive control: without the locks the same collision does the damage that
the test would see.
"""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.bookings.services import expire_bookings
from apps.tickets.models import EventsTicket
from tests.bookings.helpers import cancel, confirm, place, refund, refused, sold
from tests.bookings.parties import buyer, consistent, held, organizer, set_clock, statuses
from tests.clients import client_of
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, UserFactory
from tests.races import race, unlocked

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


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

    def test_are_not_for_a_second_click_without_a_key(self):
        client, ticket = client_of(UserFactory()), EventsTicketFactory(quota=3)
        click = partial(place, client, ticket)
        first, second = race(click, click)
        assert first.status_code == 201
        assert refused(second, "sold_out")
        assert second.json()["remaining"] == 1
        assert (sold(ticket), held(ticket)) == (2, 2)


class TestTwoTypesAgainstOneCapacity:
    def collide(self) -> tuple[list[int], int]:
        event = EventFactory(capacity=3)
        first, second = EventsTicketFactory.create_batch(2, event=event)
        return statuses(race(buyer(first), buyer(second))), held(first, second)

    def test_the_capacity_holds(self):
        assert self.collide() == ([201, 400], 2)

    def test_it_would_be_exceeded_without_locks(self, monkeypatch):
        with unlocked(monkeypatch):
            assert self.collide() == ([201, 201], 4)


class TestTheSameKeyAtTheSameMoment:
    @pytest.fixture(params=[None, 50])
    def tickets(self, request) -> list[EventsTicket]:
        event = EventFactory(capacity=request.param)
        return EventsTicketFactory.create_batch(2, event=event, quota=2)

    def test_on_the_last_tickets_both_get_the_one_booking(self, tickets):
        click = partial(place, client_of(UserFactory()), tickets[0], 2, "click")
        first, second = race(click, click)
        assert statuses([first, second]) == [201, 201]
        assert first.json() == second.json()
        assert "Idempotent-Replayed" not in first.headers
        assert second.headers["Idempotent-Replayed"] == "true"
        assert (sold(tickets[0]), held(tickets[0])) == (2, 2)

    def test_for_another_ticket_type_is_refused(self, tickets):
        client = client_of(UserFactory())
        outcomes = race(*(partial(place, client, ticket, 2, "click") for ticket in tickets))
        assert outcomes[0].status_code == 201
        assert refused(outcomes[1], "idempotency_key_reused", 422)
        assert consistent(*tickets)
        assert held(tickets[1]) == 0

    def test_for_another_quantity_is_refused(self, tickets):
        client = client_of(UserFactory())
        first, second = race(
            partial(place, client, tickets[0], 2, "click"),
            partial(place, client, tickets[0], 3, "click"),
        )
        assert first.status_code == 201
        assert refused(second, "idempotency_key_reused", 422)
        assert (sold(tickets[0]), held(tickets[0])) == (2, 2)

    def test_of_two_people_is_two_keys(self):
        ticket = EventsTicketFactory()
        first, second = race(buyer(ticket, key="click"), buyer(ticket, key="click"))
        assert statuses([first, second]) == [201, 201]
        assert first.json()["id"] != second.json()["id"]
        assert "Idempotent-Replayed" not in second.headers
        assert (sold(ticket), held(ticket)) == (4, 4)

    def test_without_locks_and_look_ups_only_the_index_would_refuse_it(self, monkeypatch):
        monkeypatch.setattr("apps.bookings.services._find_replay", lambda order: None)
        ticket = EventsTicketFactory()
        click = partial(place, client_of(UserFactory()), ticket, 2, "click")
        with unlocked(monkeypatch):
            first, second = race(click, click)
        assert first.status_code == 201
        assert refused(second, "conflict")
        assert (sold(ticket), held(ticket)) == (2, 2)


class TestOneBookingTwoTransitions:
    @pytest.fixture
    def clients(self):
        return client_of(UserFactory(support=True)), client_of(UserFactory(support=True))

    def collide(self, clients: Any, booking: Booking, first: Any, second: Any) -> list[Any]:
        calls = (partial(first, clients[0], booking), partial(second, clients[1], booking))
        outcomes = race(*calls)
        booking.refresh_from_db()
        return outcomes

    @pytest.mark.parametrize(
        ("state", "first", "second", "code", "reason"),
        [
            ({}, confirm, confirm, "booking_not_pending", ""),
            ({}, cancel, confirm, "booking_not_pending", "SUPPORT"),
            ({}, cancel, cancel, "booking_cancelled", "SUPPORT"),
            ({"confirmed": True}, cancel, refund, "booking_not_confirmed", "SUPPORT"),
            ({"confirmed": True}, refund, cancel, "booking_cancelled", "REFUNDED"),
            ({"confirmed": True}, refund, refund, "booking_not_confirmed", "REFUNDED"),
        ],
    )
    def test_the_second_is_refused(self, clients, state, first, second, code, reason):
        booking = BookingFactory(**state)
        one, two = self.collide(clients, booking, first, second)
        assert one.status_code == 200
        assert refused(two, code)
        assert booking.status == ("CANCELLED" if reason else "CONFIRMED")
        assert booking.cancellation_reason == reason
        assert consistent(booking.event_ticket)

    @pytest.mark.parametrize(("second", "reason"), [(cancel, "SUPPORT"), (refund, "REFUNDED")])
    def test_what_was_confirmed_meanwhile_is_given_back(self, clients, second, reason):
        booking = BookingFactory()
        outcomes = self.collide(clients, booking, confirm, second)
        assert statuses(outcomes) == [200, 200]
        assert (booking.status, booking.cancellation_reason) == ("CANCELLED", reason)
        assert booking.confirmed_at is not None
        assert sold(booking.event_ticket) == 0

    def test_a_refund_before_it_is_confirmed_is_refused(self, clients):
        booking = BookingFactory()
        one, two = self.collide(clients, booking, refund, confirm)
        assert refused(one, "booking_not_confirmed")
        assert (two.status_code, booking.status) == (200, "CONFIRMED")
        assert consistent(booking.event_ticket)

    def test_without_locks_a_confirmation_overwrites_the_cancellation(self, clients, monkeypatch):
        booking = BookingFactory()
        with unlocked(monkeypatch):
            outcomes = self.collide(clients, booking, cancel, confirm)
        assert statuses(outcomes) == [200, 200]
        assert (booking.status, booking.cancellation_reason) == ("CONFIRMED", "SUPPORT")
        assert (sold(booking.event_ticket), held(booking.event_ticket)) == (0, 2)

    def test_without_locks_it_is_cancelled_twice(self, clients, monkeypatch):
        booking = BookingFactory()
        with unlocked(monkeypatch):
            assert statuses(self.collide(clients, booking, cancel, cancel)) == [200, 200]

    def test_without_locks_one_of_two_cancelled_bookings_stays_in_sold(self, clients, monkeypatch):
        ticket = EventsTicketFactory()
        bookings = BookingFactory.create_batch(2, event_ticket=ticket)
        calls = [partial(cancel, *pair) for pair in zip(clients, bookings, strict=True)]
        with unlocked(monkeypatch):
            assert statuses(race(*calls)) == [200, 200]
        assert (sold(ticket), held(ticket)) == (2, 0)


class TestAHoldThatRunsOut:
    @pytest.fixture
    def client(self):
        return client_of(UserFactory(support=True))

    def confirmed_in_time(self, client, booking, monkeypatch) -> Any:
        """Confirm, then let the clock pass the expiry that others still see."""
        response = confirm(client, booking)
        set_clock(monkeypatch, timedelta(days=29, hours=1))
        return response

    def test_is_not_swept_when_it_was_confirmed_in_time(self, client, monkeypatch):
        booking = BookingFactory()
        confirmation = partial(self.confirmed_in_time, client, booking, monkeypatch)
        first, swept = race(confirmation, expire_bookings)
        assert (first.status_code, swept) == (200, 0)
        booking.refresh_from_db()
        assert booking.status == "CONFIRMED"
        assert consistent(booking.event_ticket)

    def test_would_be_swept_all_the_same_without_locks(self, client, monkeypatch):
        booking = BookingFactory()
        confirmation = partial(self.confirmed_in_time, client, booking, monkeypatch)
        with unlocked(monkeypatch):
            race(confirmation, expire_bookings)
        booking.refresh_from_db()
        assert (booking.status, booking.confirmed_at is None) == ("CANCELLED", False)

    @pytest.mark.parametrize(
        ("move", "code"),
        [
            (confirm, "booking_not_pending"),
            (cancel, "booking_cancelled"),
            (refund, "booking_not_confirmed"),
        ],
    )
    def test_is_gone_for_others_once_it_is_swept(self, client, move, code):
        booking = BookingFactory(run_out=True)
        swept, second = race(expire_bookings, partial(move, client, booking))
        assert swept == 1
        assert refused(second, code)
        booking.refresh_from_db()
        assert booking.cancellation_reason == "EXPIRED"
        assert consistent(booking.event_ticket)

    def test_is_left_by_the_sweep_to_whoever_cancels_it(self, client):
        booking = BookingFactory(run_out=True)
        first, swept = race(partial(cancel, client, booking), expire_bookings)
        assert (first.status_code, swept) == (200, 0)
        booking.refresh_from_db()
        assert booking.cancellation_reason == "SUPPORT"
        assert consistent(booking.event_ticket)

    def test_is_not_confirmed_once_a_buyer_has_released_it(self, client):
        booking = BookingFactory(run_out=True, event_ticket__quota=2)
        ticket = booking.event_ticket
        first, second = race(buyer(ticket), partial(confirm, client, booking))
        assert first.status_code == 201
        assert refused(second, "booking_not_pending")
        assert (sold(ticket), held(ticket)) == (2, 2)

    def test_is_cancelled_once_when_its_event_is_cancelled_meanwhile(self):
        booking = BookingFactory(run_out=True)
        ticket = booking.event_ticket
        swept, second = race(expire_bookings, organizer("event-cancel", ticket.event_id))
        assert (swept, second.status_code) == (1, 200)
        booking.refresh_from_db()
        assert booking.cancellation_reason == "EXPIRED"
        assert (sold(ticket), held(ticket)) == (0, 0)


class TestRunOutHoldsBesideSales:
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

    @pytest.mark.parametrize("capacity", [None, 4])
    def test_two_sweeps_beside_a_sale_expire_each_hold_once(self, capacity):
        event = EventFactory(capacity=capacity)
        busy, idle = EventsTicketFactory.create_batch(2, event=event, quota=4)
        elsewhere = EventsTicketFactory()
        for ticket in (busy, idle, elsewhere):
            BookingFactory(event_ticket=ticket, run_out=True)
        bought, *swept = race(buyer(busy), expire_bookings, expire_bookings)
        # With a capacity, a sale has all types of the event locked.
        assert (bought.status_code, sum(swept)) == (201, 1 if capacity else 2)
        assert consistent(busy, idle, elsewhere)
        expire_bookings()
        assert (sold(busy), sold(idle), sold(elsewhere)) == (2, 0, 0)

    def test_a_sale_between_two_sweeps_finds_the_tickets_back(self):
        ticket = EventsTicketFactory(quota=4)
        BookingFactory.create_batch(2, event_ticket=ticket, run_out=True)
        assert race(expire_bookings, expire_bookings, buyer(ticket, 4))[2].status_code == 201
        assert (sold(ticket), held(ticket)) == (4, 4)


class TestACapacityFilledByRunOutHoldsOfAnotherType:
    @pytest.fixture
    def tickets(self) -> list[EventsTicket]:
        """Three types of an event for two people, full by a run-out hold of the first."""
        tickets = EventsTicketFactory.create_batch(3, event=EventFactory(capacity=2))
        BookingFactory(event_ticket=tickets[0], run_out=True)
        return tickets

    @pytest.mark.parametrize("types", [(1, 1), (1, 2), (2, 1), (0, 1)])
    def test_has_room_for_one_of_two_buyers(self, tickets, types):
        first, second = race(*(buyer(tickets[number]) for number in types))
        assert first.status_code == 201
        assert refused(second, "sold_out")
        assert second.json()["remaining"] == 0
        assert consistent(*tickets)
        assert held(*tickets) == held(tickets[types[0]]) == 2

    def test_has_room_for_two_buyers_when_there_are_holds_enough(self, tickets):
        BookingFactory(event_ticket=tickets[1], run_out=True)
        type(tickets[0].event).objects.update(capacity=4)
        assert statuses(race(buyer(tickets[1]), buyer(tickets[2]))) == [201, 201]
        assert consistent(*tickets)
        assert [held(ticket) for ticket in tickets] == [0, 2, 2]

    def test_is_exceeded_without_locks(self, tickets, monkeypatch):
        with unlocked(monkeypatch):
            outcomes = race(buyer(tickets[1]), buyer(tickets[2]))
        assert statuses(outcomes) == [201, 201]
        assert held(*tickets) == 4

    def test_has_room_when_the_sweep_has_the_hold_in_hand(self, tickets):
        swept, second = race(expire_bookings, buyer(tickets[1]))
        assert (swept, second.status_code) == (1, 201)
        assert consistent(*tickets)

    def test_has_room_when_somebody_is_about_to_cancel_the_hold(self, tickets):
        hold = Booking.objects.get()
        first, second = race(partial(cancel, client_of(hold.user), hold), buyer(tickets[1]))
        assert statuses([first, second]) == [200, 201]
        assert consistent(*tickets)
