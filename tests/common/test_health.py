"""The probes of containers and balancers: true answers, asked by any name."""

import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def probe() -> Client:
    # A client of its own: the middleware remembers that the database is migrated.
    return Client(headers={"Host": "10.0.0.7:8000"})


def test_a_process_that_answers_is_alive(probe, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = probe.get("/livez")
    assert (response.status_code, response.content) == (200, b"ok")


def test_a_migrated_database_is_ready(probe):
    response = probe.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_missing_migration_is_not_ready(probe):
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("bookings")
    MigrationRecorder(connection).record_unapplied(*newest)
    response = probe.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "detail": "Migrations are missing: run manage.py migrate.",
    }
    MigrationRecorder(connection).record_applied(*newest)
    assert probe.get("/readyz").status_code == 200


def test_a_database_that_is_away_is_not_ready(probe, monkeypatch):
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    response = probe.get("/readyz")
    assert response.status_code == 503
    assert response.json()["detail"] == "The database does not answer."
    assert probe.get("/livez").status_code == 200


@pytest.mark.parametrize("path", ["/livez/", "/readyz/", "/healthz"])
def test_other_paths_are_no_probes(client, path):
    assert client.get(path).status_code == 404
