"""Lists read to their end: every row once and in order, by page numbers, by cursor, by both."""

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.bookings.models import Booking
from apps.common import walks
from apps.common.walks import encode_cursor
from apps.events.models import Event
from tests.common.helpers import assert_invalid, ids
from tests.common.lists import LISTINGS, VALUES, make_event, make_owner, make_rows
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db

by_listing = pytest.mark.parametrize("listing", LISTINGS, ids=str)
by_direction = pytest.mark.parametrize("direction", ["", "-"])
ORDERINGS = [
    pytest.param(listing, field, id=f"{listing} {field}")
    for listing in LISTINGS
    for field in listing.ordering_fields
]
(EVENTS,) = (each for each in LISTINGS if each.route == "event-list")
(BOOKINGS,) = (each for each in LISTINGS if each.route == "booking-list")
# None is a row without a value. Names are unique: there are no ties.
NUMBERS = {"expires_at": [1, None, 0, 1, None, 0, 1, None, 2], "name": [3, 1, 0, 4, 2]}
TIES = [1, 0, 1, 2, 0, 1, 0]


@pytest.fixture
def owner():
    return make_owner()


@pytest.fixture
def limit(monkeypatch):
    """Counting, and with it page numbers, stop at three rows."""
    monkeypatch.setattr(walks, "COUNT_LIMIT", 3)


def make(listing, owner, field):
    """Rows with ties, and where the column allows it without a value, in no order."""
    numbers = NUMBERS.get(field, TIES)
    rows = make_rows(listing, owner, field, [number or 0 for number in numbers])
    for row, number in zip(rows, numbers, strict=True):
        if number is None:
            type(row)._default_manager.filter(pk=row.pk).update(**{field: None})
            row.refresh_from_db()
    return rows


def in_order(rows, field, direction):
    """Their ids by the value, then by id in the same direction, those without a value last."""

    def sort(some):
        keyed = sorted(some, key=lambda row: (getattr(row, field) or 0, row.pk))
        return keyed[::-1] if direction else keyed

    with_value = [row for row in rows if getattr(row, field) is not None]
    without = [row for row in rows if getattr(row, field) is None]
    return [row.pk for row in (*sort(with_value), *sort(without))]


def pages(listing, owner, **params):
    """Every page, from the one that `params` ask for to the last that `next` leads to."""
    response = listing.get(owner, **params)
    for _ in range(100):
        assert response.status_code == 200, response.content
        yield response.json()
        if response.json()["next"] is None:
            return
        response = owner.client.get(response.json()["next"])
    pytest.fail("next never ends")


def walked(listing, owner, **params):
    return [row["id"] for page in pages(listing, owner, **params) for row in page["results"]]


def cursor_in(link):
    return parse_qs(urlsplit(link).query)["cursor"][0]


@pytest.mark.parametrize(("listing", "field"), ORDERINGS)
@by_direction
class TestEveryRowIsSeenOnceAndInOrder:
    def check(self, listing, owner, field, direction, found, rows):
        made = {row.pk for row in rows}
        assert len(set(found)) == len(found) == len(rows) + listing.others
        assert [pk for pk in found if pk in made] == in_order(rows, field, direction)

    @pytest.mark.parametrize("page_size", [1, 2, 3, 20])
    def test_by_cursor(self, owner, listing, field, direction, page_size):
        rows = make(listing, owner, field)
        params = {"cursor": "", "ordering": direction + field, "page_size": page_size}
        self.check(listing, owner, field, direction, walked(listing, owner, **params), rows)

    @pytest.mark.parametrize("page_size", [1, 2, 4])
    def test_by_page_numbers(self, owner, listing, field, direction, page_size):
        rows = make(listing, owner, field)
        params = {"ordering": direction + field, "page_size": page_size}
        self.check(listing, owner, field, direction, walked(listing, owner, **params), rows)

    @pytest.mark.parametrize("page_size", [1, 2, 3, 4])
    def test_by_page_numbers_and_on(self, owner, limit, listing, field, direction, page_size):
        rows = make(listing, owner, field)
        params = {"ordering": direction + field, "page_size": page_size}
        self.check(listing, owner, field, direction, walked(listing, owner, **params), rows)


