"""Breaks the shipped code on purpose, once for every mutant, and sees that the tests notice.

    python -m tests.postgres python -m tests.mutants [--quick] [--why] [TEXT ...]

Works on copies: the repository's own files are never touched. A mutant that survives is a rule
that no test guards, and the exit code is 1. With TEXT, only the mutants whose name contains one;
with --why, what pytest said of each.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import NamedTuple

import psycopg

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2
SECONDS_PER_MUTANT = 120
SECONDS_FOR_ALL_TESTS = 900
TEMPLATE = "unmutated"
RUNNING: set[subprocess.Popen[str]] = set()
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not sqlite")

OUTCOMES = KILLED, SURVIVED, BROKEN = "killed", "SURVIVED", "BROKEN"


class Change(NamedTuple):
    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """`name` says what is broken, `tests` are pytest's arguments for those that must turn red."""

    name: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]
    quick: bool = False
    # Whether tests that do not end are what this mutant must lead to.
    hangs: bool = False


@dataclass(frozen=True)
class Verdict:
    outcome: str
    seconds: float
    # The first test that failed, or what is wrong with the mutant.
    detail: str = ""
    output: str = ""


def mutant(
    name: str, path: str, old: str, new: str, *tests: str, quick: bool = False, hangs: bool = False
) -> Mutant:
    return Mutant(name, (Change(path, old, new),), tests, quick, hangs)


PLACE = "tests/bookings/test_place.py"
TRANSITIONS = "tests/bookings/test_transitions.py"
EXPIRE = "tests/bookings/test_expire.py"
HISTORY = "tests/bookings/test_history.py"
IDEMPOTENCY = "tests/bookings/test_idempotency.py"
READING = "tests/bookings/test_reading.py"
EXPORT = "tests/bookings/test_export.py"
CALENDARS = "tests/events/test_calendars.py"
RACES = "tests/bookings/test_concurrency.py"
EDIT_RACES = "tests/bookings/test_concurrency_edits.py"
LOCKS = "tests/bookings/test_rules_under_locks.py::TestLocks"
RELEASES = (
    "tests/bookings/test_rules_under_locks.py"
    "::test_a_purchase_releases_as_many_run_out_holds_as_it_needs"
)
UNCOUNTED = "tests/bookings/test_rules_under_locks.py::TestHoldsThatSoldHasNotCounted"
WRITES = "tests/bookings/test_rules_under_locks.py::TestWrites"
REFUSED = "tests/bookings/test_rules_under_locks.py::TestWhatTheDatabaseRefuses"
CLOCK = "tests/bookings/test_rules_under_locks.py::TestTheClockMovesOnWhileOneWaitsForALock"
LOST_SALES = "tests/bookings/test_rules_under_locks.py::TestNoSaleIsLost"
SPECIFICATION = "tests/test_specification.py"
ADMIN = "tests/admin/test_forms.py"
IF_MATCH = "tests/common/test_if_match.py"

BOOKINGS = "apps/bookings/services.py"
SALE = "apps/bookings/sql.py"
# The first line of what locks for a sale.
BEFORE_THE_LOCK = "    if ticket.event.capacity is None:\n"
TICKETS = "apps/tickets/services.py"
EVENTS = "apps/events/services.py"

