"""The parts of the load benchmark that could be wrong without anybody seeing it."""

from http.client import HTTPMessage
from types import SimpleNamespace

import pytest
from django.db import connection

from apps.bookings.models import Booking
from apps.tickets.models import EventsTicket
from bench.data import SOLD_DIFFERS
from bench.load import DOCUMENT, Ground, measure
from bench.meters import Refused, Request, Run, parse_pgbench, parse_wrk, wrk_version
from bench.paths import Comparison, Load, Transaction, comparisons
from bench.report import Memory, Report, Result, Timing, with_table
from bench.server import HOST, Answer, BenchError, is_refusal
from tests.factories import BookingFactory, EventsTicketFactory

WRK = """\
Running 1s test @ http://127.0.0.1:18765/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.86ms  327.09us   4.44ms   72.87%
    Req/Sec     3.16k    45.67     3.21k    72.73%
  Latency Distribution
     50%    1.84ms
     75%    2.04ms
     90%    2.26ms
     99%    {slowest}
  {count} requests in 1.10s, 381.70KB read
{problems}Requests/sec:   3143.61
Transfer/sec:    347.10KB
"""

PGBENCH = """\
pgbench (18.4)
transaction type: transaction.sql
query mode: prepared
number of clients: 8
maximum number of tries: 1
duration: 1 s
number of transactions actually processed: 170089
number of failed transactions: {failed} (0.000%)
latency average = 0.047 ms
initial connection time = 8.970 ms
tps = 171414.548705 (without initial connection time)
"""


def wrk_output(*, slowest="2.83ms", count=3457, problems=""):
    return WRK.format(slowest=slowest, count=count, problems=problems)


def result(*rounds, goal=0.25):
    """A result with these rates of limit and path."""
    made = Result("path", "limit", goal)
    for limit, path in rounds:
        made.add(Run(limit, 100), Run(path, 100, 12.0))
    return made


class TestMeters:
    @pytest.mark.parametrize(
        ("slowest", "milliseconds"),
        [("2.83ms", 2.83), ("900.00us", 0.9), ("1.20s", 1200.0), ("2.00m", 120_000.0)],
    )
    def test_wrk(self, slowest, milliseconds):
        run = parse_wrk(wrk_output(slowest=slowest))
        assert (run.per_second, run.count) == (3143.61, 3457)
        assert run.slowest_ms == pytest.approx(milliseconds)

    @pytest.mark.parametrize(
        ("problem", "message"),
        [
            ("  Non-2xx or 3xx responses: 1140\n", "1140 answers were not 2xx"),
            (
                "  Socket errors: connect 0, read 12, write 0, timeout 3\n",
                "answers did not come: connect 0, read 12, write 0, timeout 3",
            ),
        ],
    )
    def test_wrk_with_answers_that_are_not_what_was_meant(self, problem, message):
        with pytest.raises(Refused, match=message):
            parse_wrk(wrk_output(problems=problem))

    def test_wrk_without_an_answer(self):
        assert parse_wrk(wrk_output(slowest="0.00us", count=0)) == Run(0.0, 0)

    def test_wrk_that_says_something_else(self):
        with pytest.raises(BenchError, match="Requests/sec"):
            parse_wrk("Running 1s test @ http://127.0.0.1:18765/")

    def test_wrk_is_missing(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(BenchError, match=r"^wrk is missing: apt-get install wrk$"):
            wrk_version()

    def test_pgbench(self):
        assert parse_pgbench(PGBENCH.format(failed=0)) == Run(171414.548705, 170089)

    def test_pgbench_with_failed_transactions(self):
        with pytest.raises(BenchError, match="7 transactions failed"):
            parse_pgbench(PGBENCH.format(failed=7))

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ('{"message": "GET /a 200", "level": "INFO", "status": 200}', False),
            ('{"message": "POST /a 201", "level": "INFO", "status": 201}', False),
            ('{"message": "GET /a 301", "level": "INFO", "status": 301}', True),
            ('{"message": "POST /a 400", "level": "INFO", "status": 400}', True),
            ('{"message": "GET /a 503", "level": "INFO", "status": 503}', True),
            ('{"message": "Booting worker", "level": "INFO"}', False),
        ],
    )
    def test_lines_about_refusals(self, line, expected):
        assert is_refusal(line) == expected


def answering(status, body):
    """A server that answers everything alike."""
    return SimpleNamespace(send=lambda *_, **__: Answer(status, HTTPMessage(), body))


PAGE = b'{"results": [{"id": 7}, {"id": 8}]}'


