"""What the ORM writes once must answer as if it wrote it anew each time."""

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from apps.common.queries import KEY, CompiledLookup
from apps.tickets.models import EventsTicket
from tests.factories import EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def tickets():
    return CompiledLookup(lambda: EventsTicket.objects.select_related("event__venue"))


def test_it_finds_the_row_of_each_key_with_its_related_rows(tickets, django_assert_num_queries):
    one, other = EventsTicketFactory(price="12.50"), EventsTicketFactory(event__capacity=70)
    for expected in (one, other, one):
        with django_assert_num_queries(1):
            found = tickets.find(expected.pk)
            related = [found, found.event, found.event.venue]
        expected.refresh_from_db()
        for row, stored in zip(
            related, [expected, expected.event, expected.event.venue], strict=True
        ):
            assert type(row) is type(stored)
            columns = [field.attname for field in row._meta.concrete_fields]
            assert [getattr(row, name) for name in columns] == [
                getattr(stored, name) for name in columns
            ]


def test_it_finds_nothing_where_there_is_nothing(tickets):
    ticket = EventsTicketFactory()
    assert tickets.find(ticket.pk + 1) is None
    assert tickets.find(KEY) is None


def test_it_keeps_to_what_the_queryset_filters():
    published = CompiledLookup(lambda: EventsTicket.objects.filter(event__status="PUBLISHED"))
    assert published.find(EventsTicketFactory().pk)
    assert published.find(EventsTicketFactory(event=EventFactory(draft=True)).pk) is None


def test_a_found_row_is_saved_as_one_that_exists(tickets):
    found = tickets.find(EventsTicketFactory(quota=5).pk)
    found.quota = 6
    found.save(update_fields=["quota"])
    assert EventsTicket.objects.get().quota == 6


def test_it_locks_the_row_each_time():
    lookup, ticket = CompiledLookup(EventsTicket.objects.for_update), EventsTicketFactory()
    for _ in range(2):
        with CaptureQueriesContext(connection) as statements:
            lookup.find(ticket.pk)
        is_locked = statements[0]["sql"].endswith("FOR NO KEY UPDATE")
        assert is_locked is (connection.vendor == "postgresql")


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_lock_outside_a_transaction():
    lookup, ticket = CompiledLookup(EventsTicket.objects.for_update), EventsTicketFactory()
    for _ in range(2):
        with pytest.raises(TransactionManagementError):
            lookup.find(ticket.pk)
        with transaction.atomic():
            assert lookup.find(ticket.pk) == ticket