WHO_LOCKS_WHAT = (
    mutant(
        "place does not lock the ticket types",
        BOOKINGS,
        "locked_tickets = CompiledLookup(EventsTicket.objects.for_update)\n",
        "locked_tickets = CompiledLookup(EventsTicket.objects.all)\n",
        f"{RACES}::TestTheLastTickets",
        quick=True,
    ),
    mutant(
        "place under a capacity locks only its own ticket type",
        BOOKINGS,
        "        locked = list(EventsTicket.objects.for_update().filter(event=ticket.event_id))\n",
        "        locked_tickets.find(ticket.pk)\n"
        "        locked = list(EventsTicket.objects.filter(event=ticket.event_id))\n",
        LOST_SALES,
    ),
    mutant(
        "place under a capacity locks no ticket type",
        BOOKINGS,
        "        locked = list(EventsTicket.objects.for_update().filter(event=ticket.event_id))\n",
        "        locked = list(EventsTicket.objects.filter(event=ticket.event_id))\n",
        LOST_SALES,
    ),
    mutant(
        "place under a capacity does not lock the event",
        BOOKINGS,
        '        list(Event.objects.for_update().filter(pk=ticket.event_id).values_list("pk"))\n',
        "",
        LOCKS,
    ),
    mutant(
        "place locks its ticket types before the event",
        BOOKINGS,
        "        list(Event.objects.for_update().filter(pk=ticket.event_id)"
        '.values_list("pk"))\n'
        "        locked = list(EventsTicket.objects.for_update().filter(event=ticket.event_id))\n",
        "        locked = list(EventsTicket.objects.for_update().filter(event=ticket.event_id))\n"
        "        list(Event.objects.for_update().filter(pk=ticket.event_id)"
        '.values_list("pk"))\n',
        LOCKS,
    ),
    mutant(
        "rows are locked in the order of falling ids",
        "apps/common/querysets.py",
        '.order_by("pk")',
        '.order_by("-pk")',
        LOCKS,
        quick=True,
    ),
    mutant(
        "locks are too strong for rows that refer to the locked one",
        "apps/common/querysets.py",
        "no_key=not deleting",
        "no_key=False",
        LOCKS,
    ),
    mutant(
        "confirm, cancel and refund do not lock the ticket type",
        BOOKINGS,
        "    ticket = EventsTicket.objects.for_update().get(pk=ticket_id)\n",
        "    ticket = EventsTicket.objects.get(pk=ticket_id)\n",
        LOST_SALES,
        quick=True,
    ),
    mutant(
        "confirm, cancel and refund do not lock the booking",
        BOOKINGS,
        "    booking = Booking.objects.for_update().get(pk=booking_id)\n",
        "    booking = Booking.objects.get(pk=booking_id)\n",
        LOCKS,
    ),
    mutant(
        "confirm, cancel and refund read the booking before they lock",
        BOOKINGS,
        '    ticket_id = Booking.objects.values_list("event_ticket", flat=True)'
        ".get(pk=booking_id)\n"
        "    ticket = EventsTicket.objects.for_update().get(pk=ticket_id)\n"
        "    booking = Booking.objects.for_update().get(pk=booking_id)\n",
        "    booking = Booking.objects.get(pk=booking_id)\n"
        "    ticket = EventsTicket.objects.for_update().get(pk=booking.event_ticket_id)\n",
        f"{RACES}::TestOneBookingTwoTransitions",
        quick=True,
    ),
    mutant(
        "an event's services do not lock the event",
        EVENTS,
        "    event = Event.objects.for_update(deleting=deleting).get(pk=event_id)\n",
        "    event = Event.objects.get(pk=event_id)\n",
        EDIT_RACES,
        quick=True,
    ),
    mutant(
        "an event's services do not lock its ticket types",
        EVENTS,
        '        list(event.tickets.for_update(deleting=deleting).values_list("pk"))\n',
        "        pass\n",
        EDIT_RACES,
        quick=True,
    ),
    mutant(
        "an edit that sales rely on does not lock the ticket types",
        EVENTS,
        "with_tickets=not FIELDS_THAT_SALES_RELY_ON.isdisjoint(changes)",
        "with_tickets=False",
        f"{EDIT_RACES}::TestACapacitySetWhilePeopleBook",
    ),
    mutant(
        "an edit of the organization does not lock the ticket types",
        EVENTS,
        'frozenset({"capacity", "starts_at", "organization"})',
        'frozenset({"capacity", "starts_at"})',
        LOCKS,
    ),
    mutant(
        "create_ticket does not lock the event",
        TICKETS,
        "    event = Event.objects.for_update().get(pk=event.pk)\n",
        "    event = Event.objects.get(pk=event.pk)\n",
        f"{EDIT_RACES}::TestAnEventCancelledWhileATypeIsAdded",
    ),
    mutant(
        "update_ticket does not lock the ticket type",
        TICKETS,
        "    ticket = EventsTicket.objects.for_update().get(pk=ticket_id)\n",
        "    ticket = EventsTicket.objects.get(pk=ticket_id)\n",
        f"{EDIT_RACES}::TestATicketTypeEditedWhilePeopleBook",
        quick=True,
    ),
    mutant(
        "delete_ticket does not lock the event",
        TICKETS,
        "    event = Event.objects.for_update().get(pk=event_id)\n",
        "    event = Event.objects.get(pk=event_id)\n",
        f"{EDIT_RACES}::TestAnEventPublishedWhileItsLastTypeGoes",
    ),
    mutant(
        "delete_ticket does not lock the ticket type",
        TICKETS,
        "EventsTicket.objects.for_update(deleting=True).get(pk=ticket_id)",
        "EventsTicket.objects.get(pk=ticket_id)",
        f"{EDIT_RACES}::TestWhatIsDeletedWhilePeopleBook",
    ),
    mutant(
        "repair_sold does not lock the ticket type",
        TICKETS,
        "    EventsTicket.objects.for_update().get(pk=ticket_id)\n",
        "",
        "tests/tickets/test_audit.py::TestDuringSales",
        quick=True,
    ),
    mutant(
        "the sweep waits for a ticket type that is being sold",
        BOOKINGS,
        "for_update(skip_locked=True)",
        "for_update()",
        f"{RACES}::TestRunOutHoldsBesideSales",
    ),
    mutant(
        "the sweep does not lock the ticket type",
        BOOKINGS,
        "EventsTicket.objects.for_update(skip_locked=True).filter",
        "EventsTicket.objects.filter",
        LOCKS,
    ),
    mutant(
        "the sweep does not lock the bookings",
        BOOKINGS,
        "    run_out = Booking.objects.for_update().filter",
        "    run_out = Booking.objects.filter",
        LOCKS,
    ),
)