@pytest.mark.parametrize(
    "ordering", ["starts_at,-title", "-title,created_at", "title,starts_at", "starts_at,starts_at"]
)
def test_columns_may_point_both_ways(owner, monkeypatch, ordering):
    for title, day in [("b", 1), ("a", 1), ("a", 2), ("b", 2), ("a", 1), ("c", 1)]:
        row = make_event(owner)
        Event.objects.filter(pk=row.pk).update(title=title, starts_at=VALUES["starts_at"](day))
    everything = ids(EVENTS.get(owner, ordering=ordering))
    assert len(everything) == 6
    monkeypatch.setattr(walks, "COUNT_LIMIT", 3)
    for params in ({"cursor": ""}, {}):
        assert walked(EVENTS, owner, ordering=ordering, page_size=1, **params) == everything
        assert walked(EVENTS, owner, ordering=ordering, page_size=2, **params) == everything


@pytest.mark.parametrize("ordering", ["created_at,-expires_at", "-expires_at,created_at"])
def test_a_column_without_values_may_come_anywhere(owner, ordering):
    moments = [VALUES["created_at"](day) for day in (1, 2)]
    for created_at in moments:
        for expires_at in (None, moments[0], None, moments[1], moments[0]):
            row = BOOKINGS.make(owner)
            Booking.objects.filter(pk=row.pk).update(created_at=created_at, expires_at=expires_at)
    everything = ids(BOOKINGS.get(owner, ordering=ordering))
    assert len(everything) == 10
    for size in (1, 2, 3):
        found = walked(BOOKINGS, owner, ordering=ordering, page_size=size, cursor="")
        assert found == everything


class TestAWalk:
    def test_its_pages(self, owner):
        rows = make(EVENTS, owner, "starts_at")
        expected = in_order(rows, "starts_at", "")
        url = f"http://testserver{EVENTS.url(owner)}"
        first, *others = pages(EVENTS, owner, cursor="", page_size=3)
        last = Event.objects.get(pk=expected[2])
        cursor = encode_cursor(("starts_at", "id"), (last.starts_at, last.pk))
        assert first["next"] == f"{url}?cursor={cursor}&page_size=3"
        assert [row["id"] for row in first["results"]] == expected[:3]
        assert [len(page["results"]) for page in others] == [3, 1]
        for page in (first, *others):
            assert list(page) == ["count", "next", "previous", "results"]
            assert (page["count"], page["previous"]) == (None, None)

    def test_a_last_page_that_is_full_is_the_last(self, owner):
        make_rows(EVENTS, owner, "starts_at", [0, 1, 2, 3])
        sizes = [len(page["results"]) for page in pages(EVENTS, owner, cursor="", page_size=2)]
        assert sizes == [2, 2]

    @by_listing
    def test_of_nothing_ends_at_once(self, owner, listing):
        body = listing.get(owner, cursor="").json()
        assert (body["count"], body["next"], body["previous"]) == (None, None, None)
        assert len(body["results"]) == listing.others

    def test_takes_filters_along(self, owner):
        wanted = [make_event(owner).pk for _ in range(3)]
        EventFactory.create_batch(3)
        organization = owner.event.organization_id
        params = {"organization": organization, "ordering": "-created_at", "page_size": 1}
        assert walked(EVENTS, owner, cursor="", **params) == wanted[::-1]
        for page in list(pages(EVENTS, owner, cursor="", **params))[:-1]:
            query = parse_qs(urlsplit(page["next"]).query)
            del query["cursor"]
            assert query == {name: [str(value)] for name, value in params.items()}

    def test_rows_that_come_and_go_leave_the_others_alone(self, owner):
        rows = make_rows(EVENTS, owner, "starts_at", [0, 2, 2, 2, 4])
        walk = pages(EVENTS, owner, cursor="", page_size=2)
        first = next(walk)["results"]
        assert [row["id"] for row in first] == [rows[0].pk, rows[1].pk]
        # The row that the cursor is made of goes, one before it goes, and one that is to come.
        for row in (rows[0], rows[1], rows[3]):
            row.delete()
        _before, after = make_rows(EVENTS, owner, "starts_at", [1, 3])
        rest = [row["id"] for page in walk for row in page["results"]]
        # Between the first and the third value, this one sorts before where the walk is.
        assert rest == [rows[2].pk, after.pk, rows[4].pk]

    def test_a_hold_that_is_confirmed_meanwhile_is_not_lost(self, owner):
        rows = make_rows(BOOKINGS, owner, "expires_at", [0, 1, 2])
        walk = pages(BOOKINGS, owner, cursor="", ordering="expires_at", page_size=1)
        assert next(walk)["results"][0]["id"] == rows[0].pk
        Booking.objects.filter(pk=rows[1].pk).update(expires_at=None)
        rest = [row["id"] for page in walk for row in page["results"]]
        assert rest == [rows[2].pk, rows[1].pk]

    @by_listing
    def test_neither_counts_nor_skips(self, owner, listing):
        for _ in range(4):
            listing.make(owner)
        link = listing.get(owner, cursor="", page_size=2).json()["next"]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            owner.client.get(link)
        for query in captured.captured_queries:
            assert "COUNT(" not in query["sql"]
            assert "OFFSET" not in query["sql"]

    def test_can_be_started_anywhere(self, owner):
        rows = make_rows(EVENTS, owner, "title", [0, 1, 2])
        by_title = {row.title: row.pk for row in rows}
        cursor = encode_cursor(("title", "id"), ("title 7", 2**62))
        assert ids(EVENTS.get(owner, cursor=cursor, ordering="title")) == [by_title["title 8"]]


