"""Categories of events: §3."""

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.events.models import EventCategory
from tests.common.helpers import assert_invalid, assert_refused, iso, unchanged
from tests.events.helpers import fresh
from tests.factories import EventCategoryFactory, EventFactory

pytestmark = pytest.mark.django_db

CATEGORIES = reverse("category-list")


def url(category):
    return reverse("category-detail", args=[category.pk])


def post(client, category, name):
    return client.post(CATEGORIES, {"name": name})


def put(client, category, name):
    return client.put(url(category), {"name": name})


def patch(client, category, name):
    return client.patch(url(category), {"name": name})


by_write = pytest.mark.parametrize("write", [post, put, patch])


@pytest.fixture
def category():
    return EventCategoryFactory(name="Theatre")


def as_shown(category):
    category = fresh(category)
    return {
        "id": category.pk,
        "name": category.name,
        "created_at": iso(category.created_at),
        "updated_at": iso(category.updated_at),
    }


class TestNames:
    @by_write
    @pytest.mark.parametrize(
        "name", ["Jazz & Rock", "jazz & rock", "JAZZ & ROCK", "  Jazz & Rock\n"]
    )
    def test_are_unique_without_regard_to_case(self, admin, category, write, name):
        EventCategoryFactory(name="Jazz & Rock")
        with unchanged():
            assert_invalid(write(admin, category, name), "name")

    @by_write
    @pytest.mark.parametrize(
        ("taken", "name"),
        [
            ("Jazz", "Jaz"),
            ("Jazz", "Jazzy"),
            ("Jazz", "Ja zz"),
            # These mean something to LIKE.
            ("100 days", "100%"),
            ("Jazz", "J%"),
            ("Jazz-Rock", "Jazz_Rock"),
            ("Jazz", r"\Jazz"),
        ],
    )
    def test_that_are_nearly_taken_are_free(self, admin, category, write, taken, name):
        EventCategoryFactory(name=taken)
        response = write(admin, category, name)
        assert response.status_code in (200, 201)
        assert EventCategory.objects.get(pk=response.json()["id"]).name == name

    @by_write
    @pytest.mark.postgresql
    def test_have_no_case_beyond_ascii_either(self, admin, category, write):
        EventCategoryFactory(name="Élan")
        with unchanged():
            assert_invalid(write(admin, category, "éLAN"), "name")

    @pytest.mark.parametrize("write", [put, patch])
    @pytest.mark.parametrize("name", ["Theatre", "THEATRE", "Puppet theatre"])
    def test_are_not_taken_by_oneself(self, admin, category, write, name):
        response = write(admin, category, name)
        assert response.status_code == 200
        assert response.json()["name"] == fresh(category).name == name

    @by_write
    def test_are_free_again_after_a_deletion(self, admin, category, write):
        admin.delete(url(EventCategoryFactory(name="Opera")))
        assert write(admin, category, "opera").status_code in (200, 201)

    @by_write
    def test_of_two_hundred_letters_are_stored(self, admin, category, write):
        response = write(admin, category, "é" * 200)
        assert response.status_code in (200, 201)
        assert response.json()["name"] == "é" * 200


def test_a_category_is_shown_alike_in_list_and_detail(anonymous, category):
    shown = anonymous.get(url(category)).json()
    assert shown == as_shown(category)
    assert anonymous.get(CATEGORIES).json()["results"] == [shown]


def test_writes_answer_with_the_category(admin):
    created = post(admin, None, "Opera")
    category = EventCategory.objects.get()
    assert (created.status_code, created.json()) == (201, as_shown(category))
    for write in (put, patch):
        changed = write(admin, category, f"Opera by {write.__name__}")
        assert (changed.status_code, changed.json()) == (200, as_shown(category))


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_what_a_client_may_not_set_is_ignored(admin, category, method):
    past = "2001-01-01T00:00:00Z"
    body = {"name": "Opera", "id": 4711, "created_at": past, "updated_at": past}
    before = timezone.now()
    path = CATEGORIES if method == "post" else url(category)
    response = getattr(admin, method)(path, body)
    assert response.status_code in (200, 201)
    row = EventCategory.objects.get(name="Opera")
    assert row.pk != 4711
    assert row.updated_at >= before
    if method == "post":
        assert row.created_at >= before
    else:
        assert row.created_at == category.created_at


class TestDelete:
    @pytest.mark.parametrize("event", [{"draft": True}, {}, {"cancelled": True}, {"over": True}])
    def test_is_refused_while_any_event_is_of_it(self, admin, category, event):
        event = EventFactory(category=category, **event)
        with unchanged():
            assert_refused(admin.delete(url(category)), "in_use")
        event.delete()
        assert admin.delete(url(category)).status_code == 204
        assert not EventCategory.objects.exists()

    def test_is_not_hindered_by_events_of_another(self, admin, category):
        other = EventFactory().category
        assert admin.delete(url(category)).status_code == 204
        assert list(EventCategory.objects.all()) == [other]
        assert admin.delete(url(category)).status_code == 404
