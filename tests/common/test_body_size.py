"""How much a request may send."""

import json

import pytest
from django.urls import reverse

from tests.common.helpers import unchanged
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

LIMIT = 256 * 1024


def body_of(size: int) -> str:
    """A registration that is valid but for its size, which spaces make up."""
    body = json.dumps({"email": "ann@example.com", "password": PASSWORD})
    return body + " " * (size - len(body))


def send(client, size):
    return client.generic("POST", reverse("register"), body_of(size), "application/json")


def test_a_body_of_the_limit_is_read(anonymous):
    assert send(anonymous, LIMIT).status_code == 201


@pytest.mark.parametrize("size", [LIMIT + 1, 20 * LIMIT])
def test_a_larger_body_is_refused_unread(anonymous, size):
    with unchanged():
        response = send(anonymous, size)
    assert response.status_code == 413
    assert response.json() == {"detail": "The body is too large."}


def test_a_description_of_full_length_fits_however_it_is_escaped(admin):
    text = json.dumps({"description": "\U0001f3b5" * 10_000})
    response = admin.generic("PATCH", reverse("event-detail", args=[1]), text, "application/json")
    assert response.status_code == 404