class TestCounting:
    def test_is_exact_up_to_its_limit(self, owner, limit):
        make_rows(EVENTS, owner, "starts_at", [0, 1, 2])
        body = EVENTS.get(owner).json()
        assert (body["count"], body["next"]) == (3, None)
        last = EVENTS.get(owner, page=2, page_size=2).json()
        assert (last["count"], last["next"]) == (3, None)
        assert EVENTS.get(owner, page=3, page_size=2).json() == {"detail": "Invalid page."}

    def test_stops_there(self, owner, limit):
        rows = make_rows(EVENTS, owner, "starts_at", [0, 1, 2, 3])
        first, last = (EVENTS.get(owner, page=n, page_size=2).json() for n in (1, 2))
        assert (first["count"], last["count"]) == (3, 3)
        assert [row["id"] for row in last["results"]] == [rows[2].pk]
        assert "page=2" in first["next"]
        cursor = encode_cursor(("starts_at", "id"), (rows[2].starts_at, rows[2].pk))
        url = f"http://testserver{EVENTS.url(owner)}"
        assert last["next"] == f"{url}?cursor={cursor}&page_size=2"
        assert last["previous"] == f"{url}?page_size=2"
        assert ids(owner.client.get(last["next"])) == [rows[3].pk]

    @by_listing
    def test_a_page_behind_it_says_how_to_go_on(self, owner, limit, listing):
        for _ in range(4 - listing.others):
            listing.make(owner)
        response = listing.get(owner, page=4, page_size=1)
        assert response.status_code == 404
        assert response.json() == {
            "detail": "Page numbers end after 3 rows: walk on by `next`, or from the start by "
            "`?cursor=`."
        }
        assert listing.get(owner, page=3, page_size=1).status_code == 200
        for page in ("0", "x"):
            assert listing.get(owner, page=page).json() == {"detail": "Invalid page."}

    def test_is_ten_thousand_at_most(self):
        assert walks.COUNT_LIMIT == 10_000

    def test_reads_no_more_rows_than_it_counts(self, owner):
        EVENTS.make(owner)
        with CaptureQueriesContext(connection) as captured:
            EVENTS.get(owner)
        (counting,) = (each for each in captured.captured_queries if "COUNT(" in each["sql"])
        assert "LIMIT 10001" in counting["sql"]


def spelled(content):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