WHAT_IS_READ_AFTER_THE_LOCK = (
    Mutant(
        "place relies on the event as it was before the lock",
        (
            Change(BOOKINGS, "    event = events.find(ticket.event_id)\n", ""),
            Change(
                BOOKINGS,
                BEFORE_THE_LOCK,
                f"    event = events.find(ticket.event_id)\n{BEFORE_THE_LOCK}",
            ),
        ),
        (f"{EDIT_RACES}::TestAnEventCancelledWhilePeopleBook",),
        quick=True,
    ),
    Mutant(
        "place relies on the ticket type as it was before the lock",
        (
            Change(
                BOOKINGS, BEFORE_THE_LOCK, f"    before = _read_again(ticket)\n{BEFORE_THE_LOCK}"
            ),
            Change(
                BOOKINGS, "    mine.event = event\n", "    mine = before\n    mine.event = event\n"
            ),
        ),
        (f"{RACES}::TestTheLastTickets",),
    ),
    mutant(
        "confirm and cancel rely on the event as it was before the lock",
        BOOKINGS,
        "    ticket = EventsTicket.objects.for_update().get(pk=ticket_id)\n"
        "    booking = Booking.objects.for_update().get(pk=booking_id)\n"
        "    ticket.event = Event.objects.get(pk=ticket.event_id)\n",
        "    event = Event.objects.get(tickets=ticket_id)\n"
        "    ticket = EventsTicket.objects.for_update().get(pk=ticket_id)\n"
        "    booking = Booking.objects.for_update().get(pk=booking_id)\n"
        "    ticket.event = event\n",
        f"{EDIT_RACES}::TestAnEventMovedWhilePeopleBook",
        f"{EDIT_RACES}::TestAnEventCancelledWhileABookingMoves",
    ),
    mutant(
        "place does not start again when a capacity was set meanwhile",
        BOOKINGS,
        "        raise _CapacityWasSet\n",
        "        pass\n",
        f"{EDIT_RACES}::TestACapacitySetWhilePeopleBook",
        quick=True,
    ),
    mutant(
        "place takes the time before its locks",
        BOOKINGS,
        "    stock = _lock_stock(order.ticket)\n    now = timezone.now()\n",
        "    now = timezone.now()\n    stock = _lock_stock(order.ticket)\n",
        CLOCK,
    ),
    mutant(
        "confirm takes the time before its locks",
        BOOKINGS,
        "    booking = _lock_booking(booking_id)\n    now = timezone.now()\n"
        '    _check_allowed("confirm", booking)\n',
        "    now = timezone.now()\n    booking = _lock_booking(booking_id)\n"
        '    _check_allowed("confirm", booking)\n',
        CLOCK,
        quick=True,
    ),
    mutant(
        "cancel takes the time before its locks",
        BOOKINGS,
        "    booking = _lock_booking(booking_id)\n    now = timezone.now()\n"
        '    _check_allowed("cancel", booking)\n',
        "    now = timezone.now()\n    booking = _lock_booking(booking_id)\n"
        '    _check_allowed("cancel", booking)\n',
        CLOCK,
    ),
    mutant(
        "publish takes the time before its lock",
        EVENTS,
        "    event = _lock_event(event_id)\n    now = timezone.now()\n",
        "    now = timezone.now()\n    event = _lock_event(event_id)\n",
        CLOCK,
    ),
    mutant(
        "the idempotency key is not looked up again under the lock",
        BOOKINGS,
        "    if replayed := _find_replay(order):\n        return replayed, True\n"
        "    _check_open(stock.event, now)\n",
        "    _check_open(stock.event, now)\n",
        f"{RACES}::TestTheSameKeyAtTheSameMoment",
        quick=True,
    ),
    mutant(
        "the key that the index refuses is not looked up again",
        BOOKINGS,
        "            if replayed := _find_replay(order):\n"
        "                return replayed, True\n"
        "            raise\n",
        "            raise\n",
        f"{RACES}::TestTheSameKeyAtTheSameMoment",
    ),
    mutant(
        "what was rolled back in a deadlock is not tried again",
        "apps/common/transactions.py",
        '{"40001", "40P01"}',
        '{"40001"}',
        "tests/common/test_transactions.py",
        quick=True,
    ),
    mutant(
        "an inner transaction is tried again",
        "apps/common/transactions.py",
        "connection.in_atomic_block or ",
        "",
        "tests/common/test_transactions.py",
    ),
)

INVENTORY = (
    mutant(
        "holds that gave nothing back let a purchase exceed the quota",
        BOOKINGS,
        "    if ticket.sold + quantity > ticket.quota or not fits_event:\n",
        "    if not fits_event:\n",
        UNCOUNTED,
    ),
    mutant(
        "holds that gave nothing back let a purchase exceed the capacity",
        BOOKINGS,
        "    if ticket.sold + quantity > ticket.quota or not fits_event:\n",
        "    if ticket.sold + quantity > ticket.quota:\n",
        UNCOUNTED,
    ),
    Mutant(
        "the stock is not checked",
        (
            Change(BOOKINGS, "quantity - (ticket.quota - ticket.sold)", "0"),
            Change(BOOKINGS, "if ticket.sold + quantity > ticket.quota or not", "if not"),
        ),
        (PLACE,),
        quick=True,
    ),
    mutant(
        "the last ticket of a quota cannot be sold",
        BOOKINGS,
        "ticket.sold + quantity > ticket.quota",
        "ticket.sold + quantity >= ticket.quota",
        PLACE,
    ),
    Mutant(
        "the capacity is not checked",
        (
            Change(BOOKINGS, "    if event.capacity is not None:\n", "    if False:\n"),
            Change(BOOKINGS, "not fits_event", "False"),
        ),
        (PLACE,),
        quick=True,
    ),
    Mutant(
        "one ticket more than the capacity can be sold",
        (
            Change(
                BOOKINGS, "(event.capacity - stock.taken)", "(event.capacity + 1 - stock.taken)"
            ),
            Change(BOOKINGS, "quantity <= event.capacity", "quantity <= event.capacity + 1"),
        ),
        (PLACE,),
    ),
    mutant(
        "the capacity counts one ticket type alone",
        BOOKINGS,
        "sum(ticket.sold for ticket in self.tickets)",
        "self.ticket.sold",
        PLACE,
    ),
    mutant(
        "run-out holds are in a buyer's way",
        BOOKINGS,
        "    _expire(released, stock.tickets, now)\n",
        "",
        PLACE,
        quick=True,
    ),
    mutant(
        "more run-out holds are released than a purchase needs",
        BOOKINGS,
        "        if missing <= 0:\n            break\n",
        "",
        PLACE,
    ),
    mutant(
        "the newest run-out holds are released first",
        BOOKINGS,
        'order_by("expires_at", "id")[',
        'order_by("-expires_at", "id")[',
        PLACE,
    ),
    mutant(
        "too few run-out holds are looked at",
        BOOKINGS,
        "[: missing // 2 + 1]",
        "[: missing // 2]",
        RELEASES,
    ),
    mutant(
        "holds that have not run out are released for a buyer",
        "apps/bookings/querysets.py",
        "self.filter(status=PENDING, expires_at__lte=now)",
        "self.filter(status=PENDING)",
        PLACE,
    ),
    mutant(
        "giving back goes below 0",
        TICKETS,
        "max(0, ticket.sold - quantity)",
        "ticket.sold - quantity",
        "tests/tickets/test_services.py::TestGiveBack",
        TRANSITIONS,
        quick=True,
    ),
    mutant(
        "a cancelled booking keeps its tickets",
        BOOKINGS,
        "    give_back([booking.event_ticket], {booking.event_ticket_id: booking.quantity})\n",
        "",
        TRANSITIONS,
    ),
    mutant(
        "a cancelled event keeps its tickets",
        BOOKINGS,
        "    give_back(event.tickets.all(), totals)\n",
        "",
        "tests/events/test_publish_and_cancel.py",
    ),
    mutant(
        "a cancelled event leaves its CONFIRMED bookings",
        BOOKINGS,
        "    holding = Booking.objects.holding()",
        '    holding = Booking.objects.filter(status="PENDING")',
        "tests/events/test_publish_and_cancel.py",
    ),
    mutant(
        "a quota can be cut below what is sold",
        TICKETS,
        '    if changes.get("quota", ticket.quota) < ticket.sold:\n',
        "    if False:\n",
        "tests/tickets/test_writing.py",
    ),
    mutant(
        "a capacity can be cut below what is sold",
        EVENTS,
        '    if "capacity" in changed:\n',
        "    if False:\n",
        "tests/events/test_editing.py",
    ),
    mutant(
        "a ticket type with bookings can be deleted",
        TICKETS,
        "    if ticket.bookings.exists():\n        raise InUse\n",
        "",
        "tests/tickets/test_writing.py",
    ),
    mutant(
        "available does not count run-out holds as free",
        "apps/tickets/querysets.py",
        'Greatest(F("sold") - _total(run_out, "event_ticket"), 0)',
        'F("sold")',
        "tests/tickets/test_available.py",
    ),
    mutant(
        "the audit does not see a capacity that is exceeded",
        TICKETS,
        "        if capacity is not None and sold > capacity:\n",
        "        if False:\n",
        "tests/tickets/test_audit.py",
        quick=True,
    ),
    mutant(
        "the audit does not see a quota that is exceeded",
        TICKETS,
        '    if row["held"] > row["quota"]:\n',
        "    if False:\n",
        "tests/tickets/test_audit.py",
    ),
    mutant(
        "a repair goes beyond the quota",
        TICKETS,
        "min(ticket.holding, ticket.quota)",
        "ticket.holding",
        "tests/tickets/test_audit.py",
    ),
)

