import pytest
from django.urls import reverse
from rest_framework_simplejwt.tokens import RefreshToken

from settings import base
from tests.clients import client_of
from tests.common.helpers import assert_invalid, unchanged
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "another-word"


@pytest.fixture
def user():
    return UserFactory(email="ada@example.com")


def change(client, old=PASSWORD, new=NEW_PASSWORD):
    body = {"old_password": old, "new_password": new}
    return client.post(reverse("password-change"), body)


def log_in(client, password):
    body = {"email": "ada@example.com", "password": password}
    return client.post(reverse("jwt-create"), body)


def test_a_change_has_nothing_to_say(user):
    response = change(client_of(user))
    assert response.status_code == 204
    assert response.content == b""


def test_the_new_password_logs_in_and_the_old_one_does_not(anonymous, user):
    change(client_of(user))
    assert log_in(anonymous, NEW_PASSWORD).status_code == 200
    assert log_in(anonymous, PASSWORD).status_code == 401


def test_the_tokens_of_the_new_login_work(anonymous, user):
    change(client_of(user))
    pair = log_in(anonymous, NEW_PASSWORD).json()
    header = {"Authorization": f"Bearer {pair['access']}"}
    assert anonymous.get(reverse("me"), headers=header).status_code == 200
    refreshed = anonymous.post(reverse("jwt-refresh"), {"refresh": pair["refresh"]})
    assert refreshed.status_code == 200


def test_older_access_tokens_are_dead(user):
    caller, other_device = client_of(user), client_of(user)
    assert other_device.get(reverse("me")).status_code == 200
    change(caller)
    assert caller.get(reverse("me")).status_code == 401
    assert other_device.get(reverse("me")).status_code == 401


def test_older_refresh_tokens_are_dead(anonymous, user):
    body = {"refresh": str(RefreshToken.for_user(user))}
    assert anonymous.post(reverse("jwt-refresh"), body).status_code == 200
    change(client_of(user))
    assert anonymous.post(reverse("jwt-refresh"), body).status_code == 401


def test_the_tokens_of_others_live_on(user):
    other = client_of(UserFactory())
    change(client_of(user))
    assert other.get(reverse("me")).status_code == 200


@pytest.mark.parametrize("old", ["wrong-word", "Password123", "password123 ", NEW_PASSWORD])
def test_a_wrong_old_password_is_refused(user, old):
    with unchanged():
        assert_invalid(change(client_of(user), old=old), "old_password")


def test_after_a_refusal_the_tokens_live_on(user):
    caller = client_of(user)
    change(caller, old="wrong-word")
    assert caller.get(reverse("me")).status_code == 200


@pytest.mark.parametrize("new", ["", "1234567", "x" * 129])
def test_a_new_password_of_the_wrong_length_is_refused(user, new):
    with unchanged():
        assert_invalid(change(client_of(user), new=new), "new_password")


@pytest.mark.parametrize("new", ["k7#vQ2w", "password123", "73910482650194", "ada@example.com"])
def test_production_refuses_weak_passwords(settings, user, new):
    settings.AUTH_PASSWORD_VALIDATORS = base.AUTH_PASSWORD_VALIDATORS
    with unchanged():
        assert_invalid(change(client_of(user), new=new), "new_password")


def test_spaces_around_the_passwords_are_part_of_them(anonymous, user):
    assert change(client_of(user), new=f" {NEW_PASSWORD} ").status_code == 204
    assert log_in(anonymous, f" {NEW_PASSWORD} ").status_code == 200
    assert log_in(anonymous, NEW_PASSWORD).status_code == 401


def test_everything_that_is_required_is_named(user):
    with unchanged():
        response = client_of(user).post(reverse("password-change"), {})
        assert_invalid(response, "old_password", "new_password")


def test_a_change_needs_a_token(anonymous, user):
    with unchanged():
        assert change(anonymous).status_code == 401


def test_nobody_else_is_changed(user):
    other = UserFactory()
    change(client_of(user))
    other.refresh_from_db()
    assert other.check_password(PASSWORD)
