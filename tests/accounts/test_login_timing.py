"""A refused log-in costs the same whoever it names: counted in hashes, not in seconds."""

import pytest
from django.contrib.auth.hashers import make_password
from django.urls import reverse

from apps.accounts.hashers import Argon2PasswordHasher
from settings import base
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

DJANGOS_ARGON2 = "django.contrib.auth.hashers.Argon2PasswordHasher"


@pytest.fixture(autouse=True)
def _hashers(settings):
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS


@pytest.fixture
def hashes(monkeypatch):
    """What our hasher was made to do, in order."""
    done = []
    for name in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, name)

        def counted(self, *args, name=name, real=real):
            done.append(name)
            return real(self, *args)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    return done


def log_in(client, password):
    body = {"email": "ada@example.com", "password": password}
    return client.post(reverse("jwt-create"), body).status_code


@pytest.mark.parametrize(
    ("account", "password"),
    [
        pytest.param(None, "wrong", id="unknown address"),
        pytest.param({}, "wrong", id="wrong password"),
        pytest.param({"is_active": False}, PASSWORD, id="inactive, right password"),
        pytest.param({"is_active": False}, "wrong", id="inactive, wrong password"),
        pytest.param({"password": "!"}, "wrong", id="account without a password"),
        pytest.param({"password": "gone$1$2$3"}, "wrong", id="hash that nobody knows any more"),
    ],
)
def test_every_refusal_costs_one_hash(anonymous, hashes, account, password):
    if account is not None:
        UserFactory(email="ada@example.com", **account)
    hashes.clear()
    assert log_in(anonymous, password) == 401
    assert len(hashes) == 1


def test_a_log_in_costs_one_hash_too(anonymous, hashes):
    UserFactory(email="ada@example.com")
    hashes.clear()
    assert log_in(anonymous, PASSWORD) == 200
    assert hashes == ["verify"]


def test_a_hash_is_argon2id_with_what_owasp_asks_for():
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_older_hash_is_replaced_at_the_next_log_in(anonymous, settings, hashes):
    settings.PASSWORD_HASHERS = [DJANGOS_ARGON2]
    user = UserFactory(email="ada@example.com")
    assert user.password.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS
    assert log_in(anonymous, PASSWORD) == 200
    user.refresh_from_db()
    assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    hashes.clear()
    assert log_in(anonymous, PASSWORD) == 200
    assert hashes == ["verify"]


@pytest.mark.parametrize("algorithm", [DJANGOS_ARGON2, base.PASSWORD_HASHERS[1]])
def test_a_wrong_password_costs_an_older_hash_one_verification_and_no_more(
    anonymous, settings, hashes, monkeypatch, algorithm
):
    settings.PASSWORD_HASHERS = [algorithm]
    user = UserFactory(email="ada@example.com")
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS
    stored = user.password
    assert log_in(anonymous, "wrong") == 401
    assert hashes == (["verify"] if algorithm == DJANGOS_ARGON2 else [])
    user.refresh_from_db()
    assert user.password == stored
