import pytest
from django.urls import reverse
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from tests.accounts.bodies import user_body
from tests.common.helpers import assert_invalid
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

REFUSED = {
    "detail": "No active account has this e-mail address and password.",
    "code": "no_active_account",
}


def log_in(client, email="ada@example.com", password=PASSWORD):
    return client.post(reverse("jwt-create"), {"email": email, "password": password})


def test_login_answers_a_pair_of_tokens(anonymous):
    user = UserFactory(email="ada@example.com")
    response = log_in(anonymous)
    assert response.status_code == 200
    assert sorted(response.json()) == ["access", "refresh"]
    assert AccessToken(response.json()["access"])["user_id"] == str(user.pk)
    assert RefreshToken(response.json()["refresh"])["user_id"] == str(user.pk)


def test_the_access_token_opens_the_door(anonymous):
    user = UserFactory(email="ada@example.com")
    UserFactory()
    access = log_in(anonymous).json()["access"]
    response = anonymous.get(reverse("me"), headers={"Authorization": f"Bearer {access}"})
    assert response.status_code == 200
    assert response.json() == user_body(user)


def test_the_refresh_token_does_not(anonymous):
    UserFactory(email="ada@example.com")
    refresh = log_in(anonymous).json()["refresh"]
    response = anonymous.get(reverse("me"), headers={"Authorization": f"Bearer {refresh}"})
    assert response.status_code == 401


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.com"])
@pytest.mark.parametrize("stored", ["ada@example.com", "ADA@example.COM"])
def test_any_letter_case_of_the_address_logs_in(anonymous, stored, email):
    UserFactory(email=stored)
    assert log_in(anonymous, email=email).status_code == 200


@pytest.mark.parametrize("password", ["password124", "Password123", "password123 ", "x"])
def test_a_wrong_password_is_refused(anonymous, password):
    UserFactory(email="ada@example.com")
    response = log_in(anonymous, password=password)
    assert response.status_code == 401
    assert response.json() == REFUSED
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_unknown_address_is_refused_in_the_same_words(anonymous):
    UserFactory(email="ada@example.com")
    response = log_in(anonymous, email="eve@example.com")
    assert response.status_code == 401
    assert response.json() == REFUSED


def test_an_inactive_account_is_refused_in_the_same_words(anonymous):
    UserFactory(email="ada@example.com", is_active=False)
    response = log_in(anonymous)
    assert response.status_code == 401
    assert response.json() == REFUSED


def test_everything_that_is_required_is_named(anonymous):
    assert_invalid(anonymous.post(reverse("jwt-create"), {}), "email", "password")


def test_a_dead_token_in_the_header_does_not_get_in_the_way(anonymous):
    UserFactory(email="ada@example.com")
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer long.since.dead")
    assert log_in(anonymous).status_code == 200


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_no_token_holds_the_password_or_its_hash(anonymous, kind):
    user = UserFactory(email="ada@example.com")
    raw = log_in(anonymous).json()[kind]
    claims = str((AccessToken if kind == "access" else RefreshToken)(raw).payload)
    assert PASSWORD not in claims
    assert user.password not in claims
