"""What is measured, and against which limit."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from bench.data import (
    CROWDED_EVENT,
    CUSTOMERS,
    MEMBER,
    PASSWORD,
    READER,
    SMALL,
    SUPPORT,
    TYPES,
    Databases,
)
from bench.meters import Request

API = "/api/v1"
PAGE = 20
# Ticket types by id: the one that everybody wants, and those that share the load.
HOT_TICKET = range(2, 3)
SPREAD_TICKETS = range(1, SMALL + 1)

# The servers by name: which database each one has, and what its environment adds.
SERVERS: dict[str, tuple[str, dict[str, str]]] = {
    "booking": ("booking", {}),
    "small": ("small", {}),
    "cached": ("small", {"PUBLIC_CACHE_SECONDS": "5"}),
    "large": ("large", {}),
}

BOOK_BY_HAND = """
\\set ticket random({first_ticket}, {last_ticket})
\\set customer random({first_customer}, {last_customer})
BEGIN;
SELECT id, price, quota, sold FROM tickets_eventsticket WHERE id = :ticket FOR UPDATE;
INSERT INTO bookings_booking (
    user_id, event_ticket_id, quantity, status, unit_price, expires_at, confirmed_at, cancelled_at,
    cancellation_reason, idempotency_key, created_at, updated_at
) VALUES (
    :customer, :ticket, 2, 'PENDING', 25, now() + interval '29 days', NULL, NULL, '', '', now(),
    now()
);
UPDATE tickets_eventsticket SET sold = sold + 2, updated_at = now() WHERE id = :ticket;
COMMIT;
"""


@dataclass(frozen=True)
class Load:
    """Requests for one of SERVERS, sent at random."""

    server: str
    requests: Callable[[Databases], list[Request]]

    @property
    def database(self) -> str:
        return SERVERS[self.server][0]


@dataclass(frozen=True)
class Transaction:
    """A script for pgbench."""

    database: str
    script: str


@dataclass(frozen=True)
class Comparison:
    name: str
    limit_name: str
    goal: float
    limit: Load | Transaction
    path: Load

    @property
    def loads(self) -> list[Load]:
        return [each for each in (self.limit, self.path) if isinstance(each, Load)]

    @property
    def books(self) -> bool:
        return isinstance(self.limit, Transaction)


@dataclass(frozen=True)
class List:
    """A list that is long in the large database, and the query for its rows in its order."""

    name: str
    path: str
    account: int | None
    ordering: tuple[str, ...]
    query: str

    def first_page(self, _databases: Databases, _name: str) -> Request:
        return get(self.path, self.account, PAGE)

    def deep_page(self, databases: Databases, name: str) -> Request:
        """The page that a walk comes to in the middle of the list."""
        middle = f"OFFSET (SELECT COUNT(*) / 2 FROM ({self.query}) everything) LIMIT 2"
        before, (*_, first) = databases.select(name, f"{self.query} {middle}")
        cursor = cursor_of(before, self.ordering)
        return get(f"{self.path}?cursor={cursor}", self.account, PAGE, first)


LISTS = (
    List(
        "events",
        "/events/",
        None,
        ("starts_at", "id"),
        "SELECT starts_at, id FROM events_event WHERE status = 'PUBLISHED' ORDER BY starts_at, id",
    ),
    List(
        "bookings",
        "/bookings/",
        SUPPORT,
        ("-created_at", "-id"),
        "SELECT created_at, id FROM bookings_booking ORDER BY created_at DESC, id DESC",
    ),
    List(
        "an event's bookings",
        f"/events/{CROWDED_EVENT}/bookings/",
        MEMBER,
        ("-created_at", "-id"),
        f"""
        SELECT created_at, id FROM bookings_booking
        WHERE event_ticket_id IN (
            SELECT id FROM tickets_eventsticket WHERE event_id = {CROWDED_EVENT}
        )
        ORDER BY created_at DESC, id DESC
        """,
    ),
)


def comparisons(rows: int) -> list[Comparison]:
    """All of the table, with so many rows in the large database."""
    return [*booking_comparisons(), *read_comparisons(), *flat_comparisons(rows)]


def booking_comparisons() -> list[Comparison]:
    def compare(name: str, limit_name: str, goal: float, tickets: range) -> Comparison:
        path = Load("booking", lambda _: bookings_of(tickets))
        by_hand = Transaction("booking", booking_script(tickets))
        return Comparison(name, limit_name, goal, by_hand, path)

    return [
        compare("place a booking, one hot ticket type", "pgbench, hot", 0.25, HOT_TICKET),
        compare(
            f"place a booking, {len(SPREAD_TICKETS):,} ticket types",
            "pgbench, spread",
            0.10,
            SPREAD_TICKETS,
        ),
    ]


def read_comparisons() -> list[Comparison]:
    def compare(name: str, goal: float, request: Request, server: str = "small") -> Comparison:
        constant = Load(server, lambda _: [Request("GET", "/bench/constant/")])
        return Comparison(name, "constant view", goal, constant, Load(server, lambda _: [request]))

    return [
        compare("`GET /events/`, uncached", 0.06, EVENTS),
        compare("`GET /events/`, cached", 0.50, EVENTS, "cached"),
        compare("`GET /events/{id}/`, uncached", 0.08, EVENT),
        compare("`available-tickets`, 5 types", 0.05, AVAILABLE_TICKETS),
        compare("own bookings, 20 of 50", 0.05, own_bookings()),
        compare("`my-events`, 20 of 50", 0.05, my_events()),
    ]


def flat_comparisons(rows: int) -> list[Comparison]:
    def compare(name: str, request: Callable[[Databases, str], Request]) -> Comparison:
        def load(server: str) -> Load:
            return Load(server, lambda databases: [request(databases, SERVERS[server][0])])

        small, large = load("small"), load("large")
        return Comparison(f"{name}, {rows:,} rows", f"{SMALL:,} rows", 0.9, small, large)

    firsts = [compare(f"{each.name}, first page", each.first_page) for each in LISTS]
    deeps = [compare(f"{each.name}, deep inside", each.deep_page) for each in LISTS]
    return [comparison for pair in zip(firsts, deeps, strict=True) for comparison in pair]


def mixed_reads() -> Load:
    """What users look at most, in equal parts, uncached."""
    reads = [EVENTS, EVENT, AVAILABLE_TICKETS, own_bookings(), my_events()]
    return Load("small", lambda _: reads)


def get(
    path: str, account: int | None = None, rows: int | None = None, first_id: int | None = None
) -> Request:
    token = token_of(account) if account else ""
    return Request("GET", f"{API}{path}", token, rows=rows, first_id=first_id)


def own_bookings() -> Request:
    return get("/bookings/", READER, PAGE)


def my_events() -> Request:
    return get("/events/my-events/", MEMBER, PAGE)


EVENTS = get("/events/", rows=PAGE)
EVENT = get("/events/7/")
AVAILABLE_TICKETS = get(f"/events/{CROWDED_EVENT}/available-tickets/", rows=TYPES)


def bookings_of(tickets: range) -> list[Request]:
    """One for each of the types, or as many as there are customers, whose turn it is by turns."""
    tokens = [token_of(customer) for customer in CUSTOMERS]
    bodies = [json.dumps({"event_ticket": ticket, "quantity": 2}) for ticket in tickets]
    times = max(len(tokens), len(bodies))
    pairs = zip(range(times), cycle(tokens), cycle(bodies), strict=False)
    return [Request("POST", f"{API}/bookings/", token, body) for _, token, body in pairs]


def booking_script(tickets: range) -> str:
    return BOOK_BY_HAND.format(
        first_ticket=tickets[0],
        last_ticket=tickets[-1],
        first_customer=CUSTOMERS[0],
        last_customer=CUSTOMERS[-1],
    )


def token_of(account: int) -> str:
    """A real one, as a login would give it."""
    from rest_framework_simplejwt.tokens import AccessToken

    from apps.accounts.models import User

    return str(AccessToken.for_user(User(pk=account, password=PASSWORD)))


def cursor_of(row: Sequence[Any], ordering: Sequence[str]) -> str:
    """Which leads on behind the row with these values, as `next` of its page would."""
    from apps.common.walks import encode_cursor

    return encode_cursor(ordering, row)
