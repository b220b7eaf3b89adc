"""How PostgreSQL finds the rows of every list: what it reads does not grow with the tables."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.common.walks import encode_cursor
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from tests.clients import client_of

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

LARGE_TABLES = {"events_event", "tickets_eventsticket", "bookings_booking"}

# What a node of a plan may have in its hands: 20 rows and a few more; with a filter, what it leaves
# out, or all that it finds to be sorted, or what two indexes find; on a numbered page also all
# rows before it. A count stops after 10,001 rows, and alone may read a table until then.
ROWS_OF_A_PAGE = 1_000
ROWS_OF_A_FILTERED_PAGE = 12_000
ROWS_OF_A_DEEP_PAGE, DEEP_PAGE = 25_000, 100
ROWS_OF_A_COUNT = 60_000

# Of 100 events one is cancelled and two are drafts; 25 each begin at one moment. One event has
# 30,000 bookings of five types, none of them among the newest; the others have a few or none. Of
# 50 bookings two are CANCELLED and three are PENDING.
TABLES = """
-- What a request may take is not enough on a slow machine.
SET LOCAL statement_timeout = 0;
-- Every table is analyzed before others refer to it: a session that has checked a foreign key while
-- it was empty goes on reading it from its start, row by row. By name, for those that all
-- databases share would stay locked for others as long as this is open.
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO accounts_user (id, email, password, first_name, last_name, is_active, is_staff,
    is_superuser, is_support, date_joined, updated_at)
SELECT n, 'user' || n || '@example.com', '', '', '', true, n = 1, n = 1, n = 2, now(), now()
FROM generate_series(1, 20000) n;
ANALYZE accounts_user;

INSERT INTO organizations_organization (id, name, website, contact_email, created_at, updated_at)
SELECT n, 'Organization ' || n, '', '', now(), now() FROM generate_series(1, 1000) n;
ANALYZE organizations_organization;

INSERT INTO organizations_membership (user_id, organization_id, role, created_at, updated_at)
SELECT n + 100, n, 'OWNER', now(), now() FROM generate_series(1, 1000) n;
ANALYZE organizations_membership;

INSERT INTO venues_venue (id, name, address, capacity, created_at, updated_at)
SELECT n, 'Venue ' || n, '', 100000, now(), now() FROM generate_series(1, 500) n;
ANALYZE venues_venue;

INSERT INTO events_eventcategory (id, name, created_at, updated_at)
SELECT n, 'Category ' || n, now(), now() FROM generate_series(1, 10) n;
ANALYZE events_eventcategory;

INSERT INTO events_event (id, organization_id, venue_id, category_id, title, description, status,
    starts_at, ends_at, published_at, created_at, updated_at)
SELECT n, 1 + n * 7 % 1000, 1 + n * 11 % 500, 1 + n * 3 % 10, md5(n::text), '', status, starts_at,
    starts_at + interval '2 hours', CASE WHEN status <> 'DRAFT' THEN now() END,
    now() - (n / 10) * interval '1 hour', now()
FROM (
    SELECT n, CASE n % 100 WHEN 0 THEN 'CANCELLED' WHEN 33 THEN 'DRAFT' WHEN 66 THEN 'DRAFT'
            ELSE 'PUBLISHED' END AS status,
        now() + (n * 7919 % 4000 - 2000) * interval '144 minutes' AS starts_at
    FROM generate_series(1, 100000) n
) numbered;
ANALYZE events_event;

INSERT INTO tickets_eventsticket (id, event_id, ticket_type, price, quota, sold, created_at,
    updated_at)
SELECT n, CASE WHEN n > 100000 THEN 1 ELSE n END,
    (ARRAY['STANDARD', 'VIP', 'EARLY_BIRD', 'STUDENT', 'GROUP'])[1 + n % 5], n % 300, 1000000, 0,
    now() - (n / 10) * interval '1 hour', now()
FROM generate_series(1, 100004) n;
ANALYZE tickets_eventsticket;

INSERT INTO bookings_booking (user_id, event_ticket_id, quantity, status, unit_price, expires_at,
    confirmed_at, cancelled_at, cancellation_reason, idempotency_key, created_at, updated_at)
SELECT CASE WHEN n % 300 = 0 THEN 3 ELSE 1 + n * 31 % 20000 END,
    CASE WHEN n > 60000 OR any_number % 2 = 1 THEN 1 + n * 17 % 60000
        WHEN n % 5 = 0 THEN 1 ELSE 100000 + n % 5 END,
    2, status, 10,
    CASE WHEN status = 'PENDING' THEN now() + (n * 7919 % 10000) * interval '1 minute' END,
    CASE WHEN status = 'CONFIRMED' OR status = 'CANCELLED' AND n % 4 = 0 THEN now() END,
    CASE WHEN status = 'CANCELLED' THEN now() END,
    CASE WHEN status = 'CANCELLED' THEN (ARRAY['CUSTOMER', 'EXPIRED', 'REFUNDED',
        'EVENT_CANCELLED'])[1 + any_number / 50 % 4] ELSE '' END,
    '', now() + (n - 100000) / 3 * interval '1 minute', now()
