"""Creating and editing events: §2.2, §2.4, §2.5."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from apps.events.models import Event
from apps.organizations.models import Membership
from apps.tickets.models import EventsTicket
from apps.venues.models import Venue
from tests.clients import client_of
from tests.common.helpers import assert_invalid, assert_refused, iso, snapshot, unchanged
from tests.events.helpers import as_shown, fresh, member_of, patch, url
from tests.factories import (
    BookingFactory,
    EventCategoryFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    OrganizationFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

EVENTS = reverse("event-list")
TICK = timedelta(microseconds=1)
NOT_WRITABLE = {
    "id": 4711,
    "status": "CANCELLED",
    "published_at": "2001-01-01T00:00:00Z",
    "created_at": "2001-01-01T00:00:00Z",
    "updated_at": "2001-01-01T00:00:00Z",
    "organization_name": "Mine",
    "venue_name": "Mine",
    "category_name": "Mine",
    "sold": 5,
}


def assert_names_one_of(response, *fields):
    """400 that names fields, all of them among these, where the specification leaves it open."""
    assert response.status_code == 400, response.content
    body = response.json()
    assert body
    assert set(body) <= set(fields)


def body_for(event, **changes):
    """A body with what the event has; the specification's eight fields and no more."""
    fields = ("organization_id", "venue_id", "category_id", "title", "description", "capacity")
    body = {field.removesuffix("_id"): getattr(event, field) for field in fields}
    return {**body, "starts_at": iso(event.starts_at), "ends_at": iso(event.ends_at), **changes}


def put(client, event, **changes):
    return client.put(url(event), body_for(event, **changes))


WRITES = {"put": put, "patch": patch}
by_method = pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))


@pytest.fixture
def event():
    return EventFactory(draft=True, capacity=100)


@pytest.fixture
def manager(event):
    return member_of(event.organization)


class TestCreate:
    def create(self, client, event, **changes):
        return client.post(EVENTS, body_for(event, **{"title": "Another", **changes}))

    def test_answers_with_the_whole_draft(self, manager, event):
        response = self.create(manager, event)
        assert response.status_code == 201
        new = Event.objects.exclude(pk=event.pk).get()
        assert response.json() == as_shown(new)
        assert (new.status, new.published_at) == ("DRAFT", None)

    def test_needs_neither_description_nor_capacity(self, manager, event):
        body = body_for(event)
        del body["description"], body["capacity"]
        shown = manager.post(EVENTS, body).json()
        assert (shown["description"], shown["capacity"]) == ("", None)

    def test_ignores_what_a_client_may_not_set(self, manager, event):
        before = timezone.now()
        response = self.create(manager, event, **NOT_WRITABLE)
        assert response.status_code == 201
        new = Event.objects.exclude(pk=event.pk).get()
        assert new.pk != NOT_WRITABLE["id"]
        assert (new.status, new.published_at) == ("DRAFT", None)
        assert new.created_at >= before
        assert new.updated_at >= before
        assert response.json()["venue_name"] == event.venue.name

    def test_a_draft_may_lie_in_the_past(self, manager, event):
        starts_at = timezone.now() - timedelta(days=400)
        moments = {"starts_at": iso(starts_at), "ends_at": iso(starts_at + TICK)}
        response = self.create(manager, event, **moments)
        assert response.status_code == 201
        assert {name: response.json()[name] for name in moments} == moments

    @pytest.mark.parametrize(
        ("starts_at", "ends_at", "status"),
        [
            ("2040-05-17T20:00:00.000000Z", "2040-05-17T20:00:00.000001Z", 201),
            ("2040-05-17T20:00:00.000001Z", "2040-05-17T20:00:00.000001Z", 400),
            ("2040-05-17T20:00:00.000001Z", "2040-05-17T20:00:00.000000Z", 400),
            ("2040-05-17T20:00:00+02:00", "2040-05-17T19:00:00Z", 201),
            ("2040-05-17T20:00:00Z", "2040-05-17T21:00:00+02:00", 400),
        ],
    )
    def test_it_ends_after_it_starts_wherever_the_clocks_are(
        self, manager, event, starts_at, ends_at, status
    ):
        before = Event.objects.count()
        response = self.create(manager, event, starts_at=starts_at, ends_at=ends_at)
        assert response.status_code == status
        assert Event.objects.count() - before == (status == 201)
        if status == 400:
            assert_names_one_of(response, "starts_at", "ends_at")

    def test_times_are_stored_and_answered_in_utc(self, manager, event):
        moments = {"starts_at": "2040-05-17T20:00:00+02:00", "ends_at": "2040-05-17T14:30:00-05:00"}
        shown = self.create(manager, event, **moments).json()
        assert (shown["starts_at"], shown["ends_at"]) == (
            "2040-05-17T18:00:00Z",
            "2040-05-17T19:30:00Z",
        )

    @pytest.mark.parametrize(
        ("capacity", "status"), [(1, 201), (49, 201), (50, 201), (51, 400), (None, 201)]
    )
    def test_capacity_is_at_most_the_venues(self, manager, event, capacity, status):
        venue = VenueFactory(capacity=50)
        response = self.create(manager, event, venue=venue.pk, capacity=capacity)
        assert response.status_code == status
        assert venue.events.count() == (status == 201)
        if status == 400:
            assert_invalid(response, "capacity")

    def test_a_mere_member_of_the_named_organization_creates_nothing_there(self, event):
        membership = MembershipFactory(organization=event.organization, role="MEMBER")
        MembershipFactory(user=membership.user, role="OWNER")
        with unchanged():
            assert self.create(client_of(membership.user), event).status_code == 403