NOW = datetime(2030, 5, 17, 20, tzinfo=UTC).isoformat()
ORDER = ["starts_at", "id"]
GOOD = [ORDER, [NOW, 7]]
MALFORMED = {
    "not base64": ["x", "7", "!", "é", "\0", "a b", "%00", "null", "-1"],
    "another base64": [f"{encode_cursor(*GOOD)}=", encode_cursor(*GOOD) + "\n", "=", "===="],
    "not JSON": [spelled(b"x"), spelled(b"[1"), spelled(b"\xff"), spelled(b"NaN")],
    "spelled otherwise": [spelled(json.dumps(GOOD, indent=1).encode())],
    "another shape": [
        spelled(content)
        for content in (
            *(None, 7, "ab", [], {}, [[]], [[], []], [ORDER], [ORDER, []], [ORDER, [NOW]]),
            *([ORDER, [NOW, 7, 7]], [ORDER, [NOW, 7], 7], [ORDER, None], [ORDER, 7]),
            *([ORDER, {NOW: 1, "7": 2}], {"a": ORDER, "b": [NOW, 7]}, [ORDER, NOW]),
        )
    ],
    "another type": [
        spelled([ORDER, values])
        for values in (
            *([NOW, "7"], [NOW, True], [NOW, 7.0], [NOW, None], [NOW, [7]], [NOW, {"id": 7}]),
            *([None, 7], [7, 7], [True, 7], [[NOW], 7], [{}, 7], ["", 7], ["tomorrow", 7]),
        )
    ],
    "impossible values": [
        spelled([ORDER, values])
        for values in (
            *([NOW, 2**63], [NOW, -1], [NOW, 10**400], ["2030-02-30T00:00:00+00:00", 7]),
            *(["2030-05-17T20:00:00", 7], ["2030-05-17", 7], ["0000-01-01T00:00:00+00:00", 7]),
            *(["0001-01-01T00:00:00+14:00", 7], ["9999-12-31T23:59:59-12:00", 7], [f"{NOW}\0", 7]),
            *(["\ud800", 7], ["10000-01-01T00:00:00+00:00", 7]),
        )
    ],
    "nested": [spelled(b"[" * 100_000), spelled(b"[" * 900 + b"]" * 900)],
    "huge": ["A" * 1_000_000, spelled([ORDER, [NOW, "9" * 100_000]]), spelled(b"9" * 100_000)],
}
OTHER_ORDERS = [
    encode_cursor(("-starts_at", "-id"), (NOW, 7)),
    encode_cursor(("id",), (7,)),
    encode_cursor(("title", "id"), ("x", 7)),
    encode_cursor(("id", "starts_at"), (7, NOW)),
    encode_cursor((), ()),
]


class TestBadCursors:
    @pytest.mark.parametrize("cursors", MALFORMED.values(), ids=MALFORMED)
    def test_are_refused(self, owner, cursors):
        EVENTS.make(owner)
        answers = {cursor: EVENTS.get(owner, cursor=cursor) for cursor in cursors}
        wrong = {
            cursor: response.content
            for cursor, response in answers.items()
            if (response.status_code, response.content)
            not in [
                (400, b'{"cursor":["This is no cursor of this list."]}'),
                (400, b'{"cursor":["This cursor belongs to a list in another order."]}'),
            ]
        }
        assert wrong == {}

    @pytest.mark.parametrize("pk", [0, 7, 2**63 - 1])
    def test_but_good_ones_are_not(self, owner, pk):
        cursor = encode_cursor(ORDER, (datetime.fromisoformat(NOW), pk))
        assert cursor == spelled(json.dumps([ORDER, [NOW, pk]], separators=(",", ":")).encode())
        assert EVENTS.get(owner, cursor=cursor).status_code == 200

    @pytest.mark.parametrize("cursor", OTHER_ORDERS)
    def test_of_another_ordering_are_refused(self, owner, cursor):
        response = EVENTS.get(owner, cursor=cursor)
        assert response.json() == {"cursor": ["This cursor belongs to a list in another order."]}
        assert response.status_code == 400

    @pytest.mark.parametrize("value", ["NaN", "Infinity", "1E+999", "1_0", "x", "", 5, None, 1.5])
    def test_with_a_price_that_is_none_are_refused(self, owner, value):
        (tickets,) = (each for each in LISTINGS if each.route == "ticket-list")
        cursor = spelled(json.dumps([["price", "id"], [value, 7]], separators=(",", ":")).encode())
        assert_invalid(tickets.get(owner, ordering="price", cursor=cursor), "cursor")

    @pytest.mark.parametrize("value", ["\0", "a\0b", "\ud800", None, 5, [], {}])
    def test_with_a_title_that_is_none_are_refused(self, owner, value):
        cursor = spelled(json.dumps([["title", "id"], [value, 7]], separators=(",", ":")).encode())
        assert_invalid(EVENTS.get(owner, ordering="title", cursor=cursor), "cursor")

    @by_listing
    def test_are_refused_by_every_list(self, owner, listing):
        assert_invalid(listing.get(owner, cursor="x"), "cursor")

    @by_listing
    @pytest.mark.parametrize("cursor", ["", "x"])
    @pytest.mark.parametrize("page", ["1", "2", "x"])
    def test_go_with_no_page(self, owner, listing, cursor, page):
        response = listing.get(owner, cursor=cursor, page=page)
        assert_invalid(response, "cursor")
        assert response.json() == {"cursor": ["Send a page or a cursor, not both."]}

    def test_an_empty_page_is_none(self, owner):
        assert EVENTS.get(owner, cursor="", page="").json()["count"] is None

    def test_titles_in_any_script_are_walked(self, owner):
        titles = ["ä", "Ω", "日本", "🎭 night", 'quo"te', "back\\slash", "a&b=c#?/+ %", "x" * 200]
        for title in titles:
            Event.objects.filter(pk=make_event(owner).pk).update(title=title)
        found = walked(EVENTS, owner, cursor="", ordering="title", page_size=1)
        assert found == ids(EVENTS.get(owner, ordering="title"))
        assert len(found) == len(titles)


