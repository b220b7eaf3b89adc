"""Bad input is the caller's mistake, never ours: 400, and not a column of a row has changed."""

import json

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.common.endpoints import ENDPOINTS, make_world
from tests.common.helpers import assert_invalid, unchanged

pytestmark = pytest.mark.django_db

by_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)

FIELDS = [
    pytest.param(endpoint, name, id=f"{endpoint} {name}")
    for endpoint in ENDPOINTS
    for name in endpoint.fields
]
REQUIRED = [
    pytest.param(endpoint, name, id=f"{endpoint} {name}")
    for endpoint in ENDPOINTS
    for name in endpoint.required
]
# These actions read nothing but their path.
WITHOUT_BODY = {
    *("event-publish", "event-cancel", "organization-leave"),
    *("booking-cancel", "booking-confirm", "booking-refund"),
}

BAD_BODIES = {
    "cut off": b"{",
    "single quotes": b"{'name': 'a'}",
    "followed by more": b'{"name": "a"} and more',
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "a number of 10,000 digits": b'{"name": ' + b"9" * 10_000 + b"}",
    "a list": b"[]",
    "a list of objects": b'[{"name": "a"}]',
    "a string": b'"name"',
    "an empty string": b'""',
    "a number": b"7",
    "zero": b"0",
    "null": b"null",
    "true": b"true",
    "spaces": b"   ",
    "nested too deeply, cut off": b"[" * 30_000,
    "lists nested too deeply": b"[" * 30_000 + b"]" * 30_000,
    "objects nested too deeply": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "not UTF-8": b'{"name": "\xff"}',
    "an encoded surrogate": b'{"name": "\xed\xa0\x80"}',
    "Latin-1": '{"name": "ä"}'.encode("latin-1"),
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a raw NUL": b'{"name": "a\x00b"}',
    "an escaped NUL": rb'{"name": "a\u0000b"}',
    "a NUL deep inside": rb'{"other": {"deep": ["a\u0000"]}}',
    "a NUL in a key": rb'{"na\u0000me": 1}',
    "a high surrogate alone": rb'{"name": "\ud800"}',
    "a low surrogate alone": rb'{"name": "\udfff x"}',
    "a surrogate in a key": rb'{"\udc00": 1}',
}
OTHER_CONTENT_TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "application/xml",
    "application/jsonp",
    "application",
    "x" * 1000,
]


@pytest.fixture
def world():
    return make_world()


def label(value):
    text = repr(value)
    return text if len(text) < 60 else f"{text[:40]}… ({len(text)} characters)"


@by_endpoint
def test_the_good_body_is_accepted(world, endpoint):
    response = endpoint.send(world, endpoint.good(world))
    assert response.status_code == endpoint.status, response.content


@pytest.mark.parametrize(("endpoint", "name"), FIELDS)
def test_a_bad_value_is_refused(world, endpoint, name):
    good, kind = endpoint.good(world), endpoint.fields[name]
    spoilt = [spoil(good[name]) for spoil in kind.spoilt]
    answers = {}
    with unchanged():
        for value in (*kind.bad, *spoilt):
            response = endpoint.send(world, {**good, name: value})
            answers[label(value)] = (response.status_code, sorted(response.json() or []))
    wrong = {value: answer for value, answer in answers.items() if answer != (400, [name])}
    assert wrong == {}


@pytest.mark.parametrize(("endpoint", "name"), REQUIRED)
def test_a_missing_field_is_named(world, endpoint, name):
    body = {field: value for field, value in endpoint.good(world).items() if field != name}
    with unchanged():
        assert_invalid(endpoint.send(world, body), name)


@pytest.mark.parametrize(
    "endpoint", [endpoint for endpoint in ENDPOINTS if endpoint.required], ids=str
)
def test_all_missing_fields_are_named(world, endpoint):
    with unchanged():
        assert_invalid(endpoint.send(world, {}), *endpoint.required)


@pytest.mark.parametrize(
    "endpoint", [endpoint for endpoint in ENDPOINTS if endpoint.method == "patch"], ids=str
)
def test_a_partial_update_of_nothing_is_accepted(world, endpoint):
    assert endpoint.send(world, {}).status_code == 200


@by_endpoint
def test_a_bad_body_is_refused(world, endpoint):
    answers = {}
    with unchanged():
        for name, body in BAD_BODIES.items():
            response = endpoint.send_raw(world, body)
            answers[name] = (response.status_code, list(response.json()))
    assert answers == dict.fromkeys(BAD_BODIES, (400, ["detail"]))


@by_endpoint
def test_text_that_no_column_can_hold_is_refused(world, endpoint):
    good, answers = endpoint.good(world), {}
    with unchanged():
        for name in endpoint.fields:
            for text in ("a\0b", "a\ud800"):
                response = endpoint.send_raw(world, json.dumps({**good, name: text}))
                answers[name, text] = response.status_code
    assert set(answers.values()) == {400}, answers


@by_endpoint
def test_another_content_type_is_refused(world, endpoint):
    body, answers = json.dumps(endpoint.good(world)), {}
    with unchanged():
        for content_type in OTHER_CONTENT_TYPES:
            response = endpoint.send_raw(world, body, content_type)
            answers[content_type] = (response.status_code, list(response.json()))
    assert answers == dict.fromkeys(OTHER_CONTENT_TYPES, (415, ["detail"]))


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "application/json; charset=utf-16", "Application/JSON"],
)
def test_json_is_utf_8_whatever_its_charset_says(world, content_type):
    body = '{"name": "Ö"}'.encode()
    url = reverse("category-list")
    response = world.client.generic("POST", url, body, content_type=content_type)
    assert response.status_code == 201
    assert response.json()["name"] == "Ö"


def test_a_number_beyond_every_float_is_refused(world):
    ticket = f'{{"price": 1e999, "quota": 1, "ticket_type": "VIP", "event": {world.id("event")}}}'
    with unchanged():
        url = reverse("ticket-list")
        response = world.client.generic("POST", url, ticket, content_type="application/json")
        assert_invalid(response, "price")


@pytest.mark.parametrize("key", ["", "x" * 256, "x" * 300, "x" * 100_000, "a\0b"])
def test_a_bad_idempotency_key_is_refused(world, key):
    endpoint = ENDPOINTS[-1]
    with unchanged():
        headers = {"Idempotency-Key": key}
        response = endpoint.send(world, endpoint.good(world), headers=headers)
        assert_invalid(response, "Idempotency-Key")


@pytest.mark.parametrize("key", ["x", "x" * 255, "a-b c"])
def test_a_good_idempotency_key_is_accepted(world, key):
    endpoint = ENDPOINTS[-1]
    response = endpoint.send(world, endpoint.good(world), headers={"Idempotency-Key": key})
    assert response.status_code == 201


def routes(patterns=None):
    """Each route's name and the methods of its view."""
    for pattern in patterns or get_resolver().url_patterns:
        if isinstance(pattern, URLResolver) and "admin" not in str(pattern.pattern):
            yield from routes(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            view = pattern.callback
            methods = getattr(view, "actions", None) or {
                method
                for method in getattr(view, "view_class", object).http_method_names
                if hasattr(view.view_class, method)
            }
            yield pattern.name, set(methods)


def test_no_endpoint_with_a_body_is_missing_here():
    reading = {
        (method, name)
        for name, methods in routes()
        for method in methods & {"post", "put", "patch"}
        if name not in WITHOUT_BODY
    }
    assert reading == {(endpoint.method, endpoint.route) for endpoint in ENDPOINTS}
