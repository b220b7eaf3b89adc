"""What an event has sold: `/events/{id}/stats/`."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.urls import reverse

from apps.bookings.models import Booking
from apps.events.models import Event
from tests.bookings.helpers import cancel, confirm, place
from tests.clients import client_of
from tests.events.helpers import member_of
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db

NOTHING = {
    "quota": 0,
    "sold": 0,
    "pending": 0,
    "confirmed": 0,
    "cancelled": 0,
    "confirmed_revenue": "0.00",
}


def stats(client: Any, event: Event) -> Any:
    response = client.get(reverse("event-stats", args=[event.pk]))
    assert response.status_code == 200, response.content
    return response.json()


def placed(at: datetime, **fields: Any) -> Booking:
    """A booking that was placed then."""
    booking = BookingFactory(**fields)
    Booking.objects.filter(pk=booking.pk).update(created_at=at)
    return booking


def test_tickets_and_revenue_of_each_type_and_in_total(admin):
    event = EventFactory()
    first = EventsTicketFactory(event=event, price="12.35", quota=50)
    second = EventsTicketFactory(event=event, ticket_type="VIP", price="100.00", quota=10)
    unsold = EventsTicketFactory(event=event, ticket_type="GROUP", price="0.00", quota=0)
    BookingFactory(event_ticket=first, quantity=3)
    BookingFactory(event_ticket=first, quantity=2, run_out=True)
    BookingFactory(event_ticket=first, quantity=4, confirmed=True)
    # At an earlier price than that of today.
    BookingFactory(event_ticket=first, quantity=5, confirmed=True, unit_price="10.01")
    BookingFactory(event_ticket=first, quantity=7, cancelled=True)
    BookingFactory(event_ticket=second, quantity=2, confirmed=True)
    BookingFactory(confirmed=True)
    found = stats(admin, event)
    assert (found["event"], found["currency"]) == (event.pk, "USD")
    assert found["ticket_types"] == [
        {
            "id": first.pk,
            "ticket_type": "STANDARD",
            "price": "12.35",
            "quota": 50,
            "sold": 14,
            "pending": 5,
            "confirmed": 9,
            "cancelled": 7,
            "confirmed_revenue": "99.45",
        },
        {
            "id": second.pk,
            "ticket_type": "VIP",
            "price": "100.00",
            "quota": 10,
            "sold": 2,
            "pending": 0,
            "confirmed": 2,
            "cancelled": 0,
            "confirmed_revenue": "200.00",
        },
        {"id": unsold.pk, "ticket_type": "GROUP", "price": "0.00", **NOTHING},
    ]
    assert found["totals"] == {
        "quota": 60,
        "sold": 16,
        "pending": 5,
        "confirmed": 11,
        "cancelled": 7,
        "confirmed_revenue": "299.45",
    }


def test_it_follows_what_happens_to_a_booking(admin, support):
    ticket = EventsTicketFactory(price="5.00")
    buyer = client_of(UserFactory())
    booking = Booking.objects.get(pk=place(buyer, ticket, 3).json()["id"])

    def now() -> tuple[Any, ...]:
        totals = stats(admin, ticket.event)["totals"]
        names = ("sold", "pending", "confirmed", "cancelled", "confirmed_revenue")
        return tuple(totals[name] for name in names)

    assert now() == (3, 3, 0, 0, "0.00")
    confirm(support, booking)
    assert now() == (3, 0, 3, 0, "15.00")
    cancel(buyer, booking)
    assert now() == (0, 0, 0, 3, "0.00")


def test_days_are_those_of_utc_on_which_somebody_booked_in_order(admin):
    ticket, other = EventsTicketFactory.create_batch(2, event=EventFactory())
    east = timezone(timedelta(hours=14))
    placed(datetime(2030, 3, 3, 0, 0, tzinfo=UTC), event_ticket=ticket, quantity=2)
    placed(datetime(2030, 3, 1, 23, 59, 59, tzinfo=UTC), event_ticket=ticket, quantity=3)
    placed(datetime(2030, 3, 2, 13, 59, tzinfo=east), event_ticket=other, quantity=4)
    placed(datetime(2030, 3, 1, 9, 0, tzinfo=UTC), event_ticket=other, cancelled=True, quantity=5)
    placed(datetime(2030, 3, 2, 12, 0, tzinfo=UTC))
    assert stats(admin, ticket.event)["days"] == [
        {"date": "2030-03-01", "bookings": 3, "tickets": 12},
        {"date": "2030-03-03", "bookings": 1, "tickets": 2},
    ]


def test_an_event_that_sells_nothing_yet(admin):
    bare = EventFactory(draft=True)
    expected = {"event": bare.pk, "currency": "USD", "ticket_types": [], "totals": NOTHING}
    assert stats(admin, bare) == {**expected, "days": []}
    ticket = EventsTicketFactory(event=bare, quota=8)
    found = stats(admin, bare)
    assert [each["id"] for each in found["ticket_types"]] == [ticket.pk]
    assert found["totals"] == {**NOTHING, "quota": 8}
    assert found["days"] == []


@pytest.mark.postgresql  # SQLite adds decimals as floats.
def test_revenue_beyond_what_a_float_can_count(admin):
    ticket = EventsTicketFactory(price="99999999.99", quota=2_147_483_647)
    BookingFactory(event_ticket=ticket, quantity=2_147_483_646, confirmed=True)
    assert stats(admin, ticket.event)["totals"]["confirmed_revenue"] == "214748364578525163.54"


@pytest.mark.parametrize("count", [1, 10])
def test_it_takes_a_fixed_number_of_statements(django_assert_num_queries, count):
    event = EventFactory()
    for _ in range(count):
        BookingFactory.create_batch(2, event_ticket=EventsTicketFactory(event=event))
    member = member_of(event.organization, role="MEMBER")
    # The account, the event, the membership, the types with their sums, their ids, and the days.
    with django_assert_num_queries(6):
        assert stats(member, event)["totals"]["sold"] == 4 * count


def test_filters_of_lists_are_none_of_its_own(admin):
    booking = BookingFactory()
    path = reverse("event-stats", args=[booking.event_ticket.event_id])
    response = admin.get(path, {"status": "CONFIRMED", "event": "x"})
    assert response.json()["totals"]["pending"] == 2
