"""gzip for what is worth it, and nothing mixed up by it: tags, caches, lengths."""

import gzip

import pytest
from django.core.cache import caches
from django.urls import reverse

from apps.common.compression import MIN_BYTES
from tests.factories import EventFactory, UserFactory

pytestmark = pytest.mark.django_db

GZIP = {"HTTP_ACCEPT_ENCODING": "br, gzip;q=0.8"}


@pytest.fixture(autouse=True)
def _cache():
    caches["public"].clear()
    yield
    caches["public"].clear()


@pytest.fixture
def path() -> str:
    """An event's, of more than MIN_BYTES."""
    return reverse("event-detail", args=[EventFactory(description="x" * MIN_BYTES).pk])


def test_a_long_answer_is_compressed_for_those_who_accept_it(anonymous, path):
    plain, packed = anonymous.get(path), anonymous.get(path, **GZIP)
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed["Content-Length"] == str(len(packed.content))
    assert len(packed.content) < len(plain.content)
    assert packed["ETag"] == f"W/{plain['ETag']}"
    assert not plain.has_header("Content-Encoding")
    assert plain["Content-Length"] == str(len(plain.content))
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer["Vary"]


@pytest.mark.parametrize(("missing", "is_packed"), [(0, True), (1, False)])
def test_a_short_answer_is_not(anonymous, missing, is_packed):
    event = EventFactory(description="x")
    path = reverse("event-detail", args=[event.pk])
    event.description = "x" * (MIN_BYTES + 1 - missing - len(anonymous.get(path).content))
    event.save(update_fields=["description"])
    answer = anonymous.get(path, **GZIP)
    assert answer.has_header("Content-Encoding") == is_packed


def test_refusals_and_answers_to_writes_too(admin, path):
    answer = admin.patch(path, {"title": "New"}, **GZIP)
    assert answer["Content-Encoding"] == "gzip"
    assert answer["ETag"].startswith('W/"')


def test_the_length_says_nothing_of_the_content(anonymous, path):
    """BREACH guesses at secrets by what compresses better."""
    assert len({len(anonymous.get(path, **GZIP).content) for _ in range(20)}) > 1


def test_the_public_cache_gives_each_client_its_encoding(anonymous, path, settings):
    settings.PUBLIC_CACHE_SECONDS = 5
    encodings = [
        anonymous.get(path, **headers).get("Content-Encoding") for headers in (GZIP, {}, GZIP, {})
    ]
    assert encodings == ["gzip", None, "gzip", None]


@pytest.mark.parametrize("seconds", [0, 5])
def test_a_tag_is_good_for_either_encoding(anonymous, path, settings, seconds):
    settings.PUBLIC_CACHE_SECONDS = seconds
    for first in (GZIP, {}):
        tag = anonymous.get(path, **first)["ETag"]
        for second in (GZIP, {}):
            answer = anonymous.get(path, HTTP_IF_NONE_MATCH=tag, **second)
            assert (answer.status_code, answer.content) == (304, b"")
            assert not answer.has_header("Content-Encoding")
            assert "Accept-Encoding" in answer["Vary"]


def test_django_admin_is_left_alone(client):
    client.force_login(UserFactory(admin=True))
    page = client.get(reverse("admin:index"), **GZIP)
    assert len(page.content) > MIN_BYTES
    assert not page.has_header("Content-Encoding")
