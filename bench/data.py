"""The databases of the load benchmark, made by set-based SQL, and what must hold in them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.server import BenchError, manage
from tests.postgres import SUPERUSER, Cluster

# Accounts by id: whose requests are sent. All others only have bookings.
CUSTOMERS = range(1, 41)
READER, MEMBER, SUPPORT = 41, 42, 43
ACCOUNTS = 1_000
# No hash is ever this, so nobody can log in; tokens hold its fingerprint.
PASSWORD = "!"  # noqa: S105

READERS_BOOKINGS = 50
EVENTS_PER_ORGANIZATION = 50
# The event of MEMBER's organization that has five ticket types and most bookings.
CROWDED_EVENT = 1
TYPES = 5
SMALL = 1_000
# What one person cannot do in a run; every quota, so that nothing ever sells out.
QUOTA = 1_000_000_000

# The rule of docs/inventory.md, by hand: the ticket types that break it.
SOLD_DIFFERS = """
    SELECT ticket.id, ticket.sold, COALESCE(booked.quantity, 0)
    FROM tickets_eventsticket ticket
    LEFT JOIN (
        SELECT event_ticket_id, SUM(quantity) AS quantity
        FROM bookings_booking WHERE status IN ('PENDING', 'CONFIRMED') GROUP BY event_ticket_id
    ) booked ON booked.event_ticket_id = ticket.id
    WHERE ticket.sold <> COALESCE(booked.quantity, 0)
    ORDER BY ticket.id