TRANSITION_RULES = (
    mutant(
        "an event that is not PUBLISHED can be booked",
        BOOKINGS,
        "    if event.status != Event.Status.PUBLISHED:\n",
        "    if False:\n",
        PLACE,
    ),
    mutant(
        "a hold that ran out can be confirmed",
        BOOKINGS,
        "    if booking.expires_at is not None and booking.expires_at <= now:\n"
        "        raise BookingExpired\n",
        "",
        TRANSITIONS,
        quick=True,
    ),
    mutant(
        "a booking can be cancelled after the event has started",
        BOOKINGS,
        "    if booking.event_ticket.event.starts_at <= now:\n        raise EventStarted\n",
        "",
        TRANSITIONS,
        quick=True,
    ),
    mutant(
        "a booking can be cancelled twice",
        BOOKINGS,
        '    _check_allowed("cancel", booking)\n',
        "",
        TRANSITIONS,
    ),
    mutant(
        "a PENDING booking can be refunded",
        BOOKINGS,
        "(frozenset({Status.CONFIRMED}), BookingNotConfirmed)",
        "(frozenset({Status.PENDING, Status.CONFIRMED}), BookingNotConfirmed)",
        TRANSITIONS,
    ),
    mutant(
        "a confirmed booking keeps its expiry",
        BOOKINGS,
        'update_fields=["status", "confirmed_at", "expires_at", "updated_at"]',
        'update_fields=["status", "confirmed_at", "updated_at"]',
        TRANSITIONS,
    ),
    mutant(
        "a moved event leaves the expiry of its holds",
        BOOKINGS,
        "    holds.exclude(expires_at__lte=now).update(expires_at=expires_at, updated_at=now)\n",
        "    holds.none()\n",
        "tests/events/test_rescheduling.py",
    ),
    mutant(
        "a moved event revives run-out holds",
        BOOKINGS,
        "holds.exclude(expires_at__lte=now).update",
        "holds.update",
        "tests/events/test_rescheduling.py",
    ),
    mutant(
        "the same key with another quantity answers the old booking",
        BOOKINGS,
        "    if (booking.event_ticket_id, booking.quantity) != "
        "(order.ticket.pk, order.quantity):\n",
        "    if booking.event_ticket_id != order.ticket.pk:\n",
        IDEMPOTENCY,
        quick=True,
    ),
    mutant(
        "the same key for another ticket type answers the old booking",
        BOOKINGS,
        "    if (booking.event_ticket_id, booking.quantity) != "
        "(order.ticket.pk, order.quantity):\n",
        "    if booking.quantity != order.quantity:\n",
        IDEMPOTENCY,
    ),
    mutant(
        "a key is shared by all accounts",
        BOOKINGS,
        "Booking.objects.filter(user=order.user, idempotency_key=order.idempotency_key)",
        "Booking.objects.filter(idempotency_key=order.idempotency_key)",
        IDEMPOTENCY,
    ),
    mutant(
        "a cancellation is not written into the history",
        BOOKINGS,
        "    BookingTransition.objects.record(\n"
        "        bookings, to_status=Status.CANCELLED, reason=reason, actor=actor, at=now\n"
        "    )\n",
        "",
        HISTORY,
        quick=True,
    ),
    mutant(
        "a confirmation is not written into the history",
        BOOKINGS,
        "    BookingTransition.objects.record(\n"
        "        Booking.objects.filter(pk=booking.pk), "
        "to_status=Status.CONFIRMED, actor=actor, at=now\n"
        "    )\n",
        "",
        HISTORY,
    ),
    mutant(
        "the history does not say who cancelled",
        BOOKINGS,
        "reason=reason, actor=actor, at=now",
        "reason=reason, at=now",
        HISTORY,
    ),
    mutant(
        "the history does not say who cancelled the event",
        "apps/bookings/receivers.py",
        "cancel_bookings_of_event(event=event, actor=actor, now=now)",
        "cancel_bookings_of_event(event=event, actor=None, now=now)",
        HISTORY,
    ),
    mutant(
        "history can be changed",
        "apps/bookings/querysets.py",
        "    def update(self, **kwargs: Any) -> int:\n        raise AppendOnly\n",
        "",
        HISTORY,
    ),
    mutant(
        "an event without a ticket type can be published",
        EVENTS,
        "    if not event.tickets.exists():\n        raise NoTicketTypes\n",
        "",
        f"{SPECIFICATION}::TestPublish",
    ),
    mutant(
        "an event with bookings can move to another organization",
        EVENTS,
        '    if "organization" in changed and '
        "event.tickets.filter(bookings__isnull=False).exists():\n",
        "    if False:\n",
        "tests/events/test_editing.py",
    ),
)

