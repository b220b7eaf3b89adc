"""The CSV of bookings: those that were chosen, as they are, and nothing that calculates."""

import csv
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from apps.bookings import reports
from apps.bookings.models import Booking
from tests.admin.helpers import act, page, staff
from tests.common.helpers import unchanged
from tests.factories import BookingFactory, EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db


def rows_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response.streaming
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(text.splitlines()))


def as_sent(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_has_every_column_of_a_booking(client):
    booking = BookingFactory(
        user__email="ann@example.com",
        event_ticket__event__title="=HYPERLINK(1)",
        event_ticket__price="7.50",
        quantity=3,
    )
    response = act(client, "export", booking)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="bookings.csv"'
    assert rows_of(response) == [
        {
            "id": str(booking.pk),
            "user": str(booking.user_id),
            "user_email": "ann@example.com",
            "event": str(booking.event_ticket.event_id),
            "event_title": "'=HYPERLINK(1)",
            "event_ticket": str(booking.event_ticket_id),
            "ticket_type": "STANDARD",
            "quantity": "3",
            "unit_price": "7.50",
            "total_price": "22.50",
            "currency": "USD",
            "status": "PENDING",
            "expires_at": as_sent(booking.expires_at),
            "confirmed_at": "",
            "cancelled_at": "",
            "cancellation_reason": "",
            "created_at": as_sent(booking.created_at),
            "updated_at": as_sent(booking.updated_at),
        }
    ]


def test_has_those_that_were_chosen(client):
    first, _, third = BookingFactory.create_batch(3)
    rows = rows_of(act(client, "export", third, first))
    assert [row["id"] for row in rows] == [str(first.pk), str(third.pk)]


def test_across_pages_has_all_that_the_list_is_narrowed_to(client, monkeypatch):
    monkeypatch.setattr(reports, "CHUNK", 2)
    ticket = EventsTicketFactory()
    bookings = BookingFactory.create_batch(5, event_ticket=ticket, confirmed=True)
    BookingFactory(event_ticket=ticket)
    BookingFactory(confirmed=True)
    url = f"{page(Booking)}?status__exact=CONFIRMED&event={ticket.event_id}"
    body = {"action": "export", "_selected_action": [bookings[0].pk], "select_across": "1"}
    rows = rows_of(client.post(url, body))
    assert [row["id"] for row in rows] == [str(booking.pk) for booking in bookings]


def test_needs_the_right_to_view_and_changes_nothing():
    client, booking = Client(), BookingFactory()
    client.force_login(staff("view_booking"))
    with unchanged():
        assert len(rows_of(act(client, "export", booking))) == 1
    for other in (staff("view_event"), UserFactory(support=True)):
        client.force_login(other)
        assert client.post(page(Booking), {"action": "export"}).status_code in (302, 403)
