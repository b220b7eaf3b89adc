"""Kills workers and crashes PostgreSQL under booking load, then looks for what was lost.

    python -m bench.torture [--seconds N] [--seed N]

The server is the one of the Dockerfile, on a durable throw-away PostgreSQL. Clients repeat a
request with its Idempotency-Key until they have a final answer. The exit code is 0 when every
answer they got is true afterwards, nothing else was booked, and nothing hung.
"""

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException
from itertools import count
from typing import Any

from bench.server import (
    HOST,
    REQUEST_TIMEOUT_SECONDS,
    Answer,
    BenchError,
    Server,
    end_in_order,
    manage,
    production,
    running_server,
    verdict,
)
from tests.postgres import Cluster, PostgresError, remove_abandoned, throw_away_cluster

BOOKINGS = "/api/v1/bookings/"

CLIENTS = 8
CUSTOMERS = 20
EVENT_CAPACITIES = (None, None, 600, 1_000_000)
QUOTAS = (100_000, 150)
SHARE_CANCELLED = 0.2
SHARE_CONFIRMED = 0.2
# Whose client hangs up, so that the repeated request meets the first one or what it has booked.
SHARE_IMPATIENT = 0.05
LONGEST_PATIENCE_SECONDS = 0.1

KILLED, CRASHED = "worker killed", "PostgreSQL crashed"
FAULTS_OF_EACH_KIND = 2
GAP_SECONDS = (3.0, 6.0)
DOWN_SECONDS = (0.7, 1.3)

# Far less than Retry-After asks for: the restarting database shall have clients at its door.
LONGEST_PAUSE_SECONDS = 0.2
SECONDS_TO_RECOVER = 20
# What a run may take beyond the time in which faults strike.
SECONDS_BESIDE_FAULTS = 180

BOOKED, BUSY, RESET, TIMEOUT, HUNG_UP = "201", "503", "reset", "timeout", "hung up"


# What happened


@dataclass(eq=False)
class Attempt:
    """One request on its way; `outcome` is its status or how it failed, "" while in flight."""

    sent: float
    ended: float = 0.0
    outcome: str = ""

    @property
    def has_failed(self) -> bool:
        return self.outcome in (RESET, TIMEOUT) or self.outcome.startswith("5")


class Journal:
    """All requests and everything that was wrong, written to by all threads."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.problems: list[str] = []
        self.counts: Counter[str] = Counter()
        self._in_flight: set[Attempt] = set()
        self._last_booking_sent = 0.0
        self._lock = threading.Lock()

    def begin(self) -> Attempt:
        with self._lock:
            attempt = Attempt(time.monotonic())
            self.attempts.append(attempt)
            self._in_flight.add(attempt)
            return attempt

    def end(self, attempt: Attempt, outcome: str) -> None:
        with self._lock:
            attempt.ended, attempt.outcome = time.monotonic(), outcome
            self._in_flight.discard(attempt)
            self.counts[outcome] += 1
            if outcome == BOOKED:
                self._last_booking_sent = max(self._last_booking_sent, attempt.sent)

    def note(self, what: str) -> None:
        """Count something that is no request."""
        with self._lock:
            self.counts[what] += 1

    def complain(self, problem: str) -> None:
        with self._lock:
            self.problems.append(problem)

    def in_flight(self) -> list[Attempt]:
        with self._lock:
            return list(self._in_flight)

    def has_booked_since(self, moment: float) -> bool:
        """Whether a booking that was asked for after `moment` has been acknowledged."""
        return self._last_booking_sent >= moment

    def first_booking_since(self, moment: float) -> float | None:
        """When the first booking that was asked for after `moment` was acknowledged."""
        with self._lock:
            bookings = [one for one in self.attempts if one.outcome == BOOKED]
        return min((one.ended for one in bookings if one.sent >= moment), default=None)


# The data


@dataclass(frozen=True)
class Customer:
    id: int
    token: str


@dataclass(frozen=True)
class Stage:
    """What the load is played on."""

    customers: list[Customer]
    support_token: str
    tickets: list[int]


def prepare(environment: Mapping[str, str]) -> Stage:
    """Migrate the empty database and fill it: from here on, this process is a Django one too."""
    manage("migrate", "--verbosity=0", environment=environment, check=True)
    os.environ.update(environment)
    import django

    django.setup()
    from django.db import connection

    stage = Stage(make_customers(), make_support_token(), make_tickets())
    connection.close()
    return stage


def make_customers() -> list[Customer]:
    from rest_framework_simplejwt.tokens import AccessToken

    from apps.accounts.models import User

    users = [User.objects.create_user(f"{n}@example.com") for n in range(CUSTOMERS)]
    return [Customer(user.pk, str(AccessToken.for_user(user))) for user in users]


def make_support_token() -> str:
    from rest_framework_simplejwt.tokens import AccessToken

    from apps.accounts.models import User

    support = User.objects.create_user("support@example.com", is_support=True)
    return str(AccessToken.for_user(support))


def make_tickets() -> list[int]:
    """Ticket types, some of which sell out: by their quota, or by their event's capacity."""
    from django.utils import timezone

    from apps.events.models import Event, EventCategory
    from apps.organizations.models import Organization
    from apps.tickets.models import EventsTicket
    from apps.venues.models import Venue

    starts_at = timezone.now() + timedelta(days=30)
    common = {
        "organization": Organization.objects.create(name="Organization"),
        "venue": Venue.objects.create(name="Venue", capacity=max(filter(None, EVENT_CAPACITIES))),
        "category": EventCategory.objects.create(name="Category"),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=2),
        "status": Event.Status.PUBLISHED,
        "published_at": timezone.now(),
    }
    tickets = []
    for capacity in EVENT_CAPACITIES:
        event = Event.objects.create(title=f"For {capacity}", capacity=capacity, **common)
        for kind, quota in zip(EventsTicket.Type, QUOTAS, strict=False):
            tickets.append(event.tickets.create(ticket_type=kind, price=25, quota=quota).pk)
    return tickets


