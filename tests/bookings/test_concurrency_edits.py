"""Events and ticket types edited, moved, cancelled and deleted while people book, on real
PostgreSQL, steered to collide.

Every race has its positive control: without the locks the same collision does the damage that
the test would see.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from apps.bookings.models import Booking
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from tests.admin.helpers import form_of, page
from tests.bookings.helpers import cancel, confirm, refund, refused, sold
from tests.bookings.parties import buyer, consistent, held, organizer, set_clock, statuses
from tests.clients import client_of
from tests.common.helpers import iso
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, UserFactory
from tests.races import race, unlocked

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def admin_form(row: Any, **changes: Any) -> Callable[[], Any]:
    """Opens the row's form in Django admin now; the call sends it, with these changes."""
    client = Client()
    client.force_login(UserFactory(admin=True))
    url = page(type(row), "change", row.pk)
    return partial(client.post, url, form_of(client.get(url)) | changes)


def form_refused(response: Any, text: str) -> bool:
    """The form is shown again, with this text for the reason."""
    assert response.status_code == 200
    return text in str(response.context["adminform"].form.errors)


class TestACapacitySetWhilePeopleBook:
    def collide(self) -> tuple[list[int], int]:
        event = EventFactory()
        first, second = EventsTicketFactory.create_batch(2, event=event)
        BookingFactory(event_ticket=second)
        edit = organizer("event-detail", event.pk, method="patch", capacity=3)
        return statuses(race(edit, buyer(first))), held(first, second)

    def test_it_holds(self):
        assert self.collide() == ([200, 400], 2)

    def test_it_would_be_exceeded_without_locks(self, monkeypatch):
        with unlocked(monkeypatch):
            assert self.collide() == ([200, 201], 4)

    @pytest.mark.parametrize("capacity", [None, 9])
    def test_two_types_that_wait_for_it_share_it(self, capacity):
        event = EventFactory(capacity=capacity)
        first, second = EventsTicketFactory.create_batch(2, event=event)
        edit = organizer("event-detail", event.pk, method="patch", capacity=3)
        assert sorted(statuses(race(edit, buyer(first), buyer(second)))) == [200, 201, 400]
        assert held(first, second) == 2
        assert consistent(first, second)

    @pytest.mark.parametrize("capacity", [None, 9])
    def test_it_is_not_set_below_what_is_sold_meanwhile(self, capacity):
        ticket = EventsTicketFactory(event=EventFactory(capacity=capacity))
        edit = organizer("event-detail", ticket.event_id, method="patch", capacity=1)
        first, second = race(buyer(ticket), edit)
        assert first.status_code == 201
        assert refused(second, "capacity_below_sold")
        assert Event.objects.get().capacity == capacity


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


class TestAnEventCancelledWhileATypeIsAdded:
    @pytest.fixture(params=[None, 50])
    def ticket(self, request) -> EventsTicket:
        return EventsTicketFactory(event=EventFactory(capacity=request.param))

    def added_and_sold(self, ticket: EventsTicket) -> Callable[[], list[Any]]:
        body = {"event": ticket.event_id, "ticket_type": "VIP", "price": "1.00", "quota": 5}
        add = organizer("ticket-list", **body)

        def call() -> list[Any]:
            added = add()
            new = EventsTicket.objects.exclude(pk=ticket.pk)
            return [added, *(buyer(each)() for each in new)]

        return call

    def test_it_is_refused(self, ticket):
        cancelled = organizer("event-cancel", ticket.event_id)
        first, [second] = race(cancelled, self.added_and_sold(ticket))
        assert first.status_code == 200
        assert refused(second, "event_cancelled")
        assert EventsTicket.objects.get() == ticket

    def test_without_locks_it_would_be_sold_on_the_cancelled_event(self, ticket, monkeypatch):
        cancelled = organizer("event-cancel", ticket.event_id)
        with unlocked(monkeypatch):
            first, others = race(cancelled, self.added_and_sold(ticket))
        assert (first.status_code, statuses(others)) == (200, [201, 201])
        assert Event.objects.get().status == "CANCELLED"
        assert Booking.objects.holding().count() == 1

    def test_what_was_sold_of_it_before_is_cancelled(self, ticket):
        cancelled = organizer("event-cancel", ticket.event_id)
        others, second = race(self.added_and_sold(ticket), cancelled)
        assert (statuses(others), second.status_code) == ([201, 201], 200)
        assert Booking.objects.get().cancellation_reason == "EVENT_CANCELLED"
        assert not EventsTicket.objects.filter(sold__gt=0).exists()


