"""Every request has an id and a line in the log, and no line holds a secret."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.common.exceptions import exception_handler
from apps.common.logging import JsonFormatter, LineFormatter, RequestIdFilter
from apps.events.views import EventViewSet
from tests.clients import client_of
from tests.factories import PASSWORD, UserFactory
from tests.test_project import PRODUCTION

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
MADE = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def lines(caplog):
    """The lines of requests, so far."""
    caplog.set_level(logging.DEBUG, logger="apps")
    caplog.handler.addFilter(RequestIdFilter())
    return lambda: [each for each in caplog.records if each.name == "apps.common.middleware"]


@pytest.fixture
def failing(monkeypatch) -> Client:
    """A client of an API whose list of events raises."""

    def fail(self, *args, **kwargs):
        local = "a-local-secret"
        raise RuntimeError("It broke.", len(local))

    monkeypatch.setattr(EventViewSet, "list", fail)
    return Client(raise_request_exception=False)


class TestRequestId:
    @pytest.mark.parametrize("given", ["a", "x" * 64, "AZaz09._-"])
    def test_a_good_one_is_kept(self, anonymous, given):
        response = anonymous.get(reverse("event-list"), headers={"X-Request-ID": given})
        assert response.headers["X-Request-ID"] == given

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a/b", "a\n", "ä", "a,b", "{a}"])
    def test_a_bad_one_is_replaced(self, anonymous, given):
        response = anonymous.get(reverse("event-list"), headers={"X-Request-ID": given})
        assert MADE.fullmatch(response.headers["X-Request-ID"])

    def test_two_requests_have_two(self, anonymous):
        ids = {anonymous.get(reverse("event-list")).headers["X-Request-ID"] for _ in range(2)}
        assert len(ids) == 2

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/api/none/", 404),
            ("/nowhere", 404),
            ("/api/v1/bookings/", 401),
            ("/livez", 200),
            ("/readyz", 200),
            ("/metrics", 200),
            ("/admin/", 302),
        ],
    )
    def test_every_answer_has_it(self, anonymous, path, status):
        response = anonymous.get(path, headers={"X-Request-ID": "mine"})
        assert (response.status_code, response.headers["X-Request-ID"]) == (status, "mine")

    def test_a_refused_host_name_has_it(self):
        response = Client(headers={"Host": "evil.example"}).get("/api/v1/events/")
        assert response.status_code == 400
        assert MADE.fullmatch(response.headers["X-Request-ID"])

    def test_every_line_of_the_request_has_it(self, failing, lines, caplog):
        failing.get(reverse("event-list"), headers={"X-Request-ID": "mine"})
        assert [record.request_id for record in caplog.records] == ["mine", "mine"]
        logging.getLogger("apps").warning("Between requests")
        assert caplog.records[-1].request_id == "-"

    def test_a_line_that_django_writes_after_the_request_has_it(self, lines, caplog, monkeypatch):
        monkeypatch.setattr("apps.common.health.HealthMiddleware._problem", lambda self: "No.")
        Client().get("/readyz", headers={"X-Request-ID": "mine"})
        (record,) = caplog.records
        assert (record.name, record.request_id) == ("django.request", "mine")


class TestRequestLine:
    def test_it_says_what_was_asked_and_answered(self, lines):
        user = UserFactory()
        path = reverse("booking-list")
        client_of(user).get(path, {"status": "PENDING"}, headers={"X-Request-ID": "mine"})
        (line,) = lines()
        said = vars(line)
        assert 0 < said["milliseconds"] < 10_000
        assert said["levelname"] == "INFO"
        expected = {"method": "GET", "route": "booking-list", "path": path, "status": 200}
        assert {name: said[name] for name in expected} == expected
        assert (said["user"], said["request_id"]) == (user.pk, "mine")
        assert line.getMessage() == f"GET {path} 200 in {said['milliseconds']} ms"

    def test_without_an_account_there_is_no_user(self, anonymous, lines):
        anonymous.get("/api/none/")
        (line,) = lines()
        assert (line.route, line.status, line.user) == ("unmatched", 404, None)

    def test_who_logs_in_to_admin_is_named_without_a_query(self, client, lines):
        user = UserFactory(admin=True)
        client.force_login(user)
        client.get(reverse("admin:index"))
        assert [line.user for line in lines()] == [user.pk]

    def test_the_session_of_a_page_that_asks_for_no_account_is_not_read(
        self, client, lines, django_assert_num_queries
    ):
        client.force_login(UserFactory(admin=True))
        with django_assert_num_queries(0):
            client.get("/api/none/")
        assert [line.user for line in lines()] == [None]

    def test_an_error_has_a_line_too(self, failing, lines):
        failing.get(reverse("event-list"))
        assert [(line.route, line.status) for line in lines()] == [("event-list", 500)]

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
    def test_probes_and_scrapes_have_none(self, anonymous, lines, path):
        anonymous.get(path)
        assert lines() == []


class TestSecrets:
    def test_no_line_has_what_people_send_and_get(self, anonymous, lines, caplog):
        email, new = "ann.secret@example.com", "another-password-987"
        body = {"email": email, "password": PASSWORD}
        anonymous.post(reverse("register"), body)
        anonymous.post(reverse("jwt-create"), {**body, "password": "wrong-password-1"})
        tokens = anonymous.post(reverse("jwt-create"), body).json()
        refreshed = anonymous.post(reverse("jwt-refresh"), {"refresh": tokens["refresh"]}).json()
        anonymous.post(reverse("jwt-verify"), {"token": tokens["access"]})
        anonymous.get(reverse("event-list"), {"search": email, "token": tokens["access"]})
        anonymous.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
        change = {"old_password": PASSWORD, "new_password": new}
        assert anonymous.post(reverse("password-change"), change).status_code == 204
        assert anonymous.get(reverse("me")).status_code == 401
        assert [line.status for line in lines()] == [201, 401, 200, 200, 200, 200, 204, 401]
        said = "".join(str(vars(record)) for record in caplog.records)
        secrets = (email, "ann.secret", PASSWORD, "wrong-password-1", new, "Bearer", "?search")
        signatures = [token.rpartition(".")[2] for token in (*tokens.values(), *refreshed.values())]
        assert [each for each in (*secrets, *signatures) if each in said] == []

    def test_a_constraint_is_named_without_the_row(self, lines, caplog):
        with pytest.raises(IntegrityError) as caught:
            User.objects.bulk_create([UserFactory.build(email="ann@example.com") for _ in "12"])
        assert exception_handler(caught.value, {}).status_code == 400
        (record,) = caplog.records
        assert "constraint" in record.getMessage()
        assert "ann@" not in record.getMessage()

    @pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
    def test_addresses_and_unknown_extras_do_not_reach_the_output(self, formatter):
        try:
            raise ValueError("Key (email)=(ann.o'hara+1@mail.example.com) exists")
        except ValueError:
            record = logging.getLogger("apps").makeRecord(
                *("apps", logging.ERROR, "", 0, "To <bob@example.com>: %s", ("eve@example.org",)),
                sys.exc_info(),
                extra={"request": "GET /?token=abc", "path": "/carol@example.net", "status": 500},
            )
        text = formatter.format(record)
        assert "@" not in text
        assert "token=abc" not in text
        assert "ValueError: Key (email)=(" in text

    def test_a_long_text_is_searched_in_no_time(self):
        record = logging.makeLogRecord({"msg": "a" * 200_000 + " @"})
        assert LineFormatter().format(record) == record.msg


class TestServerError:
    def test_the_api_answers_in_json_with_the_id(self, failing):
        response = failing.get(reverse("event-list"), headers={"X-Request-ID": "mine"})
        assert response.status_code == 500
        assert response.headers["X-Request-ID"] == "mine"
        assert response.headers["Content-Type"] == "application/json"
        body = response.json()
        assert body.pop("detail")
        assert body == {"request_id": "mine"}
        assert "It broke" not in response.content.decode()

    def test_other_pages_answer_in_html(self, client, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError("It broke.")

        monkeypatch.setattr("apps.accounts.admin.UserAdmin.get_queryset", fail)
        client.force_login(UserFactory(admin=True))
        client.raise_request_exception = False
        response = client.get(reverse("admin:accounts_user_changelist"))
        assert response.status_code == 500
        assert response.headers["Content-Type"].startswith("text/html")
        assert b"It broke" not in response.content


FAIL_IN_PRODUCTION = """
import django
django.setup()
from django.test import Client
from apps.events.views import EventViewSet

