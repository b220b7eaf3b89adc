"""Waiting is bounded, and a database that is away is answered in JSON."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, connections, transaction

from apps.events.models import Event
from tests.bookings.helpers import place, sold
from tests.clients import client_of
from tests.factories import EventFactory, EventsTicketFactory, UserFactory
from tests.races import DEADLINE_SECONDS

ROOT = Path(__file__).resolve().parents[2]

ASK_EVERYTHING = """
import json
import django
django.setup()
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken
from apps.accounts.models import User
client = Client(raise_request_exception=False)
token = AccessToken.for_user(User(pk=1, password="x"))
key = {"Authorization": f"Bearer {token}"}
body = {"event_ticket": 1, "quantity": 2}
credentials = {"email": "a@example.com", "password": "password123"}
json_type = {"content_type": "application/json"}
answers = {
    "list": client.get("/api/v1/events/"),
    "own": client.get("/api/v1/bookings/", headers=key),
    "place": client.post("/api/v1/bookings/", body, headers=key, **json_type),
    "login": client.post("/api/auth/jwt/create/", credentials, **json_type),
    "register": client.post("/api/auth/register/", credentials, **json_type),
    "readyz": client.get("/readyz"),
    "livez": client.get("/livez"),
}
print(json.dumps({
    name: [answer.status_code, answer.headers.get("Retry-After"), answer.content.decode()]
    for name, answer in answers.items()
}))
"""


@pytest.mark.parametrize(
    "url", ["postgres://nobody@127.0.0.1:1/none", "sqlite:////no/such/folder/db"]
)
def test_without_a_database_every_endpoint_is_busy(url):
    done = subprocess.run(
        [sys.executable, "-c", ASK_EVERYTHING],
        check=False,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "settings.test"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers.pop("livez") == [200, None, "ok"]
    assert answers.pop("readyz")[0] == 503
    for name, (status, retry_after, body) in answers.items():
        assert (status, retry_after) == (503, "1"), (name, body)
        assert json.loads(body)["code"] == "busy"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestBoundedWaiting:
    def test_the_limits_of_the_settings_are_in_force(self):
        with connection.cursor() as cursor:
            for name, limit in (("lock_timeout", "5s"), ("statement_timeout", "30s")):
                cursor.execute(f"SHOW {name}")
                assert cursor.fetchone() == (limit,)

    @pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
    def test_a_purchase_that_waits_too_long_is_busy_and_takes_nothing(self, limit):
        ticket = EventsTicketFactory(event=EventFactory(capacity=5))
        client = client_of(UserFactory())

        def impatient():
            try:
                # For the transaction: behind a pooler the session is somebody else's next.
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL {limit} = '100ms'")
                    return place(client, ticket)
            finally:
                connections.close_all()

        with transaction.atomic(), ThreadPoolExecutor(1) as pool:
            Event.objects.for_update().get(pk=ticket.event_id)
            response = pool.submit(impatient).result(DEADLINE_SECONDS)
        assert response.status_code == 503
        assert response.json()["code"] == "busy"
        assert response.headers["Retry-After"] == "1"
        assert sold(ticket) == 0