# The load

# A booking's id, user, key, ticket type, quantity and status.
Row = tuple[int, int, str, int, int, str]


@dataclass
class Acknowledged:
    """A booking as the API has last confirmed it to its customer."""

    id: int
    user: int
    key: str
    ticket: int
    quantity: int
    status: str = "PENDING"

    @property
    def row(self) -> Row:
        return self.id, self.user, self.key, self.ticket, self.quantity, self.status


@dataclass(eq=False)
class Client(threading.Thread):
    """Books, and cancels or has confirmed some of it, until `closing`; one request at a time."""

    number: int
    seed: int
    server: Server
    journal: Journal
    stage: Stage
    closing: threading.Event
    deadline: float
    acknowledged: list[Acknowledged] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name=f"client {self.number}", daemon=True)
        self.chance = random.Random(f"{self.seed}-{self.number}")

    def run(self) -> None:
        try:
            for turn in count():
                if self.closing.is_set():
                    return
                self.book(f"{self.seed}-{self.number}-{turn}")
        except Exception as error:
            self.journal.complain(f"{self.name} ended: {error!r}")

    def book(self, key: str) -> None:
        customer = self.chance.choice(self.stage.customers)
        ticket, quantity = self.chance.choice(self.stage.tickets), self.chance.randint(2, 4)
        order = {"event_ticket": ticket, "quantity": quantity}
        answer, _ = self.insist("POST", BOOKINGS, customer.token, order, key)
        if answer.status == 201:
            booking = Acknowledged(answer.data["id"], customer.id, key, ticket, quantity)
            self.acknowledged.append(booking)
            if "Idempotent-Replayed" in answer.headers:
                self.journal.note("replayed")
            self.change_some(booking, customer)
        elif answer.status == 400 and answer.data.get("code") == "sold_out":
            self.journal.note("sold out")
        else:
            self.journal.complain(f"a booking was answered {answer}")

    def change_some(self, booking: Acknowledged, customer: Customer) -> None:
        lot = self.chance.random()
        path = f"{BOOKINGS}{booking.id}/"
        if lot < SHARE_CANCELLED:
            answer, repeated = self.insist("PATCH", f"{path}cancel/", customer.token)
            self.changed(booking, "CANCELLED", "booking_cancelled", answer, repeated)
        elif lot < SHARE_CANCELLED + SHARE_CONFIRMED:
            answer, repeated = self.insist("POST", f"{path}confirm/", self.stage.support_token)
            self.changed(booking, "CONFIRMED", "booking_not_pending", answer, repeated)

    def changed(
        self, booking: Acknowledged, status: str, code: str, answer: Answer, repeated: bool
    ) -> None:
        """Believe the answer; one that was `repeated` may say that it had been done before."""
        done_before = repeated and answer.status == 400 and answer.data.get("code") == code
        if answer.status == 200 or done_before:
            booking.status = status
            self.journal.note(status.lower())
        else:
            self.journal.complain(f"{status} of a booking was answered {answer}")

    def insist(
        self, method: str, path: str, token: str, body: Any = None, key: str = ""
    ) -> tuple[Answer, bool]:
        """The first answer that is no 5xx, and whether it took more than one request."""
        headers = {
            "Host": HOST,
            "X-Forwarded-Proto": "https",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }
        if key:
            headers["Idempotency-Key"] = key
        content = json.dumps(body or {}).encode()
        answer = self.send(method, path, content, headers, may_hang_up=True)
        for turn in count():
            if answer is not None and answer.status < 500:
                return answer, turn > 0
            if time.monotonic() > self.deadline:
                break
            self.journal.note("retries")
            time.sleep(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))
            answer = self.send(method, path, content, headers)
        raise TimeoutError(f"no final answer to {method} {path} {key}")

    def send(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        *,
        may_hang_up: bool = False,
    ) -> Answer | None:
        """The answer; None when there was none."""
        timeout, when_late = float(REQUEST_TIMEOUT_SECONDS), TIMEOUT
        if may_hang_up and self.chance.random() < SHARE_IMPATIENT:
            timeout, when_late = self.chance.uniform(0.001, LONGEST_PATIENCE_SECONDS), HUNG_UP
        answer, outcome = None, RESET
        attempt = self.journal.begin()
        try:
            answer = self.server.send(method, path, body=body, headers=headers, timeout=timeout)
            outcome = str(answer.status)
        except TimeoutError:
            outcome = when_late
        except (OSError, HTTPException):
            pass
        finally:
            self.journal.end(attempt, outcome)
        if outcome == TIMEOUT:
            self.journal.complain(f"{method} {path} had no answer within {timeout} s")
        elif answer is not None and answer.status >= 500 and not answer.is_busy:
            self.journal.complain(f"{method} {path} was answered {answer}")
        return answer


