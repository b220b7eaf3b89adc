"""What the database itself refuses, whoever writes."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from apps.venues.models import Venue
from tests.common.helpers import unchanged
from tests.factories import EventFactory, VenueFactory

pytestmark = pytest.mark.django_db


def refused(constraint):
    return pytest.raises(IntegrityError, match=constraint)


def test_names_are_unique_without_regard_to_case():
    VenueFactory(name="Red Hall")
    other = VenueFactory(name="Red Halls")
    with unchanged(), refused("venue_name_unique"), transaction.atomic():
        Venue.objects.create(name="red HALL", capacity=5)
    with unchanged(), refused("venue_name_unique"), transaction.atomic():
        Venue.objects.filter(pk=other.pk).update(name="RED HALL")


# SQLite names the column when its own check comes first.
@pytest.mark.parametrize("capacity", [0, -1])
def test_the_capacity_is_at_least_one(capacity):
    venue = VenueFactory()
    with (
        unchanged(),
        refused("venue_capacity_positive|: capacity$"),
        transaction.atomic(),
    ):
        Venue.objects.filter(pk=venue.pk).update(capacity=capacity)
    Venue.objects.filter(pk=venue.pk).update(capacity=1)
    assert Venue.objects.get().capacity == 1


def test_a_venue_with_events_is_protected():
    venue = EventFactory(draft=True).venue
    with unchanged(), pytest.raises(ProtectedError):
        venue.delete()