CONSTRAINTS = (
    Mutant(
        "the database takes a booking of one ticket",
        (
            Change(
                "apps/bookings/models.py", "Q(quantity__gte=MIN_QUANTITY)", "Q(quantity__gte=0)"
            ),
            Change(
                "apps/bookings/migrations/0001_initial.py",
                "models.Q(('quantity__gte', 2))",
                "models.Q(('quantity__gte', 0))",
            ),
        ),
        (f"{SPECIFICATION}::TestBookingCreate",),
        quick=True,
    ),
    Mutant(
        "the database takes the same key twice",
        (
            Change(
                "apps/bookings/models.py",
                '                condition=~Q(idempotency_key=""),\n',
                '                condition=Q(idempotency_key=""),\n',
            ),
            Change(
                "apps/bookings/migrations/0001_initial.py",
                "models.UniqueConstraint(condition=models.Q(('idempotency_key', ''), "
                "_negated=True), ",
                "models.UniqueConstraint(condition=models.Q(('quantity', 0)), ",
            ),
        ),
        (f"{RACES}::TestTheSameKeyAtTheSameMoment", REFUSED),
    ),
    Mutant(
        "the database takes a CONFIRMED booking that expires",
        (
            Change(
                "apps/bookings/models.py",
                "condition=~Q(status=CONFIRMED) | Q(expires_at__isnull=True)",
                "condition=Q(quantity__gte=0)",
            ),
            Change(
                "apps/bookings/migrations/0001_initial.py",
                "models.CheckConstraint(condition=models.Q(models.Q(('status', 'CONFIRMED'), "
                "_negated=True), ('expires_at__isnull', True), _connector='OR'), ",
                "models.CheckConstraint(condition=models.Q(('quantity__gte', 0)), ",
            ),
        ),
        (REFUSED,),
    ),
    Mutant(
        "the database takes more sold than the quota",
        (
            Change(
                "apps/tickets/models.py",
                'Q(sold__gte=0, sold__lte=F("quota"))',
                "Q(sold__gte=0)",
            ),
            Change(
                "apps/tickets/migrations/0001_initial.py",
                "models.Q(('sold__gte', 0), ('sold__lte', models.F('quota')))",
                "models.Q(('sold__gte', 0))",
            ),
        ),
        ("tests/tickets/test_models.py",),
        quick=True,
    ),
    Mutant(
        "the database takes an event that ends before it starts",
        (
            Change(
                "apps/events/models.py", 'Q(ends_at__gt=F("starts_at"))', "Q(ends_at__isnull=False)"
            ),
            Change(
                "apps/events/migrations/0001_initial.py",
                "models.Q(('ends_at__gt', models.F('starts_at')))",
                "models.Q(('ends_at__isnull', False))",
            ),
        ),
        ("tests/events/test_models.py",),
    ),
    Mutant(
        "the database takes two memberships of one account",
        (
            Change(
                "apps/organizations/models.py",
                'fields=("organization", "user")',
                'fields=("organization", "user", "id")',
            ),
            Change(
                "apps/organizations/migrations/0001_initial.py",
                "fields=('organization', 'user')",
                "fields=('organization', 'user', 'id')",
            ),
        ),
        ("tests/organizations/test_models.py",),
    ),
)

