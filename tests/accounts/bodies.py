from typing import Any

from apps.accounts.models import User
from tests.common.helpers import iso


def user_body(user: User, **changes: Any) -> dict[str, Any]:
    """The account as the API shows it to its owner."""
    return {
        "id": user.pk,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "is_staff": user.is_staff,
        "is_support": user.is_support,
        "created_at": iso(user.date_joined),
        "updated_at": iso(user.updated_at),
        **changes,
    }
