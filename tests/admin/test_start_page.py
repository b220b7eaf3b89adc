"""Django admin's start page: what needs looking at first, for those who may look at it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.bookings import overview
from apps.bookings.services import cancel_booking
from apps.events.services import cancel_event
from tests.admin.helpers import page, staff
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db

PANELS = ("upcoming", "awaiting", "run_out", "owed")


def start_page(client: Client) -> Any:
    response = client.get(reverse("admin:index"))
    assert response.status_code == 200
    return response


def panels_of(client: Client) -> dict[str, Any]:
    contexts = start_page(client).context
    return {name: contexts[name] for name in PANELS}


def soon(**when: int) -> Any:
    return timezone.now() + timedelta(**when)


class TestUpcomingEvents:
    def test_are_the_next_published_ones(self, client):
        later, sooner = EventFactory(starts_at=soon(days=9)), EventFactory(starts_at=soon(days=2))
        EventFactory(draft=True)
        EventFactory(cancelled=True)
        EventFactory(running=True)
        EventFactory(over=True)
        assert panels_of(client)["upcoming"] == [sooner, later]

    def test_are_ten(self, client):
        events = [EventFactory(starts_at=soon(days=n)) for n in range(1, 12)]
        assert panels_of(client)["upcoming"] == events[:10]

    def test_say_what_is_sold_of_all_types(self, client):
        event = EventFactory(title="Fair", starts_at=soon(days=1))
        BookingFactory(event_ticket__event=event, event_ticket__quota=30, quantity=4)
        BookingFactory(event_ticket__event=event, event_ticket__quota=70, confirmed=True)
        BookingFactory(event_ticket__quota=500, quantity=9)
        EventFactory(title="Bare")
        html = start_page(client).content.decode()
        assert (
            '<progress value="6" max="100" aria-label="Sold of Fair"></progress> 6 of 100' in html
        )
        assert 'aria-label="Sold of Bare"' not in html
        assert f'href="{page(type(event), "change", event.pk)}"' in html

    def test_without_tickets_to_sell_have_a_bar_too(self, client):
        EventsTicketFactory(quota=0)
        assert '<progress value="0" max="1"' in start_page(client).content.decode()


class TestBookings:
    def test_that_await_confirmation_begin_with_the_next_to_run_out(self, client):
        later = BookingFactory(expires_at=soon(hours=3))
        sooner = BookingFactory(expires_at=soon(hours=2))
        BookingFactory(run_out=True)
        BookingFactory(confirmed=True)
        BookingFactory(cancelled=True)
        awaiting = panels_of(client)["awaiting"]
        assert awaiting.bookings == [sooner, later]
        assert str(awaiting.total) == "2"

    def test_that_await_confirmation_are_ten_of_all(self, client):
        ticket = EventsTicketFactory()
        BookingFactory.create_batch(11, event_ticket=ticket)
        awaiting = panels_of(client)["awaiting"]
        assert (len(awaiting.bookings), str(awaiting.total)) == (10, "11")

    def test_that_ran_out_are_counted(self, client):
        BookingFactory.create_batch(2, run_out=True)
        BookingFactory()
        BookingFactory(cancelled=True)
        assert str(panels_of(client)["run_out"]) == "2"

    def test_are_counted_as_far_as_the_limit(self, client, monkeypatch):
        monkeypatch.setattr(overview, "COUNT_LIMIT", 2)
        BookingFactory.create_batch(2)
        assert str(panels_of(client)["awaiting"].total) == "2"
        BookingFactory()
        assert str(panels_of(client)["awaiting"].total) == "2 or more"


class TestMoneyOwed:
    def test_is_of_bookings_that_were_confirmed_when_their_event_was_cancelled(self, client):
        ticket = EventsTicketFactory(
            price="7.50", event__title="Fair", event__starts_at=soon(days=3)
        )
        vip = EventsTicketFactory(price="20.00", event=ticket.event)
        BookingFactory(event_ticket=ticket, quantity=3, confirmed=True)
        BookingFactory(event_ticket=vip, quantity=2, confirmed=True)
        BookingFactory(event_ticket=vip, quantity=5)
        gone = BookingFactory(event_ticket=vip, quantity=7, confirmed=True)
        cancel_booking(booking_id=gone.pk, actor=gone.user)
        BookingFactory(event_ticket__price="99.00", confirmed=True)
        cancel_event(event_id=ticket.event_id)
        cancel_event(event_id=EventFactory().pk)
        owed = panels_of(client)["owed"]
        assert owed.events == [
            {
                "event": ticket.event_id,
                "title": "Fair",
                "starts_at": ticket.event.starts_at,
                "bookings": 2,
                "amount": Decimal("62.50"),
            }
        ]
        assert (owed.number_of_events, str(owed.total), owed.amount) == (1, "2", Decimal("62.50"))
        html = start_page(client).content.decode()
        assert "Owed for cancelled events: 62.50 USD" in html
        assert f"?todo=owed&amp;event={ticket.event_id}" in html

    def test_is_not_of_an_event_that_is_not_cancelled(self, client):
        BookingFactory(
            status="CANCELLED",
            confirmed_at=timezone.now(),
            cancelled_at=timezone.now(),
            cancellation_reason="EVENT_CANCELLED",
        )
        assert panels_of(client)["owed"].events == []

    def test_names_ten_events_and_adds_up_all(self, client):
        tickets = [EventsTicketFactory(event__starts_at=soon(days=n)) for n in range(2, 13)]
        for ticket in tickets:
            BookingFactory(event_ticket=ticket, confirmed=True)
            cancel_event(event_id=ticket.event_id)
        owed = panels_of(client)["owed"]
        assert [row["event"] for row in owed.events] == [t.event_id for t in tickets[:0:-1]]
        assert (owed.number_of_events, str(owed.total), owed.amount) == (11, "11", Decimal(550))

    def test_is_added_up_as_far_as_the_limit(self, client, monkeypatch):
        monkeypatch.setattr(overview, "COUNT_LIMIT", 1)
        ticket = EventsTicketFactory()
        BookingFactory.create_batch(2, event_ticket=ticket, confirmed=True)
        cancel_event(event_id=ticket.event_id)
        assert str(panels_of(client)["owed"].total) == "1 or more"
        assert "only the newest are counted" in start_page(client).content.decode()


class TestWhoMayLook:
    @pytest.mark.parametrize(
        ("permissions", "shown"),
        [
            ((), set()),
            (("view_eventsticket", "view_user"), set()),
            (("view_event",), {"upcoming"}),
            (("view_booking",), {"awaiting", "run_out"}),
            (("change_booking",), {"awaiting", "run_out"}),
            (("view_event", "view_booking"), set(PANELS)),
        ],
    )
    def test_sees_what_the_lists_would_show(self, permissions, shown):
        client = Client()
        client.force_login(staff(*permissions))
        BookingFactory(user__email="needle@example.com", event_ticket__event__title="The needle")
        assert {name for name, panel in panels_of(client).items() if panel is not None} == shown
        assert ("needle" in start_page(client).content.decode()) == bool(shown)

    def test_nobody_else_gets_there(self, client):
        client.logout()
        assert client.get(reverse("admin:index")).status_code == 302


def test_takes_as_many_statements_with_many_rows_as_with_one(client):
    counts = []
    for _ in range(2):
        for _ in range(6):
            BookingFactory()
            BookingFactory(run_out=True)
            owed = BookingFactory(confirmed=True)
            cancel_event(event_id=owed.event_ticket.event_id)
        with CaptureQueriesContext(connection) as statements:
            start_page(client)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_links_lead_to_lists_that_open(client):
    booking = BookingFactory(confirmed=True)
    cancel_event(event_id=booking.event_ticket.event_id)
    html = start_page(client).content.decode().replace("&amp;", "&")
    links = {part.partition('"')[0] for part in html.split('href="')[1:]}
    lists = {link for link in links if "?" in link}
    assert len(lists) == 5
    for link in lists:
        assert client.get(link).status_code == 200, link
    assert "<script>" not in html
