"""How many requests a server answers in a second, and how many transactions the database."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.server import ADDRESS, HOST, ROOT, BenchError, Server
from tests.postgres import installed_package, programs

CLIENTS = 8
# More of them would only take the processor from who is measured.
WRK_THREADS = 1
PGBENCH_THREADS = 2
SECONDS_BESIDE_RUN = 60

MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Request:
    """What is sent, and what its answer has: so many rows, and which of them first."""

    method: str
    path: str
    token: str = ""
    body: str = ""
    rows: int | None = None
    first_id: int | None = None

    @property
    def line(self) -> str:
        """As bench/wrk.lua reads it: what it sends is what `check` has seen answered."""
        headers = (f"{name}: {value}" for name, value in self.headers.items())
        return "\t".join((self.method, self.path, self.body, *headers)) + "\n"

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Host": HOST, "X-Forwarded-Proto": "https"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.body:
            headers["Content-Type"] = "application/json"
        return headers

    def check(self, server: Server) -> None:
        """Send it once. Raises Refused unless the answer is what shall be measured."""
        answer = server.send(self.method, self.path, body=self.body.encode(), headers=self.headers)
        expected = 201 if self.method == "POST" else 200
        if answer.status != expected:
            raise Refused(f"{self.method} {self.path} was answered {answer}")
        if self.rows is None:
            return
        content = json.loads(answer.body)
        ids = [row["id"] for row in (content if isinstance(content, list) else content["results"])]
        if len(ids) != self.rows or (self.first_id or ids[0]) != ids[0]:
            wanted = f"{self.rows} rows, the first {self.first_id or 'any'}"
            raise Refused(
                f"{self.method} {self.path} has {len(ids)}, the first {ids[:1]}: {wanted}"
            )


@dataclass(frozen=True)
class Run:
    per_second: float
    count: int
    # What 99 of 100 took at most; None where nobody has measured it.
    slowest_ms: float | None = None


class Refused(BenchError):
    """Answers that were not 2xx, or none at all: what was measured is not what was meant."""


def wrk_version() -> str:
    """Raises BenchError when there is none."""
    program = shutil.which("wrk")
    if program is None:
        raise BenchError("wrk is missing: apt-get install wrk")
    # It prints its usage beside the version and ends with 1.
    done = subprocess.run((program, "--version"), check=False, capture_output=True, text=True)
    return " ".join(done.stdout.split()[:2])


def wrk(server: Server, requests: Path, seconds: int) -> Run:
    """Send the requests of the file for so long. Raises Refused unless all are answered by 2xx."""
    command = (
        "wrk",
        f"--connections={CLIENTS}",
        f"--threads={WRK_THREADS}",
        f"--duration={seconds}s",
        "--timeout=15s",
        "--latency",
        f"--script={ROOT / 'bench' / 'wrk.lua'}",
        f"http://{ADDRESS}:{server.port}",
        "--",
        str(requests),
    )
    try:
        return parse_wrk(_output(command, seconds))
    except Refused as error:
        raise Refused(f"{error}\n{server.last_refusals()}") from None


def pgbench(script: Path, environment: Mapping[str, str], seconds: int) -> Run:
    """Run the transaction of the file for so long, in the database of the environment."""
    command = (
        str(programs(installed_package()) / "pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={CLIENTS}",
        f"--jobs={PGBENCH_THREADS}",
        f"--time={seconds}",
        f"--file={script}",
    )
    return parse_pgbench(_output(command, seconds, environment))


def parse_wrk(output: str) -> Run:
    """What wrk has printed. Raises Refused for answers that were not 2xx or did not come."""
    if refused := re.search(r"Non-2xx or 3xx responses: (\d+)", output):
        raise Refused(f"{refused[1]} answers were not 2xx")
    if lost := re.search(r"Socket errors: (.+)", output):
        raise Refused(f"answers did not come: {lost[1]}")
    rate = _found(r"Requests/sec:\s+([\d.]+)", output)
    count = int(_found(r"(\d+) requests in", output)[1])
    if count == 0:
        return Run(0.0, 0)
    slowest = _found(r"99%\s+([\d.]+)(us|ms|s|m)\b", output)
    return Run(float(rate[1]), count, float(slowest[1]) * MILLISECONDS[slowest[2]])


def parse_pgbench(output: str) -> Run:
    """What pgbench has printed. Raises BenchError when a transaction has failed."""
    failed = _found(r"number of failed transactions: (\d+)", output)
    if failed[1] != "0":
        raise BenchError(f"{failed[1]} transactions failed in pgbench")
    count = int(_found(r"number of transactions actually processed: (\d+)", output)[1])
    rate = _found(r"tps = ([\d.]+)", output)
    return Run(float(rate[1]), count)


def _output(
    command: tuple[str, ...], seconds: int, environment: Mapping[str, str] | None = None
) -> str:
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            env=environment,
            text=True,
            timeout=seconds + SECONDS_BESIDE_RUN,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{name} does not end") from None
    if done.returncode:
        raise BenchError(f"{name} failed\n{done.stderr}{done.stdout}")
    return done.stdout


def _found(pattern: str, output: str) -> re.Match[str]:
    match = re.search(pattern, output)
    if match is None:
        raise BenchError(f"no {pattern!r} in\n{output}")
    return match
