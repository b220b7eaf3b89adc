"""Nothing is left in a session that a transaction pooler would give to somebody else."""

import pytest
from django.db import connection

from apps.accounts.models import User
from settings import base
from tests.factories import UserFactory

URL = "postgres://btick:secret@pooler.example.com/btick"


def names(view: str) -> list[str]:
    """What the server has for this session."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name FROM {view}")  # noqa: S608
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.postgresql
@pytest.mark.django_db
class TestTheSession:
    def test_has_no_cursor_while_rows_are_read_one_by_one(self):
        UserFactory.create_batch(3)
        users = User.objects.iterator(chunk_size=1)
        next(users)
        assert names("pg_cursors") == []
        assert len(list(users)) == 2

    def test_has_no_statement_prepared_however_often_it_is_sent(self):
        for _ in range(10):
            User.objects.filter(pk=1).exists()
        assert names("pg_prepared_statements") == []


@pytest.mark.parametrize(
    ("lock_timeout", "statement_timeout", "options"),
    [
        (5, 30, {"options": "-c lock_timeout=5s -c statement_timeout=30s"}),
        (5, 0, {"options": "-c lock_timeout=5s"}),
        (0, 0, {}),
    ],
)
def test_a_limit_of_zero_is_not_asked_for(monkeypatch, lock_timeout, statement_timeout, options):
    monkeypatch.setattr(base, "DB_LOCK_TIMEOUT_SECONDS", lock_timeout)
    monkeypatch.setattr(base, "DB_STATEMENT_TIMEOUT_SECONDS", statement_timeout)
    assert base.database(URL)["OPTIONS"] == options
