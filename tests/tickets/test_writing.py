"""Creating, changing and deleting ticket types: section 6 of the specification."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from tests.common.helpers import assert_invalid, assert_refused, iso, unchanged
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db


def create(client, event, **changes):
    body = {"event": event.pk, "ticket_type": "VIP", "price": "99.50", "quota": 40}
    return client.post(reverse("ticket-list"), {**body, **changes})


def detail(ticket):
    return reverse("ticket-detail", args=[ticket.pk])


def put(client, ticket, **changes):
    body = {
        "event": ticket.event_id,
        "ticket_type": ticket.ticket_type,
        "price": str(ticket.price),
        "quota": ticket.quota,
    }
    return client.put(detail(ticket), {**body, **changes})


def test_a_new_type_is_shown_whole(admin):
    event = EventFactory()
    response = create(admin, event)
    ticket = EventsTicket.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": ticket.pk,
        "event": event.pk,
        "ticket_type": "VIP",
        "price": "99.50",
        "currency": "USD",
        "quota": 40,
        "sold": 0,
        "available": 40,
        "created_at": iso(ticket.created_at),
        "updated_at": iso(ticket.updated_at),
    }


class TestCreateOnAnEventThatIsDone:
    def test_a_cancelled_event_gets_no_new_types(self, admin):
        event = EventFactory(cancelled=True)
        with unchanged():
            assert_refused(create(admin, event), "event_cancelled")

    @pytest.mark.parametrize("status", ["DRAFT", "PUBLISHED"])
    def test_a_past_event_gets_no_new_types(self, admin, status):
        event = EventFactory(over=True, status=status)
        with unchanged():
            assert_refused(create(admin, event), "event_ended")

    @pytest.mark.parametrize(("ends_in", "status"), [(0, 400), (1, 201)])
    def test_an_event_is_past_from_the_moment_it_ends(self, admin, time_machine, ends_in, status):
        now = timezone.now().replace(microsecond=0)
        event = EventFactory(
            starts_at=now - timedelta(hours=1), ends_at=now + timedelta(seconds=ends_in)
        )
        time_machine.move_to(now, tick=False)
        assert create(admin, event).status_code == status

    @pytest.mark.parametrize("kind", ["draft", "running"])
    def test_any_other_event_gets_them(self, admin, kind):
        response = create(admin, EventFactory(**{kind: True}))
        assert response.status_code == 201
        assert response.json()["available"] == 0


def test_an_event_may_have_several_types_of_one_name(admin):
    event = EventFactory()
    tiers = [create(admin, event, price=price) for price in ("10.00", "20.00", "20.00")]
    assert [response.status_code for response in tiers] == [201, 201, 201]
    assert event.tickets.filter(ticket_type="VIP").count() == 3


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("0", "0.00"),
        (0, "0.00"),
        ("0.01", "0.01"),
        (5, "5.00"),
        (7.5, "7.50"),
        ("7.5", "7.50"),
        ("99999999.99", "99999999.99"),
    ],
)
def test_a_price_is_shown_as_text_with_two_places(admin, given, shown):
    ticket = create(admin, EventFactory(), price=given).json()
    assert ticket["price"] == shown
    assert EventsTicket.objects.get().price == Decimal(shown)
    assert admin.get(reverse("ticket-detail", args=[ticket["id"]])).json()["price"] == shown
    assert admin.patch(detail(EventsTicket.objects.get()), {}).json()["price"] == shown


@pytest.mark.parametrize("price", ["0.001", "7.505", "100000000", "99999999.995", "-0.01"])
@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_price_with_three_places_or_out_of_bounds_is_refused_in_updates(admin, method, price):
    ticket = EventsTicketFactory()
    with unchanged():
        if method == "put":
            response = put(admin, ticket, price=price)
        else:
            response = admin.patch(detail(ticket), {"price": price})
        assert_invalid(response, "price")


@pytest.mark.parametrize("quota", [0, 1, 2_147_483_647])
def test_a_quota_may_be_anything_from_zero_to_the_largest_integer(admin, quota):
    response = create(admin, EventFactory(), quota=quota)
    assert response.status_code == 201
    assert response.json()["quota"] == response.json()["available"] == quota


class TestSoldIsNotForClients:
    def test_on_create(self, admin):
        assert create(admin, EventFactory(), sold=7).json()["sold"] == 0
        assert EventsTicket.objects.get().sold == 0

    @pytest.mark.parametrize("sold", [0, 9, 500, "many", None])
    def test_on_update(self, admin, sold):
        ticket = EventsTicketFactory(quota=10, sold=7)
        for response in (
            put(admin, ticket, sold=sold, price="9.00"),
            admin.patch(detail(ticket), {"sold": sold, "price": "9.00"}),
        ):
            assert response.status_code == 200
            assert (response.json()["sold"], response.json()["price"]) == (7, "9.00")
        ticket.refresh_from_db()
        assert (ticket.sold, ticket.price) == (7, Decimal("9.00"))


class TestEventOfAType:
    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_it_cannot_change_even_within_the_organization(self, admin, method):
        ticket = EventsTicketFactory()
        sibling = EventFactory(organization=ticket.event.organization)
        with unchanged():
            if method == "put":
                response = put(admin, ticket, event=sibling.pk, price="1.00")
            else:
                response = admin.patch(detail(ticket), {"event": sibling.pk, "price": "1.00"})
            assert_invalid(response, "event")

    def test_the_same_value_is_accepted(self, admin):
        ticket = EventsTicketFactory()
        body = {"event": ticket.event_id, "price": "1.00"}
        assert admin.patch(detail(ticket), body).json()["price"] == "1.00"

    def test_what_was_read_can_be_written_back(self, admin):
        ticket = EventsTicketFactory(quota=10, sold=3)
        shown = admin.get(detail(ticket)).json()
        response = admin.put(detail(ticket), shown)
        assert response.status_code == 200
        assert response.json() == {**shown, "updated_at": response.json()["updated_at"]}


class TestQuota:
    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_below_sold_is_refused_and_says_how_many_are_taken(self, admin, method):
        ticket = EventsTicketFactory(quota=10, sold=7)
        with unchanged():
            if method == "put":
                response = put(admin, ticket, quota=6, price="1.00")
            else:
                response = admin.patch(detail(ticket), {"quota": 6, "price": "1.00"})
            assert_refused(response, "quota_below_sold", sold=7)

    def test_down_to_sold_is_accepted(self, admin):
        ticket = EventsTicketFactory(quota=10, sold=7)
        shown = admin.patch(detail(ticket), {"quota": 7}).json()
        assert (shown["quota"], shown["sold"], shown["available"]) == (7, 7, 0)

    def test_run_out_holds_still_count_as_sold(self, admin):
        """They are free for a buyer, but until somebody releases them they are in `sold`."""
        ticket = EventsTicketFactory(quota=10)
        BookingFactory(event_ticket=ticket, quantity=4, run_out=True)
        with unchanged():
            assert_refused(admin.patch(detail(ticket), {"quota": 3}), "quota_below_sold", sold=4)

    def test_it_may_exceed_the_capacity_of_the_event(self, admin):
        ticket = EventsTicketFactory(event=EventFactory(capacity=5), quota=1)
        shown = admin.patch(detail(ticket), {"quota": 100}).json()
        assert (shown["quota"], shown["available"]) == (100, 5)


def test_an_update_moves_updated_at_and_nothing_that_was_not_sent(admin):
    ticket = EventsTicketFactory(price="10.00", quota=10, sold=3, ticket_type="STUDENT")
    (before,) = EventsTicket.objects.values()
    assert admin.patch(detail(ticket), {"price": "12.00"}).status_code == 200
    (after,) = EventsTicket.objects.values()
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, "price": Decimal("12.00"), "updated_at": after["updated_at"]}


class TestDelete:
    @pytest.fixture
    def ticket(self):
        """A type with nothing sold of a published event that has another."""
        return EventsTicketFactory(event=EventsTicketFactory().event)

    def test_a_type_that_nothing_refers_to_goes(self, admin, ticket):
        response = admin.delete(detail(ticket))
        assert (response.status_code, response.content) == (204, b"")
        assert not EventsTicket.objects.filter(pk=ticket.pk).exists()
        assert ticket.event.tickets.count() == 1

    def test_with_tickets_sold_it_stays(self, admin, ticket):
        EventsTicket.objects.filter(pk=ticket.pk).update(sold=1)
        with unchanged():
            assert_refused(admin.delete(detail(ticket)), "has_sales", sold=1)

    @pytest.mark.parametrize("status", Booking.Status.values)
    def test_with_a_booking_it_stays_even_when_sold_says_nothing(self, admin, ticket, status):
        BookingFactory(event_ticket=ticket, status=status)
        EventsTicket.objects.filter(pk=ticket.pk).update(sold=0)
        with unchanged():
            assert_refused(admin.delete(detail(ticket)), "in_use")

    def test_a_run_out_hold_keeps_it_too(self, admin, ticket):
        BookingFactory(event_ticket=ticket, run_out=True)
        with unchanged():
            assert_refused(admin.delete(detail(ticket)), "has_sales", sold=2)

    def test_the_last_one_of_a_published_event_stays(self, admin):
        ticket = EventsTicketFactory()
        EventsTicketFactory()  # Of another event: no help.
        with unchanged():
            assert_refused(admin.delete(detail(ticket)), "last_ticket_type")

    @pytest.mark.parametrize("status", [Event.Status.DRAFT, Event.Status.CANCELLED])
    def test_the_last_one_of_any_other_event_goes(self, admin, status):
        ticket = EventsTicketFactory(event__status=status)
        assert admin.delete(detail(ticket)).status_code == 204
        assert not EventsTicket.objects.exists()
        assert Event.objects.count() == 1
