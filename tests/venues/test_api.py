"""Venues, their managers, and what happens when a venue changes under its events."""

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.venues.models import Venue
from tests.clients import client_of
from tests.common.helpers import assert_invalid, assert_refused, iso, unchanged
from tests.factories import EventFactory, UserFactory, VenueFactory

pytestmark = pytest.mark.django_db


def create(client, **body):
    return client.post(reverse("venue-list"), {"name": "Red Hall", "capacity": 80, **body})


def detail(venue):
    return reverse("venue-detail", args=[venue.pk])


def test_a_venue_is_shown_whole_and_without_its_managers(admin, anonymous):
    response = create(admin, address="1 Lane")
    venue = Venue.objects.get()
    venue.managers.add(UserFactory())
    assert response.status_code == 201
    assert response.json() == {
        "id": venue.pk,
        "name": "Red Hall",
        "address": "1 Lane",
        "capacity": 80,
        "created_at": iso(venue.created_at),
        "updated_at": iso(venue.updated_at),
    }
    assert anonymous.get(detail(venue)).json() == response.json()
    assert anonymous.get(reverse("venue-list")).json()["results"] == [response.json()]


def test_the_address_is_optional_and_can_be_cleared(admin):
    assert create(admin).json()["address"] == ""
    venue = VenueFactory(address="1 Lane")
    assert admin.patch(detail(venue), {"address": ""}).json()["address"] == ""


@pytest.mark.parametrize(
    ("capacity", "accepted"), [(0, False), (1, True), (2_147_483_647, True), (2_147_483_648, False)]
)
@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_the_capacity_is_from_one_to_the_largest_integer(admin, method, capacity, accepted):
    url = reverse("venue-list") if method == "post" else detail(VenueFactory(name="Red Hall"))
    send = getattr(admin, method)
    body = {"name": "Red Hall", "capacity": capacity}
    if accepted:
        assert send(url, body).json()["capacity"] == capacity
        assert Venue.objects.get().capacity == capacity
    else:
        with unchanged():
            assert_invalid(send(url, body), "capacity")


class TestManagers:
    def test_each_of_several_may_write_and_only_their_own_venue(self):
        venue, other = VenueFactory(), VenueFactory()
        managers = UserFactory.create_batch(2)
        venue.managers.set(managers)
        other.managers.add(UserFactory())
        for number, client in enumerate(map(client_of, managers), start=1):
            body = {"name": f"Hall {number}", "address": "1 Lane", "capacity": number}
            assert client.put(detail(venue), body).status_code == 200
            assert client.patch(detail(venue), {"capacity": 50 + number}).status_code == 200
            venue.refresh_from_db()
            assert (venue.name, venue.capacity) == (f"Hall {number}", 50 + number)
            with unchanged():
                assert client.put(detail(other), body).status_code == 403
                assert client.patch(detail(other), {"capacity": 5}).status_code == 403

    def test_one_may_manage_several_venues(self):
        user = UserFactory()
        for venue in VenueFactory.create_batch(2):
            venue.managers.add(user)
            assert client_of(user).patch(detail(venue), {"capacity": 7}).status_code == 200
        assert set(Venue.objects.values_list("capacity", flat=True)) == {7}

    def test_who_is_no_manager_any_more_may_not(self):
        venue, user = VenueFactory(), UserFactory()
        venue.managers.add(user)
        venue.managers.remove(user)
        with unchanged():
            assert client_of(user).patch(detail(venue), {"capacity": 7}).status_code == 403

    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_they_are_not_set_through_the_api(self, admin, method):
        venue, user = VenueFactory(), UserFactory()
        venue.managers.add(user)
        body = {"name": "Red Hall", "capacity": 5, "managers": [UserFactory().pk]}
        response = getattr(admin, method)(detail(venue), body)
        assert response.status_code == 200
        assert "managers" not in response.json()
        assert list(venue.managers.all()) == [user]

    def test_a_partial_update_moves_updated_at_and_nothing_that_was_not_sent(self):
        venue, user = VenueFactory(address="1 Lane"), UserFactory()
        venue.managers.add(user)
        (before,) = Venue.objects.values()
        client_of(user).patch(detail(venue), {"capacity": 7})
        (after,) = Venue.objects.values()
        assert after["updated_at"] > before["updated_at"]
        assert after == {**before, "capacity": 7, "updated_at": after["updated_at"]}