"""

# Bookings come before the ticket types that they are of: these are inserted with what is sold.
FILL = (
    # No foreign key is checked row by row: this is what makes a million rows quick.
    "SET session_replication_role = replica",
    """
    INSERT INTO accounts_user (
        id, password, email, first_name, last_name, is_active, is_staff, is_superuser, is_support,
        date_joined, updated_at
    )
    SELECT
        n, %(password)s, 'account' || n || '@example.com', 'First', 'Last ' || n, true, false,
        false, n = %(support)s, now(), now()
    FROM generate_series(1, %(accounts)s) n
    """,
    """
    INSERT INTO organizations_organization (
        id, name, website, contact_email, created_at, updated_at
    )
    SELECT
        n, 'Organization ' || n, 'https://example.com/' || n, 'contact' || n || '@example.com',
        now(), now()
    FROM generate_series(1, %(organizations)s) n
    """,
    """
    INSERT INTO organizations_membership (organization_id, user_id, role, created_at, updated_at)
    SELECT id, %(member)s, 'OWNER', now(), now() FROM organizations_organization WHERE id = 1
    """,
    """
    INSERT INTO venues_venue (id, name, address, capacity, created_at, updated_at)
    SELECT n, 'Venue ' || n, n || ' Main Street', 10000, now(), now()
    FROM generate_series(1, %(organizations)s) n
    """,
    """
    INSERT INTO events_eventcategory (id, name, created_at, updated_at)
    SELECT n, 'Category ' || n, now(), now() FROM generate_series(1, 10) n
    """,
    # The first thousand are all published; of the others one in ten is a draft.
    """
    INSERT INTO events_event (
        id, organization_id, venue_id, category_id, title, description, starts_at, ends_at, status,
        published_at, created_at, updated_at
    )
    SELECT
        n, 1 + (n - 1) / %(events_per_organization)s, 1 + mod(n, %(organizations)s), 1 + mod(n, 10),
        'Event ' || n, 'What happens at event ' || n || ', from the first minute to the last.',
        day + n * interval '1 minute', day + n * interval '1 minute' + interval '2 hours',
        CASE WHEN is_draft THEN 'DRAFT' ELSE 'PUBLISHED' END,
        CASE WHEN is_draft THEN NULL ELSE now() END, now() - n * interval '1 second', now()
    FROM (
        SELECT
            n, n > %(small)s AND mod(n, 10) = 0 AS is_draft,
            date_trunc('day', now()) + interval '30 days' AS day
        FROM generate_series(1, %(events)s) n
    ) event
    """,
    """
    INSERT INTO bookings_booking (
        id, user_id, event_ticket_id, quantity, status, unit_price, expires_at, confirmed_at,
        cancelled_at, cancellation_reason, idempotency_key, created_at, updated_at
    )
    SELECT
        n,
        CASE WHEN n <= %(readers_bookings)s THEN %(reader)s
            ELSE 1 + %(support)s + mod(n, %(accounts)s - %(support)s) END,
        CASE WHEN mod(n, %(bookings)s / %(crowd)s) <> 0 THEN 2 + mod(n, %(events)s - 1)
            WHEN mod(n / 5, 5) = 0 THEN %(crowded)s
            ELSE %(events)s + mod(n / 5, 5) END,
        2 + mod(n, 3), status, 25,
        CASE WHEN status = 'PENDING' THEN now() + interval '29 days' END,
        CASE WHEN status = 'CONFIRMED' THEN now() END,
        CASE WHEN status = 'CANCELLED' THEN now() END,
        CASE WHEN status = 'CANCELLED' THEN 'CUSTOMER' ELSE '' END,
        '', now() - (%(bookings)s - n) * interval '1 second', now()
    FROM (
        SELECT
            n,
            CASE mod(n / 3, 5) WHEN 0 THEN 'PENDING' WHEN 1 THEN 'CANCELLED' ELSE 'CONFIRMED' END
                AS status
        FROM generate_series(1, %(bookings)s) n
    ) booking
    """,
    """
    INSERT INTO bookings_bookingtransition (booking_id, from_status, to_status, reason, at)
    SELECT id, 'PENDING', status, cancellation_reason, updated_at
    FROM bookings_booking WHERE status <> 'PENDING'
    """,
    """
    INSERT INTO tickets_eventsticket (
        id, event_id, ticket_type, price, quota, sold, created_at, updated_at
    )
    SELECT id, event_id, kind, 25, %(quota)s, COALESCE(quantity, 0), now(), now()
    FROM (
        SELECT n AS id, n AS event_id, 'STANDARD' AS kind FROM generate_series(1, %(events)s) n
        UNION ALL
        SELECT %(events)s + place, %(crowded)s, kind
        FROM unnest(ARRAY['VIP', 'EARLY_BIRD', 'STUDENT', 'GROUP'])
            WITH ORDINALITY AS type (kind, place)
    ) ticket
    LEFT JOIN (
        SELECT event_ticket_id, SUM(quantity) AS quantity
        FROM bookings_booking WHERE status <> 'CANCELLED' GROUP BY event_ticket_id
    ) booked ON event_ticket_id = id
    """,
)

TABLES_WITH_GIVEN_IDS = (
    "accounts_user",
    "organizations_organization",
    "venues_venue",
    "events_eventcategory",
    "events_event",
    "tickets_eventsticket",
    "bookings_booking",
)
GO_ON_BEHIND_GIVEN_IDS = "SELECT setval(pg_get_serial_sequence('{0}', 'id'), max(id)) FROM {0}"

ADD_RUN_OUT_HOLDS = (
    """
    INSERT INTO bookings_booking (
        user_id, event_ticket_id, quantity, status, unit_price, expires_at, cancellation_reason,
        idempotency_key, created_at, updated_at
    )
    SELECT
        1 + mod(n, %(accounts)s), 1 + mod(n, %(small)s), 2, 'PENDING', 25,
        now() - n * interval '1 millisecond', '', '', now() - interval '2 days', now()
    FROM generate_series(1, %(holds)s) n
    """,
    """
    UPDATE tickets_eventsticket SET sold = sold + held.quantity
    FROM (
        SELECT event_ticket_id, SUM(quantity) AS quantity
        FROM bookings_booking WHERE status = 'PENDING' AND expires_at <= now()
        GROUP BY event_ticket_id
    ) held
    WHERE event_ticket_id = id
    """,
)

SWEEP_BY_HAND = (
    """
    INSERT INTO bookings_bookingtransition (booking_id, from_status, to_status, reason, at)
    SELECT id, status, 'CANCELLED', 'EXPIRED', now()
    FROM bookings_booking WHERE status = 'PENDING' AND expires_at <= now()
    """,
    """
    WITH expired AS (
        UPDATE bookings_booking SET
            status = 'CANCELLED', cancellation_reason = 'EXPIRED', cancelled_at = now(),
            expires_at = NULL, updated_at = now()
        WHERE status = 'PENDING' AND expires_at <= now()
        RETURNING event_ticket_id, quantity
    )
    UPDATE tickets_eventsticket SET sold = sold - returned.quantity, updated_at = now()
    FROM (
        SELECT event_ticket_id, SUM(quantity) AS quantity FROM expired GROUP BY event_ticket_id
    ) returned
    WHERE event_ticket_id = id
    """,
)


@dataclass(frozen=True)
class Size:
    events: int
    bookings: int
    # So many of the bookings are for CROWDED_EVENT.
    crowd: int

    def parameters(self) -> dict[str, Any]:
        return {
            "accounts": max(ACCOUNTS, self.bookings // 10),
            "bookings": self.bookings,
            "crowd": self.crowd,
            "crowded": CROWDED_EVENT,
            "events": self.events,
            "events_per_organization": EVENTS_PER_ORGANIZATION,
            "member": MEMBER,
            "organizations": -(-self.events // EVENTS_PER_ORGANIZATION),
            "password": PASSWORD,
            "quota": QUOTA,
            "reader": READER,
            "readers_bookings": READERS_BOOKINGS,
            "small": SMALL,
            "support": SUPPORT,
        }


class Databases:
    """All in one cluster, each made when it is needed first."""

    def __init__(self, cluster: Cluster, environment: Mapping[str, str], rows: int) -> None:
        self.cluster = cluster
        self.base = environment
        self.rows = rows
        self.holds = rows // 10
        self._made: set[str] = set()
        # Of which other a database starts as a copy, and what comes into it.
        self._recipes: dict[str, tuple[str, Callable[[str], None]]] = {
            "empty": ("template1", self._migrate),
            "small": ("empty", lambda name: self._fill(name, Size(SMALL, SMALL, SMALL))),
            "large": ("empty", lambda name: self._fill(name, Size(rows, rows, rows // 2))),
            "booking": ("small", lambda name: None),
            "sweep": ("small", self._add_run_out_holds),
            "sweep_by_hand": ("sweep", lambda name: None),
            "seed": ("empty", lambda name: None),
        }

    def need(self, name: str) -> None:
        """Make it unless it has been made. Nothing may be connected to what it is a copy of."""
        if name in self._made:
            return
        template, fill = self._recipes[name]
        if template in self._recipes:
            self.need(template)
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        began = time.monotonic()
        fill(name)
        with self.connect(name) as connection:
            connection.execute("VACUUM (ANALYZE)")
        self.checkpoint(name)
        self._made.add(name)
        print(f"database {name}: made in {time.monotonic() - began:.1f} s", flush=True)

    def environment(self, name: str) -> dict[str, str]:
        """In which Django and PostgreSQL's programs find this database."""
        server = self.base["DATABASE_URL"].rpartition("/")[0]
        return {**self.base, "DATABASE_URL": f"{server}/{name}", "PGDATABASE": name}

    def connect(self, name: str) -> psycopg.Connection:
        """In autocommit mode; the block of a `with` closes it."""
        host = str(self.cluster.data)
        return psycopg.connect(host=host, user=SUPERUSER, dbname=name, autocommit=True)

    def select(self, name: str, query: str) -> list[tuple[Any, ...]]:
        with self.connect(name) as connection:
            return connection.execute(query.encode()).fetchall()

    def execute(self, name: str, statements: tuple[str, ...], **parameters: Any) -> None:
        """All of them in one transaction."""
        with self.connect(name) as connection, connection.transaction():
            for statement in statements:
                connection.execute(statement.encode(), parameters)

    def bookings(self, name: str) -> int:
        ((number,),) = self.select(name, "SELECT COUNT(*) FROM bookings_booking")
        return int(number)

    def run_out_holds(self, name: str) -> int:
        query = "SELECT COUNT(*) FROM bookings_booking WHERE status = 'PENDING'"
        ((number,),) = self.select(name, f"{query} AND expires_at <= now()")
        return int(number)

    def is_busy(self, name: str) -> bool:
        """Whether somebody has it work on a statement or holds a transaction open."""
        query = f"""
            SELECT 1 FROM pg_stat_activity
            WHERE datname = '{name}' AND state <> 'idle' AND backend_type = 'client backend'
                AND pid <> pg_backend_pid()
        """
        return bool(self.select(name, query))

    def checkpoint(self, name: str) -> None:
        """Write out what was changed, so that no later run has to wait for it."""
        with self.connect(name) as connection:
            connection.execute("CHECKPOINT")

    def check_sold(self, name: str) -> None:
        """Raises BenchError unless `sold` is what the bookings hold, of every ticket type."""
        differing = self.select(name, SOLD_DIFFERS)
        if differing:
            ticket, sold, booked = differing[0]
            raise BenchError(
                f"{len(differing)} ticket types differ from their bookings: "
                f"{sold} sold of type {ticket}, {booked} booked"
            )

    def _migrate(self, name: str) -> None:
        manage("migrate", "--verbosity=0", environment=self.environment(name), check=True)

    def _fill(self, name: str, size: Size) -> None:
        sequences = [GO_ON_BEHIND_GIVEN_IDS.format(table) for table in TABLES_WITH_GIVEN_IDS]
        self.execute(name, (*FILL, *sequences), **size.parameters())
        self.check_sold(name)

    def _add_run_out_holds(self, name: str) -> None:
        parameters = {"accounts": ACCOUNTS, "small": SMALL, "holds": self.holds}
        self.execute(name, ADD_RUN_OUT_HOLDS, **parameters)
        self.check_sold(name)