RIGHTS = (
    mutant(
        "support may book",
        "apps/bookings/views.py",
        "return [IsAuthenticated(), IsCustomer()]",
        "return [IsAuthenticated()]",
        f"{SPECIFICATION}::TestBookingCreate",
        quick=True,
    ),
    mutant(
        "everybody may confirm",
        "apps/bookings/views.py",
        "permission_classes=(IsAuthenticated, IsSupportOrAdmin)",
        "permission_classes=(IsAuthenticated,)",
        f"{SPECIFICATION}::TestConfirmBooking",
        quick=True,
    ),
    mutant(
        "everybody may refund",
        "apps/bookings/views.py",
        "permission_classes=(IsAuthenticated, CanRefundBooking)",
        "permission_classes=(IsAuthenticated,)",
        f"{SPECIFICATION}::TestRefundBooking",
    ),
    mutant(
        "everybody sees the bookings of an event",
        "apps/bookings/views.py",
        "permission_classes = (IsAuthenticated, IsOrganizationMember)",
        "permission_classes = (IsAuthenticated,)",
        f"{SPECIFICATION}::TestEventBookings",
        quick=True,
    ),
    mutant(
        "the members of any organization see the bookings of an event",
        "apps/organizations/permissions.py",
        "account.memberships.filter(organization=organization_of(obj)).exists()",
        "account.memberships.exists()",
        f"{SPECIFICATION}::TestEventBookings",
    ),
    mutant(
        "a mere MEMBER manages",
        "apps/organizations/querysets.py",
        "user.memberships.filter(role__in=(OWNER, MANAGER))",
        "user.memberships.all()",
        f"{SPECIFICATION}::TestEventUpdate",
    ),
    mutant(
        "the manager of one organization creates events for another",
        "apps/organizations/permissions.py",
        "return named is None or managed.filter(pk=named).exists()",
        "return True",
        f"{SPECIFICATION}::TestEventCreate",
    ),
    mutant(
        "an event can be moved to a foreign organization",
        "apps/events/permissions.py",
        "return named is None or managed.filter(pk=named).exists()",
        "return True",
        f"{SPECIFICATION}::TestEventUpdate",
    ),
    mutant(
        "everybody may publish",
        "apps/events/views.py",
        "permission_classes=(IsAuthenticated, CanPublishEvent)",
        "permission_classes=(IsAuthenticated,)",
        f"{SPECIFICATION}::TestPublish",
    ),
    mutant(
        "granting OWNER is not refused before the body is looked at",
        "apps/organizations/views.py",
        "(IsAuthenticated, IsOrganizationOwnerOrManager, CanGrantRole)",
        "(IsAuthenticated, IsOrganizationOwnerOrManager)",
        "tests/organizations/test_members.py::TestGranting",
        quick=True,
    ),
    mutant(
        "an OWNER of any organization is taken for one of this",
        "apps/organizations/permissions.py",
        '        if body_of(request).get("role") != OWNER:\n'
        "            return True\n"
        "        owned = Organization.objects.owned_by(request.user)\n"
        "        return owned.filter(pk=organization_of(obj)).exists()\n",
        '        if body_of(request).get("role") != OWNER:\n'
        "            return True\n"
        "        owned = Organization.objects.owned_by(request.user)\n"
        "        return owned.exists()\n",
        "tests/organizations/test_members.py::TestGranting",
    ),
    mutant(
        "a right lost while waiting for the lock still counts",
        "apps/organizations/services.py",
        "    if actor is None:\n        return\n",
        "    return\n",
        "tests/organizations/test_membership_races.py::TestARightLostAtThatMoment",
    ),
    mutant(
        "changes of memberships do not lock the organization",
        "apps/organizations/services.py",
        "    Organization.objects.for_update().get(pk=organization_id)\n",
        "    Organization.objects.get(pk=organization_id)\n",
        "tests/organizations/test_membership_races.py::TestTheLastTwoOwners",
        quick=True,
    ),
    mutant(
        "the last OWNER may go",
        "apps/organizations/services.py",
        "    if not owners.exclude(pk=membership.pk).exists():\n        raise LastOwner\n",
        "",
        "tests/organizations/test_membership_changes.py::TestTheLastOwner",
    ),
    mutant(
        "an account that closes does not lock the ticket types it held",
        BOOKINGS,
        "    tickets = list(EventsTicket.objects.for_update().filter(pk__in=wanted))\n",
        "    tickets = list(EventsTicket.objects.filter(pk__in=wanted))\n",
        "tests/accounts/test_account_races.py::TestAHold",
    ),
    mutant(
        "everybody writes venues",
        "apps/venues/views.py",
        "return [IsAuthenticated(), IsVenueManager()]",
        "return [IsAuthenticated()]",
        f"{SPECIFICATION}::TestVenues",
    ),
    mutant(
        "everybody sees all bookings",
        "apps/bookings/querysets.py",
        "return self.all() if user.sees_everything else self.filter(user=user)",
        "return self.all()",
        READING,
        quick=True,
    ),
    mutant(
        "everybody sees drafts",
        "apps/events/querysets.py",
        "            return self.filter(public)\n",
        "            return self.all()\n",
        "tests/events/test_reading.py",
        quick=True,
    ),
    mutant(
        "the members of any organization see all drafts",
        "apps/events/querysets.py",
        'return self.filter(public | Q(organization__in=user.memberships.values("organization")))',
        "return self.all()",
        "tests/events/test_reading.py",
    ),
    mutant(
        "everybody has drafts in their calendar",
        "apps/events/views.py",
        "Event.objects.visible_to(request.user).with_names()\n        return self.file",
        "Event.objects.with_names()\n        return self.file",
        CALENDARS,
    ),
    mutant(
        "a venue's calendar has its drafts",
        "apps/events/views.py",
        "events = venue.events.published().upcoming(timezone.now()).with_names()",
        "events = venue.events.upcoming(timezone.now()).with_names()",
        CALENDARS,
    ),
    mutant(
        "everybody sees the ticket types of drafts",
        "apps/tickets/querysets.py",
        'return self.filter(event__in=Event.objects.visible_to(user).values("pk"))',
        "return self.all()",
        "tests/tickets/test_reading.py",
    ),
    mutant(
        "customers see the history of their bookings",
        "apps/bookings/views.py",
        'is_for_staff or getattr(self.request.user, "sees_everything", True)',
        "True",
        HISTORY,
    ),
    mutant(
        "refresh tokens outlive a password change",
        "apps/accounts/serializers.py",
        "    JWTAuthentication().get_user(token)\n",
        "",
        "tests/accounts/test_password_change.py",
    ),
    mutant(
        "a method that does not exist asks for a token first",
        "apps/common/views.py",
        "if method not in self.http_method_names or not hasattr(self, method):",
        "if False:",
        "tests/bookings/test_transitions.py",
        quick=True,
    ),
)

A_SALE_IS_WRITTEN_WHOLE = (
    mutant(
        "a sale does not count its tickets",
        SALE,
        "SET sold = %(sold)s, updated_at",
        "SET updated_at",
        "tests/bookings/test_sql.py",
        quick=True,
    ),
    mutant(
        "a sale counts its tickets for every type",
        SALE,
        "        WHERE id = %(event_ticket_id)s\n",
        "",
        "tests/bookings/test_sql.py",
    ),
    mutant(
        "a sale loses its key",
        SALE,
        "'', %(idempotency_key)s,",
        "'', '',",
        "tests/bookings/test_idempotency.py",
    ),
    mutant(
        "a sale is stored as one that is new",
        SALE,
        "booking._state.adding, booking._state.db = False, DEFAULT_DB_ALIAS",
        "pass",
        "tests/bookings/test_sql.py",
    ),
)

