import base64
import pickle
from typing import Any

from django.core.cache.backends.db import DatabaseCache as DjangoDatabaseCache
from django.db import connections, router, transaction
from django.utils import timezone


class DatabaseCache(DjangoDatabaseCache):
    """Django's database cache, in which no count gets lost between two workers."""

    _table: str

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """The new value, under the expiry that the key has. Raises ValueError without the key."""
        stored = self.make_and_validate_key(key, version=version)
        connection = connections[router.db_for_write(self.cache_model_class)]
        has_locks = connection.features.has_select_for_update
        lock = connection.ops.for_update_sql() if has_locks else ""
        table = connection.ops.quote_name(self._table)
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(
                f"SELECT 1 FROM {table} WHERE cache_key = %s AND expires > %s {lock}",  # noqa: S608
                [stored, now],
            )
            value: Any = self.get(key, version=version) if cursor.fetchone() else None
            if value is None:
                raise ValueError(f"Key '{key}' not found")
            cursor.execute(
                f"UPDATE {table} SET value = %s WHERE cache_key = %s",  # noqa: S608
                [self._encode(value + delta), stored],
            )
        return value + delta

    def _encode(self, value: Any) -> str:
        """As the parent class stores a value."""
        return base64.b64encode(pickle.dumps(value, self.pickle_protocol)).decode("ascii")