class TestWhatGetAnswersCanBePutBack:
    @pytest.mark.parametrize("state", [{"draft": True}, {}, {"running": True}, {"over": True}])
    def test_as_it_is(self, state):
        event = EventFactory(capacity=100, **state)
        BookingFactory(event_ticket__event=event)
        BookingFactory(event_ticket__event=event, run_out=True)
        client = member_of(event.organization)
        got = client.get(url(event)).json()
        # Only the time of the edit is another.
        Event.objects.update(updated_at=event.created_at)
        with unchanged():
            response = client.put(url(event), got)
            assert response.status_code == 200, response.content
            assert response.json() == as_shown(event)
            assert fresh(event).updated_at > event.created_at
            Event.objects.update(updated_at=event.created_at)
        assert {**response.json(), "updated_at": got["updated_at"]} == got

    def test_with_an_edit(self, manager, event):
        got = manager.get(url(event)).json()
        response = manager.put(url(event), {**got, "title": "New", "capacity": None})
        assert response.status_code == 200
        changes = {"title": "New", "capacity": None, "updated_at": response.json()["updated_at"]}
        assert response.json() == {**got, **changes} == as_shown(event)


@by_method
class TestUpdate:
    def test_ignores_what_a_client_may_not_set(self, manager, event, write):
        response = write(manager, event, title="New", **NOT_WRITABLE)
        assert response.status_code == 200
        after = fresh(event)
        assert (after.title, after.status, after.published_at) == ("New", "DRAFT", None)
        assert after.created_at == event.created_at
        assert after.updated_at > event.updated_at
        assert response.json() == as_shown(event)

    def test_answers_with_the_names_of_what_it_refers_to_now(self, event, write):
        new = {
            "organization": OrganizationFactory(),
            "venue": VenueFactory(),
            "category": EventCategoryFactory(),
        }
        client = member_of(event.organization, new["organization"])
        response = write(client, event, **{name: row.pk for name, row in new.items()})
        assert response.status_code == 200
        assert response.json() == as_shown(event)
        for name, row in new.items():
            assert response.json()[f"{name}_name"] == row.name

    @pytest.mark.parametrize("published_at", [None, "2030-01-01T00:00:00Z"])
    def test_a_cancelled_event_stays_as_it_is(self, write, published_at):
        event = EventFactory(cancelled=True, published_at=published_at)
        client = member_of(event.organization)
        for changes in ({"title": "New"}, {"status": "DRAFT"}, {}):
            with unchanged():
                assert_refused(write(client, event, **changes), "event_cancelled")

    @pytest.mark.parametrize("state", [{"draft": True}, {}, {"running": True}, {"over": True}])
    def test_any_other_can_be_renamed(self, write, state):
        event = EventFactory(**state)
        client = member_of(event.organization)
        assert write(client, event, title="New", description="").status_code == 200
        assert (fresh(event).title, fresh(event).status) == ("New", event.status)

    def test_one_refused_change_refuses_all(self, manager, event, write):
        BookingFactory(event_ticket__event=event)
        with unchanged():
            response = write(
                manager,
                event,
                title="New",
                starts_at=iso(event.starts_at + timedelta(minutes=5)),
                capacity=1,
            )
            assert_refused(response, "capacity_below_sold", sold=2)


