"""What is coming up at a venue: `/venues/{id}/schedule/`."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.clients import client_of
from tests.common.helpers import ids
from tests.factories import EventFactory, MembershipFactory, UserFactory, VenueFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def venue():
    return VenueFactory()


def schedule(client, venue):
    return client.get(reverse("venue-schedule", args=[venue.pk]))


def test_soonest_first_whenever_they_were_made(anonymous, venue):
    now = timezone.now()
    pks = {
        days: EventFactory(venue=venue, starts_at=now + timedelta(days=days)).pk
        for days in (20, 1, 300)
    }
    assert ids(schedule(anonymous, venue)) == [pks[1], pks[20], pks[300]]


def test_an_event_that_has_started_is_no_future_one(anonymous, venue):
    EventFactory(venue=venue, running=True)
    EventFactory(venue=venue, over=True)
    coming = EventFactory(venue=venue)
    assert ids(schedule(anonymous, venue)) == [coming.pk]


def test_an_event_leaves_it_at_the_moment_of_its_start(anonymous, venue, time_machine):
    starts_at = (timezone.now() + timedelta(hours=1)).replace(microsecond=0)
    event = EventFactory(venue=venue, starts_at=starts_at)
    time_machine.move_to(starts_at - timedelta(seconds=1), tick=False)
    assert ids(schedule(anonymous, venue)) == [event.pk]
    time_machine.move_to(starts_at, tick=False)
    assert ids(schedule(anonymous, venue)) == []


@pytest.mark.parametrize("caller", ["member", "venue manager", "support", "admin"])
def test_whoever_may_see_more_elsewhere_sees_what_is_published_here(venue, caller):
    shown = EventFactory(venue=venue)
    hidden = {"venue": venue, "organization": shown.organization}
    EventFactory(**hidden, draft=True)
    EventFactory(**hidden, cancelled=True)
    user = UserFactory(support=caller == "support", admin=caller == "admin")
    if caller == "member":
        MembershipFactory(organization=shown.organization, user=user, role="OWNER")
    if caller == "venue manager":
        venue.managers.add(user)
    assert ids(schedule(client_of(user), venue)) == [shown.pk]


def test_its_rows_are_those_of_the_events_themselves(anonymous, venue):
    event = EventFactory(venue=venue)
    shown = anonymous.get(reverse("event-detail", args=[event.pk])).json()
    assert schedule(anonymous, venue).json()["results"] == [shown]
    assert shown["venue_name"] == venue.name


def test_a_venue_without_events_has_an_empty_one(anonymous, venue):
    EventFactory()
    assert ids(schedule(anonymous, venue)) == []