class TestRequest:
    def test_wrk_sends_what_was_checked(self):
        request = Request("POST", "/a/", "secret", '{"quantity": 2}')
        method, path, body, *headers = request.line.rstrip("\n").split("\t")
        assert (method, path, body) == ("POST", "/a/", '{"quantity": 2}')
        assert headers == [
            f"Host: {HOST}",
            "X-Forwarded-Proto: https",
            "Authorization: Bearer secret",
            "Content-Type: application/json",
        ]

    @pytest.mark.parametrize(
        ("request_", "status", "body"),
        [
            (Request("GET", "/a/"), 200, b""),
            (Request("POST", "/a/"), 201, b"{}"),
            (Request("GET", "/a/", rows=2), 200, PAGE),
            (Request("GET", "/a/", rows=2, first_id=7), 200, PAGE),
            (Request("GET", "/a/", rows=1), 200, b'[{"id": 7}]'),
        ],
    )
    def test_expected(self, request_, status, body):
        request_.check(answering(status, body))

    @pytest.mark.parametrize(
        ("request_", "status", "body"),
        [
            (Request("GET", "/a/"), 301, b""),
            (Request("GET", "/a/"), 404, b""),
            (Request("POST", "/a/"), 200, b"{}"),
            (Request("POST", "/a/"), 400, b'{"code": "sold_out"}'),
            (Request("GET", "/a/", rows=3), 200, PAGE),
            (Request("GET", "/a/", rows=1), 200, PAGE),
            (Request("GET", "/a/", rows=2, first_id=8), 200, PAGE),
            (Request("GET", "/a/", rows=2), 200, b'{"results": []}'),
        ],
    )
    def test_unexpected(self, request_, status, body):
        with pytest.raises(Refused):
            request_.check(answering(status, body))


class TestPaths:
    def test_names_and_goals(self):
        goals = {each.name: (each.limit_name, each.goal) for each in comparisons(1_000_000)}
        constant, itself = "constant view", "1,000 rows"
        assert goals == {
            "place a booking, one hot ticket type": ("pgbench, hot", 0.25),
            "place a booking, 1,000 ticket types": ("pgbench, spread", 0.10),
            "`GET /events/`, uncached": (constant, 0.06),
            "`GET /events/`, cached": (constant, 0.50),
            "`GET /events/{id}/`, uncached": (constant, 0.08),
            "`available-tickets`, 5 types": (constant, 0.05),
            "own bookings, 20 of 50": (constant, 0.05),
            "`my-events`, 20 of 50": (constant, 0.05),
            "events, first page, 1,000,000 rows": (itself, 0.9),
            "events, deep inside, 1,000,000 rows": (itself, 0.9),
            "bookings, first page, 1,000,000 rows": (itself, 0.9),
            "bookings, deep inside, 1,000,000 rows": (itself, 0.9),
            "an event's bookings, first page, 1,000,000 rows": (itself, 0.9),
            "an event's bookings, deep inside, 1,000,000 rows": (itself, 0.9),
        }

    def test_large_lists_are_measured_against_small_ones(self):
        servers = {
            each.name.rpartition(",")[0]: (each.limit.server, each.path.server)
            for each in comparisons(5_000)
            if each.goal == 0.9
        }
        assert len(servers) == 6
        assert set(servers.values()) == {("small", "large")}


LIMIT, PATH = Transaction("booking", "SELECT 1"), Load("booking", lambda _: [])


class FakeGround(Ground):
    """Acknowledges ten bookings in every run; `stored` of them are there afterwards."""

    def __init__(self, stored=10):
        self.order = []
        databases = SimpleNamespace(
            bookings=lambda _: stored * len(self.order),
            check_sold=lambda name: self.order.append(f"checked {name}"),
            checkpoint=lambda _: None,
        )
        super().__init__(databases, {}, None)

    __setattr__ = object.__setattr__

    def run(self, what, seconds):
        return Run(100.0 if what is LIMIT else 25.0, 10)


class TestRounds:
    @pytest.mark.parametrize("limit_first", [True, False])
    def test_the_limit_is_the_limit_whichever_comes_first(self, limit_first):
        ground = FakeGround()
        comparison = Comparison("path", "limit", 0.25, LIMIT, PATH)
        limit, path = measure(ground, comparison, 4, limit_first=limit_first)
        assert (limit.per_second, path.per_second) == (100.0, 25.0)
        assert ground.order == ["checked booking"] * 2

    def test_reads_leave_nothing_to_check(self):
        ground = FakeGround()
        measure(ground, Comparison("path", "limit", 0.9, PATH, PATH), 4, limit_first=True)
        assert ground.order == []

    def test_an_acknowledged_booking_that_is_not_stored(self):
        with pytest.raises(BenchError, match="10 bookings were acknowledged, 9 are stored"):
            FakeGround(stored=9).booking_run(PATH, 4)