class TestAnEventCancelledWhileABookingMoves:
    def collide(self, move: Any, **state: Any) -> tuple[list[Any], Booking]:
        booking = BookingFactory(**state)
        client = client_of(UserFactory(support=True))
        outcomes = race(
            organizer("event-cancel", booking.event_ticket.event_id), partial(move, client, booking)
        )
        booking.refresh_from_db()
        return outcomes, booking

    @pytest.mark.parametrize(
        ("move", "state", "code"),
        [
            (confirm, {}, "booking_not_pending"),
            (cancel, {}, "booking_cancelled"),
            (refund, {"confirmed": True}, "booking_not_confirmed"),
        ],
    )
    def test_the_booking_is_cancelled_with_it(self, move, state, code):
        (first, second), booking = self.collide(move, **state)
        assert first.status_code == 200
        assert refused(second, code)
        assert (booking.status, booking.cancellation_reason) == ("CANCELLED", "EVENT_CANCELLED")
        assert sold(booking.event_ticket) == 0

    def test_without_locks_it_would_be_confirmed_on_a_cancelled_event(self, monkeypatch):
        with unlocked(monkeypatch):
            outcomes, booking = self.collide(confirm)
        assert statuses(outcomes) == [200, 200]
        assert (booking.status, Event.objects.get().status) == ("CONFIRMED", "CANCELLED")
        assert (sold(booking.event_ticket), held(booking.event_ticket)) == (0, 2)

    def test_what_was_confirmed_before_it_is_cancelled_and_owed_money(self):
        booking = BookingFactory()
        confirmed = partial(confirm, client_of(UserFactory(support=True)), booking)
        outcomes = race(confirmed, organizer("event-cancel", booking.event_ticket.event_id))
        assert statuses(outcomes) == [200, 200]
        booking.refresh_from_db()
        assert (booking.status, booking.cancellation_reason) == ("CANCELLED", "EVENT_CANCELLED")
        assert booking.confirmed_at is not None
        assert sold(booking.event_ticket) == 0


class TestAnEventCancelledWhileItIsEdited:
    @pytest.fixture
    def event(self) -> Event:
        # Whole seconds, which is what the form keeps.
        start = timezone.now().replace(microsecond=0) + timedelta(days=30)
        return EventFactory(starts_at=start, title="Old")

    @pytest.fixture
    def edit(self, event) -> Callable[[], Any]:
        return organizer("event-detail", event.pk, method="patch", title="New")

    def test_a_new_title_does_not_bring_it_back(self, event, edit):
        first, second = race(organizer("event-cancel", event.pk), edit)
        assert first.status_code == 200
        assert refused(second, "event_cancelled")
        event.refresh_from_db()
        assert (event.status, event.title) == ("CANCELLED", "Old")

    def test_an_admin_form_opened_before_does_not_bring_it_back(self, event):
        form = admin_form(event, title="New")
        first, second = race(organizer("event-cancel", event.pk), form)
        assert first.status_code == 200
        assert form_refused(second, "cancelled")
        event.refresh_from_db()
        assert (event.status, event.title) == ("CANCELLED", "Old")

    @pytest.mark.parametrize("by_form", [False, True])
    def test_without_locks_the_cancelled_event_is_edited(self, event, edit, by_form, monkeypatch):
        edit = admin_form(event, title="New") if by_form else edit
        with unlocked(monkeypatch):
            outcomes = race(organizer("event-cancel", event.pk), edit)
        assert statuses(outcomes) == [200, 302 if by_form else 200]
        event.refresh_from_db()
        # That the status stays is due to what is written: the columns that were edited.
        assert (event.status, event.title) == ("CANCELLED", "New")

    @pytest.mark.parametrize("by_form", [False, True])
    def test_an_edit_before_it_does_not_stop_it(self, event, edit, by_form):
        edit = admin_form(event, title="New") if by_form else edit
        outcomes = race(edit, organizer("event-cancel", event.pk))
        assert statuses(outcomes) == [302 if by_form else 200, 200]
        event.refresh_from_db()
        assert (event.status, event.title) == ("CANCELLED", "New")


class TestAnEventCancelledWhileItIsPublished:
    def collide(self) -> tuple[list[Any], Event]:
        event = EventsTicketFactory(event=EventFactory(draft=True)).event
        outcomes = race(organizer("event-cancel", event.pk), organizer("event-publish", event.pk))
        event.refresh_from_db()
        return outcomes, event

    def test_it_stays_cancelled(self):
        (first, second), event = self.collide()
        assert first.status_code == 200
        assert refused(second, "event_cancelled")
        assert (event.status, event.published_at) == ("CANCELLED", None)

    def test_without_locks_its_status_is_overwritten(self, monkeypatch):
        with unlocked(monkeypatch):
            outcomes, event = self.collide()
        assert statuses(outcomes) == [200, 200]
        assert event.status == "PUBLISHED"


