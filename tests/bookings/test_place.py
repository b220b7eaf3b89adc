"""Placing a booking: §7.3 and the inventory rule."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from apps.bookings.services import place_booking
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from tests.bookings.helpers import place, refused, sold
from tests.clients import client_of
from tests.common.helpers import unchanged
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def test_a_booking_is_a_pending_hold_that_takes_the_tickets():
    user = UserFactory()
    ticket = EventsTicketFactory(price="12.50", quota=10, sold=0)
    response = place(client_of(user), ticket, 3)
    booking = Booking.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": booking.pk,
        "user": user.pk,
        "event": ticket.event_id,
        "event_title": ticket.event.title,
        "event_ticket": ticket.pk,
        "ticket_type": "STANDARD",
        "quantity": 3,
        "unit_price": "12.50",
        "total_price": "37.50",
        "currency": "USD",
        "status": "PENDING",
        "expires_at": iso(ticket.event.starts_at - timedelta(days=1)),
        "confirmed_at": None,
        "cancelled_at": None,
        "cancellation_reason": "",
        "created_at": iso(booking.created_at),
        "updated_at": iso(booking.updated_at),
    }
    assert sold(ticket) == 3


def test_a_booking_keeps_the_price_it_was_placed_at(customer, admin):
    ticket = EventsTicketFactory(price="20.00")
    placed = place(customer, ticket).json()
    admin.patch(reverse("ticket-detail", args=[ticket.pk]), {"price": "99.00"})
    shown = customer.get(reverse("booking-detail", args=[placed["id"]])).json()
    assert (shown["unit_price"], shown["total_price"]) == ("20.00", "40.00")
    assert place(customer, ticket).json()["unit_price"] == "99.00"


@pytest.mark.parametrize("quantity", [1, 0, -2, 2.5, "two", None, True, [2], 2_147_483_648])
def test_a_quantity_that_is_no_number_from_two_up_is_refused(customer, quantity):
    ticket = EventsTicketFactory()
    response = place(customer, ticket, quantity)
    assert response.status_code == 400
    assert list(response.json()) == ["quantity"]
    assert (Booking.objects.count(), sold(ticket)) == (0, 0)


def test_what_a_client_may_not_set_is_ignored():
    user, ticket = UserFactory(), EventsTicketFactory()
    body = {
        "event_ticket": ticket.pk,
        "quantity": 2,
        "user": UserFactory().pk,
        "status": "CONFIRMED",
        "unit_price": "0.01",
        "expires_at": None,
    }
    response = client_of(user).post(reverse("booking-list"), body)
    assert response.status_code == 201
    booking = Booking.objects.get()
    assert (booking.user, booking.status, booking.unit_price) == (user, "PENDING", Decimal(25))
    assert booking.expires_at is not None


@pytest.mark.parametrize(("left", "status"), [(1, 400), (2, 201)])
def test_only_what_the_quota_leaves_can_be_booked(customer, left, status):
    ticket = EventsTicketFactory(quota=10, sold=10 - left)
    response = place(customer, ticket, 2)
    assert response.status_code == status
    if status == 400:
        assert response.json()["code"] == "sold_out"
        assert response.json()["remaining"] == left
    assert sold(ticket) == (10 if status == 201 else 10 - left)


@pytest.mark.parametrize(("capacity", "status", "remaining"), [(7, 201, None), (6, 400, 1)])
def test_the_capacity_of_the_event_limits_all_its_types_together(
    customer, capacity, status, remaining
):
    event = EventFactory(capacity=capacity)
    EventsTicketFactory(event=event, quota=10, sold=5)
    ticket = EventsTicketFactory(event=event, quota=10, sold=0)
    response = place(customer, ticket, 2)
    assert response.status_code == status
    assert response.json().get("remaining") == remaining
    assert sold(ticket) == (2 if status == 201 else 0)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"cancelled": True}, "event_not_published"),
        ({"running": True}, "event_started"),
        ({"over": True}, "event_started"),
    ],
)
def test_only_a_published_event_that_has_not_started_can_be_booked(customer, event, code):
    ticket = EventsTicketFactory(event=EventFactory(**event))
    assert refused(place(customer, ticket), code)
    assert (Booking.objects.count(), sold(ticket)) == (0, 0)


def test_a_draft_is_not_open_for_its_own_organizers_either(admin):
    ticket = EventsTicketFactory(event=EventFactory(draft=True))
    assert refused(place(admin, ticket), "event_not_published")


def test_a_ticket_type_of_a_draft_does_not_exist_for_outsiders(customer):
    ticket = EventsTicketFactory(event=EventFactory(draft=True))
    response = place(customer, ticket)
    assert response.status_code == 400
    assert list(response.json()) == ["event_ticket"]


@pytest.mark.parametrize(
    ("starts_in", "expires_in"),
    [
        (timedelta(days=30), timedelta(days=29)),
        (timedelta(hours=26), timedelta(hours=2)),
        (timedelta(hours=25), timedelta(hours=1)),
        (timedelta(hours=10), timedelta(hours=1)),
        (timedelta(minutes=20), timedelta(minutes=20)),
    ],
)
def test_a_hold_lasts_until_a_day_before_the_event_or_an_hour(customer, starts_in, expires_in):
    before = timezone.now()
    event = EventFactory(starts_at=before + starts_in)
    place(customer, EventsTicketFactory(event=event))
    slack = Booking.objects.get().expires_at - (before + expires_in)
    assert timedelta(0) <= slack < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("starts_in", "expires_in"),
    [
        (timedelta(days=30), timedelta(minutes=15)),
        (timedelta(minutes=10), timedelta(minutes=10)),
    ],
)
def test_a_hold_never_lasts_longer_than_booking_hold_minutes(
    customer, settings, starts_in, expires_in
):
    settings.BOOKING_HOLD_MINUTES = 15
    before = timezone.now()
    event = EventFactory(starts_at=before + starts_in)
    place(customer, EventsTicketFactory(event=event))
    slack = Booking.objects.get().expires_at - (before + expires_in)
    assert timedelta(0) <= slack < timedelta(seconds=30)


def test_a_purchase_releases_the_oldest_run_out_holds_and_no_more_than_needed(customer):
    ticket = EventsTicketFactory(quota=6)
    now = timezone.now()
    newer = BookingFactory(event_ticket=ticket, expires_at=now - timedelta(minutes=1))
    oldest = BookingFactory(event_ticket=ticket, expires_at=now - timedelta(minutes=9))
    live = BookingFactory(event_ticket=ticket)
    assert place(customer, ticket, 2).status_code == 201
    for booking in (newer, oldest, live):
        booking.refresh_from_db()
    assert (newer.status, live.status) == ("PENDING", "PENDING")
    assert (oldest.status, oldest.cancellation_reason) == ("CANCELLED", "EXPIRED")
    assert oldest.expires_at is None
    assert oldest.cancelled_at is not None
    assert sold(ticket) == 6


def test_a_purchase_that_finds_room_releases_nothing(customer):
    ticket = EventsTicketFactory(quota=4)
    hold = BookingFactory(event_ticket=ticket, run_out=True)
    assert place(customer, ticket, 2).status_code == 201
    hold.refresh_from_db()
    assert (hold.status, sold(ticket)) == ("PENDING", 4)


def test_run_out_holds_count_as_free_in_remaining_and_stay_when_the_purchase_fails(customer):
    ticket = EventsTicketFactory(quota=6)
    holds = [BookingFactory(event_ticket=ticket, run_out=True) for _ in range(2)]
    BookingFactory(event_ticket=ticket)
    response = place(customer, ticket, 5)
    assert refused(response, "sold_out")
    assert response.json()["remaining"] == 4
    for hold in holds:
        hold.refresh_from_db()
        assert hold.status == "PENDING"
    assert sold(ticket) == 6


def test_a_buyer_limited_by_capacity_is_not_blocked_by_a_run_out_hold_of_another_type(customer):
    event = EventFactory(capacity=4)
    other = EventsTicketFactory(event=event, quota=10)
    ticket = EventsTicketFactory(event=event, quota=10)
    hold = BookingFactory(event_ticket=other, run_out=True)
    live = BookingFactory(event_ticket=other)
    assert place(customer, ticket, 2).status_code == 201
    hold.refresh_from_db()
    live.refresh_from_db()
    assert (hold.status, live.status) == ("CANCELLED", "PENDING")
    assert (sold(other), sold(ticket)) == (2, 2)


def test_own_holds_are_released_for_the_quota_before_others_for_the_capacity(customer):
    event = EventFactory(capacity=8)
    ticket = EventsTicketFactory(event=event, quota=4)
    other = EventsTicketFactory(event=event, quota=10)
    now = timezone.now()
    others = BookingFactory(event_ticket=other, quantity=4, expires_at=now - timedelta(hours=1))
    own = BookingFactory(event_ticket=ticket, quantity=4, expires_at=now - timedelta(minutes=1))
    assert place(customer, ticket, 4).status_code == 201
    own.refresh_from_db()
    others.refresh_from_db()
    assert (own.status, others.status) == ("CANCELLED", "PENDING")
    assert (sold(ticket), sold(other)) == (4, 4)


@pytest.mark.parametrize("capacity", [None, 50])
def test_placing_takes_a_fixed_number_of_statements(capacity, django_assert_num_queries):
    client = client_of(UserFactory())
    ticket = EventsTicketFactory(event=EventFactory(capacity=capacity))
    EventsTicketFactory.create_batch(3, event=ticket.event)
    # user, ticket; savepoint, lock (event too under a capacity), event, the sale (on SQLite in two:
    # take, insert), release.
    expected = 7 + (capacity is not None) + (connection.vendor == "sqlite")
    with django_assert_num_queries(expected):
        assert place(client, ticket).status_code == 201


def test_no_ticket_type_of_an_event_deleted_meanwhile_can_be_booked(customer, monkeypatch):
    """The type is there when the input is checked, and gone when the service looks."""
    ticket = EventsTicketFactory()

    def place_after_deletion(**kwargs):
        Event.objects.filter(pk=ticket.event_id).delete()
        return place_booking(**kwargs)

    monkeypatch.setattr("apps.bookings.views.place_booking", place_after_deletion)
    response = place(customer, ticket)
    assert response.status_code == 400
    assert list(response.json()) == ["event_ticket"]


def test_run_out_holds_that_sold_has_not_counted_give_nothing_back(customer):
    ticket = EventsTicketFactory(quota=10)
    BookingFactory(event_ticket=ticket, quantity=3, run_out=True)
    EventsTicket.objects.filter(pk=ticket.pk).update(sold=0)
    with unchanged():
        response = place(customer, ticket, 11)
        assert refused(response, "sold_out")
        assert response.json()["remaining"] == 10
    assert place(customer, ticket, 10).status_code == 201