class TestResult:
    def test_share_is_the_median_of_the_rounds_and_not_the_share_of_the_medians(self):
        measured = result((100, 30), (200, 40), (400, 100))
        assert measured.shares == [0.3, 0.2, 0.25]
        assert measured.share == 0.25
        assert measured.row == (
            *("path", "limit", "200", "40", "12 ms"),
            *("25.0 %", "20.0 % – 30.0 %", "≥ 25 %", "yes"),
        )

    @pytest.mark.parametrize(("path", "is_met"), [(25, True), (24.9, False)])
    def test_goal(self, path, is_met):
        assert result((100, path)).is_met is is_met

    def test_goal_not_met_is_seen(self):
        assert result((100, 10)).row[-1] == "**no**"

    def test_a_path_without_an_answer_has_no_share(self):
        measured = Result("path", "limit", 0.9)
        measured.add(Run(100, 100, 5.0), Run(0.0, 0))
        assert measured.row[3:6] == ("0", "–", "0.0 %")

    def test_a_limit_without_an_answer_is_none(self):
        with pytest.raises(BenchError, match="limit was not reached once"):
            Result("path", "limit", 0.9).add(Run(0.0, 0), Run(100, 100))

    def test_timing(self):
        assert Timing("sweep", 8.24, 2.0).row == ("sweep", "8.2 s", "2.0 s", "4.1 ×")
        assert Timing("seed", 13.1).row == ("seed", "13.1 s", "–", "–")

    @pytest.mark.parametrize(
        ("after", "growth", "is_flat"), [(104, "+4.0 %", "yes"), (106, "+6.0 %", "**no**")]
    )
    def test_memory(self, after, growth, is_flat):
        mebibyte = 1024 * 1024
        memory = Memory(100 * mebibyte, after * mebibyte, 2_000, 52_000)
        assert memory.row == (
            "the larger of two workers",
            "100.0 MiB after 2,000 requests",
            f"{after}.0 MiB after 52,000",
            growth,
            "≤ +5 %",
            is_flat,
        )

    def test_report(self):
        report = Report("when and where", [result((100, 30))], [Timing("seed", 13.1)])
        assert str(report) == (
            "when and where\n"
            "\n"
            "| Path | Limit | Limit's /s | Path's /s | 99 % within "
            "| Share | Spread | Goal | Met |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
            "| path | limit | 100 | 30 | 12 ms | 30.0 % | 30.0 % – 30.0 % | ≥ 25 % | yes |\n"
            "\n"
            "| Command | Whole process | SQL by hand | Ratio |\n"
            "| --- | --- | --- | --- |\n"
            "| seed | 13.1 s | – | – |"
        )


class TestDocument:
    def test_what_is_written_by_hand_stays(self):
        old = "before\n<!-- table -->\nold\n| table |\n<!-- /table -->\n\nby hand\n"
        new = "before\n<!-- table -->\nnew\n<!-- /table -->\n\nby hand\n"
        assert with_table(old, "new") == new
        assert with_table(new, "new") == new

    @pytest.mark.parametrize(
        "document",
        [
            "",
            "<!-- table -->",
            "<!-- /table -->",
            "<!-- /table --> <!-- table -->",
            "<!-- table --> <!-- table --> <!-- /table -->",
            "<!-- table --> <!-- /table --> <!-- /table -->",
            "<!-- /table --> <!-- table --> <!-- /table -->",
        ],
    )
    def test_without_its_two_markers_nothing_is_written(self, document):
        with pytest.raises(BenchError):
            with_table(document, "new")

    def test_ours_has_them(self):
        assert "\nnew\n" in with_table(DOCUMENT.read_text(), "new")


def differing():
    with connection.cursor() as cursor:
        cursor.execute(SOLD_DIFFERS)
        return cursor.fetchall()


@pytest.mark.django_db
class TestSold:
    def test_what_the_bookings_hold_is_sold(self):
        ticket, _ = EventsTicketFactory.create_batch(2)
        for status in Booking.Status:
            BookingFactory(event_ticket=ticket, status=status, quantity=3)
        EventsTicket.objects.filter(pk=ticket.pk).update(sold=6)
        assert differing() == []

    @pytest.mark.parametrize("sold", [5, 7, 9])
    def test_any_other_number_differs(self, sold):
        ticket = EventsTicketFactory(quota=100)
        for status in Booking.Status:
            BookingFactory(event_ticket=ticket, status=status, quantity=3)
        EventsTicket.objects.filter(pk=ticket.pk).update(sold=sold)
        assert differing() == [(ticket.pk, sold, 6)]

    def test_what_is_sold_without_bookings_differs(self):
        ticket = EventsTicketFactory(quota=100, sold=2)
        assert differing() == [(ticket.pk, 2, 0)]
