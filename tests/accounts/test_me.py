import pytest
from django.urls import reverse

from tests.accounts.bodies import user_body
from tests.clients import client_of
from tests.common.helpers import assert_invalid, snapshot, unchanged
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return UserFactory(email="ada@example.com", first_name="Ada", last_name="Lovelace")


def test_me_needs_a_token(anonymous):
    response = anonymous.get(reverse("me"))
    assert response.status_code == 401


@pytest.mark.parametrize("flags", [{}, {"support": True}, {"admin": True}])
def test_me_shows_the_caller(flags):
    UserFactory()
    user = UserFactory(**flags)
    response = client_of(user).get(reverse("me"))
    assert response.status_code == 200
    assert response.json() == user_body(user)


def test_the_names_can_be_changed(user):
    before = user.updated_at
    response = client_of(user).patch(reverse("me"), {"first_name": "Grace", "last_name": ""})
    user.refresh_from_db()
    assert response.status_code == 200
    assert response.json() == user_body(user)
    assert (user.first_name, user.last_name) == ("Grace", "")
    assert user.updated_at > before


def test_one_name_can_be_changed_alone(user):
    assert client_of(user).patch(reverse("me"), {"first_name": "Grace"}).status_code == 200
    user.refresh_from_db()
    assert (user.first_name, user.last_name) == ("Grace", "Lovelace")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "eve@example.com"),
        ("password", "another-word"),
        ("is_staff", True),
        ("is_superuser", True),
        ("is_support", True),
        ("is_active", False),
        ("id", 77777),
        ("date_joined", "2001-01-01T00:00:00Z"),
        ("created_at", "2001-01-01T00:00:00Z"),
    ],
)
def test_everything_else_is_ignored(user, field, value):
    body = client_of(user).get(reverse("me")).json()
    response = client_of(user).patch(reverse("me"), {field: value})
    before, updated_at = user_body(user), user.updated_at
    user.refresh_from_db()
    assert response.status_code == 200
    assert response.json() == {**body, "updated_at": response.json()["updated_at"]}
    assert user_body(user, updated_at=before["updated_at"]) == before
    assert (user.is_superuser, user.is_active) == (False, True)
    assert user.check_password(PASSWORD)
    assert user.updated_at > updated_at


def test_a_refused_change_changes_nothing(user):
    with unchanged():
        body = {"first_name": "Grace", "last_name": "x" * 151}
        assert_invalid(client_of(user).patch(reverse("me"), body), "last_name")


def test_nobody_else_is_changed(user):
    other = UserFactory(first_name="Charles")
    client_of(user).patch(reverse("me"), {"first_name": "Grace"})
    other_row = next(row for row in snapshot()[type(other)] if row["id"] == other.pk)
    assert other_row["first_name"] == "Charles"
    assert other_row["updated_at"] == other.updated_at


@pytest.mark.parametrize("method", ["put", "post"])
def test_other_methods_are_not_allowed(user, method):
    with unchanged():
        response = getattr(client_of(user), method)(reverse("me"), {"first_name": "Grace"})
    assert response.status_code == 405
