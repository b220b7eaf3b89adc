from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from apps.common.errors import FieldError

from .models import User


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
