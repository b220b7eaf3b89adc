"""Measures the API against what the database and the server can do.

    python -m bench.load [--rounds N] [--seconds N] [--rows N] [--only TEXT] [--write]

Every path and its limit take turns, round by round, on the server of the Dockerfile and a durable
throw-away PostgreSQL. `sold` is compared with the bookings after every run that books. The exit
code is 0 when everything ran and that held, whether or not the goals are met.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.data import SMALL, SOLD_DIFFERS, SWEEP_BY_HAND, Databases
from bench.meters import CLIENTS, Refused, Request, Run, pgbench, wrk, wrk_version
from bench.paths import SERVERS, Comparison, Load, Transaction, comparisons, mixed_reads
from bench.report import Memory, Report, Result, Timing, with_table
from bench.server import (
    ROOT,
    BenchError,
    Server,
    end_in_order,
    manage,
    production,
    running_server,
)
from tests.postgres import Cluster, PostgresError, remove_abandoned, throw_away_cluster

DOCUMENT = ROOT / "docs" / "performance.md"

ROWS = 1_000_000
ROUNDS = 5
SECONDS = 4
WARM_UP_SECONDS = 1
REQUESTS_TO_WARM_UP = 2_000
# For a million rows; for fewer in proportion, and at least so many as warm up.
REQUESTS_FOR_MEMORY = 50_000

SECONDS_FOR_COMMAND = 600
# A statement is ended after 30 s, and every worker may have several to answer.
SECONDS_TO_GET_IDLE = 180
LONGEST_RUN_SECONDS = 3600

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "bench.settings",
    "ACCESS_TOKEN_MINUTES": str(24 * 60),
    "PUBLIC_CACHE_SECONDS": "0",
}


@dataclass(frozen=True)
class Options:
    rounds: int
    seconds: int
    rows: int
    only: str

    def wants(self, name: str) -> bool:
        return self.only.lower() in name.lower()


# Paths against limits


@dataclass(frozen=True)
class Ground:
    """Where it is measured: everything that runs, and the files for who sends requests."""

    databases: Databases
    servers: Mapping[str, Server]
    folder: Path
    _prepared: dict[Load, list[Request]] = field(default_factory=dict)

    def requests(self, load: Load) -> list[Request]:
        # Once: to find a row deep inside takes the database longer than what is measured.
        if load not in self._prepared:
            self._prepared[load] = load.requests(self.databases)
        return self._prepared[load]

    def run(self, what: Load | Transaction, seconds: int) -> Run:
        if isinstance(what, Transaction):
            file = self._file("transaction.sql", [what.script])
            return pgbench(file, self.databases.environment(what.database), seconds)
        requests, server = self.requests(what), self.servers[what.server]
        file = self._file("requests.txt", [request.line for request in requests])
        try:
            run = wrk(server, file, seconds)
        except Refused as error:
            raise Refused(f"{requests[0].method} {requests[0].path}: {error}") from None
        self._wait_until_idle(server, what.database)
        return run

    def _wait_until_idle(self, server: Server, database: str) -> None:
        """What wrk has left behind unanswered must not be in the way of the next run."""
        # Served in the order of arrival: at the most, the other worker still has one in hand.
        server.send("GET", "/livez", timeout=SECONDS_TO_GET_IDLE)
        deadline = time.monotonic() + SECONDS_TO_GET_IDLE
        while self.databases.is_busy(database):
            if time.monotonic() > deadline:
                raise BenchError(f"{database} does not come to rest")
            time.sleep(0.05)

    def booking_run(self, what: Load | Transaction, seconds: int) -> Run:
        """Raises BenchError when afterwards a booking is missing, or `sold` is not what it was."""
        name = what.database
        before = self.databases.bookings(name)
        run = self.run(what, seconds)
        self.databases.check_sold(name)
        gained = self.databases.bookings(name) - before
        if gained < run.count:
            raise BenchError(f"{run.count} bookings were acknowledged, {gained} are stored")
        self.databases.checkpoint(name)
        return run

    def _file(self, name: str, lines: list[str]) -> Path:
        file = self.folder / name
        file.write_text("".join(lines))
        return file


def compare(ground: Ground, wanted: list[Comparison], options: Options) -> list[Result]:
    """Every path beside its limit, and all of them again in the next round."""
    for comparison in wanted:
        warm_up(ground, comparison)
    results = [Result(each.name, each.limit_name, each.goal) for each in wanted]
    for number in range(1, options.rounds + 1):
        for comparison, result in zip(wanted, results, strict=True):
            # What drifts during a round favours neither.
            limit_first = number % 2 == 1
            limit, path = measure(ground, comparison, options.seconds, limit_first=limit_first)
            result.add(limit, path)
            print(
                f"round {number}  {result.name:<45} {limit.per_second:9,.1f} "
                f"{path.per_second:9,.1f} {result.shares[-1]:8.1%}",
                flush=True,
            )
    return results


def warm_up(ground: Ground, comparison: Comparison) -> None:
    for load in comparison.loads:
        ground.requests(load)[0].check(ground.servers[load.server])
    for what in (comparison.limit, comparison.path):
        ground.run(what, WARM_UP_SECONDS)


def measure(
    ground: Ground, comparison: Comparison, seconds: int, *, limit_first: bool
) -> tuple[Run, Run]:
    """The limit and the path."""
    run = ground.booking_run if comparison.books else ground.run
    if limit_first:
        return run(comparison.limit, seconds), run(comparison.path, seconds)
    path = run(comparison.path, seconds)
    return run(comparison.limit, seconds), path


@contextmanager
def ground_for(databases: Databases, names: set[str]) -> Iterator[Ground]:
    """With these servers running."""
    folder = databases.cluster.folder
    for name in sorted(names):
        databases.need(SERVERS[name][0])
    with ExitStack() as stack:
        servers = {}
        for name in sorted(names):
            database, additions = SERVERS[name]
            metrics = {"PROMETHEUS_MULTIPROC_DIR": str(folder / f"{name}-metrics")}
            environment = {**databases.environment(database), **metrics, **additions}
            server = running_server(environment, folder / f"{name}.log")
            servers[name] = stack.enter_context(server)
        yield Ground(databases, servers, folder)


# Commands


def time_sweep(databases: Databases) -> Timing:
    # Both before the sweep, which nothing may copy any more.
    databases.need("sweep_by_hand")
    seconds = command_seconds(databases, "sweep", "expire_bookings")
    by_hand = seconds_of(lambda: databases.execute("sweep_by_hand", SWEEP_BY_HAND))
    for name in ("sweep", "sweep_by_hand"):
        databases.check_sold(name)
        if left := databases.run_out_holds(name):
            raise BenchError(f"{left} run-out holds are left in {name}")
    return Timing(f"sweep of {databases.holds:,} run-out holds", seconds, by_hand)


def time_audit(databases: Databases) -> Timing:
    databases.need("large")
    seconds = command_seconds(databases, "large", "check_inventory")
    by_hand = seconds_of(lambda: databases.select("large", SOLD_DIFFERS))
    return Timing(f"check_inventory on {databases.rows:,} bookings", seconds, by_hand)


def time_seed(databases: Databases) -> Timing:
    databases.need("seed")
    bookings = databases.rows // 10
    numbers = {"users": 1_000, "orgs": 20, "venues": 20, "cats": 10, "events": 1_000}
    options = [f"--{name}={number}" for name, number in numbers.items()]
    command = ("seed", "--force", *options, f"--bookings={bookings}")
    seconds = command_seconds(databases, "seed", *command)
    databases.check_sold("seed")
    return Timing(f"seed of {bookings:,} bookings", seconds)


COMMANDS: dict[str, Callable[[Databases], Timing]] = {
    "sweep": time_sweep,
    "check_inventory": time_audit,
    "seed": time_seed,
}


def command_seconds(databases: Databases, name: str, *command: str) -> float:
    """How long the whole process took. Raises BenchError unless it ended with 0."""
    environment = databases.environment(name)
    return seconds_of(
        lambda: manage(*command, environment=environment, check=True, timeout=SECONDS_FOR_COMMAND)
    )


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# Memory


def measure_memory(databases: Databases, options: Options) -> Memory:
    load = mixed_reads()
    wanted = max(REQUESTS_TO_WARM_UP, REQUESTS_FOR_MEMORY * options.rows // ROWS)
    with ground_for(databases, {load.server}) as ground:
        server = ground.servers[load.server]

        def send(least: int) -> int:
            sent = 0
            while sent < least:
                sent += ground.run(load, options.seconds).count
            return sent

        warming = send(REQUESTS_TO_WARM_UP)
        before = server.worker_memory()
        sent = warming + send(wanted)
        after = server.worker_memory()
    if before.keys() != after.keys():
        raise BenchError("a worker was replaced while its memory was measured")
    return Memory(max(before.values()), max(after.values()), warming, sent)


# The run


def run(cluster: Cluster, options: Options) -> Report:
    environment = {**production(cluster), **SETTINGS}
    set_up_django(environment)
    databases = Databases(cluster, environment, options.rows)
    report = Report(circumstances(databases, options))
    wanted = [each for each in comparisons(options.rows) if options.wants(each.name)]
    if wanted:
        names = {load.server for each in wanted for load in each.loads}
        with ground_for(databases, names) as ground:
            report.results += compare(ground, wanted, options)
    for name, measure in COMMANDS.items():
        if options.wants(name):
            report.timings.append(measure(databases))
            print(" ".join(report.timings[-1].row), flush=True)
    if options.wants("memory"):
        report.memory = measure_memory(databases, options)
    return report


def set_up_django(environment: Mapping[str, str]) -> None:
    """For the tokens, which are signed with the servers' key."""
    os.environ.update(environment)
    import django

    django.setup()


