"""The inventory: taking tickets, giving them back, and counting anew."""

from decimal import Decimal

import pytest

from apps.tickets.models import EventsTicket
from apps.tickets.services import give_back, recount, take
from tests.common.helpers import unchanged
from tests.factories import BookingFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db

LOGGER = "apps.tickets.services"


def row(ticket):
    return EventsTicket.objects.values().get(pk=ticket.pk)


class TestTake:
    def test_adds_to_sold(self):
        ticket, other = EventsTicketFactory(quota=10, sold=3), EventsTicketFactory(sold=3)
        before = row(ticket)
        take(ticket, 4)
        after = row(ticket)
        assert ticket.sold == 7
        assert after["updated_at"] > before["updated_at"]
        assert after == {**before, "sold": 7, "updated_at": after["updated_at"]}
        assert row(other)["sold"] == 3

    def test_writes_no_other_column(self):
        ticket = EventsTicketFactory(price="10.00")
        EventsTicket.objects.update(price="12.00", quota=50)
        take(ticket, 2)
        after = row(ticket)
        assert (after["price"], after["quota"], after["sold"]) == (Decimal("12.00"), 50, 2)


class TestGiveBack:
    def test_takes_from_sold_of_the_types_named(self, caplog):
        first, second, third = EventsTicketFactory.create_batch(3, quota=10, sold=5)
        before = [row(each) for each in (first, second, third)]
        give_back([first, second, third], {first.pk: 2, second.pk: 5})
        after = [row(each) for each in (first, second, third)]
        assert [each["sold"] for each in after] == [3, 0, 5]
        assert [each.sold for each in (first, second, third)] == [3, 0, 5]
        moved = [new["updated_at"] > old["updated_at"] for old, new in zip(before, after, strict=1)]
        assert moved == [True, True, False]
        assert caplog.records == []

    def test_writes_no_other_column(self):
        ticket = EventsTicketFactory(price="10.00", sold=5)
        EventsTicket.objects.update(price="12.00", quota=50)
        give_back([ticket], {ticket.pk: 2})
        after = row(ticket)
        assert (after["price"], after["quota"], after["sold"]) == (Decimal("12.00"), 50, 3)

    @pytest.mark.parametrize(("quantity", "warnings"), [(3, 0), (4, 1), (500, 1)])
    def test_stops_at_zero_and_warns(self, caplog, quantity, warnings):
        ticket, other = EventsTicketFactory.create_batch(2, quota=10, sold=3)
        give_back([ticket, other], {ticket.pk: quantity, other.pk: 2})
        assert (row(ticket)["sold"], row(other)["sold"]) == (0, 1)
        logged = [(record.name, record.levelname) for record in caplog.records]
        assert logged == [(LOGGER, "WARNING")] * warnings
        for record in caplog.records:
            message = record.getMessage()
            assert f"Ticket type {ticket.pk}" in message
            assert str(quantity) in message

    def test_of_nothing_changes_nothing(self):
        ticket = EventsTicketFactory(sold=3)
        with unchanged():
            give_back([ticket], {})
            give_back([ticket], {ticket.pk: 0})
            give_back([], {ticket.pk: 2})

    def test_of_many_types_takes_one_statement(self, django_assert_num_queries):
        tickets = EventsTicketFactory.create_batch(5, sold=3)
        with django_assert_num_queries(1):
            give_back(tickets, {ticket.pk: 2 for ticket in tickets})
        assert {row(ticket)["sold"] for ticket in tickets} == {1}


class TestRecount:
    def test_counts_what_pending_and_confirmed_bookings_hold(self):
        ticket = EventsTicketFactory(quota=50)
        BookingFactory(event_ticket=ticket, quantity=2)
        BookingFactory(event_ticket=ticket, quantity=3, run_out=True)
        BookingFactory(event_ticket=ticket, quantity=4, confirmed=True)
        BookingFactory(event_ticket=ticket, quantity=9, cancelled=True)
        EventsTicket.objects.update(sold=40)
        assert recount(EventsTicket.objects.all()) == 1
        assert row(ticket)["sold"] == 9

    def test_of_a_type_without_bookings_is_zero(self):
        ticket = EventsTicketFactory(sold=5)
        recount(EventsTicket.objects.all())
        assert row(ticket)["sold"] == 0

    @pytest.mark.parametrize(("quota", "counted"), [(5, 5), (6, 6), (7, 6)])
    def test_never_exceeds_the_quota(self, quota, counted):
        ticket = EventsTicketFactory(quota=6)
        BookingFactory.create_batch(3, event_ticket=ticket)
        EventsTicket.objects.update(sold=0, quota=quota)
        recount(EventsTicket.objects.all())
        assert row(ticket)["sold"] == counted

    def test_leaves_the_types_that_were_not_asked_for(self):
        asked, other = EventsTicketFactory.create_batch(2, sold=5)
        assert recount(EventsTicket.objects.filter(pk=asked.pk)) == 1
        assert (row(asked)["sold"], row(other)["sold"]) == (0, 5)

    def test_takes_a_queryset_in_any_order(self):
        EventsTicketFactory.create_batch(2, sold=5)
        assert recount(EventsTicket.objects.order_by("-price")) == 2
        assert set(EventsTicket.objects.values_list("sold", flat=True)) == {0}