NOTHING_STALE_IS_WRITTEN = (
    mutant(
        "take writes the whole ticket type",
        TICKETS,
        '    ticket.sold += quantity\n    ticket.save(update_fields=["sold", "updated_at"])\n',
        "    ticket.sold += quantity\n    ticket.save()\n",
        "tests/tickets/test_services.py::TestTake",
    ),
    mutant(
        "give_back writes more than it moves",
        TICKETS,
        'bulk_update(returned, ["sold", "updated_at"])',
        'bulk_update(returned, ["sold", "updated_at", "price"])',
        "tests/tickets/test_services.py::TestGiveBack",
    ),
    mutant(
        "update_event writes the whole event",
        EVENTS,
        '    event.save(update_fields=[*changes, "updated_at"])\n',
        "    event.save()\n",
        WRITES,
    ),
    mutant(
        "update_ticket writes the whole ticket type",
        TICKETS,
        '    ticket.save(update_fields=[*changes, "updated_at"])\n',
        "    ticket.save()\n",
        WRITES,
    ),
    mutant(
        "an admin's form writes all its fields through the service",
        "apps/common/admin.py",
        "{name: form.cleaned_data[name] for name in form.changed_data}",
        "form.cleaned_data",
        WRITES,
    ),
    mutant(
        "an admin's form writes the whole row",
        "apps/common/admin.py",
        'obj.save(update_fields=[*columns.intersection(form.changed_data), "updated_at"])',
        "obj.save()",
        ADMIN,
        quick=True,
    ),
    mutant(
        "a PATCH writes the whole row",
        "apps/common/serializers.py",
        '        changes = {**validated_data, "updated_at": timezone.now()}\n',
        "        for name, value in validated_data.items():\n"
        "            setattr(instance, name, value)\n"
        "        instance.save()\n"
        "        return instance\n"
        '        changes = {**validated_data, "updated_at": timezone.now()}\n',
        WRITES,
    ),
)

REPORTS = (
    mutant(
        "revenue goes by the price of today",
        "apps/tickets/querysets.py",
        'F("bookings__unit_price") * F("bookings__quantity")',
        'F("price") * F("bookings__quantity")',
        "tests/bookings/test_stats.py",
    ),
    mutant(
        "an export leaves out what follows its first rows",
        "apps/common/walks.py",
        "            if len(rows) < size:\n",
        "            if len(rows) <= size:\n",
        EXPORT,
    ),
    mutant(
        "an export has formulas that begin with a space",
        "apps/common/csv.py",
        "text.lstrip()[:1]",
        "text[:1]",
        EXPORT,
    ),
    mutant(
        "a title writes lines of its own into a calendar",
        "apps/events/calendars.py",
        '"\\n".join(text.splitlines())',
        "text",
        CALENDARS,
    ),
)

WHAT_HTTP_PROMISES = (
    mutant(
        "update_event overwrites what has changed meanwhile",
        EVENTS,
        "    precondition(event)\n    now = timezone.now()\n",
        "    now = timezone.now()\n",
        IF_MATCH,
    ),
    mutant(
        "update_ticket overwrites what has changed meanwhile",
        TICKETS,
        "    precondition(ticket)\n    if changes",
        "    if changes",
        IF_MATCH,
    ),
    mutant(
        "delete_unreferenced deletes what has changed meanwhile",
        "apps/common/services.py",
        "    precondition(instance)\n",
        "",
        IF_MATCH,
    ),
    mutant(
        "write_unchanged does not lock the row",
        "apps/common/services.py",
        "    precondition(queryset.select_for_update(no_key=True).get(pk=pk))\n",
        "    precondition(queryset.get(pk=pk))\n",
        "tests/common/test_if_match_races.py::test_one_of_them_is_told",
    ),
    mutant(
        "a sale stands in an editor's way",
        "apps/tickets/views.py",
        '    volatile_fields = ("sold", "available", "updated_at")\n',
        "",
        f"{IF_MATCH}::TestTickets",
    ),
    mutant(
        "what is answered to a token may be shared",
        "apps/common/public_cache.py",
        "    return _is_public(view) and not any(request.META.get(name) for name in CREDENTIALS)\n",
        "    return _is_public(view)\n",
        "tests/test_http.py::test_who_may_keep_an_answer",
        quick=True,
    ),
    mutant(
        "personal data may be kept",
        "apps/common/http_cache.py",
        '    if request.path.startswith("/api/auth/"):\n        return NOT_AT_ALL\n',
        "",
        "tests/test_http.py::test_who_may_keep_an_answer",
    ),
    mutant(
        "OPTIONS tells everybody what can be written",
        "apps/common/metadata.py",
        "            view.check_permissions(request)\n",
        "",
        "tests/test_http.py::TestOptions",
    ),
)

MUTANTS = (
    *WHO_LOCKS_WHAT,
    *WHAT_IS_READ_AFTER_THE_LOCK,
    *INVENTORY,
    *TRANSITION_RULES,
    *CONSTRAINTS,
    *RIGHTS,
    *A_SALE_IS_WRITTEN_WHOLE,
    *NOTHING_STALE_IS_WRITTEN,
    *REPORTS,
    *WHAT_HTTP_PROMISES,
)


class BrokenMutant(Exception):
    """It cannot be applied; the message says why."""


def mutated(root: Path, changes: Iterable[Change]) -> dict[str, str]:
    """The new texts of the files under `root`, by path. Raises BrokenMutant."""
    texts: dict[str, str] = {}
    for path, old, new in changes:
        text = texts.get(path) or (root / path).read_text()
        if (count := text.count(old)) != 1:
            raise BrokenMutant(f"{path} has {count} times: {old.strip()}")
        texts[path] = text.replace(old, new)
    return texts


@contextmanager
def applied(root: Path, changes: Iterable[Change]) -> Iterator[None]:
    texts = mutated(root, changes)
    before = {path: (root / path).read_text() for path in texts}
    try:
        for path, text in texts.items():
            (root / path).write_text(text)
        yield
    finally:
        for path, text in before.items():
            (root / path).write_text(text)


def copy_repository(target: Path) -> None:
    """What is or would be committed, as it stands in the working tree."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        # One that was deleted and not yet committed is listed all the same.
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def run_python(
    root: Path, database: str, arguments: Sequence[str], seconds: int
) -> tuple[int | None, str]:
    """The exit code, None if it had to be stopped, and the output."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    environment = {
        **os.environ,
        "DATABASE_URL": f"{server}/{database}",
        # A patched file may have the size and time of the one that was compiled before.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        RUNNING.add(process)
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            return None, output
        finally:
            # Harmless where it has ended, as it mostly has.
            process.kill()
            RUNNING.discard(process)
    return process.returncode, output


