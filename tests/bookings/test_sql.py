"""A sale by hand must write what the ORM would, and nothing else."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.bookings.models import Booking
from apps.bookings.sql import sell
from apps.tickets.models import EventsTicket
from tests.factories import EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db

CREATED = {"id", "created_at", "updated_at"}


def new_booking(ticket, **values):
    return Booking(
        user=UserFactory(),
        event_ticket=ticket,
        quantity=4,
        unit_price="12.50",
        expires_at=timezone.now() + timedelta(hours=3),
        **values,
    )


def row(model, pk):
    return model.objects.values().get(pk=pk)


@pytest.mark.parametrize("key", ["", "order 7 %s %(sold)s ' ü"])
def test_it_stores_every_column_as_the_orm_does(key):
    ticket = EventsTicketFactory(quota=10, sold=3)
    by_orm, booking = (new_booking(ticket, idempotency_key=key) for _ in range(2))
    by_orm.expires_at = booking.expires_at
    by_orm.save()
    before = timezone.now()
    sell(ticket, booking)
    stored = row(Booking, booking.pk)
    expected = {**row(Booking, by_orm.pk), "user_id": booking.user_id}
    assert {name: value for name, value in stored.items() if name not in CREATED} == {
        name: value for name, value in expected.items() if name not in CREATED
    }
    assert before <= stored["created_at"] <= timezone.now()
    assert stored["updated_at"] - stored["created_at"] < timedelta(seconds=1)


def test_the_booking_is_one_that_is_stored():
    ticket = EventsTicketFactory(quota=10, sold=3)
    booking = new_booking(ticket)
    sell(ticket, booking)
    stored = Booking.objects.get()
    assert (booking.pk, booking.created_at) == (stored.pk, stored.created_at)
    assert booking.updated_at == stored.updated_at
    assert not booking._state.adding
    booking.quantity = 5
    booking.save()
    assert list(Booking.objects.values_list("quantity", flat=True)) == [5]


def test_it_counts_the_tickets_and_writes_no_other_column():
    ticket, other = EventsTicketFactory(quota=10, sold=3, price=10), EventsTicketFactory(sold=3)
    EventsTicket.objects.filter(pk=ticket.pk).update(price="12.00", quota=50)
    before, others = row(EventsTicket, ticket.pk), row(EventsTicket, other.pk)
    sell(ticket, new_booking(ticket))
    after = row(EventsTicket, ticket.pk)
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, "sold": 7, "updated_at": after["updated_at"]}
    assert ticket.sold == 7
    assert row(EventsTicket, other.pk) == others


@pytest.mark.parametrize(("sold", "quantity"), [(7, 4), (0, 1)])
def test_what_a_constraint_forbids_leaves_nothing(sold, quantity):
    ticket = EventsTicketFactory(quota=10, sold=sold)
    booking = new_booking(ticket)
    booking.quantity = quantity
    with pytest.raises(IntegrityError), transaction.atomic():
        sell(ticket, booking)
    assert not Booking.objects.exists()
    assert row(EventsTicket, ticket.pk)["sold"] == sold
