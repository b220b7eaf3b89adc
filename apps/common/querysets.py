from typing import Self, TypeVar

from django.db import models, transaction

Rows = TypeVar("Rows", bound=models.QuerySet)


class LockingQuerySet(models.QuerySet):
    def for_update(self, *, deleting: bool = False, skip_locked: bool = False) -> Self:
        """Lock these rows until the transaction ends, in the order of their ids.

        The lock lets others insert rows that refer to these, unless they are to be deleted. Rows
        that somebody else has locked are waited for, or with `skip_locked` left out.
        Raises TransactionManagementError outside a transaction, on every database.
        """
        if not transaction.get_connection(self.db).in_atomic_block:
            raise transaction.TransactionManagementError(
                f"{self.model.__name__} rows can only be locked inside a transaction."
            )
        return self.select_for_update(no_key=not deleting, skip_locked=skip_locked).order_by("pk")


def slice_rows(queryset: Rows, start: int, stop: int) -> Rows:
    """The rows of `queryset[start:stop]`, in its order.

    Those before `start` are passed by in an index, and what a row is joined to is for the page
    alone: PostgreSQL prepares a join for all rows that the queryset has, however few are sliced.
    """
    page = queryset.prefetch_related(None).values("pk")[start:stop]
    return queryset.filter(pk__in=page)
