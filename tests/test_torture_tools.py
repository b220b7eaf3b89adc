"""The parts of bench/torture.py and bench/server.py that decide whether a run has passed."""

import json
import math
import random
import subprocess
import sys
from http.client import HTTPMessage
from itertools import islice

import pytest

from bench.server import Answer, children
from bench.torture import (
    CRASHED,
    KILLED,
    Attempt,
    Fault,
    Journal,
    booking_problems,
    fault_order,
    fault_problems,
)

BOOKING = (1, 7, "key", 3, 2, "PENDING")


def answer(status, body, **headers):
    message = HTTPMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Answer(status, message, body)


def finished(journal, outcome):
    attempt = journal.begin()
    journal.end(attempt, outcome)
    return attempt


def fault(kind, outcome, next_booking=1.0):
    return Fault(kind, 0.0, [Attempt(0.0, 1.0, outcome)], 0.0, next_booking)


FOUR_FAULTS = [fault(KILLED, "reset"), fault(CRASHED, "503")] * 2


@pytest.fixture
def journal():
    journal = Journal()
    finished(journal, "201")
    return journal


BUSY = json.dumps({"detail": "The service is busy.", "code": "busy"}).encode()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer(503, BUSY, Retry_After="1"), True),
        (answer(500, BUSY, Retry_After="1"), False),
        (answer(503, BUSY), False),
        (answer(503, b'{"code": "other"}', Retry_After="1"), False),
        (answer(503, b"<h1>Unavailable</h1>", Retry_After="1"), False),
        (answer(503, b"[]", Retry_After="1"), False),
    ],
)
def test_only_the_promised_503_is_busy(given, expected):
    assert given.is_busy is expected


def test_bookings_as_acknowledged_are_no_problem():
    assert list(booking_problems([BOOKING], [BOOKING])) == []


@pytest.mark.parametrize(
    ("stored", "problems"),
    [
        ([], [f"acknowledged {BOOKING}, stored None"]),
        (
            [(1, 7, "key", 3, 2, "CONFIRMED")],
            [f"acknowledged {BOOKING}, stored (1, 7, 'key', 3, 2, 'CONFIRMED')"],
        ),
        (
            [BOOKING, (2, 7, "other", 3, 2, "PENDING")],
            ["nobody was told of (2, 7, 'other', 3, 2, 'PENDING')"],
        ),
        (
            [BOOKING, (2, 7, "key", 4, 2, "PENDING")],
            [
                "nobody was told of (2, 7, 'key', 4, 2, 'PENDING')",
                "the key key of user 7 has 2 bookings",
            ],
        ),
        (
            [BOOKING, (2, 8, "key", 3, 2, "PENDING")],
            ["nobody was told of (2, 8, 'key', 3, 2, 'PENDING')"],
        ),
    ],
    ids=["lost", "altered", "unknown", "doubled", "same-key-of-another"],
)
def test_bookings_that_are_not_as_acknowledged(stored, problems):
    assert list(booking_problems([BOOKING], stored)) == problems


def test_two_faults_of_each_kind_make_a_test(journal):
    assert list(fault_problems(FOUR_FAULTS, journal)) == []


@pytest.mark.parametrize(
    ("faults", "problem"),
    [
        (FOUR_FAULTS[1:], f"{KILLED}: only 1 times; give it more --seconds"),
        (FOUR_FAULTS[:3], f"{CRASHED}: only 1 times; give it more --seconds"),
        (
            [*[fault(KILLED, "201")] * 2, *[fault(CRASHED, "400")] * 2],
            "no fault made a request fail",
        ),
        (
            [*FOUR_FAULTS, Fault(CRASHED, 0.0, [], 0.0, 1.0)],
            f"{CRASHED}: no request was in flight",
        ),
        ([*FOUR_FAULTS, fault(KILLED, "reset", None)], f"{KILLED}: no booking within 20 s"),
        (
            [*FOUR_FAULTS, Fault(CRASHED, 0.0, [Attempt(0.0)], float("inf"), 1.0)],
            "no booking was acknowledged after the last restart",
        ),
    ],
)
def test_faults_that_make_no_test_or_were_not_overcome(journal, faults, problem):
    assert list(fault_problems(faults, journal)) == [problem]


def test_each_kind_strikes_twice_in_every_four_faults():
    for seed in range(20):
        order = fault_order(random.Random(seed))
        for _ in range(3):
            assert sorted(islice(order, 4)) == sorted([KILLED, CRASHED] * 2)


def test_the_journal_tells_who_is_in_flight():
    journal = Journal()
    waiting = journal.begin()
    finished(journal, "201")
    assert journal.in_flight() == [waiting]
    journal.end(waiting, "reset")
    assert journal.in_flight() == []
    assert journal.counts == {"201": 1, "reset": 1}


def test_only_a_booking_that_was_asked_for_later_shows_recovery():
    journal = Journal()
    before = journal.begin()
    moment = math.nextafter(before.sent, math.inf)
    journal.end(before, "201")
    assert not journal.has_booked_since(moment)
    finished(journal, "200")
    assert not journal.has_booked_since(moment)
    assert journal.first_booking_since(moment) is None
    after = finished(journal, "201")
    finished(journal, "201")
    assert journal.has_booked_since(moment)
    assert journal.first_booking_since(moment) == after.ended


def test_children_are_the_running_ones_of_that_process_alone():
    script = (
        "import subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE);"
        "print(child.pid, flush=True); input(); child.kill(); child.wait();"
        "print(flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        child = int(parent.stdout.readline())
        assert children(parent.pid) == [child]
        parent.stdin.write("\n")
        parent.stdin.flush()
        parent.stdout.readline()
        assert children(parent.pid) == []
    finally:
        parent.communicate("\n", timeout=10)
