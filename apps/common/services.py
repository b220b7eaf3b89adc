from django.db import models

from .errors import InUse
from .transactions import atomic


@atomic
def delete_unreferenced(queryset: models.QuerySet, *, pk: int) -> None:
    """Delete the row of `queryset` with this id, unless others refer to it.

    Raises InUse then, and the model's DoesNotExist when the row is gone already.
    """
    # The lock makes the check below hold: foreign keys are checked at COMMIT only, too late.
    instance = queryset.select_for_update().get(pk=pk)
    try:
        instance.delete()
    except models.ProtectedError:
        raise InUse from None
