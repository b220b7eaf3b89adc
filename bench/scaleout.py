"""Two servers, one PostgreSQL behind a transaction pooler, and everybody after the same tickets.

    python -m bench.scaleout

Every order goes to both servers, under one Idempotency-Key. The exit code is 0 when each was
booked once and both gave the same answer, every ticket was sold and none twice, and no answer
was a 5xx.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from http.client import HTTPException
from itertools import count
from typing import NamedTuple

from bench.server import (
    HOST,
    Answer,
    BenchError,
    Server,
    end_in_order,
    manage,
    production,
    running_server,
    verdict,
)
from bench.torture import (
    BOOKINGS,
    Customer,
    Row,
    audit_problems,
    booking_problems,
    make_customers,
    stored_rows,
)
from tests.pooler import Pooler, connect, installed_program, running_pooler
from tests.postgres import Cluster, PostgresError, remove_abandoned, throw_away_cluster

SERVERS = 2
WORKERS_PER_SERVER = 4
# Fewer than there are workers, who keep their connections: they have to share.
POOL_SIZE = 4

# Each sends its orders to all servers.
BUYERS = 20
QUANTITY = 2
QUOTA = 200
# Of an event whose two types have this quota each.
CAPACITY = 150

# After which an order is sent to each: most meet at the lock, some the other's booking.
LONGEST_DELAY_SECONDS = 0.5
SECONDS_TO_SELL_OUT = 60
LONGEST_RUN_SECONDS = 180

SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Stage(NamedTuple):
    customers: list[Customer]
    # Ticket types that share a limit, and how many tickets that leaves to sell.
    offers: list[tuple[list[int], int]]


class Order(NamedTuple):
    customer: Customer
    ticket: int
    key: str


class Outcome(NamedTuple):
    """An order and what each server answered."""

    order: Order
    answers: list[Answer]

    @property
    def is_booked(self) -> bool:
        """Once: by one server, and the others have given the same booking again."""
        bookings = {answer.data.get("id") for answer in self.answers}
        placed = sum("Idempotent-Replayed" not in answer.headers for answer in self.answers)
        return self._all_are(201) and len(bookings) == placed == 1

    @property
    def is_refused(self) -> bool:
        codes = {answer.data.get("code") for answer in self.answers}
        return self._all_are(400) and codes == {"sold_out"}

    @property
    def row(self) -> Row:
        """The booking as it must be stored."""
        customer, ticket, key = self.order
        return self.answers[0].data["id"], customer.id, key, ticket, QUANTITY, "PENDING"

    def _all_are(self, status: int) -> bool:
        return {answer.status for answer in self.answers} == {status}


# The stage


def prepare(environment: Mapping[str, str]) -> Stage:
    """Migrate the empty database and fill it: from here on, this process is a Django one too."""
    manage("migrate", "--verbosity=0", environment=environment, check=True)
    os.environ.update(environment)
    import django

    django.setup()
    from django.db import connection

    stage = Stage(make_customers(), make_offers())
    connection.close()
    return stage


def make_offers() -> list[tuple[list[int], int]]:
    """A type that its quota limits, and two that their event's capacity limits."""
    from django.utils import timezone

    from apps.events.models import Event, EventCategory
    from apps.organizations.models import Organization
    from apps.tickets.models import EventsTicket
    from apps.venues.models import Venue

    starts_at = timezone.now() + timedelta(days=30)
    common = {
        "organization": Organization.objects.create(name="Organization"),
        "venue": Venue.objects.create(name="Venue", capacity=CAPACITY),
        "category": EventCategory.objects.create(name="Category"),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=2),
        "status": Event.Status.PUBLISHED,
        "published_at": timezone.now(),
    }
    offers = []
    for capacity, quota, kinds in ((None, QUOTA, 1), (CAPACITY, CAPACITY, 2)):
        event = Event.objects.create(title=f"For {capacity}", capacity=capacity, **common)
        types = [
            event.tickets.create(ticket_type=kind, price=25, quota=quota).pk
            for kind in list(EventsTicket.Type)[:kinds]
        ]
        offers.append((types, quota))
    return offers


# The load


def sell_out(servers: Sequence[Server], stage: Stage) -> list[Outcome]:
    """Let all buyers order at once until every one has been refused every ticket type."""
    deadline = time.monotonic() + SECONDS_TO_SELL_OUT
    with ThreadPoolExecutor(BUYERS) as buyers, ThreadPoolExecutor(BUYERS * SERVERS) as senders:
        buy = partial(orders_of, servers, stage, senders, deadline)
        return [outcome for outcomes in buyers.map(buy, range(BUYERS)) for outcome in outcomes]


def orders_of(
    servers: Sequence[Server],
    stage: Stage,
    senders: ThreadPoolExecutor,
    deadline: float,
    number: int,
) -> list[Outcome]:
    """What one buyer has ordered. Raises BenchError when there is no end to it."""
    chance, outcomes = random.Random(number), []
    left = [ticket for tickets, _ in stage.offers for ticket in tickets]
    for turn in count():
        if not left:
            break
        if time.monotonic() > deadline:
            raise BenchError(f"not sold out after {SECONDS_TO_SELL_OUT} s")
        order = Order(chance.choice(stage.customers), chance.choice(left), f"{number}-{turn}")
        delays = [chance.uniform(0, LONGEST_DELAY_SECONDS) for _ in servers]
        answers = list(senders.map(partial(send, order), servers, delays))
        outcomes.append(Outcome(order, answers))
        if not outcomes[-1].is_booked:
            left.remove(order.ticket)
    return outcomes


