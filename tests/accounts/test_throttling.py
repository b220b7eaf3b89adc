import pytest
from django.core.cache import cache
from django.urls import reverse
from rest_framework.throttling import SimpleRateThrottle

from apps.accounts.models import User
from tests.clients import client_of
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

# Scope, route, what a request with this number sends, and what it gets while it is let through.
THROTTLED = [
    ("register", "register", lambda n: {"email": f"a{n}@example.com", "password": PASSWORD}, 201),
    ("login", "jwt-create", lambda n: {"email": "a@example.com", "password": "wrong"}, 401),
    ("refresh", "jwt-refresh", lambda n: {"refresh": "garbage"}, 401),
    (
        "password_change",
        "password-change",
        lambda n: {"old_password": "wrong", "new_password": "another-word"},
        400,
    ),
]


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def rates(monkeypatch):
    """The rates by scope; DRF has read its settings long before a test can change them."""
    rates = {"register": None, "login": None, "refresh": None, "password_change": None}
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)
    return rates


@pytest.fixture
def caller(request, anonymous):
    route = request.getfixturevalue("route")
    return client_of(UserFactory()) if route == "password-change" else anonymous


@pytest.mark.parametrize(("scope", "route", "body", "status"), THROTTLED)
def test_a_configured_rate_is_kept(rates, caller, scope, route, body, status):
    rates[scope] = "2/hour"
    answers = [caller.post(reverse(route), body(n)) for n in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 3600
    assert list(answers[2].json()) == ["detail"]


def test_a_throttled_registration_makes_no_account(rates, anonymous):
    rates["register"] = "1/hour"
    for n in range(2):
        body = {"email": f"a{n}@example.com", "password": PASSWORD}
        anonymous.post(reverse("register"), body)
    assert User.objects.count() == 1


def test_a_right_password_is_throttled_too(rates, anonymous):
    rates["login"] = "1/hour"
    UserFactory(email="ada@example.com")
    body = {"email": "ada@example.com", "password": PASSWORD}
    statuses = [anonymous.post(reverse("jwt-create"), body).status_code for _ in range(2)]
    assert statuses == [200, 429]


def test_one_scope_does_not_use_up_another(rates, anonymous):
    rates.update(login="1/hour", refresh="1/hour")
    UserFactory(email="ada@example.com")
    body = {"email": "ada@example.com", "password": PASSWORD}
    pair = anonymous.post(reverse("jwt-create"), body).json()
    refreshed = anonymous.post(reverse("jwt-refresh"), {"refresh": pair["refresh"]})
    assert refreshed.status_code == 200


def test_password_changes_are_counted_by_account(rates):
    rates["password_change"] = "1/hour"
    body = {"old_password": "wrong", "new_password": "another-word"}
    callers = [client_of(UserFactory()), client_of(UserFactory())]
    statuses = [caller.post(reverse("password-change"), body).status_code for caller in callers]
    assert statuses == [400, 400]


@pytest.mark.parametrize(("scope", "route", "body", "status"), THROTTLED)
def test_test_settings_throttle_nothing(caller, scope, route, body, status):
    statuses = {caller.post(reverse(route), body(n)).status_code for n in range(30)}
    assert statuses == {status}
