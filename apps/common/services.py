from collections.abc import Callable
from typing import Any

from django.db import models

from .errors import InUse
from .transactions import atomic

# Called with a row that is locked and read; raises if nothing is to happen to it as it is.
Precondition = Callable[[Any], None]


def unconditional(row: Any) -> None:
    """The precondition of those who have none."""


@atomic
def write_unchanged(
    queryset: models.QuerySet, *, pk: int, precondition: Precondition, write: Callable[[], Any]
) -> None:
    """Call `write` while the row of `queryset` with this id is locked.

    Raises what `precondition` does, and the model's DoesNotExist when the row is gone.
    """
    precondition(queryset.select_for_update(no_key=True).get(pk=pk))
    write()


@atomic
def delete_unreferenced(
    queryset: models.QuerySet, *, pk: int, precondition: Precondition = unconditional
) -> None:
    """Delete the row of `queryset` with this id, unless others refer to it.

    Raises InUse then, what `precondition` does, and the model's DoesNotExist when the row is gone
    already.
    """
    # The lock makes the check below hold: foreign keys are checked at COMMIT only, too late.
    instance = queryset.select_for_update().get(pk=pk)
    precondition(instance)
    try:
        instance.delete()
    except models.ProtectedError:
        raise InUse from None
