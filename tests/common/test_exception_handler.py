"""What a client reads when the database refuses or is away: JSON in both cases."""

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError
from django.urls import reverse
from rest_framework.test import APIClient

from apps.common.queries import CompiledLookup
from apps.events import views as event_views
from apps.events.models import Event
from apps.events.querysets import EventQuerySet
from apps.venues.models import Venue
from tests.clients import client_of
from tests.common.helpers import unchanged
from tests.factories import EventFactory, UserFactory

pytestmark = pytest.mark.django_db

BUSY = {"detail": "The service is busy. Try again in a moment.", "code": "busy"}


@pytest.fixture
def fail(monkeypatch):
    """Makes an attribute raise whenever it is called."""

    def fail_with(target, name, error):
        def raise_error(*args, **kwargs):
            raise error

        monkeypatch.setattr(target, name, raise_error)

    return fail_with


@pytest.fixture
def publish():
    event = EventFactory(draft=True)
    client = client_of(UserFactory(admin=True))
    return lambda: client.post(reverse("event-publish", args=[event.pk]))


@pytest.mark.parametrize(
    "message",
    [
        "UNIQUE constraint failed: index 'venue_name_unique'",
        'duplicate key value violates unique constraint "venue_name_unique"',
    ],
)
def test_a_refused_write_is_a_conflict(fail, publish, message):
    fail(event_views, "publish_event", IntegrityError(message))
    with unchanged():
        response = publish()
    assert response.status_code == 400
    assert response["Content-Type"] == "application/json"
    assert sorted(response.json()) == ["code", "detail"]
    assert response.json()["code"] == "conflict"
    assert "venue_name_unique" not in response.json()["detail"]


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database is locked"),
        OperationalError("canceling statement due to lock timeout"),
        OperationalError("connection refused"),
        InterfaceError("connection already closed"),
    ],
)
def test_a_database_that_is_away_is_busy(fail, publish, error):
    fail(event_views, "publish_event", error)
    with unchanged():
        response = publish()
    assert response.status_code == 503
    assert response["Content-Type"] == "application/json"
    assert response.json() == BUSY
    assert int(response["Retry-After"]) > 0


def test_a_read_can_be_busy(fail, anonymous):
    fail(EventQuerySet, "published", OperationalError("connection refused"))
    response = anonymous.get(reverse("event-list"))
    assert response.status_code == 503
    assert response.json() == BUSY
    assert int(response["Retry-After"]) > 0


def test_the_look_at_the_token_can_be_busy(fail):
    client = client_of(UserFactory())
    fail(CompiledLookup, "find", OperationalError("connection refused"))
    response = client.get(reverse("me"))
    assert response.status_code == 503
    assert response.json() == BUSY


@pytest.mark.django_db(transaction=True)
def test_a_name_taken_meanwhile_is_a_conflict(monkeypatch):
    client = client_of(UserFactory(admin=True))
    Venue.objects.create(name="The Barn", capacity=10)
    # What a look at the names finds when the other request has not committed yet.
    monkeypatch.setattr(
        "rest_framework.validators.UniqueValidator.__call__", lambda *args, **kwargs: None
    )
    with unchanged():
        response = client.post(reverse("venue-list"), {"name": "the barn", "capacity": 10})
        assert response.status_code == 400
        assert response.json()["code"] == "conflict"


def test_a_row_deleted_meanwhile_is_not_found(fail, publish):
    fail(event_views, "publish_event", Event.DoesNotExist())
    response = publish()
    assert response.status_code == 404
    assert list(response.json()) == ["detail"]


def test_a_mistake_of_ours_is_not_dressed_up(fail, publish):
    fail(event_views, "publish_event", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        publish()


def test_nothing_is_said_about_the_database(fail):
    client = APIClient(raise_request_exception=False)
    fail(EventQuerySet, "published", OperationalError("password of btick at 10.0.0.7"))
    response = client.get(reverse("event-list"))
    assert b"10.0.0.7" not in response.content