def send(order: Order, server: Server, delay: float) -> Answer:
    time.sleep(delay)
    headers = {
        "Host": HOST,
        "X-Forwarded-Proto": "https",
        "Authorization": f"Bearer {order.customer.token}",
        "Content-Type": "application/json",
        "Idempotency-Key": order.key,
    }
    body = json.dumps({"event_ticket": order.ticket, "quantity": QUANTITY}).encode()
    try:
        return server.send("POST", BOOKINGS, body=body, headers=headers)
    except (OSError, HTTPException) as error:
        raise BenchError(f"port {server.port} did not answer: {error!r}") from error


# What must hold


def answer_problems(outcomes: Iterable[Outcome]) -> Iterator[str]:
    for order, answers in (one for one in outcomes if not (one.is_booked or one.is_refused)):
        shown = " and ".join(map(str, answers))
        yield f"the order {order.key} of ticket type {order.ticket} was answered {shown}"


def stock_problems(stored: Iterable[Row], stage: Stage) -> Iterator[str]:
    sold: Counter[int] = Counter()
    for _, _, _, ticket, quantity, _ in stored:
        sold[ticket] += quantity
    for tickets, limit in stage.offers:
        total = sum(sold[ticket] for ticket in tickets)
        if total != limit:
            yield f"of ticket types {tickets}, {total} tickets are sold instead of {limit}"


def placed_by(outcomes: Iterable[Outcome]) -> list[int]:
    """How many bookings each server has placed, not given again."""
    answers = zip(*(one.answers for one in outcomes if one.is_booked), strict=True)
    return [sum("Idempotent-Replayed" not in each.headers for each in mine) for mine in answers]


def run_problems(placed: Sequence[int], sessions: int) -> Iterator[str]:
    """What kept the run from being a test."""
    if len(placed) < SERVERS or not all(placed):
        yield f"the servers have placed {placed} bookings: they were no rivals"
    if not 0 < sessions <= POOL_SIZE:
        yield f"PostgreSQL had {sessions} sessions: the servers did not share a pool"


# The run


def run(cluster: Cluster, pooler: Pooler) -> list[str]:
    """Everything that was wrong."""
    environment = {
        **production(cluster),
        **pooler.variables(),
        "WEB_CONCURRENCY": str(WORKERS_PER_SERVER),
    }
    stage = prepare(environment)
    with ExitStack() as stack:
        servers = []
        for number in range(SERVERS):
            # Each server empties its own when it starts.
            own = {"PROMETHEUS_MULTIPROC_DIR": str(cluster.folder / f"metrics-{number}")}
            log = cluster.folder / f"gunicorn-{number}.log"
            servers.append(stack.enter_context(running_server(environment | own, log)))
        began = time.monotonic()
        outcomes = sell_out(servers, stage)
        seconds = time.monotonic() - began
        placed, sessions = placed_by(outcomes), count_sessions(cluster)
        print_totals(outcomes, servers, placed, sessions, seconds)
        stored = stored_rows()
        problems = [*answer_problems(outcomes), *run_problems(placed, sessions)]
        problems += booking_problems([one.row for one in outcomes if one.is_booked], stored)
        problems += stock_problems(stored, stage)
        for server in servers:
            problems += audit_problems(environment, server)
        if problems:
            for server in servers:
                print(f"Last lines of port {server.port}:\n{server.last_lines()}")
        return problems


def count_sessions(cluster: Cluster) -> int:
    """How many connections PostgreSQL itself has, other than the one that asks."""
    with connect(cluster.data) as connection:
        (number,) = connection.execute(SESSIONS).fetchone() or (0,)
        return int(number)


def print_totals(
    outcomes: Sequence[Outcome],
    servers: Sequence[Server],
    placed: Sequence[int],
    sessions: int,
    seconds: float,
) -> None:
    ports = " and ".join(str(server.port) for server in servers)
    shares = " + ".join(map(str, placed))
    refused = sum(one.is_refused for one in outcomes)
    print(
        f"{BUYERS * SERVERS} clients, {SERVERS} servers × {WORKERS_PER_SERVER} workers on ports "
        f"{ports}, {sessions} sessions in PostgreSQL\n"
        f"{len(outcomes)} orders sent to each server, {seconds:.1f} s: {shares} booked and given "
        f"again by the other, {refused} sold out",
        flush=True,
    )


def main() -> int:
    end_in_order(LONGEST_RUN_SECONDS)
    try:
        installed_program()
        remove_abandoned()
        with (
            throw_away_cluster(durable=True) as cluster,
            running_pooler(cluster, pool_size=POOL_SIZE) as pooler,
        ):
            problems = run(cluster, pooler)
    except (PostgresError, BenchError) as error:
        print(f"FAILED: {error}")
        return 1
    return verdict(problems, held="Every ticket sold, none twice, every key booked once.")


if __name__ == "__main__":
    sys.exit(main())
