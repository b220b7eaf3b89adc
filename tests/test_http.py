"""What HTTP promises of every route: who may keep an answer, ETags, HEAD and OPTIONS.

For the routes and callers of the table in tests/test_access.py, of which none is left out.
"""

from wsgiref.util import setup_testing_defaults

import pytest
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.urls import reverse

from tests.common.helpers import unchanged
from tests.factories import EventFactory, MembershipFactory, UserFactory
from tests.test_access import (
    BAD_TOKEN,
    BODIES,
    CALLERS,
    KNOWN,
    NEEDS_NO_TOKEN,
    ROWS,
    Row,
    World,
    cells,
    client_for,
    send,
    url_of,
)

pytestmark = pytest.mark.django_db

SECONDS = 5

# Without a token, these may be anybody's.
PUBLIC = {
    *("event-list", "event-detail", "event-calendar", "venue-schedule", "venue-calendar"),
    *(
        f"{row}-{page}"
        for row in ("category", "venue", "organization")
        for page in ("list", "detail")
    ),
}
OF_AN_ACCOUNT = {"me", "me-export"}
STREAMED = {"event-bookings-export"}
POSTS_WITHOUT_TOKEN = NEEDS_NO_TOKEN - {"schema", "swagger", "redoc"}
VARY = {"accept", "accept-encoding", "authorization", "cookie", "origin"}
OF_EACH_ANSWER = {"X-Request-ID", "Age"}


@pytest.fixture(autouse=True)
def _cache(settings):
    settings.PUBLIC_CACHE_SECONDS = SECONDS
    caches["public"].clear()
    yield
    caches["public"].clear()


def cache_control(row: Row, caller: str, status: int) -> str:
    if row.method != "GET" or status != 200 or row.route in OF_AN_ACCOUNT | STREAMED:
        return "private, no-store"
    if caller == "anonymous" and row.route in PUBLIC:
        return f"public, max-age={SECONDS}"
    return "private, no-cache"


def reads(*callers: str) -> list:
    return [cell for cell in cells(callers) if cell.values[0].method == "GET"]


def headers_of(response) -> dict[str, str]:
    return {name: value for name, value in response.items() if name not in OF_EACH_ANSWER}


@pytest.mark.parametrize(("row", "caller"), cells(("anonymous", "manager", "admin")))
def test_who_may_keep_an_answer(row, caller):
    world = World(caller)
    url, body = url_of(world, row.route, row.target), BODIES[row.body](world)
    response = send(client_for(world, caller), row.method, url, body)
    assert response["Cache-Control"] == cache_control(row, caller, response.status_code)


@pytest.mark.parametrize(("row", "caller"), reads("anonymous", "admin"))
def test_a_read_has_a_tag_by_which_it_is_not_sent_again(row, caller):
    world = World(caller)
    url, client = url_of(world, row.route, row.target), client_for(world, caller)
    first = client.get(url)
    if first.status_code != 200 or row.route in STREAMED:
        assert not first.has_header("ETag")
        return
    assert set(first["Vary"].lower().split(", ")) >= VARY
    again = client.get(url, HTTP_IF_NONE_MATCH=f'"other", W/{first["ETag"]}')
    assert (again.status_code, again.content) == (304, b"")
    assert not again.has_header("Content-Type")
    assert not again.has_header("Content-Length")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert again[name] == first[name]
    assert client.get(url, HTTP_IF_NONE_MATCH="*").status_code == 304
    for other in ('"other"', "other", "", first["ETag"].strip('"')):
        assert client.get(url, HTTP_IF_NONE_MATCH=other).content == first.content


@pytest.mark.parametrize(("row", "caller"), reads("anonymous", "manager"))
def test_head_is_get_without_a_body(row, caller):
    world = World(caller)
    url, client = url_of(world, row.route, row.target), client_for(world, caller)
    get, head = client.get(url), client.head(url)
    assert (head.status_code, head.getvalue()) == (get.status_code, b"")
    assert headers_of(head) == headers_of(get)


def test_head_leaves_no_body_to_the_server_to_drop():
    answered = {}
    environ = {"PATH_INFO": reverse("event-list"), "REQUEST_METHOD": "HEAD"}
    setup_testing_defaults(environ)
    environ["HTTP_HOST"] = "testserver"
    body = WSGIHandler()(environ, lambda status, headers: answered.update(headers))
    assert b"".join(body) == b""
    assert int(answered["Content-Length"]) > 0


ROUTES = list(dict.fromkeys(name for _, name in KNOWN))


def one_url(world: World, route: str) -> str:
    return url_of(world, route, next(row.target for row in ROWS if row.route == route))