def fail(self, *args, **kwargs):
    local = "a-local-" + "secret"
    raise RuntimeError("It broke.", len(local))

EventViewSet.list = fail
headers = {"Host": "tickets.example.com", "X-Request-ID": "mine", "Authorization": ""}
client = Client(raise_request_exception=False, headers=headers)
answer = client.get("/api/v1/events/?search=hidden", secure=True)
print(answer.status_code, answer.json()["request_id"])
print(client.get("/metrics", secure=True).status_code)
"""


def test_production_logs_json_with_the_traceback_and_no_locals(tmp_path):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FAIL_IN_PRODUCTION],
        check=False,
        cwd=ROOT,
        env=kept
        | PRODUCTION
        | {"DATABASE_URL": f"sqlite:///{tmp_path}/db", "METRICS_TOKEN": ""}
        | {"DJANGO_SETTINGS_MODULE": "settings.production"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["500", "mine", "404"], done.stderr
    error, line, _ = [json.loads(each) for each in done.stderr.splitlines()]
    assert (error["level"], error["request_id"]) == ("ERROR", "mine")
    assert error["message"] == "Internal Server Error: /api/v1/events/"
    assert error["traceback"].endswith("RuntimeError: ('It broke.', 14)")
    assert line.keys() == {
        *("time", "level", "logger", "message", "request_id"),
        *("method", "route", "path", "status", "milliseconds"),
    }
    assert (line["route"], line["path"], line["status"]) == ("event-list", "/api/v1/events/", 500)
    assert "a-local-secret" not in done.stderr
    assert "hidden" not in done.stderr
