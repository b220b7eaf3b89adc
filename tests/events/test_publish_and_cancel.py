"""Publishing and cancelling events: §2.9, §2.10."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.bookings.models import Booking
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from tests.common.helpers import assert_refused, ids, snapshot, unchanged
from tests.events.helpers import as_shown, cancel, fresh, member_of, publish
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 3, 10, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def starting(offset, **kwargs):
    """An event with a ticket type, that long from now."""
    event = EventFactory(starts_at=NOW + offset, **kwargs)
    EventsTicketFactory(event=event)
    return event


class TestPublish:
    def test_says_when_and_changes_nothing_else(self, clock):
        event = starting(timedelta(days=1), draft=True)
        manager = member_of(event.organization)
        before = snapshot()
        clock.shift(60)
        response = publish(manager, event)
        assert response.status_code == 200
        assert response.json() == as_shown(event)
        after = snapshot()
        moment = NOW + timedelta(minutes=1)
        changes = {"status": "PUBLISHED", "published_at": moment, "updated_at": moment}
        assert after.pop(Event) == [{**before.pop(Event)[0], **changes}]
        assert after == before

    @pytest.mark.parametrize(
        ("event", "code"),
        [
            ({"status": "PUBLISHED"}, "event_not_draft"),
            ({"status": "CANCELLED"}, "event_cancelled"),
            ({"status": "CANCELLED", "published_at": None}, "event_cancelled"),
            ({"status": "DRAFT", "starts_at": NOW}, "event_started"),
            ({"status": "DRAFT", "starts_at": NOW - TICK}, "event_started"),
            ({"status": "DRAFT", "starts_at": NOW - timedelta(days=9)}, "event_started"),
        ],
    )
    def test_every_refusal_has_its_own_code(self, admin, event, code):
        event = EventsTicketFactory(event=EventFactory(**event)).event
        with unchanged():
            assert_refused(publish(admin, event), code)

    def test_it_needs_a_ticket_type_of_its_own(self, admin):
        event = EventFactory(draft=True)
        EventsTicketFactory(event__organization=event.organization)
        with unchanged():
            assert_refused(publish(admin, event), "no_ticket_types")
        EventsTicketFactory(event=event, quota=0)
        assert publish(admin, event).status_code == 200

    def test_it_may_start_in_the_next_moment(self, admin):
        event = starting(TICK, draft=True)
        assert publish(admin, event).status_code == 200

    def test_published_at_is_set_once_and_kept(self, admin, clock):
        event = starting(timedelta(days=1), draft=True)
        assert publish(admin, event).json()["published_at"] == "2031-03-10T12:00:00Z"
        clock.shift(60)
        assert_refused(publish(admin, event), "event_not_draft")
        assert fresh(event).published_at == NOW
        assert cancel(admin, event).json()["published_at"] == "2031-03-10T12:00:00Z"
        clock.shift(60)
        assert_refused(publish(admin, event), "event_cancelled")
        assert fresh(event).published_at == NOW


class TestCancel:
    @pytest.mark.parametrize(
        "state", [{"draft": True}, {}, {"running": True}], ids=["draft", "published", "running"]
    )
    def test_changes_the_status_alone_where_nothing_is_booked(self, clock, state):
        event = EventFactory(**state)
        EventsTicketFactory(event=event)
        starting(timedelta(days=3), organization=event.organization, venue=event.venue)
        manager = member_of(event.organization)
        before = snapshot()
        clock.shift(60)
        response = cancel(manager, event)
        assert response.status_code == 200
        assert response.json() == as_shown(event)
        after = snapshot()
        changes = {"status": "CANCELLED", "updated_at": NOW + timedelta(minutes=1)}
        first, *others = before.pop(Event)
        assert after.pop(Event) == [{**first, **changes}, *others]
        assert after == before

    def test_a_second_time_changes_nothing(self, admin, clock):
        event = EventFactory()
        BookingFactory(event_ticket__event=event)
        first = cancel(admin, event)
        clock.shift(60)
        with unchanged():
            second = cancel(admin, event)
        assert (second.status_code, second.json()) == (200, first.json())

    def test_is_harmless_on_an_event_cancelled_before_its_end(self, admin):
        event = EventFactory(over=True, cancelled=True)
        with unchanged():
            assert cancel(admin, event).status_code == 200

    @pytest.mark.parametrize("status", ["DRAFT", "PUBLISHED"])
    @pytest.mark.parametrize("ends_at", [NOW, NOW - timedelta(days=9)])
    def test_is_refused_once_the_event_has_ended(self, admin, status, ends_at):
        event = EventFactory(starts_at=ends_at - timedelta(hours=2), ends_at=ends_at, status=status)
        BookingFactory(event_ticket__event=event, confirmed=True)
        BookingFactory(event_ticket__event=event, run_out=True)
        with unchanged():
            assert_refused(cancel(admin, event), "event_ended")

    def test_is_possible_until_the_last_moment(self, admin):
        event = EventFactory(starts_at=NOW - timedelta(hours=2), ends_at=NOW + TICK)
        booking = BookingFactory(event_ticket__event=event, confirmed=True)
        assert cancel(admin, event).status_code == 200
        assert fresh(booking).cancellation_reason == "EVENT_CANCELLED"


class TestBookingsOfACancelledEvent:
    @pytest.mark.parametrize("state", [{}, {"running": True}, {"draft": True}])
    @pytest.mark.parametrize("booking", ["pending", "run_out", "never_expires", "confirmed"])
    def test_whatever_holds_tickets_is_cancelled(self, admin, clock, state, booking):
        traits = {"run_out": {"run_out": True}, "confirmed": {"confirmed": True}}
        row = BookingFactory(
            event_ticket__event=EventFactory(**state), **traits.get(booking, {}), quantity=3
        )
        if booking == "never_expires":
            Booking.objects.update(expires_at=None)
        (before,) = Booking.objects.values()
        clock.shift(60)
        assert cancel(admin, row.event_ticket.event).status_code == 200
        moment = NOW + timedelta(minutes=1)
        (after,) = Booking.objects.values()
        assert after == {
            **before,
            "status": "CANCELLED",
            "cancellation_reason": "EVENT_CANCELLED",
            "cancelled_at": moment,
            "expires_at": None,
            "updated_at": moment,
        }
        assert (after["confirmed_at"] is not None) is (booking == "confirmed")
        assert fresh(row.event_ticket).sold == 0

    def test_what_was_cancelled_before_and_other_events_stay_as_they_are(self, admin, clock):
        event = EventFactory()
        ticket = EventsTicketFactory(event=event)
        for reason in ("CUSTOMER", "SUPPORT", "EXPIRED", "REFUNDED"):
            BookingFactory(event_ticket=ticket, cancelled=True, cancellation_reason=reason)
        alike = {"organization": event.organization, "venue": event.venue}
        BookingFactory(event_ticket__event=EventFactory(**alike))
        BookingFactory(event_ticket__event=EventFactory(**alike), confirmed=True)
        before = snapshot()
        clock.shift(60)
        assert cancel(admin, event).status_code == 200
        after = snapshot()
        assert after[Booking] == before[Booking]
        assert after[EventsTicket] == before[EventsTicket]

    def test_every_type_gets_back_its_own(self, admin):
        event = EventFactory()
        tickets = EventsTicketFactory.create_batch(4, event=event)
        for ticket, quantities in zip(tickets, ([2, 3], [7], [2, 2, 2], []), strict=True):
            for quantity in quantities:
                BookingFactory(event_ticket=ticket, quantity=quantity)
        BookingFactory(event_ticket=tickets[3], cancelled=True, quantity=9)
        # Two more than its bookings hold: giving back is a subtraction, not a reset.
        EventsTicket.objects.filter(pk=tickets[1].pk).update(sold=9)
        assert [fresh(ticket).sold for ticket in tickets] == [5, 9, 6, 0]
        cancel(admin, event)
        assert [fresh(ticket).sold for ticket in tickets] == [0, 2, 0, 0]

    def test_sold_that_is_too_low_stops_at_zero_with_a_warning(self, admin, caplog):
        event = EventFactory()
        wrong, right = EventsTicketFactory.create_batch(2, event=event)
        for ticket in (wrong, right):
            BookingFactory(event_ticket=ticket, quantity=5, confirmed=True)
        EventsTicket.objects.filter(pk=wrong.pk).update(sold=4)
        with caplog.at_level(logging.WARNING, logger="apps"):
            assert cancel(admin, event).status_code == 200
        assert (fresh(wrong).sold, fresh(right).sold) == (0, 0)
        assert set(Booking.objects.values_list("status", flat=True)) == {"CANCELLED"}
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert str(wrong.pk) in record.getMessage()

    def test_no_warning_where_the_numbers_are_right(self, admin, caplog):
        booking = BookingFactory(quantity=5)
        with caplog.at_level(logging.WARNING, logger="apps"):
            cancel(admin, booking.event_ticket.event)
        assert caplog.records == []

    def test_who_is_owed_money_can_be_found(self, admin, support):
        event = EventFactory()
        ticket = EventsTicketFactory(event=event)
        BookingFactory(event_ticket=ticket)
        BookingFactory(event_ticket=ticket, run_out=True)
        BookingFactory(
            event_ticket=ticket, cancelled=True, cancellation_reason="REFUNDED", confirmed_at=NOW
        )
        owed = BookingFactory.create_batch(2, event_ticket=ticket, confirmed=True)
        BookingFactory(confirmed=True)
        cancel(admin, event)
        query = {"cancellation_reason": "EVENT_CANCELLED", "confirmed": "true"}
        expected = sorted(booking.pk for booking in owed)
        everywhere = support.get(reverse("booking-list"), query)
        of_the_event = member_of(event.organization, role="MEMBER").get(
            reverse("event-bookings", args=[event.pk]), query
        )
        assert sorted(ids(everywhere)) == sorted(ids(of_the_event)) == expected

    def test_event_bookings_and_stock_change_together_or_not_at_all(self, admin, monkeypatch):
        def fail(*args, **kwargs):
            raise OperationalError

        booking = BookingFactory()
        monkeypatch.setattr("apps.bookings.services.give_back", fail)
        with unchanged():
            assert cancel(admin, booking.event_ticket.event).status_code == 503

    def test_the_number_of_statements_is_that_of_one_booking(self, admin):
        counts = []
        for bookings in (1, 30):
            event = EventFactory()
            tickets = EventsTicketFactory.create_batch(3, event=event)
            for number in range(bookings):
                BookingFactory(event_ticket=tickets[number % 3], confirmed=number % 2 == 1)
            with CaptureQueriesContext(connection) as queries:
                assert cancel(admin, event).status_code == 200
            assert [fresh(ticket).sold for ticket in tickets] == [0, 0, 0]
            counts.append(len(queries))
        assert counts[0] == counts[1]
