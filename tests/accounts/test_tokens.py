import base64
import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from tests.accounts.bodies import user_body
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return UserFactory(email="ada@example.com")


def refresh(client, token):
    return client.post(reverse("jwt-refresh"), {"refresh": str(token)})


def verify(client, token):
    return client.post(reverse("jwt-verify"), {"token": str(token)})


def blacklist(client, token):
    return client.post(reverse("jwt-blacklist"), {"refresh": str(token)})


def me(client, token):
    return client.get(reverse("me"), headers={"Authorization": f"Bearer {token}"})


def expired(token):
    token.set_exp(from_time=timezone.now() - timedelta(days=400))
    return token


def forged(token):
    head, payload, signature = str(token).split(".")
    return f"{head}.{payload}.{signature[::-1]}"


def assert_unauthorized(response):
    assert response.status_code == 401, response.content
    assert isinstance(response.json()["detail"], str)
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def deactivate(user):
    user.is_active = False
    user.save(update_fields=["is_active"])


def delete(user):
    user.delete()


def change_password(user):
    user.set_password("another-word")
    user.save(update_fields=["password"])


LOSSES = [deactivate, delete, change_password]


def test_refresh_answers_a_new_access_token_and_nothing_else(anonymous, user):
    response = refresh(anonymous, RefreshToken.for_user(user))
    assert response.status_code == 200
    assert list(response.json()) == ["access"]
    assert me(anonymous, response.json()["access"]).json() == user_body(user)


def test_a_refresh_token_serves_more_than_once(anonymous, user):
    token = RefreshToken.for_user(user)
    assert [refresh(anonymous, token).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda user: "garbage", id="garbage"),
        pytest.param(lambda user: "a.b.c", id="three parts of garbage"),
        pytest.param(lambda user: "x" * 100_000, id="huge"),
        pytest.param(lambda user: expired(RefreshToken.for_user(user)), id="expired"),
        pytest.param(lambda user: forged(RefreshToken.for_user(user)), id="forged"),
        pytest.param(AccessToken.for_user, id="an access token"),
    ],
)
@pytest.mark.parametrize("send", [refresh, blacklist])
def test_what_is_no_refresh_token_is_refused(anonymous, user, send, make):
    assert_unauthorized(send(anonymous, make(user)))


@pytest.mark.parametrize("lose", LOSSES)
def test_an_account_that_lost_its_rights_gets_no_new_access_token(anonymous, user, lose):
    token = RefreshToken.for_user(user)
    lose(user)
    assert_unauthorized(refresh(anonymous, token))


@pytest.mark.parametrize("lose", LOSSES)
def test_an_account_that_lost_its_rights_cannot_use_its_access_token(anonymous, user, lose):
    token = AccessToken.for_user(user)
    lose(user)
    assert_unauthorized(me(anonymous, token))


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("kind", [AccessToken, RefreshToken])
def test_an_account_that_lost_its_rights_has_no_valid_token(anonymous, user, kind, lose):
    token = kind.for_user(user)
    lose(user)
    assert_unauthorized(verify(anonymous, token))


@pytest.mark.parametrize("lose", LOSSES)
def test_blacklisting_the_token_of_a_lost_account_does_no_harm(anonymous, user, lose):
    token = RefreshToken.for_user(user)
    lose(user)
    assert blacklist(anonymous, token).status_code in (200, 401)
    assert_unauthorized(refresh(anonymous, token))


@pytest.mark.parametrize("kind", [AccessToken, RefreshToken])
def test_verify_says_nothing_about_a_good_token(anonymous, user, kind):
    response = verify(anonymous, kind.for_user(user))
    assert response.status_code == 200
    assert response.json() == {}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda user: "garbage", id="garbage"),
        pytest.param(lambda user: "x" * 100_000, id="huge"),
        pytest.param(lambda user: expired(AccessToken.for_user(user)), id="expired access"),
        pytest.param(lambda user: expired(RefreshToken.for_user(user)), id="expired refresh"),
        pytest.param(lambda user: forged(AccessToken.for_user(user)), id="forged"),
    ],
)
def test_verify_refuses_a_bad_token(anonymous, user, make):
    assert_unauthorized(verify(anonymous, make(user)))


def test_blacklist_logs_out(anonymous, user):
    token = RefreshToken.for_user(user)
    response = blacklist(anonymous, token)
    assert response.status_code == 200
    assert response.json() == {}
    assert_unauthorized(refresh(anonymous, token))


def test_a_blacklisted_token_does_not_verify(anonymous, user):
    token = RefreshToken.for_user(user)
    blacklist(anonymous, token)
    assert_unauthorized(verify(anonymous, token))


def test_a_token_is_blacklisted_once(anonymous, user):
    token = RefreshToken.for_user(user)
    blacklist(anonymous, token)
    assert_unauthorized(blacklist(anonymous, token))


def test_blacklist_leaves_the_other_tokens_of_the_account(anonymous, user):
    token, other = RefreshToken.for_user(user), RefreshToken.for_user(user)
    blacklist(anonymous, token)
    assert refresh(anonymous, other).status_code == 200


def test_after_the_logout_an_access_token_lives_on(anonymous, user):
    token = RefreshToken.for_user(user)
    blacklist(anonymous, token)
    assert me(anonymous, token.access_token).status_code == 200


@pytest.mark.parametrize(
    ("kind", "token_class", "seconds"),
    [("access", AccessToken, 30 * 60), ("refresh", RefreshToken, 7 * 24 * 60 * 60)],
)
def test_how_long_a_token_lives(anonymous, user, kind, token_class, seconds):
    credentials = {"email": user.email, "password": PASSWORD}
    pair = anonymous.post(reverse("jwt-create"), credentials).json()
    token = token_class(pair[kind])
    assert token["exp"] - token["iat"] == seconds


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a.b.c", "Bearer a b c", "Bearer \xff", f"Bearer {'x' * 10_000}"],
)
def test_a_bad_authorization_header_is_refused(anonymous, header):
    assert_unauthorized(anonymous.get(reverse("me"), headers={"Authorization": header}))


def test_a_token_signed_with_no_algorithm_is_refused(anonymous, user):
    payload = str(AccessToken.for_user(user)).split(".")[1]
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    assert_unauthorized(me(anonymous, f"{head.decode().rstrip('=')}.{payload}."))
