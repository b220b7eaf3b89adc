"""Two editors who have read the same, on real PostgreSQL, steered to collide."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db.models import QuerySet
from django.urls import reverse

from tests.clients import client_of
from tests.common.test_if_match import RESOURCES
from tests.factories import UserFactory
from tests.races import race, unlocked

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=RESOURCES)
def resource(request) -> str:
    return request.param


def editors(
    resource: str, second: str = "patch"
) -> tuple[Callable[[], Any], Callable[[], Any], Any]:
    """Two of them, who have read a row of `resource`, and the row."""
    factory, field, mine, yours = RESOURCES[resource]
    row = factory()
    url = reverse(f"{resource}-detail", args=[row.pk])
    clients = [client_of(UserFactory(admin=True)) for _ in range(2)]
    tags = {client.get(url)["ETag"] for client in clients}
    assert len(tags) == 1
    sent = {"HTTP_IF_MATCH": tags.pop()}
    writes = (clients[0].patch, getattr(clients[1], second))
    bodies = ({field: mine}, {field: yours} if second == "patch" else None)
    first, other = (
        partial(write, url, body, **sent) for write, body in zip(writes, bodies, strict=True)
    )
    return first, other, row


def shown(resource: str, row: Any) -> str:
    row.refresh_from_db()
    return str(getattr(row, RESOURCES[resource][1]))


def test_one_of_them_is_told(resource):
    *calls, row = editors(resource)
    first, second = race(*calls)
    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["code"] == "changed_meanwhile"
    assert shown(resource, row) == str(RESOURCES[resource][2])


def test_who_wants_to_delete_it_too(resource):
    *calls, row = editors(resource, "delete")
    first, second = race(*calls)
    assert (first.status_code, second.status_code) == (200, 412)
    assert shown(resource, row) == str(RESOURCES[resource][2])


def test_without_locks_the_first_ones_change_would_be_lost(resource, monkeypatch):
    *calls, row = editors(resource)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **kwargs: self)
    with unlocked(monkeypatch):
        first, second = race(*calls)
    assert (first.status_code, second.status_code) == (200, 200)
    assert shown(resource, row) == str(RESOURCES[resource][3])