class TestBookingsOfOneEvent:
    """They are put together from those of its ticket types."""

    @pytest.fixture(params=["event-bookings", "booking-list"])
    def listing(self, request):
        (found,) = (each for each in LISTINGS if each.route == request.param)
        return found

    def params(self, listing, owner):
        return {} if listing.row else {"event": owner.event.pk}

    @pytest.mark.parametrize("ordering", ["created_at", "-created_at", "expires_at", "-expires_at"])
    def test_of_several_types_are_in_one_order(self, owner, limit, listing, ordering):
        tickets = EventsTicketFactory.create_batch(3, event=owner.event)
        BookingFactory.create_batch(2)
        field = ordering.lstrip("-")
        rows = []
        for number in (3, 1, 2, None, 1, 3, 2, None, None, 1):
            row = BookingFactory(event_ticket=tickets[len(rows) % 3])
            value = None if number is None else VALUES[field](number)
            if value or field == "expires_at":
                Booking.objects.filter(pk=row.pk).update(**{field: value})
            row.refresh_from_db()
            rows.append(row)
        expected = in_order(rows, field, ordering[: -len(field)])
        params = {**self.params(listing, owner), "ordering": ordering}
        for size in (1, 3, 4, 20):
            assert walked(listing, owner, **params, page_size=size) == expected
            assert walked(listing, owner, **params, page_size=size, cursor="") == expected

    def test_filters_hold(self, owner, listing):
        (ticket, other) = EventsTicketFactory.create_batch(2, event=owner.event)
        BookingFactory(event_ticket=ticket)
        confirmed = BookingFactory.create_batch(3, event_ticket=ticket, confirmed=True)
        BookingFactory(event_ticket=other, confirmed=True)
        params = {**self.params(listing, owner), "event_ticket": ticket.pk, "status": "CONFIRMED"}
        expected = [row.pk for row in confirmed[::-1]]
        assert walked(listing, owner, **params, page_size=2) == expected
        assert walked(listing, owner, **params, page_size=2, cursor="") == expected

    def test_statements_do_not_grow_with_the_types(self, owner, listing):
        numbers = set()
        for _ in range(3):
            for ticket in EventsTicketFactory.create_batch(4, event=owner.event):
                BookingFactory.create_batch(2, event_ticket=ticket)
            with CaptureQueriesContext(connection) as captured:
                response = listing.get(owner, **self.params(listing, owner), page_size=5)
            assert len(ids(response)) == 5
            numbers.add(len(captured))
        assert len(numbers) == 1
