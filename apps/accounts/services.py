from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from apps.common.background import in_background
from apps.common.errors import FieldError
from apps.common.fields import parse_id
from apps.common.transactions import atomic

from .errors import LastAdmin, ResetTokenInvalid
from .mails import send_password_reset
from .models import User
from .signals import account_closing, account_exported


def register_user(*, email: str, password: str, first_name: str = "", last_name: str = "") -> User:
    """A new customer account (§1.1). Raises FieldError when the address is taken."""
    try:
        with transaction.atomic():
            return get_user_model().objects.create_user(
                email, password, first_name=first_name, last_name=last_name
            )
    except IntegrityError:
        raise FieldError("email", "An account with this e-mail address exists already.") from None


def change_password(*, user: User, new_password: str) -> None:
    """Set the password. Every token issued under the old one is dead from then on."""
    user.set_password(new_password)
    user.save(update_fields=["password", "updated_at"])


def request_password_reset(*, email: str) -> None:
    """Mail a token to the account with this address, if there is one that may have it.

    All of it happens in the background, the look-up too: what the caller gets, and when, is the
    same for every address.
    """
    in_background(partial(_mail_reset_token, email))


def find_reset_account(*, uid: str, token: str) -> User:
    """The account that this token was mailed to. Raises ResetTokenInvalid when it has none."""
    try:
        pk = parse_id(urlsafe_base64_decode(uid).decode("ascii"))
    except ValueError:
        raise ResetTokenInvalid from None
    user = User.objects.filter(pk=pk).first()
    return _check_reset_token(user, token)


@atomic
def reset_password(*, user: User, token: str, new_password: str) -> None:
    """Set the password of the account that `token` was mailed to; it works once.

    Raises ResetTokenInvalid.
    """
    user = _check_reset_token(User.objects.for_update().filter(pk=user.pk).first(), token)
    change_password(user=user, new_password=new_password)


def export_account(*, user: User) -> dict[str, Any]:
    """What the rooms above know of an account, by section, ready for JSON."""
    found: list[tuple[Any, Any]] = account_exported.send(User, user=user)
    return {name: rows for _, sections in found for name, rows in sections.items()}


@atomic
def close_account(*, user: User) -> None:
    """Make an account nobody's: no name, no address, no rights, no way in. Its bookings stay.

    Sends `account_closing`, whose receivers cancel holds and end memberships.
    Raises SoleOwner, LastAdmin or User.DoesNotExist.
    """
    superusers = Q(is_superuser=True, is_active=True)
    locked = list(User.objects.for_update().filter(superusers | Q(pk=user.pk)))
    user = User.objects.get(pk=user.pk)
    if user.is_superuser and user.is_active and locked == [user]:
        raise LastAdmin
    account_closing.send(User, user=user)
    _anonymize(user)


def _mail_reset_token(email: str) -> None:
    user = User.objects.filter(email=email).first()
    if user is not None and _may_reset(user):
        uid = urlsafe_base64_encode(force_bytes(user.pk))
        send_password_reset(user, uid=uid, token=default_token_generator.make_token(user))


def _check_reset_token(user: User | None, token: str) -> User:
    if user is None or not _may_reset(user):
        raise ResetTokenInvalid
    if not default_token_generator.check_token(user, token):
        raise ResetTokenInvalid
    return user


def _may_reset(user: User) -> bool:
    """An account that was made without a password does not get one by e-mail either."""
    return user.is_active and user.has_usable_password()


def _anonymize(user: User) -> None:
    changes = {
        "email": f"deleted-{user.pk}@invalid",
        "first_name": "",
        "last_name": "",
        "last_login": None,
        "is_active": False,
        "is_staff": False,
        "is_superuser": False,
        "is_support": False,
    }
    for name, value in changes.items():
        setattr(user, name, value)
    user.set_unusable_password()
    user.save(update_fields=[*changes, "password", "updated_at"])
    user.groups.clear()
    user.user_permissions.clear()