class TestAnEventPublishedWhileItsLastTypeGoes:
    @pytest.fixture
    def calls(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        ticket = EventsTicketFactory(event=EventFactory(draft=True))
        publish = organizer("event-publish", ticket.event_id)
        return publish, organizer("ticket-detail", ticket.pk, method="delete")

    def test_the_type_stays_when_it_is_published_first(self, calls):
        publish, delete = calls
        first, second = race(publish, delete)
        assert first.status_code == 200
        assert refused(second, "last_ticket_type")
        assert EventsTicket.objects.count() == 1

    def test_the_event_stays_a_draft_when_the_type_goes_first(self, calls):
        publish, delete = calls
        first, second = race(delete, publish)
        assert first.status_code == 204
        assert refused(second, "no_ticket_types")
        assert Event.objects.get().status == "DRAFT"

    def test_without_locks_it_is_published_with_nothing_to_sell(self, calls, monkeypatch):
        publish, delete = calls
        with unlocked(monkeypatch):
            assert statuses(race(delete, publish)) == [204, 200]
        assert (Event.objects.get().status, EventsTicket.objects.count()) == ("PUBLISHED", 0)


class TestAnEventMovedWhilePeopleBook:
    """A hold lasts until a day before the event, but for an hour at least."""

    @pytest.fixture
    def booking(self) -> Booking:
        """A hold that runs out in an hour, for an event in two."""
        start = timezone.now() + timedelta(hours=2)
        return BookingFactory(event_ticket__event=EventFactory(starts_at=start))

    def move(self, ticket: EventsTicket, **to: Any) -> tuple[Callable[[], Any], datetime]:
        start = timezone.now() + timedelta(**to)
        body = {"starts_at": iso(start), "ends_at": iso(start + timedelta(hours=2))}
        return organizer("event-detail", ticket.event_id, method="patch", **body), start

    def confirm_later(self, monkeypatch, booking: Booking, **to: Any) -> tuple[Any, Any]:
        """Move the event, confirm half an hour before it was to begin, while the move is open."""
        move, _ = self.move(booking.event_ticket, **to)
        set_clock(monkeypatch, timedelta(minutes=90))
        outcomes = race(move, partial(confirm, client_of(UserFactory(support=True)), booking))
        booking.refresh_from_db()
        return outcomes[0], outcomes[1]

    def test_a_hold_that_lasts_longer_now_is_confirmed(self, booking, monkeypatch):
        assert statuses([*self.confirm_later(monkeypatch, booking, days=30)]) == [200, 200]
        assert (booking.status, booking.expires_at) == ("CONFIRMED", None)

    def test_without_locks_it_is_refused(self, booking, monkeypatch):
        with unlocked(monkeypatch):
            first, second = self.confirm_later(monkeypatch, booking, days=30)
        assert first.status_code == 200
        assert refused(second, "booking_expired")

    @pytest.fixture
    def early_booking(self) -> Booking:
        """A hold that lasts for weeks."""
        return BookingFactory()

    def test_an_event_that_begins_earlier_now_is_too_late(self, early_booking, monkeypatch):
        first, second = self.confirm_later(monkeypatch, early_booking, minutes=30)
        assert first.status_code == 200
        assert refused(second, "event_started")
        assert early_booking.status == "PENDING"

    def test_without_locks_it_is_confirmed_after_it_began(self, early_booking, monkeypatch):
        with unlocked(monkeypatch):
            outcomes = self.confirm_later(monkeypatch, early_booking, minutes=30)
        assert statuses([*outcomes]) == [200, 200]
        assert early_booking.status == "CONFIRMED"

    def test_a_confirmed_booking_gets_no_expiry_again(self, early_booking):
        move, start = self.move(early_booking.event_ticket, days=60)
        confirmed = partial(confirm, client_of(UserFactory(support=True)), early_booking)
        assert statuses(race(confirmed, move)) == [200, 200]
        early_booking.refresh_from_db()
        assert (early_booking.status, early_booking.expires_at) == ("CONFIRMED", None)
        assert Event.objects.get().starts_at == start

    @pytest.mark.parametrize("capacity", [None, 50])
    @pytest.mark.parametrize("move_first", [True, False])
    def test_a_new_hold_lasts_until_a_day_before_it(self, capacity, move_first):
        ticket = EventsTicketFactory(event=EventFactory(capacity=capacity))
        move, start = self.move(ticket, days=60)
        calls = (move, buyer(ticket)) if move_first else (buyer(ticket), move)
        assert sorted(statuses(race(*calls))) == [200, 201]
        assert Booking.objects.get().expires_at == start - timedelta(days=1)

    @pytest.mark.parametrize("move_first", [True, False])
    def test_without_locks_it_keeps_to_the_old_day(self, move_first, monkeypatch):
        ticket = EventsTicketFactory()
        move, _ = self.move(ticket, days=60)
        calls = (move, buyer(ticket)) if move_first else (buyer(ticket), move)
        with unlocked(monkeypatch):
            assert sorted(statuses(race(*calls))) == [200, 201]
        expected = ticket.event.starts_at - timedelta(days=1)
        assert Booking.objects.get().expires_at == expected


class TestATicketTypeEditedWhilePeopleBook:
    @pytest.fixture
    def ticket(self) -> EventsTicket:
        return EventsTicketFactory(quota=10)

    @pytest.fixture
    def cut(self, ticket) -> Callable[[], Any]:
        return organizer("ticket-detail", ticket.pk, method="patch", quota=1)

    def test_a_quota_cut_is_seen_by_the_buyer(self, ticket, cut):
        first, second = race(cut, buyer(ticket))
        assert first.status_code == 200
        assert refused(second, "sold_out")
        assert second.json()["remaining"] == 1

    def test_a_sale_is_seen_by_the_quota_cut(self, ticket, cut):
        first, second = race(buyer(ticket), cut)
        assert first.status_code == 201
        assert refused(second, "quota_below_sold")
        assert second.json()["sold"] == 2

    @pytest.mark.parametrize("cut_first", [True, False])
    def test_without_locks_the_constraint_is_the_last_word(
        self, ticket, cut, cut_first, monkeypatch
    ):
        calls = (cut, buyer(ticket)) if cut_first else (buyer(ticket), cut)
        with unlocked(monkeypatch):
            first, second = race(*calls)
        assert first.status_code == (200 if cut_first else 201)
        assert refused(second, "conflict")

    def test_a_buyer_pays_the_new_price(self, ticket):
        edit = organizer("ticket-detail", ticket.pk, method="patch", price="40.00")
        first, second = race(edit, buyer(ticket))
        assert statuses([first, second]) == [200, 201]
        assert second.json()["unit_price"] == "40.00"

    def test_without_locks_the_buyer_would_pay_the_old_one(self, ticket, monkeypatch):
        edit = organizer("ticket-detail", ticket.pk, method="patch", price="40.00")
        with unlocked(monkeypatch):
            assert race(edit, buyer(ticket))[1].json()["unit_price"] == "25.00"

    @pytest.mark.parametrize("form_first", [True, False])
    def test_an_admin_form_opened_before_does_not_undo_a_sale(self, ticket, form_first):
        form = admin_form(ticket, price="40.00")
        calls = (form, buyer(ticket)) if form_first else (buyer(ticket), form)
        assert sorted(statuses(race(*calls))) == [201, 302]
        ticket.refresh_from_db()
        assert (ticket.price, ticket.sold, held(ticket)) == (Decimal("40.00"), 2, 2)

    def test_a_sale_is_seen_by_a_quota_cut_in_an_admin_form(self, ticket):
        first, second = race(buyer(ticket), admin_form(ticket, quota=1))
        assert first.status_code == 201
        assert form_refused(second, "The quota cannot be less than the tickets that are taken.")
        assert consistent(ticket)
        assert ticket.quota == 10

    def test_without_locks_the_form_would_run_into_the_constraint(self, ticket, monkeypatch):
        with unlocked(monkeypatch):
            first, second = race(buyer(ticket), admin_form(ticket, quota=1))
        assert first.status_code == 201
        assert isinstance(second, IntegrityError)


class TestWhatIsDeletedWhilePeopleBook:
    @pytest.fixture(params=[None, 50])
    def ticket(self, request) -> EventsTicket:
        """One of two types of an event."""
        event = EventFactory(capacity=request.param)
        return EventsTicketFactory.create_batch(2, event=event)[0]

    def deletion(self, ticket: EventsTicket, target: str) -> Callable[[], Any]:
        pk = ticket.pk if target == "ticket-detail" else ticket.event_id
        return organizer(target, pk, method="delete")

    @pytest.mark.parametrize("target", ["ticket-detail", "event-detail"])
    def test_cannot_be_booked(self, ticket, target):
        first, second = race(self.deletion(ticket, target), buyer(ticket))
        assert statuses([first, second]) == [204, 400]
        assert list(second.json()) == ["event_ticket"]
        assert Booking.objects.count() == 0

    @pytest.mark.parametrize(
        ("target", "code"), [("ticket-detail", "has_sales"), ("event-detail", "in_use")]
    )
    def test_stays_when_it_is_booked_first(self, ticket, target, code):
        first, second = race(buyer(ticket), self.deletion(ticket, target))
        assert first.status_code == 201
        assert refused(second, code)
        assert consistent(ticket)

    @pytest.mark.parametrize("target", ["ticket-detail", "event-detail"])
    def test_without_locks_only_the_foreign_key_would_keep_it(self, ticket, target, monkeypatch):
        with unlocked(monkeypatch):
            first, second = race(buyer(ticket), self.deletion(ticket, target))
        assert first.status_code == 201
        assert refused(second, "conflict")
