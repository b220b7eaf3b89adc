"""Queries of the hottest paths, where the ORM takes longer to write SQL than the database to
answer it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.transaction import TransactionManagementError

M = TypeVar("M", bound=models.Model)

# Stands for the key while the SQL is written; nothing else in a query is like it.
KEY = -(2**40)


class CompiledLookup(Generic[M]):
    """Rows of a queryset by primary key, by SQL that the ORM writes once.

    `queryset` makes the queryset: plain, with `select_related` or with `for_update()`.
    """

    def __init__(self, queryset: Callable[[], models.QuerySet[M]]) -> None:
        self.queryset = queryset
        self._statement: Statement | None = None

    def find(self, pk: int) -> M | None:
        """The row with its related rows, or None.

        Raises TransactionManagementError for a locking queryset outside a transaction.
        """
        statement = self._compiled()
        row: Any = statement.row_of(pk)
        return None if row is None else statement.instance(row, statement.columns)

    def _compiled(self) -> "Statement":
        if self._statement is None:
            self._statement = Statement(self.queryset())
        return self._statement


class Statement:
    """What the ORM makes of a queryset's row with a given key, from SQL to model instances."""

    def __init__(self, queryset: models.QuerySet[Any]) -> None:
        query = queryset.order_by().filter(pk=KEY).query
        self.compiler = query.get_compiler(DEFAULT_DB_ALIAS)
        self.sql, self.params = self.compiler.as_sql()
        self.locks = query.select_for_update
        self.columns: dict[str, Any] = self.compiler.klass_info
        self.expressions: Sequence[Any] = [column for column, *_ in self.compiler.select]
        self.names = [column.target.attname for column in self.expressions]
        self.converters = self.compiler.get_converters(self.expressions)

    def row_of(self, pk: int) -> Sequence[Any] | None:
        connection = connections[DEFAULT_DB_ALIAS]
        if self.locks and not connection.in_atomic_block:
            raise TransactionManagementError("A row can only be locked inside a transaction.")
        params = [pk if param == KEY else param for param in self.params]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            row = cursor.fetchone()
        if row is None or not self.converters:
            return row
        return next(iter(self.compiler.apply_converters([row], self.converters)))

    def instance(self, row: Sequence[Any], columns: dict[str, Any]) -> Any:
        places = columns["select_fields"]
        names, values = [self.names[n] for n in places], [row[n] for n in places]
        instance = columns["model"].from_db(DEFAULT_DB_ALIAS, names, values)
        for related in columns.get("related_klass_infos", ()):
            setattr(instance, related["field"].name, self.instance(row, related))
        return instance