FROM (
    SELECT *, CASE WHEN any_number % 50 < 2 THEN 'CANCELLED' WHEN any_number % 50 < 5
            THEN 'PENDING' ELSE 'CONFIRMED' END AS status
    FROM (SELECT n, abs(hashint4(n) / 7) AS any_number FROM generate_series(1, 100000) n) numbers
) numbered;
ANALYZE bookings_booking;
"""


MIDDLE, LATER, RECENT = (
    (timezone.now() + timedelta(days=days)).isoformat() for days in (3, 30, -2)
)
ADMIN, SUPPORT, CUSTOMER, MEMBER = 1, 2, 3, 101
BIG_EVENT, ONE_OF_ITS_TYPES, OTHER_EVENT = 1, 1, 18

EVENT_ORDERINGS = ("starts_at", "title", "created_at")
EVENT_FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"category": 4},
    {"organization": 8},
    {"venue": 12},
    {"starts_after": MIDDLE},
    {"starts_before": MIDDLE},
    {"category": 4, "starts_after": MIDDLE, "starts_before": LATER},
    {"status": "PUBLISHED"},
    {"status": "CANCELLED"},
    {"status": "DRAFT"},
)
BY_STATUS = EVENT_FILTERS[-3:]
BOOKING_ORDERINGS = ("created_at", "expires_at")
BOOKING_FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"status": "PENDING"},
    {"status": "CONFIRMED"},
    {"status": "CANCELLED"},
    {"event": BIG_EVENT},
    {"event": OTHER_EVENT},
    {"event_ticket": ONE_OF_ITS_TYPES},
    {"created_after": RECENT},
    {"created_before": RECENT},
    {"cancellation_reason": "EVENT_CANCELLED"},
    {"cancellation_reason": "EVENT_CANCELLED", "confirmed": "true"},
    {"confirmed": "true"},
    {"confirmed": "false"},
)


@dataclass(frozen=True)
class Listing:
    """A list, the account that asks for it, in what orders and with what filters."""

    route: str
    model: type[Model]
    orderings: tuple[str, ...]
    filters: tuple[dict[str, Any], ...] = ({},)
    caller: int | None = None
    # What the list is of.
    row: int | None = None

    def __str__(self) -> str:
        return f"{self.route} for {self.caller or 'nobody'}"

    def statements(self, **params: Any) -> list[str]:
        """Those with which the request reads."""
        client = client_of(User.objects.get(pk=self.caller)) if self.caller else APIClient()
        url = reverse(self.route, args=[self.row] if self.row else [])
        with CaptureQueriesContext(connection) as queries:
            response = client.get(url, params)
        # A list with a filter may not have so many pages.
        assert response.status_code == 200 or (response.status_code == 404 and "page" in params)
        return [query["sql"] for query in queries]


EVENTS = (Event, EVENT_ORDERINGS)
BOOKINGS = (Booking, BOOKING_ORDERINGS, BOOKING_FILTERS)
LISTINGS = [
    Listing("event-list", *EVENTS, EVENT_FILTERS),
    Listing("event-list", *EVENTS, BY_STATUS, caller=MEMBER),
    Listing("event-list", *EVENTS, BY_STATUS, caller=SUPPORT),
    Listing("event-my-events", *EVENTS, EVENT_FILTERS, caller=MEMBER),
    Listing("organization-events", *EVENTS, EVENT_FILTERS, caller=MEMBER, row=1),
    Listing("organization-events", *EVENTS, caller=CUSTOMER, row=1),
    Listing("venue-schedule", *EVENTS, row=1),
    Listing("ticket-list", EventsTicket, ("id", "price", "created_at"), ({}, {"event": BIG_EVENT})),
    Listing("booking-list", *BOOKINGS, caller=SUPPORT),
    Listing("booking-list", *BOOKINGS, caller=CUSTOMER),
    Listing("event-bookings", *BOOKINGS, caller=ADMIN, row=BIG_EVENT),
]
CASES = [
    pytest.param(listing, sign + name, id=f"{listing} by {sign}{name}")
    for listing in LISTINGS
    for name in listing.orderings
    for sign in (("",) if name == "id" else ("", "-"))
]


def is_too_much_to_ask(listing: Listing, ordering: str, filters: dict[str, Any]) -> bool:
    """What no index serves, because every booking would pay for it and hardly anybody needs it."""
    if ordering.lstrip("-") == "expires_at":
        # Only holds have an expiry: who asks for others begins with all holds, to find none among
        # them. An account's holds are sorted, or looked for among all holds.
        return filters not in ({}, {"status": "PENDING"}) or listing.caller == CUSTOMER
    # The count reads until it has found 10,001, and those that never were confirmed are rare.
    return filters == {"confirmed": "false"}


@pytest.fixture(scope="module", autouse=True)
def tables(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(TABLES)
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize(("listing", "ordering"), CASES)
def test_a_page_reads_little_more_than_its_rows(listing, ordering):
    wrong = {
        f"{filters} {page}: {complaint}"
        for filters in listing.filters
        if not is_too_much_to_ask(listing, ordering, filters)
        for page in ({}, {"page": DEEP_PAGE}, {"cursor": middle_cursor(listing, ordering)})
        for sql in listing.statements(**filters, **page, ordering=ordering)
        for complaint in complaints(sql, ROWS_OF_A_FILTERED_PAGE if filters else ROWS_OF_A_PAGE)
    }
    assert wrong == set()


(
    EVENT_LIST,
    _,
    EVENTS_FOR_SUPPORT,
    _,
    ORGANIZATION_EVENTS,
    _,
    SCHEDULE,
    TICKET_LIST,
    ALL,
    OWN,
    OF_EVENT,
) = LISTINGS


@pytest.mark.parametrize(
    ("index", "listing", "params"),
    [
        ("event_published_starts_at", EVENT_LIST, {}),
        ("event_unpublished_starts_at", EVENTS_FOR_SUPPORT, {"status": "DRAFT"}),
        ("event_status_title", EVENT_LIST, {"ordering": "title"}),
        ("event_status_created_at", EVENT_LIST, {"ordering": "created_at"}),
        ("event_category_starts_at", EVENT_LIST, {"category": 4}),
        # The beginning of the title of one event.
        ("event_search", EVENT_LIST, {"search": "c4ca4238a0b923820dcc"}),
        ("event_organization_starts_at", ORGANIZATION_EVENTS, {}),
        ("event_venue_starts_at", SCHEDULE, {}),
        ("eventsticket_price", TICKET_LIST, {"ordering": "price"}),
        ("eventsticket_created_at", TICKET_LIST, {"ordering": "created_at"}),
        ("booking_newest", ALL, {}),
        ("booking_status_newest", ALL, {"status": "CANCELLED"}),
        ("booking_reason_newest", ALL, {"cancellation_reason": "EVENT_CANCELLED"}),
        ("booking_expiry", ALL, {"ordering": "expires_at"}),
        ("booking_user_newest", OWN, {}),
        ("booking_ticket_newest", OF_EVENT, {}),
    ],
)
def test_without_its_index_it_would_read_more(index, listing, params):
    def wrong() -> list[str]:
        complaints.cache_clear()
        statements = listing.statements(**params)
        return [each for sql in statements for each in complaints(sql, ROWS_OF_A_PAGE)]

    before = wrong()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index}")
    after = wrong()
    complaints.cache_clear()
    assert (before, bool(after)) == ([], True)


@pytest.mark.parametrize("event", [BIG_EVENT, OTHER_EVENT])
def test_an_export_reads_little_more_than_the_rows_of_each_piece(event):
    statements = report("event-bookings-export", event)
    assert len(statements) > (60 if event == BIG_EVENT else 3)
    assert [each for sql in statements for each in complaints(sql, ROWS_OF_A_DEEP_PAGE)] == []


def test_stats_read_the_bookings_of_their_event_alone():
    statements = report("event-stats", OTHER_EVENT)
    assert [each for sql in statements for each in complaints(sql, ROWS_OF_A_PAGE)] == []


def report(route: str, event: int) -> list[str]:
    """The statements that a whole report of the event takes."""
    client = client_of(User.objects.get(pk=ADMIN))
    with CaptureQueriesContext(connection) as queries:
        assert client.get(reverse(route, args=[event])).getvalue()
    return [query["sql"] for query in queries]


def middle_cursor(listing: Listing, ordering: str) -> str:
    """A cursor behind a row in the middle of the whole table."""
    name, sign = ordering.lstrip("-"), "-" if ordering.startswith("-") else ""
    names = [ordering] if name == "id" else [ordering, f"{sign}id"]
    rows = listing.model._default_manager.filter(**{f"{name}__isnull": False}).order_by(*names)
    values = rows.values_list(*(each.lstrip("-") for each in names))
    return encode_cursor(names, values[rows.count() // 2])


@cache
def complaints(sql: str, most: int) -> list[str]:
    """The nodes of a statement's plan that read a large table from its start, or too many rows."""
    is_count = "COUNT(" in sql
    if is_count:
        most = ROWS_OF_A_COUNT
    elif re.search("OFFSET|LIMIT [0-9]{4}", sql):
        most = ROWS_OF_A_DEEP_PAGE
    found = []
    for node in nodes_of(plan_of(sql)):
        kind, table = node["Node Type"], node.get("Relation Name", "")
        reads_all = kind == "Seq Scan" and table in LARGE_TABLES and not is_count
        if reads_all or rows_of(node) > most:
            found.append(f"{kind} {table} {rows_of(node)} rows: {sql}")
    return found


def plan_of(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) " + sql)
        (plan,) = cursor.fetchone()
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


def rows_of(node: dict[str, Any]) -> float:
    """The rows that a node has had in its hands; those of a sort are its child's."""
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return sum(node.get(name, 0) for name in names) * node["Actual Loops"]
