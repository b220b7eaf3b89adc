"""Anonymous reads are kept for seconds: never what is one account's, never past a write here."""

from datetime import timedelta

import pytest
import time_machine
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.events.models import Event
from tests.clients import client_of
from tests.common.helpers import ids
from tests.events.helpers import cancel, member_of, patch, publish
from tests.factories import (
    BookingFactory,
    EventCategoryFactory,
    EventFactory,
    EventsTicketFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

SECONDS = 5
EVENTS = reverse("event-list")


@pytest.fixture(autouse=True)
def _cache(settings):
    settings.PUBLIC_CACHE_SECONDS = SECONDS
    caches["public"].clear()
    yield
    caches["public"].clear()


def rename_elsewhere(event: Event, title: str = "Renamed") -> None:
    """As another process does, whose cache is not ours."""
    Event.objects.filter(pk=event.pk).update(title=title)


def titles(client) -> list[str]:
    return [event["title"] for event in client.get(EVENTS).json()["results"]]


def public_paths(event: Event) -> list[str]:
    return [
        EVENTS,
        reverse("event-detail", args=[event.pk]),
        reverse("event-calendar", args=[event.pk]),
        *(reverse(name, args=[event.venue_id]) for name in ("venue-schedule", "venue-calendar")),
        *(reverse(name) for name in ("category-list", "venue-list", "organization-list")),
        reverse("category-detail", args=[event.category_id]),
        reverse("venue-detail", args=[event.venue_id]),
        reverse("organization-detail", args=[event.organization_id]),
    ]


def test_a_second_read_asks_the_database_nothing(anonymous, django_assert_num_queries):
    event = EventFactory()
    for path in public_paths(event):
        first = anonymous.get(path)
        with django_assert_num_queries(0):
            second = anonymous.get(path)
        assert first.status_code == second.status_code == 200
        assert second.content == first.content
        kept = {name for name, _ in first.items()} - {"X-Request-ID"}
        assert {name: second[name] for name in kept} == {name: first[name] for name in kept}
        assert second["X-Request-ID"] != first["X-Request-ID"]


def test_nothing_is_kept_unless_the_setting_says_so(anonymous, settings):
    settings.PUBLIC_CACHE_SECONDS = 0
    event = EventFactory(title="Old")
    assert titles(anonymous) == ["Old"]
    rename_elsewhere(event)
    assert titles(anonymous) == ["Renamed"]


def test_what_another_process_changes_shows_within_the_seconds(anonymous):
    event, now = EventFactory(title="Old"), timezone.now()
    with time_machine.travel(now, tick=False):
        assert titles(anonymous) == ["Old"]
    rename_elsewhere(event)
    with time_machine.travel(now + timedelta(seconds=SECONDS - 1), tick=False):
        assert titles(anonymous) == ["Old"]
    with time_machine.travel(now + timedelta(seconds=SECONDS + 1), tick=False):
        assert titles(anonymous) == ["Renamed"]


def test_other_caches_are_told_how_old_an_answer_is(anonymous):
    """So that theirs and ours together keep nothing for longer than the seconds."""
    EventFactory()
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        fresh = anonymous.get(EVENTS)
    with time_machine.travel(now + timedelta(seconds=2.5), tick=False):
        kept = anonymous.get(EVENTS)
        unchanged = anonymous.get(EVENTS, HTTP_IF_NONE_MATCH=fresh["ETag"])
    assert not fresh.has_header("Age")
    assert fresh["Cache-Control"] == kept["Cache-Control"] == f"public, max-age={SECONDS}"
    assert kept["Age"] == unchanged["Age"] == "3"
    assert unchanged.status_code == 304


def test_a_read_that_is_answered_304_is_kept_too(anonymous, django_assert_num_queries, settings):
    EventFactory()
    tag = anonymous.get(EVENTS)["ETag"]
    caches["public"].clear()
    for queries in (2, 0):
        with django_assert_num_queries(queries):
            assert anonymous.get(EVENTS, HTTP_IF_NONE_MATCH=tag).status_code == 304


class TestWritesHereShowAtOnce:
    def test_publish_edit_and_cancel(self, anonymous):
        event = EventsTicketFactory(event=EventFactory(draft=True, title="Old")).event
        manager = member_of(event.organization)
        assert titles(anonymous) == []
        assert publish(manager, event).status_code == 200
        assert titles(anonymous) == ["Old"]
        assert patch(manager, event, title="New").status_code == 200
        assert titles(anonymous) == ["New"]
        assert cancel(manager, event).status_code == 200
        assert titles(anonymous) == []

    def test_what_an_event_names(self, anonymous, admin):
        event = EventFactory()
        rows = {"category": event.category_id, "venue": event.venue_id}
        for row, pk in {**rows, "organization": event.organization_id}.items():
            anonymous.get(EVENTS)
            response = admin.patch(reverse(f"{row}-detail", args=[pk]), {"name": f"New {row}"})
            assert response.status_code == 200
            assert anonymous.get(EVENTS).json()["results"][0][f"{row}_name"] == f"New {row}"

    def test_a_deletion(self, anonymous, admin):
        category = EventCategoryFactory()
        path = reverse("category-detail", args=[category.pk])
        assert anonymous.get(path).status_code == 200
        assert admin.delete(path).status_code == 204
        assert anonymous.get(path).status_code == 404

    def test_django_admin(self, anonymous):
        category = EventCategoryFactory(name="Old")
        path = reverse("category-detail", args=[category.pk])
        assert anonymous.get(path).json()["name"] == "Old"
        staff = Client()
        staff.force_login(UserFactory(admin=True))
        url = reverse("admin:events_eventcategory_change", args=[category.pk])
        assert staff.post(url, {"name": "New"}).status_code == 302
        assert anonymous.get(path).json()["name"] == "New"

    def test_not_what_was_read_before_a_write_and_answered_after_it(self, anonymous, monkeypatch):
        """A slow reader must not put back what a write has overtaken."""
        event = EventFactory(title="Old")
        manager = member_of(event.organization)
        monkeypatch.setattr(
            "apps.common.public_cache.PublicCacheMiddleware._keep",
            self.after(lambda: patch(manager, event, title="New")),
        )
        assert titles(anonymous) == ["Old"]
        monkeypatch.undo()
        assert titles(anonymous) == ["New"]

    @staticmethod
    def after(write):
        from apps.common.public_cache import PublicCacheMiddleware

        keep = PublicCacheMiddleware._keep

        def write_and_keep(self, *args):
            assert write().status_code == 200
            keep(self, *args)

        return write_and_keep


def test_a_booking_leaves_what_is_kept(anonymous, django_assert_num_queries):
    """It changes nothing in it, and an on-sale must not empty the cache."""
    event = EventsTicketFactory().event
    anonymous.get(EVENTS)
    body = {"event_ticket": event.tickets.get().pk, "quantity": 2}
    assert client_of(UserFactory()).post(reverse("booking-list"), body).status_code == 201
    with django_assert_num_queries(0):
        anonymous.get(EVENTS)


class TestNothingPrivate:
    def test_what_a_member_sees_is_for_nobody_else(self, anonymous):
        draft = EventFactory(draft=True)
        detail = reverse("event-detail", args=[draft.pk])
        for client in (member_of(draft.organization), client_of(UserFactory(support=True))):
            assert ids(client.get(EVENTS, {"status": "DRAFT"})) == [draft.pk]
            assert client.get(detail).status_code == 200
            assert ids(anonymous.get(EVENTS, {"status": "DRAFT"})) == []
            assert anonymous.get(detail).status_code == 404

    def test_what_everybody_sees_does_not_stand_in_for_what_a_member_sees(self, anonymous):
        draft = EventFactory(draft=True)
        assert ids(anonymous.get(EVENTS, {"status": "DRAFT"})) == []
        member = member_of(draft.organization)
        assert ids(member.get(EVENTS, {"status": "DRAFT"})) == [draft.pk]

    @pytest.mark.parametrize("name", ["HTTP_AUTHORIZATION", "HTTP_COOKIE"])
    def test_a_request_with_credentials_is_neither_kept_nor_answered_from_it(self, anonymous, name):
        credentials = {name: "Basic x" if name == "HTTP_AUTHORIZATION" else "sessionid=x"}
        event = EventFactory(title="Old")
        anonymous.get(EVENTS, **credentials)
        rename_elsewhere(event)
        assert titles(anonymous) == ["Renamed"]
        rename_elsewhere(event, "Again")
        shown = anonymous.get(EVENTS, **credentials).json()["results"][0]["title"]
        assert shown == "Again"

    def test_a_token_that_is_not_valid_is_refused_all_the_same(self, anonymous):
        EventFactory()
        anonymous.get(EVENTS)
        assert anonymous.get(EVENTS, HTTP_AUTHORIZATION="Bearer x").status_code == 401

    def test_bookings_and_what_is_left_are_never_kept(self, anonymous):
        ticket = EventsTicketFactory(quota=10)
        available = reverse("event-available-tickets", args=[ticket.event_id])
        assert anonymous.get(available).json()[0]["available"] == 10
        BookingFactory(event_ticket=ticket, quantity=4)
        assert anonymous.get(available).json()[0]["available"] == 6
        assert not caches["public"]._cache


def test_each_query_host_and_scheme_has_an_answer_of_its_own(anonymous, settings):
    settings.ALLOWED_HOSTS = ["one.example.com", "two.example.com"]
    EventFactory.create_batch(3)
    for scheme in ("http", "https"):
        for host in settings.ALLOWED_HOSTS:
            for size in (1, 2):
                address = {"HTTP_HOST": host, "wsgi.url_scheme": scheme}
                answer = anonymous.get(EVENTS, {"page_size": size}, **address).json()
                assert len(answer["results"]) == size
                assert answer["next"].startswith(f"{scheme}://{host}/")


@pytest.mark.parametrize(
    ("params", "status"), [({"category": "x"}, 400), ({"page": "9"}, 404)], ids=str
)
def test_refusals_are_not_kept(anonymous, params, status):
    assert anonymous.get(EVENTS, params).status_code == status
    assert not caches["public"]._cache


def test_other_types_than_json_are_refused_before_and_after(anonymous):
    EventFactory()
    for _ in range(2):
        assert anonymous.get(EVENTS, HTTP_ACCEPT="text/html").status_code == 406
        assert anonymous.get(EVENTS).status_code == 200


def test_a_very_long_answer_is_not_kept(anonymous):
    EventFactory.create_batch(10, description="x" * 10_000)
    assert len(anonymous.get(EVENTS).content) > 64 * 1024
    assert not caches["public"]._cache
