"""What the database itself refuses, whatever code writes to it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError

from apps.events.models import Event, EventCategory
from apps.tickets.models import EventsTicket
from tests.factories import BookingFactory, EventCategoryFactory, EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db

TICK = timedelta(microseconds=1)


def assert_violates(name, write):
    with pytest.raises(IntegrityError, match=rf"\b{name}\b"), transaction.atomic():
        write()


class TestEvent:
    @pytest.mark.parametrize(
        ("constraint", "columns"),
        [
            ("event_ends_later", {"ends_at": F("starts_at")}),
            ("event_ends_later", {"ends_at": F("starts_at") - TICK}),
            ("event_capacity_positive", {"capacity": 0}),
            ("event_status_valid", {"status": "POSTPONED"}),
            ("event_status_valid", {"status": "draft"}),
            ("event_status_valid", {"status": ""}),
        ],
    )
    def test_a_named_constraint_refuses(self, constraint, columns):
        event = EventFactory()
        assert_violates(constraint, lambda: Event.objects.update(**columns))
        fields = {field: getattr(event, field) for field in ("title", "starts_at", "ends_at")}
        row = {**fields, "organization": event.organization, "venue": event.venue}
        values = {
            name: event.starts_at if name == "ends_at" else value for name, value in columns.items()
        }
        new = Event(**{**row, "category": event.category, **values})
        assert_violates(constraint, lambda: Event.objects.bulk_create([new]))
        assert Event.objects.count() == 1

    @pytest.mark.parametrize(
        "columns",
        [
            {"ends_at": F("starts_at") + TICK},
            {"capacity": 1},
            {"capacity": None},
            {"status": "DRAFT"},
            {"status": "PUBLISHED"},
            {"status": "CANCELLED"},
            # A row that nobody published through the API, such as an imported one.
            {"status": "PUBLISHED", "published_at": None},
        ],
    )
    def test_what_is_just_allowed_is_stored(self, columns):
        EventFactory()
        assert Event.objects.update(**columns) == 1

    def test_a_new_one_is_a_draft_without_capacity(self):
        made = EventFactory()
        event = Event.objects.create(
            organization=made.organization,
            venue=made.venue,
            category=made.category,
            title="Bare",
            starts_at=made.starts_at,
            ends_at=made.ends_at,
        )
        event.refresh_from_db()
        assert (event.status, event.capacity, event.published_at) == ("DRAFT", None, None)
        assert (event.description, str(event)) == ("", "Bare")

    @pytest.mark.parametrize("name", ["organization", "venue", "category"])
    def test_what_an_event_refers_to_is_protected(self, name):
        event = EventFactory(cancelled=True)
        with pytest.raises(ProtectedError):
            getattr(event, name).delete()
        assert Event.objects.get() == event

    def test_it_takes_its_ticket_types_along_but_not_when_one_is_booked(self):
        free = EventsTicketFactory()
        booked = BookingFactory(cancelled=True).event_ticket
        free.event.delete()
        with pytest.raises(ProtectedError):
            booked.event.delete()
        assert list(EventsTicket.objects.all()) == [booked]


class TestEventCategory:
    @pytest.mark.parametrize("name", ["Opera", "OPERA", "oPERA"])
    def test_names_are_unique_without_regard_to_case(self, name):
        EventCategoryFactory(name="Opera")
        other = EventCategoryFactory(name="Jazz")
        constraint = "eventcategory_name_unique"
        assert_violates(constraint, lambda: EventCategory.objects.create(name=name))
        rows = EventCategory.objects.filter(pk=other.pk)
        assert_violates(constraint, lambda: rows.update(name=name))
        assert sorted(EventCategory.objects.values_list("name", flat=True)) == ["Jazz", "Opera"]

    @pytest.mark.parametrize("name", ["Operas", "Oper", "0pera", "O pera"])
    def test_a_name_that_is_nearly_the_same_is_another(self, name):
        EventCategoryFactory(name="Opera")
        EventCategoryFactory(name=name)
        assert EventCategory.objects.count() == 2

    def test_is_called_by_its_name(self):
        assert str(EventCategoryFactory(name="Opera")) == "Opera"
