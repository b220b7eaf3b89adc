"""The server as the Dockerfile starts it, and what else the benches have in common."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage
from pathlib import Path
from types import FrameType
from typing import Any

from tests.postgres import Cluster

ROOT = Path(__file__).resolve().parent.parent
MANAGE = (sys.executable, str(ROOT / "settings" / "manage.py"))
SERVER = (sys.executable, "-m", "gunicorn", "--config=settings/gunicorn.py")
ADDRESS = "127.0.0.1"
HOST = "tickets.example.com"

REQUEST_TIMEOUT_SECONDS = 15
SECONDS_TO_GET_READY = 60
SECONDS_TO_STOP = 15
LOG_LINES = 30
REFUSALS_TO_SHOW = 3
PROBLEMS_TO_SHOW = 20


class BenchError(Exception):
    """The run cannot go on; the message is for the person who started it."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object of the body, empty when it is none."""
        try:
            data = json.loads(self.body)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}

    @property
    def is_busy(self) -> bool:
        """Whether it is the 503 that the API promises when it cannot serve."""
        promised = self.headers.get("Retry-After", "").isdigit() and self.data.get("code") == "busy"
        return self.status == 503 and promised

    def __str__(self) -> str:
        return f"{self.status} {self.body[:200]!r}"


class Server:
    """The API in a process group of its own, out of reach of the terminal's Ctrl-C."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self.log = log
        # In the order in which they were first seen.
        self.workers: list[int] = []
        with log.open("wb") as output:
            self.master = subprocess.Popen(
                (*SERVER, f"--bind={ADDRESS}:{self.port}"),
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = REQUEST_TIMEOUT_SECONDS,
    ) -> Answer:
        """Raises OSError or HTTPException when there is no complete answer."""
        connection = HTTPConnection(ADDRESS, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def is_ready(self) -> bool:
        try:
            return self.send("GET", "/readyz").status == 200
        except (OSError, HTTPException):
            return False

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_GET_READY
        while not self.is_ready():
            if self.master.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"the server does not get ready\n{self.last_lines()}")
            time.sleep(0.05)

    def longest_running_worker(self) -> int:
        """Its process id. A younger one may be starting still, with no request to lose."""
        running = children(self.master.pid)
        if not running:
            raise BenchError(f"the server has no workers\n{self.last_lines()}")
        known = [pid for pid in self.workers if pid in running]
        self.workers = known + [pid for pid in running if pid not in known]
        return self.workers[0]

    def stop(self) -> None:
        self.master.terminate()
        try:
            self.master.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            for pid in (*children(self.master.pid), self.master.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.master.wait()

    def last_lines(self) -> str:
        """The end of its log, without the lines that every request has."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if '"level": "INFO"' not in line][-LOG_LINES:])

    def last_refusals(self) -> str:
        """The last lines of its log about requests that were not answered by 2xx."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if is_refusal(line)][-REFUSALS_TO_SHOW:])

    def worker_memory(self) -> dict[int, int]:
        """The bytes of memory that each worker has resident, by its process id."""
        return {pid: resident_bytes(pid) for pid in children(self.master.pid)}


@contextmanager
def running_server(environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    server = Server(environment, log)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        port: int = listener.getsockname()[1]
        return port


def is_refusal(line: str) -> bool:
    """Whether it is the log line of a request that was not answered by 2xx."""
    status = re.search(r'"status": (\d+)', line)
    return status is not None and status[1][0] != "2"


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


def children(parent: int) -> list[int]:
    """The ids of the processes that `parent` has started and that have not ended."""
    command = ("ps", "-A", "-o", "pid=,ppid=,stat=")
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    processes = (line.split() for line in listing.splitlines())
    return [
        int(pid)
        for pid, its_parent, state in processes
        if int(its_parent) == parent and not state.startswith("Z")
    ]


def production(cluster: Cluster) -> dict[str, str]:
    # Set here, because the server empties it.
    metrics = cluster.folder / "metrics"
    metrics.mkdir()
    return {
        **cluster.environment(),
        "WEB_CONCURRENCY": "2",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "DJANGO_SETTINGS_MODULE": "settings.production",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "JWT_SIGNING_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": HOST,
    }


def manage(
    *arguments: str,
    environment: Mapping[str, str],
    check: bool = False,
    timeout: float = SECONDS_TO_GET_READY,
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        (*MANAGE, *arguments),
        check=False,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    if check and done.returncode:
        raise BenchError(f"manage.py {arguments[0]} failed\n{done.stdout}")
    return done


def verdict(problems: Sequence[str], *, held: str, again: str = "") -> int:
    """Say what was wrong, or what has `held`; the exit code for it."""
    for problem in problems[:PROBLEMS_TO_SHOW]:
        print(f"FAILED: {problem}")
    print(f"{len(problems)} problems{again}" if problems else held)
    return 1 if problems else 0


def end_in_order(seconds: float) -> None:
    """Let Ctrl-C, SIGTERM, SIGHUP and the run's end after `seconds` unwind the stack, once."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)

    def end(number: int, _frame: FrameType | None) -> None:
        for each in numbers:
            # The second one would abort the tidying up.
            signal.signal(each, signal.SIG_IGN)
        sys.exit("FAILED: it hangs" if number == signal.SIGALRM else 128 + number)

    for number in numbers:
        signal.signal(number, end)
    signal.alarm(int(seconds))
