"""A connection that lives longer than a request is looked at before the next one uses it."""

from select import select

import psycopg
import pytest
from django.core.signals import request_started
from django.db import OperationalError, connection, connections
from django.db.backends.postgresql import base

from tests.races import DEADLINE_SECONDS

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def checked(monkeypatch):
    """Connections that are checked as in production, which Django does not do within tests."""
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)
    yield
    connections.close_all()


@pytest.fixture
def round_trips(monkeypatch):
    """What Django's own check has sent."""
    sent = []
    check = base.DatabaseWrapper.is_usable
    monkeypatch.setattr(
        base.DatabaseWrapper, "is_usable", lambda self: sent.append("SELECT 1") or check(self)
    )
    return sent


def session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return pid


def in_another_session(statement: str, *parameters: object) -> None:
    known = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    place = {name: known[name] for name in names if name in known}
    with psycopg.connect(**place, autocommit=True) as other:
        other.execute(statement, parameters)


def test_a_healthy_connection_is_kept_without_asking_the_server(round_trips):
    before = session()
    request_started.send(sender=None)
    assert session() == before
    assert round_trips == []


def test_a_connection_that_the_server_has_ended_is_replaced():
    before = session()
    in_another_session("SELECT pg_terminate_backend(%s, 5000)", before)
    request_started.send(sender=None)
    assert session() != before


def test_a_connection_closed_at_this_end_is_replaced():
    before = session()
    connection.connection.close()
    request_started.send(sender=None)
    assert session() != before


def test_the_server_is_asked_after_a_failure(round_trips):
    session()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '1ms'; SELECT pg_sleep(1)")
    assert connection.errors_occurred
    request_started.send(sender=None)
    assert round_trips == ["SELECT 1"]


def test_a_connection_on_which_the_server_has_sent_news_is_kept(round_trips):
    before = session()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    in_another_session("NOTIFY news")
    assert select([connection.connection.pgconn.socket], [], [], DEADLINE_SECONDS)[0]
    request_started.send(sender=None)
    assert session() == before
    assert round_trips == ["SELECT 1"]