class TestTimesAgainstStoredOnes:
    @pytest.mark.parametrize(
        ("field", "other", "offset", "status"),
        [
            ("starts_at", "ends_at", -TICK, 200),
            ("starts_at", "ends_at", timedelta(0), 400),
            ("starts_at", "ends_at", TICK, 400),
            ("ends_at", "starts_at", TICK, 200),
            ("ends_at", "starts_at", timedelta(0), 400),
            ("ends_at", "starts_at", -TICK, 400),
        ],
    )
    def test_a_partial_update_of_one_looks_at_the_other(
        self, manager, event, field, other, offset, status
    ):
        moment = getattr(event, other) + offset
        if status == 200:
            assert patch(manager, event, **{field: iso(moment)}).status_code == 200
            assert getattr(fresh(event), field) == moment
        else:
            with unchanged():
                response = patch(manager, event, **{field: iso(moment)})
                assert_names_one_of(response, "starts_at", "ends_at")

    def test_both_can_move_beyond_the_stored_ones(self, manager, event):
        moments = {
            "starts_at": iso(event.ends_at + timedelta(days=1)),
            "ends_at": iso(event.ends_at + timedelta(days=2)),
        }
        shown = patch(manager, event, **moments).json()
        assert {name: shown[name] for name in moments} == moments


class TestIntoThePast:
    NOW = datetime(2031, 3, 10, 12, tzinfo=UTC)

    @pytest.fixture(autouse=True)
    def _frozen(self):
        with time_machine.travel(self.NOW, tick=False):
            yield

    def move(self, event, write, moment):
        client = member_of(event.organization)
        ends_at = iso(self.NOW + timedelta(days=60))
        before = snapshot()
        response = write(client, event, starts_at=iso(moment), ends_at=ends_at)
        if response.status_code != 200:
            assert snapshot() == before
        return response

    @by_method
    @pytest.mark.parametrize("offset", [-timedelta(days=1), -TICK, timedelta(0)])
    def test_a_published_event_cannot_be_moved(self, write, offset):
        event = EventFactory()
        assert_invalid(self.move(event, write, self.NOW + offset), "starts_at")

    @by_method
    def test_it_can_be_moved_to_the_next_moment(self, write):
        event = EventFactory()
        assert self.move(event, write, self.NOW + TICK).status_code == 200
        assert fresh(event).starts_at == self.NOW + TICK

    @by_method
    @pytest.mark.parametrize("offset", [-timedelta(days=1), timedelta(0)])
    def test_a_draft_can(self, write, offset):
        event = EventFactory(draft=True)
        assert self.move(event, write, self.NOW + offset).status_code == 200
        assert fresh(event).starts_at == self.NOW + offset

    def test_one_that_has_started_cannot_start_at_another_time_of_the_past(self):
        event = EventFactory(running=True)
        client = member_of(event.organization)
        for minutes in (-5, 5):
            with unchanged():
                moment = iso(event.starts_at + timedelta(minutes=minutes))
                assert_invalid(patch(client, event, starts_at=moment), "starts_at")

    def test_one_that_has_started_can_last_longer(self):
        event = EventFactory(running=True)
        ends_at = event.ends_at + timedelta(hours=1)
        response = patch(member_of(event.organization), event, ends_at=iso(ends_at))
        assert response.status_code == 200
        assert fresh(event).ends_at == ends_at