class TestOptions:
    @pytest.mark.parametrize("route", ROUTES)
    def test_without_a_token_they_are_for_what_can_be_read_without_one(self, route):
        world = World("anonymous")
        is_public = route in NEEDS_NO_TOKEN or any(
            row.route == route and row.method == "GET" and row.statuses["anonymous"] == 200
            for row in ROWS
        )
        response = client_for(world, "anonymous").options(one_url(world, route))
        assert response.status_code == (200 if is_public else 401)
        assert response["Cache-Control"] == "private, no-store"
        if is_public:
            assert set(response.json()) >= {"name", "description", "renders", "parses"}
            assert ("actions" in response.json()) == (route in POSTS_WITHOUT_TOKEN)

    @pytest.mark.parametrize("route", ROUTES)
    def test_a_bad_token_is_refused_where_it_is_looked_at(self, route):
        world = World(BAD_TOKEN)
        response = client_for(world, BAD_TOKEN).options(one_url(world, route))
        assert response.status_code == (200 if route in NEEDS_NO_TOKEN else 401)

    @pytest.mark.parametrize("route", ROUTES)
    def test_nothing_changes(self, route):
        world = World("admin")
        url, client = one_url(world, route), client_for(world, "admin")
        with unchanged():
            assert client.options(url).status_code == 200

    @pytest.mark.parametrize(
        ("method", "route", "target", "field"),
        [
            ("POST", "event-list", "-", "starts_at"),
            ("PUT", "event-detail", "published_event", "starts_at"),
            ("PUT", "event-detail", "draft_event", "starts_at"),
            ("POST", "category-list", "-", "name"),
            ("PUT", "category-detail", "category", "name"),
            ("POST", "venue-list", "-", "capacity"),
            ("PUT", "venue-detail", "venue", "capacity"),
            ("POST", "organization-list", "-", "owner_email"),
            ("PUT", "organization-detail", "organization", "website"),
            ("POST", "ticket-list", "-", "quota"),
            ("PUT", "ticket-detail", "published_ticket", "quota"),
            ("POST", "booking-list", "-", "event_ticket"),
        ],
    )
    @pytest.mark.parametrize("caller", CALLERS[1:])
    def test_fields_are_for_those_who_may_write_them(self, method, route, target, field, caller):
        """Those whom the table does not answer 403 to the whole of what could be sent."""
        world = World(caller)
        url, client = url_of(world, route, target), client_for(world, caller)
        rows = [r for r in ROWS if (r.method, r.route, r.target) == (method, route, target)]
        may = any(row.statuses[caller] != 403 for row in rows)
        actions = client.options(url).json().get("actions", {})
        assert list(actions) == ([method] if may else [])
        if may:
            assert actions[method][field]["read_only"] is False
            assert actions[method].get("id", {"read_only": True})["read_only"] is True

    @pytest.mark.parametrize("caller", ["anonymous", "customer", "stranger"])
    def test_what_one_may_not_see_is_described_like_what_does_not_exist(self, caller):
        world = World(caller)
        client = client_for(world, caller)
        hidden, missing = (
            client.options(url_of(world, "event-detail", target))
            for target in ("draft_event", "nothing")
        )
        assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content)

    def test_the_rows_that_can_be_chosen_from_are_not_listed(self, admin):
        event = EventFactory(draft=True, organization__name="Secret")
        other = UserFactory(email="secret@example.com")
        MembershipFactory(user=other)
        for url in (reverse("event-detail", args=[event.pk]), reverse("organization-list")):
            assert b"ecret" not in admin.options(url).content

    def test_transitions_have_no_fields(self, admin):
        event = EventFactory(draft=True)
        assert "actions" not in admin.options(reverse("event-publish", args=[event.pk])).json()

    def test_preflights_are_answered_as_ever(self, anonymous, settings):
        settings.CORS_ALLOWED_ORIGINS = ["https://shop.example.com"]
        response = anonymous.options(
            reverse("booking-list"),
            HTTP_ORIGIN="https://shop.example.com",
            HTTP_ACCESS_CONTROL_REQUEST_METHOD="PUT",
        )
        assert (response.status_code, response.content) == (200, b"")
        allowed = response["Access-Control-Allow-Headers"].split(", ")
        assert {"if-match", "if-none-match", "idempotency-key"} <= set(allowed)


def test_scripts_of_other_sites_may_read_tags_and_locations(anonymous, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example.com"]
    response = anonymous.get(reverse("event-list"), HTTP_ORIGIN="https://shop.example.com")
    exposed = set(response["Access-Control-Expose-Headers"].split(", "))
    assert {"ETag", "Location"} <= exposed


def test_unknown_paths_and_unreadable_bodies_are_nobodys_to_keep(anonymous):
    assert anonymous.get("/api/v1/nothing/")["Cache-Control"] == "private, no-store"
    response = anonymous.get(reverse("event-list"), HTTP_ACCEPT="text/html")
    assert (response.status_code, response["Cache-Control"]) == (406, "private, no-store")


def test_without_a_public_cache_others_must_ask_each_time(anonymous, settings):
    settings.PUBLIC_CACHE_SECONDS = 0
    assert anonymous.get(reverse("event-list"))["Cache-Control"] == "no-cache"


def test_a_cookie_makes_a_read_ones_own(anonymous):
    response = anonymous.get(reverse("event-list"), HTTP_COOKIE="sessionid=x")
    assert response["Cache-Control"] == "private, no-cache"


def test_other_pages_are_left_alone(client):
    page = client.get(reverse("admin:login"))
    assert "no-store" in page["Cache-Control"]
    assert not page.has_header("ETag")
