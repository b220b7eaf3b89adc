"""The server of the Dockerfile takes new code and stops, and no request is lost over it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from tests.test_project import PRODUCTION

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-metrics"
PATH, ROUTE = "/api/v1/categories/", "category-list"
HEADERS = {"X-Forwarded-Proto": "https"}
DEADLINE_SECONDS = 30
WORKERS = 2

# The limits too: a pooler refuses to be asked for any.
INHERITED = ("PATH", "HOME", "DB_LOCK_TIMEOUT_SECONDS", "DB_STATEMENT_TIMEOUT_SECONDS")


def database_url() -> str:
    """That of the tests, migrated, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    url, _, options = os.environ["DATABASE_URL"].partition("?")
    return f"{url.rpartition('/')[0]}/{name}?{options}"


class Server:
    """The process that the Dockerfile starts, on a port of its own choice."""

    def __init__(self, log: Path) -> None:
        self.log = log
        (command,) = [
            json.loads(line.removeprefix("CMD "))
            for line in (ROOT / "Dockerfile").read_text().splitlines()
            if line.startswith("CMD ")
        ]
        assert command[0] == "gunicorn"
        environment = {
            **{name: value for name, value in os.environ.items() if name in INHERITED},
            **PRODUCTION,
            "DJANGO_SETTINGS_MODULE": "settings.production",
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": database_url(),
            "METRICS_TOKEN": TOKEN,
            "TMPDIR": str(log.parent),
            "WEB_CONCURRENCY": str(WORKERS),
            "PYTHONWARNINGS": "ignore",
        }
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command, "--bind=127.0.0.1:0"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
            )

    def said(self, start: str) -> list[str]:
        """What the messages that begin with `start` go on with, in their order."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        messages = [json.loads(line)["message"] for line in lines if line.endswith("}")]
        return [each.removeprefix(start) for each in messages if each.startswith(start)]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.02)

    def connect(self) -> HTTPConnection:
        port = int(self.said("Listening at: http://127.0.0.1:")[0].split()[0])
        return HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)

    def ask(self, path: str, **headers: str) -> str:
        client = self.connect()
        try:
            client.request("GET", path, headers={**HEADERS, **headers})
            response = client.getresponse()
            assert response.status == 200
            return response.read().decode()
        finally:
            client.close()

    def has_a_free_worker(self) -> bool:
        client = self.connect()
        client.timeout = 1
        try:
            client.request("GET", "/livez")
            return client.getresponse().status == 200
        except TimeoutError:
            return False
        finally:
            client.close()

    def reload(self) -> None:
        """Send HUP, and wait until there are new workers."""
        before = len(self.said("Booting worker"))
        self.process.send_signal(signal.SIGHUP)
        self.wait_until(lambda: len(self.said("Booting worker")) >= before + WORKERS)

    def requests_counted(self) -> float:
        text = self.ask("/metrics", Authorization=f"Bearer {TOKEN}")
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "btick_http_requests_total" and sample.labels["route"] == ROUTE
        )


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    server = Server(tmp_path / "log")
    try:
        server.wait_until(lambda: bool(server.said("Listening at: ")))
        yield server
    finally:
        server.process.terminate()
        try:
            server.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


class Client:
    """Asks again and again until it is told to stop, and counts its answers."""

    def __init__(self, server: Server, *, keeps_alive: bool) -> None:
        self.server = server
        self.keeps_alive = keeps_alive
        self.answers = 0

    def run(self, stopped: threading.Event) -> None:
        client = self.server.connect()
        kind = "keep-alive" if self.keeps_alive else "close"
        while not stopped.is_set():
            client.request("GET", PATH, headers={**HEADERS, "Connection": kind})
            response = client.getresponse()
            assert (response.status, response.read()[:9]) == (200, b'{"count":')
            self.answers += 1
            if not self.keeps_alive:
                client.close()
        client.close()


def test_reloading_under_load_loses_no_request_and_no_count(server):
    clients = [Client(server, keeps_alive=number % 2 == 0) for number in range(4)]
    stopped = threading.Event()

    def answered(more: int) -> None:
        """Wait until every client has had `more` answers, or one has failed."""
        wanted = [client.answers + more for client in clients]
        server.wait_until(
            lambda: (
                any(run.done() for run in runs)
                or all(client.answers >= each for client, each in zip(clients, wanted, strict=True))
            )
        )

    with ThreadPoolExecutor(len(clients)) as pool:
        runs: list[Future[None]] = [pool.submit(client.run, stopped) for client in clients]
        try:
            answered(5)
            for _ in range(2):
                server.reload()
                answered(5)
        finally:
            stopped.set()
        for run in runs:
            run.result(DEADLINE_SECONDS)
    assert len(server.said("Booting worker")) == 3 * WORKERS
    server.wait_until(lambda: len(server.said("Worker exiting")) == 2 * WORKERS)
    assert server.requests_counted() == sum(client.answers for client in clients)


def test_a_stop_lets_the_requests_that_have_begun_finish(server):
    server.ask(PATH)
    begun = [server.connect() for _ in range(WORKERS)]
    for client in begun:
        client.connect()
        client.sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode())
    server.wait_until(lambda: not server.has_a_free_worker())
    server.process.send_signal(signal.SIGTERM)
    server.wait_until(lambda: bool(server.said("Handling signal: term")))
    for client in begun:
        client.sock.sendall(b"X-Forwarded-Proto: https\r\n\r\n")
        assert client.sock.recv(12) == b"HTTP/1.1 200"
        client.close()
    assert server.process.wait(DEADLINE_SECONDS) == 0
    assert list(server.log.parent.glob("btick-metrics-*")) == []
