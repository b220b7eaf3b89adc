"""Django's PostgreSQL, with a health check of a connection that costs no round trip."""

from select import POLLIN, poll

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the server has not hung up, as far as this end knows.

        A server that ends sends something: the end of the stream at the least. So a connection
        with nothing to read is taken as it is, unless it has failed before.
        """
        if self.connection is None or self.connection.closed:
            return False
        if self.errors_occurred or self._has_something_to_read():
            return bool(super().is_usable())
        return True

    def _has_something_to_read(self) -> bool:
        poller = poll()
        poller.register(self.connection.pgconn.socket, POLLIN)
        return bool(poller.poll(0))
