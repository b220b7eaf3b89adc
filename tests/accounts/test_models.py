import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import User
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def test_create_user_makes_an_active_customer():
    user = User.objects.create_user("ada@example.com", PASSWORD)
    user.refresh_from_db()
    assert user.is_active
    assert (user.is_staff, user.is_superuser, user.is_support) == (False, False, False)
    assert (user.first_name, user.last_name) == ("", "")
    assert user.date_joined is not None
    assert user.check_password(PASSWORD)


def test_create_superuser_makes_an_admin():
    user = User.objects.create_superuser("root@example.com", PASSWORD)
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser, user.is_support) == (True, True, False)


@pytest.mark.parametrize("email", ["", None])
def test_create_user_refuses_an_account_without_address(email):
    with pytest.raises(ValueError, match="address"):
        User.objects.create_user(email, PASSWORD)
    assert not User.objects.exists()


def test_create_user_without_password_makes_an_account_that_cannot_log_in():
    user = User.objects.create_user("ada@example.com")
    assert not user.has_usable_password()


@pytest.mark.parametrize("make", [User.objects.create_user, User.objects.create])
def test_the_address_is_stored_in_lower_case(make):
    user = make(email="Ada.Lovelace@EXAMPLE.com")
    assert user.email == "ada.lovelace@example.com"
    assert User.objects.values_list("email", flat=True).get() == "ada.lovelace@example.com"


def test_an_update_stores_the_address_in_lower_case():
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(email="ADA@example.com")
    assert User.objects.values_list("email", flat=True).get() == "ada@example.com"


def test_an_address_is_found_in_any_letter_case():
    user = UserFactory(email="ada@example.com")
    UserFactory(email="ada@example.org")
    assert User.objects.get(email="ADA@Example.Com") == user


def test_an_address_is_unique_without_regard_to_case():
    UserFactory(email="ada@example.com")
    with pytest.raises(IntegrityError, match="email"), transaction.atomic():
        UserFactory(email="ADA@example.com")
    assert User.objects.count() == 1


def test_upper_case_is_refused_by_the_database():
    user = UserFactory(email="ada@example.com")
    query = "UPDATE accounts_user SET email = 'ADA@example.com' WHERE id = %s"
    with pytest.raises(IntegrityError, match="user_email_lower_case"), transaction.atomic():
        User.objects.raw(query, [user.pk])._fetch_all()


@pytest.mark.parametrize(
    ("flags", "is_admin", "is_customer", "sees_everything"),
    [
        ({}, False, True, False),
        ({"is_support": True}, False, False, True),
        ({"is_staff": True}, True, True, True),
        ({"is_superuser": True}, True, True, True),
        ({"is_staff": True, "is_support": True}, True, True, True),
    ],
)
def test_what_the_flags_make_of_an_account(flags, is_admin, is_customer, sees_everything):
    user = UserFactory(**flags)
    assert user.is_admin is is_admin
    assert user.is_customer is is_customer
    assert user.sees_everything is sees_everything


def test_the_address_is_the_login():
    assert User.USERNAME_FIELD == "email"
    assert str(UserFactory(email="ada@example.com")) == "ada@example.com"