def sql(statement: str) -> None:
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


def make_template(root: Path) -> None:
    """The migrated database that is copied for every mutant: much sooner done than migrating."""
    sql(f"CREATE DATABASE {TEMPLATE}")
    migrate = ("settings/manage.py", "migrate", "--verbosity=0", "--settings=settings.test")
    code, output = run_python(root, TEMPLATE, migrate, SECONDS_FOR_ALL_TESTS)
    if code != 0:
        raise SystemExit(output)


@contextmanager
def databases(mutant: Mutant, number: int) -> Iterator[tuple[str, str]]:
    """The name for DATABASE_URL, and what pytest-django is to do with the one named test_…."""
    name = f"mutant{number}"
    is_migrated_otherwise = any("/migrations/" in change.path for change in mutant.changes)
    if not is_migrated_otherwise:
        sql(f"CREATE DATABASE test_{name} TEMPLATE {TEMPLATE}")
    try:
        yield name, "--create-db" if is_migrated_otherwise else "--reuse-db"
    finally:
        sql(f"DROP DATABASE IF EXISTS test_{name} WITH (FORCE)")


def judge(mutant: Mutant, number: int, copies: SimpleQueue[Path]) -> Verdict:
    """Run the mutant's tests against it, in one of the copies."""
    root = copies.get()
    start = time.monotonic()
    try:
        with applied(root, mutant.changes), databases(mutant, number) as (name, option):
            arguments = (*PYTEST, "-x", option, *mutant.tests)
            code, output = run_python(root, name, arguments, SECONDS_PER_MUTANT)
    except BrokenMutant as error:
        return Verdict(BROKEN, 0, str(error))
    finally:
        copies.put(root)
    outcome, detail = _outcome(mutant, code, output)
    return Verdict(outcome, time.monotonic() - start, detail, output)


def _outcome(mutant: Mutant, code: int | None, output: str) -> tuple[str, str]:
    if code is None:
        stopped = f"stopped after {SECONDS_PER_MUTANT} s"
        return (KILLED if mutant.hangs else BROKEN), stopped
    if code == 0:
        return SURVIVED, " ".join(mutant.tests)
    # Code that cannot even be imported ends with 1 as well, but no test has failed then.
    failed = re.search(r"^FAILED (.+?)(?: - .*)?$", output, re.MULTILINE)
    if code == 1 and failed:
        return KILLED, failed[1]
    return BROKEN, f"pytest ended with {code} and no failed test"


def unmutated(mutants: Iterable[Mutant], root: Path) -> Verdict:
    """Run the tests of all mutants on the code as it is: they must pass, every one."""
    named = {test for mutant in mutants for test in mutant.tests}
    # A file or folder that is named as a whole includes what is named inside it.
    tests = sorted(
        test
        for test in named
        if not any(test.startswith((f"{other}::", f"{other}/")) for other in named)
    )
    start = time.monotonic()
    arguments = (*PYTEST, f"--numprocesses={WORKERS}", "--no-skips", *tests)
    code, output = run_python(root, "all", arguments, SECONDS_FOR_ALL_TESTS)
    outcome = SURVIVED if code == 0 else BROKEN
    return Verdict(outcome, time.monotonic() - start, f"pytest ended with {code}", output)


def run(mutants: Sequence[Mutant], *, why: bool) -> int:
    """The exit code: 0 if the tests pass without a mutant, and every mutant is killed."""
    with tempfile.TemporaryDirectory(prefix="btick-mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            root = Path(folder, str(number))
            copy_repository(root)
            copies.put(root)
        verdict = unmutated(mutants, root)
        if verdict.outcome == BROKEN:
            say(f"{verdict.output}\nWithout any mutant, {verdict.detail}.")
            return 1
        say(f"Without any mutant, the tests pass ({verdict.seconds:.0f} s).")
        make_template(root)
        verdicts = list(judge_all(mutants, copies, why=why))
    count = {outcome: sum(each.outcome == outcome for each in verdicts) for outcome in OUTCOMES}
    say(", ".join(f"{number} {outcome}" for outcome, number in count.items()) + ".")
    return 0 if count[KILLED] == len(verdicts) else 1


def judge_all(
    mutants: Sequence[Mutant], copies: SimpleQueue[Path], *, why: bool
) -> Iterator[Verdict]:
    pool = ThreadPoolExecutor(WORKERS)
    try:
        futures: dict[Future[Verdict], Mutant] = {
            pool.submit(judge, mutant, number, copies): mutant
            for number, mutant in enumerate(mutants)
        }
        for future in as_completed(futures):
            verdict = future.result()
            time_taken = f"{verdict.seconds:5.1f} s"
            say(f"{verdict.outcome:<8} {time_taken}  {futures[future].name}: {verdict.detail}")
            if why or verdict.outcome == BROKEN:
                say(verdict.output)
            yield verdict
    finally:
        # Ctrl-C or SIGTERM: nothing more is started, then what runs is ended.
        pool.shutdown(wait=False, cancel_futures=True)
        for process in RUNNING.copy():
            process.kill()
        pool.shutdown()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the mutants marked quick")
    parser.add_argument("--why", action="store_true", help="show what pytest said of each")
    parser.add_argument("text", nargs="*", help="only the mutants whose name contains one of these")
    options = parser.parse_args()
    if "DATABASE_URL" not in os.environ or "PGHOST" not in os.environ:
        parser.error("run it under `python -m tests.postgres`")
    chosen = [
        mutant
        for mutant in MUTANTS
        if (mutant.quick or not options.quick)
        and (not options.text or any(text in mutant.name for text in options.text))
    ]
    if not chosen:
        parser.error("no mutant has such a name")
    # So that the copies are removed then too.
    signal.signal(signal.SIGTERM, stop)
    return run(chosen, why=options.why)


if __name__ == "__main__":
    sys.exit(main())
