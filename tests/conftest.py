"""What every test can use, and which tests run on which database."""

from collections.abc import Generator

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tests.clients import client_of
from tests.factories import UserFactory

ONLY_ON = {
    "postgresql": "needs PostgreSQL: run `make test-postgresql`, or name a server in DATABASE_URL",
    "sqlite": "about SQLite or no database: run `make test-sqlite`, or unset DATABASE_URL",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail if any test is skipped")
    parser.addoption("--pictures", action="store_true", help="write docs/images anew")


def pytest_configure(config: pytest.Config) -> None:
    # Under xdist the reports of all workers reach the main process, so it alone counts.
    if config.getoption("--no-skips") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(NoSkips())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for database, reason in ONLY_ON.items():
        if database != connection.vendor:
            for item in items:
                if item.get_closest_marker(database):
                    item.add_marker(pytest.mark.skip(reason=reason))


class NoSkips:
    """Makes a session in which anything was skipped fail, and says at its end what that was."""

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # An expected failure is reported as skipped too, but did run.
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        self.skipped[report.nodeid] = reason.removeprefix("Skipped: ")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        yield
        if self.skipped:
            terminalreporter.section("skipped, against --no-skips", red=True, bold=True)
            for name, reason in self.skipped.items():
                terminalreporter.line(f"{name}: {reason}")


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient()


@pytest.fixture
def admin() -> APIClient:
    return client_of(UserFactory(admin=True))


@pytest.fixture
def support() -> APIClient:
    return client_of(UserFactory(support=True))


@pytest.fixture
def customer() -> APIClient:
    return client_of(UserFactory())
