"""`available`: what can be booked now; and the list of what is on sale (§2.8)."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.tickets.models import EventsTicket
from tests.clients import client_of
from tests.common.helpers import unchanged
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, MembershipFactory

pytestmark = pytest.mark.django_db


def available(client, ticket):
    response = client.get(reverse("ticket-detail", args=[ticket.pk]))
    assert response.status_code == 200
    return response.json()["available"]


def on_sale(client, event):
    response = client.get(reverse("event-available-tickets", args=[event.pk]))
    assert response.status_code == 200
    return [(row["id"], row["available"]) for row in response.json()]


class TestOneType:
    @pytest.mark.parametrize(("quota", "sold"), [(10, 0), (10, 3), (10, 10), (0, 0)])
    def test_what_the_quota_leaves(self, anonymous, quota, sold):
        ticket = EventsTicketFactory(quota=quota, sold=sold)
        assert available(anonymous, ticket) == quota - sold

    def test_run_out_holds_count_as_free_and_stay_as_they_are(self, anonymous):
        ticket = EventsTicketFactory(quota=10)
        BookingFactory(event_ticket=ticket, quantity=3, run_out=True)
        BookingFactory(event_ticket=ticket, quantity=2, run_out=True)
        with unchanged():
            assert available(anonymous, ticket) == 10
        ticket.refresh_from_db()
        assert ticket.sold == 5

    def test_no_other_booking_counts_as_free(self, anonymous):
        ticket = EventsTicketFactory(quota=20)
        BookingFactory(event_ticket=ticket, quantity=2)
        BookingFactory(event_ticket=ticket, quantity=3, confirmed=True)
        BookingFactory(event_ticket=ticket, quantity=4, cancelled=True, run_out=True)
        assert available(anonymous, ticket) == 20 - 2 - 3

    def test_a_run_out_hold_of_another_type_frees_nothing_here(self, anonymous):
        ticket = EventsTicketFactory(quota=10, sold=4)
        BookingFactory(event_ticket__event=ticket.event, run_out=True)
        BookingFactory(run_out=True)
        assert available(anonymous, ticket) == 6

    def test_a_hold_is_free_from_its_expiry_on(self, anonymous, time_machine):
        expires_at = (timezone.now() + timedelta(hours=1)).replace(microsecond=0)
        ticket = EventsTicketFactory(quota=10)
        BookingFactory(event_ticket=ticket, expires_at=expires_at)
        time_machine.move_to(expires_at - timedelta(seconds=1), tick=False)
        assert available(anonymous, ticket) == 8
        time_machine.move_to(expires_at, tick=False)
        assert available(anonymous, ticket) == 10

    def test_all_of_it_can_be_booked_and_no_more(self, anonymous, customer):
        event = EventFactory(capacity=12)
        ticket = EventsTicketFactory(event=event, quota=10, sold=2)
        BookingFactory(event_ticket=ticket, quantity=3, run_out=True)
        BookingFactory(event_ticket__event=event, quantity=3, run_out=True)
        EventsTicketFactory(event=event, sold=3)
        assert available(anonymous, ticket) == 12 - 3 - 2
        body = {"event_ticket": ticket.pk, "quantity": 8}
        assert customer.post(reverse("booking-list"), body).json()["remaining"] == 7
        body["quantity"] = 7
        assert customer.post(reverse("booking-list"), body).status_code == 201
        assert available(anonymous, ticket) == 0


class TestCapacityOfTheEvent:
    @pytest.mark.parametrize(("capacity", "left"), [(None, 8), (20, 8), (13, 8), (12, 7), (6, 1)])
    def test_it_limits_all_types_together(self, anonymous, capacity, left):
        event = EventFactory(capacity=capacity)
        ticket = EventsTicketFactory(event=event, quota=10, sold=2)
        EventsTicketFactory(event=event, sold=1)
        EventsTicketFactory(event=event, sold=2)
        EventsTicketFactory(sold=50)
        assert available(anonymous, ticket) == left

    def test_run_out_holds_of_any_type_of_the_event_are_free(self, anonymous):
        event = EventFactory(capacity=10)
        ticket = EventsTicketFactory(event=event)
        other = EventsTicketFactory(event=event)
        BookingFactory(event_ticket=other, quantity=3, run_out=True)
        BookingFactory(event_ticket=other, quantity=4)
        BookingFactory(event_ticket=ticket, quantity=2, run_out=True)
        BookingFactory(quantity=5, run_out=True)
        assert available(anonymous, ticket) == available(anonymous, other) == 10 - 4

    def test_a_sold_out_type_stays_so_whatever_the_capacity_leaves(self, anonymous):
        ticket = EventsTicketFactory(event__capacity=100, quota=10, sold=10)
        assert available(anonymous, ticket) == 0

    def test_an_oversold_event_leaves_nothing_rather_than_less(self, anonymous):
        event = EventFactory(capacity=5)
        ticket = EventsTicketFactory(event=event, quota=10, sold=2)
        EventsTicketFactory(event=event, quota=10, sold=7)
        assert available(anonymous, ticket) == 0
        BookingFactory(event_ticket=ticket, quantity=2, run_out=True)
        assert available(anonymous, ticket) == 0

    def test_sold_that_forgets_its_bookings_is_taken_as_it_is(self, anonymous):
        """Made by hand: `sold` is what counts, not the bookings."""
        ticket = EventsTicketFactory(event__capacity=50, quota=10)
        BookingFactory(event_ticket=ticket, quantity=8, confirmed=True)
        EventsTicket.objects.filter(pk=ticket.pk).update(sold=0)
        assert available(anonymous, ticket) == 10


class TestEventNotOpen:
    CLOSED = ({"draft": True}, {"cancelled": True}, {"running": True}, {"over": True})

    @pytest.mark.parametrize("capacity", [None, 50])
    @pytest.mark.parametrize("kind", CLOSED, ids=str)
    def test_nothing_is_available_and_the_list_is_empty(self, kind, capacity):
        ticket = EventsTicketFactory(event=EventFactory(**kind, capacity=capacity))
        BookingFactory(event_ticket=ticket, run_out=True)
        member = client_of(MembershipFactory(organization=ticket.event.organization).user)
        assert available(member, ticket) == 0
        assert on_sale(member, ticket.event) == []

    def test_it_closes_at_the_moment_of_its_start(self, anonymous, time_machine):
        starts_at = (timezone.now() + timedelta(hours=1)).replace(microsecond=0)
        ticket = EventsTicketFactory(event__starts_at=starts_at, quota=10)
        time_machine.move_to(starts_at - timedelta(seconds=1), tick=False)
        assert available(anonymous, ticket) == 10
        assert on_sale(anonymous, ticket.event) == [(ticket.pk, 10)]
        time_machine.move_to(starts_at, tick=False)
        assert available(anonymous, ticket) == 0
        assert on_sale(anonymous, ticket.event) == []

    def test_the_list_of_a_hidden_event_is_not_there_for_outsiders(self, customer):
        event = EventsTicketFactory(event__draft=True).event
        url = reverse("event-available-tickets", args=[event.pk])
        assert customer.get(url).status_code == 404


class TestAvailableTickets:
    def test_cheapest_first_then_by_id(self, anonymous):
        event = EventFactory()
        prices = ("20.00", "5.00", "100.00", "5.00")
        pks = [EventsTicketFactory(event=event, price=price, quota=9).pk for price in prices]
        # PostgreSQL reads an updated row last.
        EventsTicket.objects.filter(pk=pks[1]).update(quota=9)
        assert [pk for pk, _ in on_sale(anonymous, event)] == [pks[1], pks[3], pks[0], pks[2]]

    def test_a_type_whose_tickets_are_all_taken_is_not_listed(self, anonymous):
        event = EventFactory()
        EventsTicketFactory(event=event, quota=10, sold=10)
        EventsTicketFactory(event=event, quota=0)
        left = EventsTicketFactory(event=event, quota=10, sold=9)
        assert on_sale(anonymous, event) == [(left.pk, 1)]

    def test_a_type_whose_last_tickets_are_in_run_out_holds_is_listed(self, anonymous):
        event = EventFactory()
        back = EventsTicketFactory(event=event, quota=6, sold=3)
        BookingFactory(event_ticket=back, quantity=3, run_out=True)
        held = EventsTicketFactory(event=event, quota=3)
        BookingFactory(event_ticket=held, quantity=3)
        assert on_sale(anonymous, event) == [(back.pk, 3)]

    def test_a_type_that_only_the_capacity_blocks_is_listed_with_nothing(self, anonymous):
        event = EventFactory(capacity=5)
        EventsTicketFactory(event=event, quota=5, sold=5)
        blocked = EventsTicketFactory(event=event, quota=10)
        assert on_sale(anonymous, event) == [(blocked.pk, 0)]

    def test_it_is_no_page_and_cannot_be_cut_or_ordered(self, anonymous):
        event = EventFactory()
        pks = [EventsTicketFactory(event=event).pk for _ in range(21)]
        url = reverse("event-available-tickets", args=[event.pk])
        params = {"page": 2, "page_size": 1, "ordering": "-price", "ticket_type": "VIP"}
        assert [row["id"] for row in anonymous.get(url, params).json()] == pks
