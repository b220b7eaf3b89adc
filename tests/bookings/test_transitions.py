"""Confirm, cancel and refund: §7.4 to §7.7."""

import logging
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from apps.events.models import Event
from tests.bookings.helpers import cancel, confirm, refund, refused, sold
from tests.clients import client_of
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db


def fresh(booking: Booking) -> Booking:
    return Booking.objects.get(pk=booking.pk)


def move_start(booking: Booking, **delta: float) -> None:
    Event.objects.filter(tickets=booking.event_ticket).update(
        starts_at=timezone.now() + timedelta(**delta)
    )


def unchanged(booking: Booking) -> bool:
    before = (booking.status, booking.expires_at, booking.cancellation_reason, booking.updated_at)
    after = fresh(booking)
    return (
        before
        == (
            after.status,
            after.expires_at,
            after.cancellation_reason,
            after.updated_at,
        )
        and sold(booking.event_ticket) == booking.event_ticket.sold
    )


class TestConfirm:
    def test_a_pending_booking_becomes_confirmed_and_never_expires(self, support):
        booking = BookingFactory()
        response = confirm(support, booking)
        assert response.status_code == 200
        after = fresh(booking)
        assert (after.status, after.expires_at) == ("CONFIRMED", None)
        assert after.confirmed_at is not None
        assert response.json()["status"] == "CONFIRMED"
        assert response.json()["event_title"] == booking.event_ticket.event.title
        assert sold(booking.event_ticket) == 2

    @pytest.mark.parametrize("state", ["confirmed", "cancelled"])
    def test_no_other_booking_can_be_confirmed(self, support, state):
        booking = BookingFactory(**{state: True})
        assert refused(confirm(support, booking), "booking_not_pending")
        assert unchanged(booking)

    def test_a_run_out_booking_cannot_be_confirmed_and_stays_as_it_is(self, support):
        booking = BookingFactory(run_out=True)
        assert refused(confirm(support, booking), "booking_expired")
        assert unchanged(booking)

    def test_a_booking_without_an_expiry_has_not_run_out(self, support):
        booking = BookingFactory()
        Booking.objects.update(expires_at=None)
        assert confirm(support, booking).status_code == 200

    def test_not_once_the_event_has_started(self, support):
        booking = BookingFactory()
        move_start(booking, minutes=-1)
        assert refused(confirm(support, booking), "event_started")
        assert unchanged(booking)

    def test_not_on_a_cancelled_event(self, support):
        booking = BookingFactory(event_ticket__event__cancelled=True)
        assert refused(confirm(support, booking), "event_not_published")
        assert unchanged(booking)


class TestCancel:
    @pytest.mark.parametrize("state", [{}, {"confirmed": True}, {"run_out": True}])
    def test_the_tickets_return(self, state):
        booking = BookingFactory(quantity=3, **state)
        BookingFactory(event_ticket=booking.event_ticket)
        response = cancel(client_of(booking.user), booking)
        assert response.status_code == 200
        after = fresh(booking)
        assert (after.status, after.cancellation_reason) == ("CANCELLED", "CUSTOMER")
        assert (after.expires_at, after.confirmed_at) == (None, booking.confirmed_at)
        assert after.cancelled_at is not None
        assert response.json()["status"] == "CANCELLED"
        assert response.json()["cancellation_reason"] == "CUSTOMER"
        assert sold(booking.event_ticket) == 2

    @pytest.mark.parametrize("who", ["support", "admin"])
    def test_by_support_or_an_admin_it_says_so(self, request, who):
        booking = BookingFactory()
        assert cancel(request.getfixturevalue(who), booking).status_code == 200
        assert fresh(booking).cancellation_reason == "SUPPORT"

    def test_a_second_time_is_refused_and_gives_nothing_back(self):
        booking = BookingFactory()
        client = client_of(booking.user)
        BookingFactory(event_ticket=booking.event_ticket)
        assert cancel(client, booking).status_code == 200
        assert refused(cancel(client, booking), "booking_cancelled")
        assert sold(booking.event_ticket) == 2

    def test_not_once_the_event_has_started(self):
        booking = BookingFactory(confirmed=True)
        move_start(booking, minutes=-1)
        assert refused(cancel(client_of(booking.user), booking), "event_started")
        assert unchanged(booking)

    def test_somebody_elses_booking_is_not_found(self, customer):
        booking = BookingFactory()
        assert cancel(customer, booking).status_code == 404
        assert unchanged(booking)

    def test_inconsistent_stock_stops_at_zero_with_a_warning(self, caplog):
        booking = BookingFactory(confirmed=True)
        ticket = booking.event_ticket
        type(ticket).objects.update(sold=1)
        with caplog.at_level(logging.WARNING, logger="apps.tickets.services"):
            assert cancel(client_of(booking.user), booking).status_code == 200
        assert sold(ticket) == 0
        assert [record.levelname for record in caplog.records] == ["WARNING"]

    def test_consistent_stock_logs_nothing(self, caplog):
        booking = BookingFactory()
        with caplog.at_level(logging.WARNING, logger="apps.tickets.services"):
            cancel(client_of(booking.user), booking)
        assert caplog.records == []


