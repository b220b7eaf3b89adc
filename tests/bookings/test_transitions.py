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
from tests.factories import BookingFactory

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