def circumstances(databases: Databases, options: Options) -> str:
    ((version,),) = databases.select("postgres", "SHOW server_version")
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, PostgreSQL {version}, {wrk_version()}; "
        f"{options.rounds} rounds of {options.seconds} s, {CLIENTS} clients, "
        f"{options.rows:,} rows in the large database and {SMALL:,} in the small one."
    )


def parse_options() -> tuple[Options, bool]:
    parser = argparse.ArgumentParser(
        prog="python -m bench.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long each run takes")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows in the large database")
    parser.add_argument("--only", default="", metavar="TEXT", help="what has this in its name")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    if min(options.rounds, options.seconds) < 1 or options.rows < SMALL:
        parser.error(f"--rounds and --seconds begin at 1, --rows at {SMALL}")
    if options.write and options.only:
        parser.error("--write needs the whole table, --only leaves rows out")
    return Options(options.rounds, options.seconds, options.rows, options.only), options.write


def main() -> int:
    options, writes = parse_options()
    end_in_order(LONGEST_RUN_SECONDS)
    try:
        wrk_version()
        document = DOCUMENT.read_text() if writes else ""
        remove_abandoned()
        with throw_away_cluster(durable=True) as cluster:
            report = run(cluster, options)
        print(f"\n{report}")
        if writes:
            DOCUMENT.write_text(with_table(document, str(report)))
    except (PostgresError, BenchError) as error:
        print(f"FAILED: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