class TestRefund:
    def test_a_confirmed_booking_is_cancelled_and_its_tickets_return(self, support):
        booking = BookingFactory(confirmed=True)
        response = refund(support, booking)
        assert response.status_code == 200
        after = fresh(booking)
        assert (after.status, after.cancellation_reason) == ("CANCELLED", "REFUNDED")
        assert after.confirmed_at == booking.confirmed_at
        assert response.json()["cancellation_reason"] == "REFUNDED"
        assert sold(booking.event_ticket) == 0

    def test_also_after_the_event(self, support):
        booking = BookingFactory(confirmed=True)
        move_start(booking, days=-3)
        assert refund(support, booking).status_code == 200
        assert sold(booking.event_ticket) == 0

    @pytest.mark.parametrize("state", [{}, {"run_out": True}, {"cancelled": True}])
    def test_no_other_booking_can_be_refunded(self, support, state):
        booking = BookingFactory(**state)
        assert refused(refund(support, booking), "booking_not_confirmed")
        assert unchanged(booking)

    def test_the_customer_may_not(self):
        booking = BookingFactory(confirmed=True)
        assert refund(client_of(booking.user), booking).status_code == 403
        assert unchanged(booking)


@pytest.mark.parametrize("method", ["delete", "put", "patch"])
@pytest.mark.parametrize("who", ["anonymous", "customer", "admin"])
def test_a_booking_is_never_deleted_or_edited(request, method, who):
    booking = BookingFactory()
    client = request.getfixturevalue(who)
    for pk in (booking.pk, 999_999):
        response = getattr(client, method)(reverse("booking-detail", args=[pk]), {"quantity": 9})
        assert response.status_code == 405
    assert unchanged(booking)


def test_a_bad_token_does_not_turn_405_into_401(anonymous):
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    assert anonymous.delete(reverse("booking-detail", args=[1])).status_code == 405


class TestEventCancelled:
    def test_whatever_holds_tickets_is_cancelled_and_the_rest_stays(self, admin):
        event = EventFactory()
        first, second = EventsTicketFactory.create_batch(2, event=event)
        pending = BookingFactory(event_ticket=first)
        confirmed = BookingFactory(event_ticket=second, confirmed=True, quantity=5)
        cancelled = BookingFactory(event_ticket=first, cancelled=True)
        elsewhere = BookingFactory()
        assert admin.post(reverse("event-cancel", args=[event.pk])).status_code == 200
        for booking in (pending, confirmed):
            after = fresh(booking)
            assert (after.status, after.cancellation_reason) == ("CANCELLED", "EVENT_CANCELLED")
            assert (after.expires_at, after.confirmed_at) == (None, booking.confirmed_at)
            assert after.cancelled_at is not None
        assert fresh(cancelled).cancellation_reason == "CUSTOMER"
        assert fresh(elsewhere).status == "PENDING"
        assert (sold(first), sold(second), sold(elsewhere.event_ticket)) == (0, 0, 2)

    def test_who_is_owed_money_can_be_listed(self, admin, support):
        event = EventFactory()
        ticket = EventsTicketFactory(event=event)
        BookingFactory(event_ticket=ticket)
        owed = BookingFactory(event_ticket=ticket, confirmed=True)
        admin.post(reverse("event-cancel", args=[event.pk]))
        query = {"cancellation_reason": "EVENT_CANCELLED", "confirmed": "true"}
        rows = support.get(reverse("booking-list"), query).json()["results"]
        assert [row["id"] for row in rows] == [owed.pk]

    def test_the_number_of_statements_does_not_grow(self, admin, django_assert_max_num_queries):
        event = EventFactory()
        for ticket in EventsTicketFactory.create_batch(4, event=event):
            BookingFactory.create_batch(5, event_ticket=ticket)
        with django_assert_max_num_queries(15):
            assert admin.post(reverse("event-cancel", args=[event.pk])).status_code == 200


class TestEventMoved:
    def move(self, admin, event, **changes):
        return admin.patch(reverse("event-detail", args=[event.pk]), changes)

    def test_holds_that_have_not_run_out_move_along(self, admin):
        event = EventFactory()
        ticket = EventsTicketFactory(event=event)
        hold = BookingFactory(event_ticket=ticket)
        run_out = BookingFactory(event_ticket=ticket, run_out=True)
        confirmed = BookingFactory(event_ticket=ticket, confirmed=True)
        starts_at = event.starts_at + timedelta(days=10)
        ends_at = starts_at + timedelta(hours=1)
        response = self.move(
            admin, event, starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat()
        )
        assert response.status_code == 200
        assert fresh(hold).expires_at == starts_at - timedelta(days=1)
        assert fresh(run_out).expires_at == run_out.expires_at
        assert fresh(confirmed).expires_at is None

    def test_an_earlier_start_leaves_an_hour_from_the_edit(self, admin):
        event = EventFactory()
        hold = BookingFactory(event_ticket__event=event)
        before = timezone.now()
        self.move(admin, event, starts_at=(before + timedelta(hours=5)).isoformat())
        slack = fresh(hold).expires_at - (before + timedelta(hours=1))
        assert timedelta(0) <= slack < timedelta(seconds=30)

    def test_the_limit_on_holds_counts_from_their_placing(self, admin, settings):
        settings.BOOKING_HOLD_MINUTES = 60 * 24 * 20
        event = EventFactory()
        hold = BookingFactory(event_ticket__event=event)
        self.move(admin, event, starts_at=(event.starts_at - timedelta(days=5)).isoformat())
        assert fresh(hold).expires_at == hold.created_at + timedelta(days=20)

    def test_another_edit_leaves_the_holds_alone(self, admin):
        event = EventFactory()
        hold = BookingFactory(
            event_ticket__event=event, expires_at=timezone.now() + timedelta(minutes=5)
        )
        assert self.move(admin, event, title="Other").status_code == 200
        assert fresh(hold).expires_at == hold.expires_at