# The faults


@dataclass(frozen=True)
class Fault:
    kind: str
    struck: float
    hit: list[Attempt]
    # When it was over: for a crash, when the database was back.
    mended: float
    next_booking: float | None

    @property
    def failed(self) -> int:
        return sum(attempt.has_failed for attempt in self.hit)

    def line(self, began: float) -> str:
        wait = "none came"
        if self.next_booking is not None:
            wait = f"{self.next_booking - self.struck:.2f} s"
        if self.kind == CRASHED:
            wait += f", database back after {self.mended - self.struck:.2f} s"
        return (
            f"{self.struck - began:6.1f} s  {self.kind:<18}  in flight {len(self.hit)}"
            f"  failed {self.failed}  next 201 after {wait}"
        )


def fault_order(chance: random.Random) -> Iterator[str]:
    """The kinds at random, for ever, each as often as the other in every four."""
    while True:
        four = [KILLED, CRASHED] * FAULTS_OF_EACH_KIND
        chance.shuffle(four)
        yield from four


@dataclass
class Tormentor:
    server: Server
    cluster: Cluster
    journal: Journal
    chance: random.Random

    def torment(self, seconds: float) -> list[Fault]:
        faults: list[Fault] = []
        began = time.monotonic()
        for kind in fault_order(self.chance):
            gap = self.chance.uniform(*GAP_SECONDS)
            left = began + seconds - time.monotonic()
            time.sleep(max(0.0, min(gap, left)))
            if gap > left:
                break
            faults.append(self.strike(kind))
            print(faults[-1].line(began), flush=True)
        return faults

    def strike(self, kind: str) -> Fault:
        worker = self.server.longest_running_worker()
        hit, struck = self.journal.in_flight(), time.monotonic()
        if kind == KILLED:
            os.kill(worker, signal.SIGKILL)
            over = mended = time.monotonic()
        else:
            self.cluster.crash()
            over = time.monotonic()
            time.sleep(self.chance.uniform(*DOWN_SECONDS))
            self.cluster.launch()
            mended = time.monotonic()
        # What was asked for before it was over may have been booked before it struck.
        self.wait(lambda: self.journal.has_booked_since(over))
        self.wait(lambda: all(attempt.outcome for attempt in hit))
        return Fault(kind, struck, hit, mended, self.journal.first_booking_since(over))

    def wait(self, has_come: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS_TO_RECOVER
        while not has_come() and time.monotonic() < deadline:
            time.sleep(0.01)


# What must hold


def fault_problems(faults: list[Fault], journal: Journal) -> Iterator[str]:
    """What kept the run from being a test, and faults that the service did not get over."""
    for kind in (KILLED, CRASHED):
        times = sum(fault.kind == kind for fault in faults)
        if times < FAULTS_OF_EACH_KIND:
            yield f"{kind}: only {times} times; give it more --seconds"
    # Of a single one none need fail: a worker may die between two requests.
    if not any(fault.failed for fault in faults):
        yield "no fault made a request fail"
    for fault in faults:
        if not fault.hit:
            yield f"{fault.kind}: no request was in flight"
        if fault.next_booking is None:
            yield f"{fault.kind}: no booking within {SECONDS_TO_RECOVER} s"
    crashes = [fault.mended for fault in faults if fault.kind == CRASHED]
    if crashes and journal.first_booking_since(max(crashes)) is None:
        yield "no booking was acknowledged after the last restart"


def stored_rows() -> list[Row]:
    """All bookings of the database."""
    from django.db import connection

    from apps.bookings.models import Booking

    columns = ("pk", "user", "idempotency_key", "event_ticket", "quantity", "status")
    rows = list(Booking.objects.order_by("pk").values_list(*columns))
    connection.close()
    return rows


def booking_problems(acknowledged: list[Row], stored: list[Row]) -> Iterator[str]:
    """Bookings that are lost or altered, that nobody was told of, and keys that booked twice."""
    by_id = {row[0]: row for row in stored}
    for row in acknowledged:
        if by_id.get(row[0]) != row:
            yield f"acknowledged {row}, stored {by_id.get(row[0])}"
    told = {row[0] for row in acknowledged}
    for row in stored:
        if row[0] not in told:
            yield f"nobody was told of {row}"
    for (user, key), times in Counter(row[1:3] for row in stored).items():
        if times > 1:
            yield f"the key {key} of user {user} has {times} bookings"


def audit_problems(environment: Mapping[str, str], server: Server) -> Iterator[str]:
    audit = manage("check_inventory", environment=environment)
    if audit.returncode:
        yield f"check_inventory: {audit.stdout.strip()}"
    if not server.is_ready():
        yield "/readyz is not 200"


# The run


def run(cluster: Cluster, seconds: float, seed: int) -> list[str]:
    """Everything that was wrong."""
    environment = production(cluster)
    stage = prepare(environment)
    journal, closing = Journal(), threading.Event()
    deadline = time.monotonic() + seconds + SECONDS_BESIDE_FAULTS / 3
    with running_server(environment, cluster.folder / "gunicorn.log") as server:
        clients = [
            Client(number, seed, server, journal, stage, closing, deadline)
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        tormentor = Tormentor(server, cluster, journal, random.Random(seed))
        faults = tormentor.torment(seconds)
        closing.set()
        for client in clients:
            client.join(max(0.0, deadline + REQUEST_TIMEOUT_SECONDS - time.monotonic()))
        print_totals(journal, faults)
        problems = [*journal.problems, *fault_problems(faults, journal)]
        problems += [f"{client.name} hangs" for client in clients if client.is_alive()]
        rows = [booking.row for client in clients for booking in client.acknowledged]
        problems += booking_problems(rows, stored_rows())
        problems += audit_problems(environment, server)
        if problems:
            print(f"The server's last lines:\n{server.last_lines()}")
        return problems


def print_totals(journal: Journal, faults: list[Fault]) -> None:
    counts = journal.counts
    kinds = Counter(fault.kind for fault in faults)
    longest = max((one.ended - one.sent for one in journal.attempts if one.outcome), default=0.0)
    print(
        f"{len(journal.attempts)} requests, the longest {longest:.2f} s: "
        f"{counts[BOOKED]} × 201 ({counts['replayed']} replayed), {counts['sold out']} sold out, "
        f"{counts['cancelled']} cancelled, {counts['confirmed']} confirmed, "
        f"{counts[BUSY]} × 503, {counts[RESET]} reset, {counts[TIMEOUT]} timed out, "
        f"{counts[HUNG_UP]} hung up, {counts['retries']} retries\n"
        f"faults: {kinds[KILLED]} × {KILLED}, {kinds[CRASHED]} × {CRASHED}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long faults strike")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    end_in_order(options.seconds + SECONDS_BESIDE_FAULTS)
    print(f"--seed {options.seed}", flush=True)
    try:
        remove_abandoned()
        with throw_away_cluster(durable=True) as cluster:
            problems = run(cluster, options.seconds, options.seed)
    except (PostgresError, BenchError) as error:
        problems = [str(error)]
    return verdict(
        problems,
        held="Nothing lost, nothing doubled, nothing hung.",
        again=f"; again with --seed {options.seed}",
    )


if __name__ == "__main__":
    sys.exit(main())
