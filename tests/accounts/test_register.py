import pytest
from django.urls import reverse

from apps.accounts.models import User
from settings import base
from tests.accounts.bodies import user_body
from tests.common.helpers import assert_invalid, unchanged
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def register(client, **body):
    return client.post(reverse("register"), {"email": "ada@example.com", **body})


def log_in(client, email, password):
    return client.post(reverse("jwt-create"), {"email": email, "password": password})


def test_register_answers_the_account(anonymous):
    response = register(anonymous, password=PASSWORD, first_name="Ada", last_name="Lovelace")
    user = User.objects.get()
    assert response.status_code == 201
    assert response.json() == user_body(user)
    assert (user.email, user.first_name, user.last_name) == ("ada@example.com", "Ada", "Lovelace")


def test_the_names_are_optional(anonymous):
    response = register(anonymous, password=PASSWORD)
    assert response.status_code == 201
    assert (response.json()["first_name"], response.json()["last_name"]) == ("", "")


def test_the_password_is_not_in_the_answer(anonymous):
    response = register(anonymous, password="a-very-secret-word")
    assert response.status_code == 201
    assert b"a-very-secret-word" not in response.content
    assert "password" not in response.json()


def test_the_password_is_stored_as_a_hash(anonymous):
    register(anonymous, password=PASSWORD)
    user = User.objects.get()
    assert PASSWORD not in user.password
    assert user.check_password(PASSWORD)


def test_the_new_account_can_log_in(anonymous):
    register(anonymous, password=PASSWORD)
    assert log_in(anonymous, "ada@example.com", PASSWORD).status_code == 200


def test_the_address_is_stored_in_lower_case(anonymous):
    response = register(anonymous, email="Ada@EXAMPLE.Com", password=PASSWORD)
    assert response.json()["email"] == "ada@example.com"
    assert User.objects.values_list("email", flat=True).get() == "ada@example.com"


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com", "Ada@Example.COM"])
def test_a_taken_address_is_refused_in_any_letter_case(anonymous, email):
    UserFactory(email="ada@example.com")
    with unchanged():
        assert_invalid(register(anonymous, email=email, password=PASSWORD), "email")


def test_another_address_is_free(anonymous):
    UserFactory(email="ada@example.org")
    assert register(anonymous, password=PASSWORD).status_code == 201


def test_what_only_an_admin_may_set_is_ignored(anonymous):
    flags = {"is_staff": True, "is_superuser": True, "is_support": True, "is_active": False}
    response = register(anonymous, password=PASSWORD, id=77777, **flags)
    user = User.objects.get()
    assert response.status_code == 201
    assert (user.is_staff, user.is_superuser, user.is_support) == (False, False, False)
    assert user.is_active
    assert user.pk != 77777


def test_everything_that_is_required_is_named(anonymous):
    with unchanged():
        assert_invalid(anonymous.post(reverse("register"), {}), "email", "password")


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129])
def test_a_password_of_the_wrong_length_is_refused(anonymous, password):
    with unchanged():
        assert_invalid(register(anonymous, password=password), "password")


@pytest.mark.parametrize("password", ["12345678", "password123", "x" * 128])
def test_in_test_settings_only_the_length_counts(anonymous, password):
    assert register(anonymous, password=password).status_code == 201


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("k7#vQ2w", id="too short"),
        pytest.param("password123", id="too common"),
        pytest.param("73910482650194", id="only digits"),
        pytest.param("ada@example.com", id="the address"),
        pytest.param("lovelace-lovelace"[:9], id="the last name"),
    ],
)
def test_production_refuses_weak_passwords(anonymous, settings, password):
    settings.AUTH_PASSWORD_VALIDATORS = base.AUTH_PASSWORD_VALIDATORS
    with unchanged():
        response = register(anonymous, password=password, last_name="Lovelace")
        assert_invalid(response, "password")


def test_production_accepts_a_good_password(anonymous, settings):
    settings.AUTH_PASSWORD_VALIDATORS = base.AUTH_PASSWORD_VALIDATORS
    response = register(anonymous, password="k7#vQ2wLm9", last_name="Lovelace")
    assert response.status_code == 201


def test_spaces_around_a_password_are_part_of_it(anonymous):
    assert register(anonymous, password="  password123 ").status_code == 201
    assert log_in(anonymous, "ada@example.com", "  password123 ").status_code == 200
    assert log_in(anonymous, "ada@example.com", "password123").status_code == 401


def test_a_dead_token_in_the_header_does_not_get_in_the_way(anonymous):
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer long.since.dead")
    assert register(anonymous, password=PASSWORD).status_code == 201


# Each of these letters becomes two when it is turned into lower case.
GROWING_DOMAIN = "İ" * 60 + "." + "İ" * 60 + "." + "İ" * 60 + ".com"


def test_an_address_that_grows_too_long_in_lower_case_is_refused(anonymous):
    with unchanged():
        response = register(anonymous, email=f"ada@{GROWING_DOMAIN}", password=PASSWORD)
        assert_invalid(response, "email")