class TestCapacityAndVenue:
    """The event has a capacity of 100, its venue one of 1000."""

    @by_method
    @pytest.mark.parametrize("capacity", [1, 1000, None])
    def test_capacity_can_be_what_the_venue_holds(self, manager, event, write, capacity):
        assert write(manager, event, capacity=capacity).status_code == 200
        assert fresh(event).capacity == capacity

    @by_method
    def test_and_no_more(self, manager, event, write):
        with unchanged():
            assert_invalid(write(manager, event, capacity=1001), "capacity")

    @by_method
    @pytest.mark.parametrize(("holds", "status"), [(100, 200), (99, 400)])
    def test_a_new_venue_must_hold_the_stored_capacity(self, manager, event, write, holds, status):
        venue = VenueFactory(capacity=holds)
        response = write(manager, event, venue=venue.pk)
        assert response.status_code == status
        assert (fresh(event).venue_id == venue.pk) is (status == 200)
        if status == 400:
            assert_names_one_of(response, "venue", "capacity")

    @by_method
    def test_a_new_venue_and_a_new_capacity_are_looked_at_together(self, manager, event, write):
        small, large = VenueFactory(capacity=10), VenueFactory(capacity=2000)
        with unchanged():
            assert_names_one_of(
                write(manager, event, venue=small.pk, capacity=11), "venue", "capacity"
            )
        assert write(manager, event, venue=small.pk, capacity=10).status_code == 200
        assert write(manager, event, venue=large.pk, capacity=2000).status_code == 200
        assert (fresh(event).venue, fresh(event).capacity) == (large, 2000)

    @by_method
    def test_any_venue_does_without_a_capacity(self, manager, event, write):
        Event.objects.update(capacity=None)
        event.refresh_from_db()
        venue = VenueFactory(capacity=1)
        assert write(manager, event, venue=venue.pk).status_code == 200

    def test_a_venue_that_has_shrunk_matters_when_either_is_written(self, manager, event):
        Venue.objects.update(capacity=99)
        assert patch(manager, event, title="New").status_code == 200
        refused = [
            patch(manager, event, capacity=100),
            patch(manager, event, venue=event.venue_id),
            put(manager, event),
        ]
        for response in refused:
            assert_names_one_of(response, "venue", "capacity")
        assert patch(manager, event, capacity=99).status_code == 200


class TestCapacityAndSales:
    @pytest.fixture(autouse=True)
    def _sales(self, event):
        """Nine tickets are taken: by a hold, a run-out hold, and a confirmed booking."""
        first, second = EventsTicketFactory.create_batch(2, event=event)
        BookingFactory(event_ticket=first)
        BookingFactory(event_ticket=first, run_out=True)
        BookingFactory(event_ticket=second, confirmed=True, quantity=5)
        BookingFactory(event_ticket=second, cancelled=True, quantity=50)
        BookingFactory(quantity=50)

    @by_method
    @pytest.mark.parametrize("capacity", [1, 8])
    def test_capacity_is_not_below_what_is_taken(self, manager, event, write, capacity):
        with unchanged():
            response = write(manager, event, capacity=capacity)
            assert_refused(response, "capacity_below_sold", sold=9)

    @by_method
    @pytest.mark.parametrize("capacity", [9, 10, None])
    def test_it_can_be_what_is_taken(self, manager, event, write, capacity):
        assert write(manager, event, capacity=capacity).status_code == 200
        assert fresh(event).capacity == capacity

    def test_it_can_be_set_on_an_event_without_one(self, manager, event):
        Event.objects.update(capacity=None)
        assert_refused(patch(manager, event, capacity=8), "capacity_below_sold", sold=9)
        assert patch(manager, event, capacity=9).status_code == 200

    def test_other_edits_do_not_mind_a_capacity_that_is_too_low(self, manager, event):
        Event.objects.filter(pk=event.pk).update(capacity=3)
        assert patch(manager, event, title="New").status_code == 200
        assert fresh(event).capacity == 3


