"""The parts of bench/scaleout.py and tests/pooler.py that could pass a run that showed nothing."""

import json
from http.client import HTTPMessage

import pytest

from bench.scaleout import (
    POOL_SIZE,
    Order,
    Outcome,
    Stage,
    answer_problems,
    placed_by,
    run_problems,
    stock_problems,
)
from bench.server import Answer
from bench.torture import Customer
from tests import pooler
from tests.postgres import PostgresError

ORDER = Order(Customer(7, "token"), 3, "key")
STAGE = Stage([], [([1], 4), ([2, 3], 6)])


def answer(status, *, replayed=False, **body):
    headers = HTTPMessage()
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return Answer(status, headers, json.dumps(body).encode())


def outcome(*answers):
    return Outcome(ORDER, list(answers))


PLACED, REPLAYED = answer(201, id=5), answer(201, id=5, replayed=True)
SOLD_OUT = answer(400, code="sold_out")


@pytest.mark.parametrize("answers", [(PLACED, REPLAYED), (REPLAYED, PLACED), (SOLD_OUT, SOLD_OUT)])
def test_one_booking_or_none_is_no_problem(answers):
    assert list(answer_problems([outcome(*answers)])) == []


@pytest.mark.parametrize(
    "answers",
    [
        (PLACED, PLACED),
        (REPLAYED, REPLAYED),
        (PLACED, answer(201, id=6, replayed=True)),
        (PLACED, SOLD_OUT),
        (PLACED, answer(503, code="busy")),
        (SOLD_OUT, answer(400, code="event_started")),
        (answer(422, code="sold_out"), answer(422, code="sold_out")),
    ],
)
def test_anything_else_is_one(answers):
    assert list(answer_problems([outcome(*answers)])) == [
        f"the order key of ticket type 3 was answered {answers[0]} and {answers[1]}"
    ]


def test_a_booking_must_be_stored_as_it_was_answered():
    assert outcome(PLACED, REPLAYED).row == (5, 7, "key", 3, 2, "PENDING")


def rows(*quantities):
    """Bookings of the ticket types 1, 2 and 3."""
    return [(n, 7, str(n), n, quantity, "PENDING") for n, quantity in enumerate(quantities, 1)]


def test_all_that_was_for_sale_and_no_more_is_no_problem():
    assert list(stock_problems(rows(4, 2, 4), STAGE)) == []


@pytest.mark.parametrize(
    ("quantities", "problem"),
    [
        ((6, 2, 4), "of ticket types [1], 6 tickets are sold instead of 4"),
        ((2, 2, 4), "of ticket types [1], 2 tickets are sold instead of 4"),
        ((4, 4, 4), "of ticket types [2, 3], 8 tickets are sold instead of 6"),
    ],
)
def test_too_many_or_too_few_sold(quantities, problem):
    assert list(stock_problems(rows(*quantities), STAGE)) == [problem]


def test_a_booking_is_counted_for_the_server_that_placed_it():
    outcomes = [outcome(PLACED, REPLAYED), outcome(PLACED, REPLAYED), outcome(REPLAYED, PLACED)]
    assert placed_by([*outcomes, outcome(SOLD_OUT, SOLD_OUT)]) == [2, 1]


@pytest.mark.parametrize(
    ("placed", "sessions", "problems"),
    [
        ([1, 1], 1, []),
        ([9, 1], POOL_SIZE, []),
        ([9, 0], 1, ["the servers have placed [9, 0] bookings: they were no rivals"]),
        ([], 1, ["the servers have placed [] bookings: they were no rivals"]),
        ([1, 1], 0, ["PostgreSQL had 0 sessions: the servers did not share a pool"]),
        ([1, 1], 5, ["PostgreSQL had 5 sessions: the servers did not share a pool"]),
    ],
)
def test_servers_that_were_no_rivals_or_did_not_share(placed, sessions, problems):
    assert list(run_problems(placed, sessions)) == problems


def test_without_the_pooler_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pooler, "SYSTEM_PROGRAMS", str(tmp_path))
    with pytest.raises(PostgresError, match=r"^pgbouncer is missing: apt-get install pgbouncer$"):
        pooler.installed_program()
