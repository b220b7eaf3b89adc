import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.conf import settings as project
from django.core.cache import cache, caches
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection, connections
from django.urls import reverse
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from apps.accounts.models import User
from tests.clients import client_of
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

START = 1_900_000_800  # the beginning of an hour


def refresh_body(user):
    return {"refresh": str(RefreshToken.for_user(user))}


# Scope, method, route, what a request with this number sends, and what it gets when let through.
THROTTLED = [
    (
        "register",
        "post",
        "register",
        lambda n: {"email": f"a{n}@example.com", "password": PASSWORD},
        201,
    ),
    (
        "login",
        "post",
        "jwt-create",
        lambda n: {"email": f"a{n}@example.com", "password": "wrong"},
        401,
    ),
    ("refresh", "post", "jwt-refresh", lambda n: {"refresh": "garbage"}, 401),
    (
        "password_change",
        "post",
        "password-change",
        lambda n: {"old_password": "wrong", "new_password": "another-word"},
        400,
    ),
    ("password_change", "delete", "me", lambda n: {"password": "wrong"}, 400),
    ("password_reset", "post", "password-reset", lambda n: {"email": f"a{n}@example.com"}, 204),
    (
        "password_reset_confirm",
        "post",
        "password-reset-confirm",
        lambda n: {"uid": "NDI", "token": "wrong", "new_password": "another-word"},
        400,
    ),
]
throttled = pytest.mark.parametrize(("scope", "method", "route", "body", "status"), THROTTLED)


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Stands still, so that no window ends in the middle of a test; clock[0] is the time."""
    now = [float(START)]
    monkeypatch.setattr("apps.common.throttling.time", SimpleNamespace(time=lambda: now[0]))
    return now


@pytest.fixture
def limit(settings):
    """Sets the rates of some scopes; all others have none."""

    def set_rates(**rates):
        off = dict.fromkeys(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
        assert set(rates) <= set(off)
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_THROTTLE_RATES": {**off, **rates},
        }

    return set_rates


@pytest.fixture
def caller(request, anonymous):
    route = request.getfixturevalue("route")
    return client_of(UserFactory()) if route in ("password-change", "me") else anonymous


def log_in(client, email="ada@example.com", password="wrong", **extra):  # noqa: S107
    body = {"email": email, "password": password}
    return client.post(reverse("jwt-create"), body, **extra).status_code


class TestByAddress:
    @throttled
    def test_a_configured_rate_is_kept(self, limit, caller, scope, method, route, body, status):
        limit(**{scope: "2/hour"})
        answers = [getattr(caller, method)(reverse(route), body(n)) for n in range(3)]
        assert [answer.status_code for answer in answers] == [status, status, 429]
        assert answers[2]["Retry-After"] == "3600"
        assert answers[2]["Content-Type"] == "application/json"
        assert list(answers[2].json()) == ["detail"]

    @throttled
    def test_test_settings_throttle_nothing(self, caller, scope, method, route, body, status):
        statuses = {getattr(caller, method)(reverse(route), body(n)).status_code for n in range(30)}
        assert statuses == {status}

    @pytest.mark.parametrize("method", ["get", "patch"])
    def test_looking_at_ones_account_is_not_an_attempt(self, limit, customer, method):
        limit(password_change="1/hour", password_change_account="1/hour")
        for _ in range(3):
            assert getattr(customer, method)(reverse("me")).status_code == 200

    def test_another_address_has_its_own(self, limit, anonymous):
        limit(login="1/hour")
        assert log_in(anonymous, REMOTE_ADDR="192.0.2.1") == 401
        assert log_in(anonymous, REMOTE_ADDR="192.0.2.1") == 429
        assert log_in(anonymous, REMOTE_ADDR="192.0.2.2") == 401

    def test_one_ipv6_network_is_one_client(self, limit, anonymous):
        limit(login="1/hour")
        assert log_in(anonymous, REMOTE_ADDR="2001:db8:0:1::1") == 401
        assert log_in(anonymous, REMOTE_ADDR="2001:db8:0:1:ffff::2") == 429
        assert log_in(anonymous, REMOTE_ADDR="2001:db8:0:2::1") == 401

    def test_an_ipv4_address_is_the_same_spelled_as_ipv6(self, limit, anonymous):
        limit(login="1/hour")
        assert log_in(anonymous, REMOTE_ADDR="::ffff:192.0.2.1") == 401
        assert log_in(anonymous, REMOTE_ADDR="192.0.2.1") == 429
        assert log_in(anonymous, REMOTE_ADDR="::ffff:192.0.2.2") == 401

    def test_a_throttled_registration_makes_no_account(self, limit, anonymous):
        limit(register="1/hour")
        for n in range(2):
            body = {"email": f"a{n}@example.com", "password": PASSWORD}
            anonymous.post(reverse("register"), body)
        assert User.objects.count() == 1

    def test_a_right_password_is_throttled_too(self, limit, anonymous):
        limit(login="1/hour")
        UserFactory(email="ada@example.com")
        assert [log_in(anonymous, password=PASSWORD) for _ in range(2)] == [200, 429]

    def test_one_scope_does_not_use_up_another(self, limit, anonymous):
        limit(login="1/hour", refresh="1/hour")
        user = UserFactory()
        log_in(anonymous)
        refreshed = anonymous.post(reverse("jwt-refresh"), refresh_body(user))
        assert refreshed.status_code == 200

    def test_an_unreadable_body_is_an_attempt(self, limit, anonymous):
        limit(login="1/hour", login_account="1/hour")
        url = reverse("jwt-create")
        answers = [
            anonymous.generic("POST", url, "{", content_type="application/json").status_code
            for _ in range(2)
        ]
        assert answers == [400, 429]


class TestByAccount:
    """From a new address every time."""

    def attempts(self, client, route, bodies, method="post"):
        return [
            getattr(client, method)(reverse(route), body, REMOTE_ADDR=f"192.0.2.{n}").status_code
            for n, body in enumerate(bodies)
        ]

    @pytest.mark.parametrize("known", [True, False])
    def test_log_ins_are_counted_by_address_in_any_spelling(self, limit, anonymous, known):
        limit(login="9/hour", login_account="2/hour")
        if known:
            UserFactory(email="ada@example.com")
        spellings = ["ada@example.com", "ADA@Example.com", " ada@example.com\n", "eve@example.com"]
        bodies = [{"email": each, "password": "wrong"} for each in spellings]
        assert self.attempts(anonymous, "jwt-create", bodies) == [401, 401, 429, 401]

    @pytest.mark.parametrize("known", [True, False])
    def test_resets(self, limit, anonymous, known):
        limit(password_reset="9/hour", password_reset_account="2/hour")
        if known:
            UserFactory(email="ada@example.com")
        spellings = ["ada@example.com", "ADA@Example.com", " ada@example.com", "eve@example.com"]
        bodies = [{"email": each} for each in spellings]
        assert self.attempts(anonymous, "password-reset", bodies) == [204, 204, 429, 204]

    def test_registrations(self, limit, anonymous):
        limit(register_account="2/hour")
        addresses = ["a@example.com", "A@example.com", "a@example.com", "b@example.com"]
        bodies = [{"email": each, "password": PASSWORD} for each in addresses]
        assert self.attempts(anonymous, "register", bodies) == [201, 400, 429, 201]

    def test_refreshes_by_the_account_of_the_token(self, limit, anonymous):
        limit(refresh_account="2/hour")
        ada, eve = UserFactory(), UserFactory()
        bodies = [refresh_body(user) for user in (ada, ada, ada, eve)]
        assert self.attempts(anonymous, "jwt-refresh", bodies) == [200, 200, 429, 200]

    def test_a_forged_token_does_not_use_up_what_somebody_has(self, limit, anonymous):
        limit(refresh_account="1/hour")
        ada = UserFactory()
        token = refresh_body(ada)["refresh"]
        forged = {"refresh": token[:-5] + token[-5:][::-1]}
        bodies = [forged, forged, {"refresh": 5}, {"refresh": token}]
        assert self.attempts(anonymous, "jwt-refresh", bodies) == [401, 401, 401, 200]

    @pytest.mark.parametrize(("method", "route"), [("post", "password-change"), ("delete", "me")])
    def test_the_current_password(self, limit, method, route):
        limit(password_change_account="2/hour")
        body = {"old_password": "wrong", "new_password": "another-word", "password": "wrong"}
        ada, eve = client_of(UserFactory()), client_of(UserFactory())
        assert self.attempts(ada, route, [body] * 3, method) == [400, 400, 429]
        assert self.attempts(eve, route, [body], method) == [400]

    def test_what_its_address_is_refused_does_not_count_against_the_account(self, limit, anonymous):
        limit(login="2/hour", login_account="3/hour")
        UserFactory(email="ada@example.com")
        flood = [log_in(anonymous, REMOTE_ADDR="192.0.2.1") for _ in range(9)]
        assert flood == [401] * 2 + [429] * 7
        assert log_in(anonymous, password=PASSWORD, REMOTE_ADDR="192.0.2.2") == 200
        assert log_in(anonymous, password=PASSWORD, REMOTE_ADDR="192.0.2.3") == 429

    @pytest.mark.parametrize("email", [None, 5, [], {}, "", "x" * 100_000])
    def test_what_is_no_address_is_for_the_serializer(self, limit, anonymous, email):
        limit(login_account="5/hour")
        assert log_in(anonymous, email=email) in (400, 401)


class TestWindows:
    def test_ends_however_much_is_tried(self, limit, anonymous, clock):
        limit(login="1/min")
        UserFactory(email="ada@example.com")
        for second in range(59):
            clock[0] = START + second
            assert log_in(anonymous, password=PASSWORD) == (429 if second else 200)
        clock[0] = START + 59.9
        assert log_in(anonymous, password=PASSWORD) == 429
        clock[0] = START + 60
        assert log_in(anonymous, password=PASSWORD) == 200
        assert log_in(anonymous, password=PASSWORD) == 429

    def test_the_answer_says_when(self, limit, anonymous, clock):
        limit(login="1/min")
        log_in(anonymous)
        clock[0] = START + 41.5
        response = anonymous.post(reverse("jwt-create"), {"email": "a@b.cd", "password": "wrong"})
        assert response["Retry-After"] == "19"

    @pytest.mark.parametrize(
        ("rate", "seconds"), [("1/second", 1), ("1/min", 60), ("1/hour", 3600), ("1/day", 86400)]
    )
    def test_are_as_long_as_the_rate_says(self, limit, anonymous, clock, rate, seconds):
        limit(login=rate)
        clock[0] = START // 86400 * 86400
        assert log_in(anonymous) == 401
        clock[0] += seconds - 0.5
        assert log_in(anonymous) == 429
        clock[0] += 0.5
        assert log_in(anonymous) == 401


class TestBehindProxies:
    """X-Forwarded-For is what each proxy has appended to; the client may have begun it."""

    @pytest.fixture
    def behind(self, settings, limit):
        def set_proxies(number):
            limit(login="1/hour")
            settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": number}

        return set_proxies

    def statuses(self, client, *forwarded):
        return [log_in(client, headers={"X-Forwarded-For": each}) for each in forwarded]

    def test_a_client_cannot_choose_its_address(self, behind, anonymous):
        behind(1)
        forged = ["1.1.1.1, 192.0.2.1", "2.2.2.2, 192.0.2.1", "192.0.2.1", "3.3.3.3,192.0.2.1"]
        assert self.statuses(anonymous, *forged) == [401, 429, 429, 429]

    def test_clients_of_one_proxy_are_told_apart(self, behind, anonymous):
        behind(1)
        assert self.statuses(anonymous, "192.0.2.1", "192.0.2.2") == [401, 401]

    def test_of_two_proxies_the_first_has_seen_the_client(self, behind, anonymous):
        behind(2)
        forwarded = ["1.1.1.1, 192.0.2.1, 10.0.0.1", "2.2.2.2, 192.0.2.1, 10.0.0.2"]
        assert self.statuses(anonymous, *forwarded, "192.0.2.2, 10.0.0.1") == [401, 429, 401]

    def test_without_proxies_the_header_says_nothing(self, behind, anonymous):
        behind(0)
        assert self.statuses(anonymous, "1.1.1.1", "2.2.2.2") == [401, 429]


def attempts_of_workers(workers, each):
    """How many attempts in all are let through."""

    def work(_):
        try:
            client = APIClient()
            return [log_in(client, email="nobody@example.com") for _ in range(each)].count(401)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(work, range(workers)))


class TestWorkers:
    @pytest.mark.django_db(transaction=True)
    def test_threads_count_together(self, limit):
        limit(login="20/hour", login_account="13/hour")
        assert attempts_of_workers(4, each=10) == 13

    @pytest.mark.django_db(transaction=True)
    def test_workers_count_together_in_the_database(self, limit, settings):
        """Each thread has a cache and a connection of its own, as a worker has."""
        settings.CACHES = {
            "default": {"BACKEND": "apps.common.cache.DatabaseCache", "LOCATION": "attempts"}
        }
        call_command("createcachetable", verbosity=0)
        try:
            limit(login="20/hour", login_account="13/hour")
            assert attempts_of_workers(4, each=10) == 13
        finally:
            connection.cursor().execute("DROP TABLE attempts")


class TestDatabaseCache:
    @pytest.fixture
    def counts(self, settings):
        settings.CACHES = {
            "default": {"BACKEND": "apps.common.cache.DatabaseCache", "LOCATION": "attempts"}
        }
        call_command("createcachetable", verbosity=0)
        return caches["default"]

    def test_an_increment_keeps_the_expiry(self, counts):
        counts.set("a", 1, timeout=1000)
        with connection.cursor() as cursor:
            cursor.execute("SELECT expires FROM attempts")
            before = cursor.fetchall()
            assert [counts.incr("a"), counts.incr("a", 5), counts.get("a")] == [2, 7, 7]
            cursor.execute("SELECT expires FROM attempts")
            assert cursor.fetchall() == before

    @pytest.mark.parametrize("timeout", [None, -1])
    def test_there_is_nothing_to_increment(self, counts, timeout):
        if timeout:
            counts.set("a", 1, timeout=timeout)
        with pytest.raises(ValueError, match="not found"):
            counts.incr("a")


class TestChecks:
    def ids(self):
        return [
            each.id
            for each in run_checks(include_deployment_checks=True)
            if each.id.startswith("btick")
        ]

    def test_without_limits_there_is_nothing_to_say(self):
        assert self.ids() == []

    def test_a_cache_of_each_worker_is_told(self, limit):
        limit(login="10/min")
        assert self.ids() == ["btick.I001"]

    @pytest.mark.parametrize("backend", ["db.DatabaseCache", "filebased.FileBasedCache"])
    def test_a_cache_that_loses_counts_is_refused(self, limit, settings, backend, tmp_path):
        limit(login="10/min")
        settings.CACHES = {
            "default": {
                "BACKEND": f"django.core.cache.backends.{backend}",
                "LOCATION": str(tmp_path),
            }
        }
        assert self.ids() == ["btick.E002"]

    @pytest.mark.parametrize("rate", ["10", "ten/min", "10/fortnight", "/min", "10/"])
    def test_a_rate_that_cannot_be_read_is_refused(self, limit, rate):
        limit(login=rate)
        assert "btick.E001" in self.ids()

    def test_the_url_of_a_database_cache_names_the_one_that_counts(self):
        script = "from settings import base; print(base.cache('dbcache://attempts'))"
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=project.ROOT, capture_output=True, check=True
        )
        assert b"'apps.common.cache.DatabaseCache', 'LOCATION': 'attempts'" in done.stdout