class TestOrganization:
    @by_method
    @pytest.mark.parametrize("role", Membership.Role.values)
    def test_an_event_moves_to_another_that_the_caller_manages(self, event, write, role):
        target = OrganizationFactory()
        membership = MembershipFactory(organization=event.organization, role="MANAGER")
        MembershipFactory(user=membership.user, organization=target, role=role)
        EventsTicketFactory(event=event)
        response = write(client_of(membership.user), event, organization=target.pk)
        moves = role != "MEMBER"
        assert response.status_code == (200 if moves else 403)
        assert (fresh(event).organization == target) is moves

    @by_method
    def test_managing_the_target_alone_is_not_enough(self, event, write):
        membership = MembershipFactory(organization=event.organization, role="MEMBER")
        target = MembershipFactory(user=membership.user, role="OWNER").organization
        with unchanged():
            response = write(client_of(membership.user), event, organization=target.pk)
            assert response.status_code == 403

    @by_method
    def test_an_admin_moves_it_anywhere(self, admin, event, write):
        target = OrganizationFactory()
        assert write(admin, event, organization=target.pk).status_code == 200
        assert fresh(event).organization == target

    @by_method
    @pytest.mark.parametrize("state", ["", "confirmed", "cancelled", "run_out"])
    def test_it_stays_once_there_is_a_booking_of_any_kind(self, admin, event, write, state):
        BookingFactory(event_ticket__event=event, **({state: True} if state else {}))
        target = OrganizationFactory()
        with unchanged():
            response = write(admin, event, organization=target.pk)
            assert_refused(response, "event_has_bookings")

    def test_naming_its_own_organization_is_no_move(self, manager, event):
        BookingFactory(event_ticket__event=event)
        response = patch(manager, event, organization=event.organization_id)
        assert response.status_code == 200

    def test_bookings_of_other_events_do_not_hold_it(self, admin, event):
        EventsTicketFactory(event=event)
        BookingFactory(event_ticket__event__organization=event.organization)
        target = OrganizationFactory()
        assert patch(admin, event, organization=target.pk).status_code == 200


class TestDelete:
    @pytest.mark.parametrize(
        "state", [{"draft": True}, {}, {"cancelled": True}, {"running": True}, {"over": True}]
    )
    def test_takes_the_ticket_types_along_and_nothing_else(self, state):
        event = EventFactory(**state)
        EventsTicketFactory.create_batch(2, event=event)
        other = BookingFactory(event_ticket__event__organization=event.organization)
        client = member_of(event.organization)
        response = client.delete(url(event))
        assert (response.status_code, response.content) == (204, b"")
        assert list(Event.objects.all()) == [other.event_ticket.event]
        assert list(EventsTicket.objects.all()) == [other.event_ticket]
        assert client.delete(url(event)).status_code == 404

    @pytest.mark.parametrize("booking", ["", "confirmed", "cancelled", "run_out"])
    @pytest.mark.parametrize("state", [{"draft": True}, {}, {"cancelled": True}, {"over": True}])
    def test_is_refused_once_there_is_a_booking_of_any_kind(self, admin, state, booking):
        event = EventFactory(**state)
        EventsTicketFactory(event=event)
        BookingFactory(event_ticket__event=event, **({booking: True} if booking else {}))
        with unchanged():
            assert_refused(admin.delete(url(event)), "in_use")