class TestCapacityBelowThatOfItsEvents:
    @pytest.fixture
    def event(self, admin):
        """Of 80 people, at a venue that held 100 and now holds 50."""
        event = EventFactory(venue__capacity=100, capacity=80)
        assert admin.patch(detail(event.venue), {"capacity": 50}).status_code == 200
        return event

    def test_it_is_allowed_and_leaves_them_as_they_are(self, event):
        event.refresh_from_db()
        assert (event.venue.capacity, event.capacity) == (50, 80)

    @pytest.mark.parametrize("capacity", [80, 51])
    def test_the_next_write_of_their_capacity_is_checked(self, admin, event, capacity):
        with unchanged():
            response = admin.patch(reverse("event-detail", args=[event.pk]), {"capacity": capacity})
            assert_invalid(response, "capacity")

    def test_a_full_update_is_such_a_write(self, admin, event):
        url = reverse("event-detail", args=[event.pk])
        shown = admin.get(url).json()
        with unchanged():
            assert_invalid(admin.put(url, shown), "capacity")
        assert admin.put(url, {**shown, "capacity": 50}).json()["capacity"] == 50

    @pytest.mark.parametrize("capacity", [50, None])
    def test_what_fits_is_accepted(self, admin, event, capacity):
        url = reverse("event-detail", args=[event.pk])
        assert admin.patch(url, {"capacity": capacity}).json()["capacity"] == capacity


class TestNames:
    @pytest.mark.parametrize("name", ["Red Hall", "RED HALL", "red hall", "  Red Hall "])
    @pytest.mark.parametrize("method", ["post", "put", "patch"])
    def test_a_name_is_taken_in_any_letter_case(self, admin, method, name):
        VenueFactory(name="Red Hall")
        url = reverse("venue-list") if method == "post" else detail(VenueFactory())
        with unchanged():
            response = getattr(admin, method)(url, {"name": name, "capacity": 5})
            assert_invalid(response, "name")

    # The last ones are patterns that match it in SQL.
    @pytest.mark.parametrize("name", ["Red Halls", "RedHall", "Red_Hall", "Red%", "%"])
    def test_another_name_is_not(self, admin, name):
        VenueFactory(name="Red Hall")
        assert create(admin, name=name).json()["name"] == name

    @pytest.mark.parametrize("name", ["Red Hall", "RED hall"])
    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_ones_own_may_be_kept_or_change_its_case(self, admin, method, name):
        venue = VenueFactory(name="Red Hall")
        response = getattr(admin, method)(detail(venue), {"name": name, "capacity": 5})
        assert (response.status_code, response.json()["name"]) == (200, name)
        venue.refresh_from_db()
        assert venue.name == name


class TestDelete:
    @pytest.mark.parametrize("status", ["DRAFT", "PUBLISHED", "CANCELLED"])
    def test_with_an_event_it_stays(self, admin, status):
        venue = EventFactory(status=status).venue
        venue.managers.add(UserFactory())
        with unchanged():
            assert_refused(admin.delete(detail(venue)), "in_use")
        assert venue.managers.count() == 1

    def test_without_events_it_goes_and_its_managers_accounts_stay(self, admin):
        venue, other, user = VenueFactory(), EventFactory().venue, UserFactory()
        venue.managers.add(user)
        other.managers.add(user)
        accounts = User.objects.count()
        assert admin.delete(detail(venue)).status_code == 204
        assert list(user.managed_venues.all()) == list(Venue.objects.all()) == [other]
        assert User.objects.count() == accounts
