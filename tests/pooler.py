"""Runs a command against a throw-away PostgreSQL 18 behind a transaction pooler.

    python -m tests.pooler COMMAND [ARG ...]

As `python -m tests.postgres`, but DATABASE_URL (and PGHOST) lead to a PgBouncer that gives every
transaction the server connection that has been idle longest: what relies on a session, on a
statement prepared in it or on a cursor left open there, finds another session and fails. Limits on
waiting are those of the role, as docs/operations.md says; `pg_dump` and a test database's removal
need a session, and so not this.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.postgres import (
    DATABASE,
    SUPERUSER,
    Cluster,
    PostgresError,
    Signals,
    as_server_account,
    environment_without_postgres,
    is_root,
    remove_abandoned,
    server_account,
    throw_away_cluster,
)

PROGRAM = "pgbouncer"

# Where Debian installs it, which is not on everybody's PATH.
SYSTEM_PROGRAMS = "/usr/sbin"

# A race takes up to nine at once, and eight test processes have a database each.
POOL_SIZE = 10
LEAST_POOL_SIZE = 3

SECONDS_TO_START = 10

LIMIT_ROLE = f"""
    ALTER ROLE {SUPERUSER} SET lock_timeout = '5s';
    ALTER ROLE {SUPERUSER} SET statement_timeout = '30s';
"""

# The pooler ends with its standard input, and so with this process, in whatever way that ends.
UNTIL_INPUT_ENDS = '"$@" & read -r _; kill -KILL $!'

CONFIGURATION = """\
[databases]
* = host='{server}' user={user}

[pgbouncer]
pool_mode = transaction
default_pool_size = {pool_size}
; Several from the start, or a lone client would always get the same one.
min_pool_size = {least_pool_size}
max_client_conn = 200
server_round_robin = 1
query_wait_timeout = 5
server_login_retry = 1
auth_type = any
unix_socket_dir = {folder}
; So that the folder alone names it, as it does PostgreSQL.
listen_port = 5432
"""


@dataclass(frozen=True)
class Pooler:
    """A PgBouncer in front of `cluster`, in a folder of its own inside the cluster's."""

    cluster: Cluster
    pool_size: int

    @property
    def folder(self) -> Path:
        return self.cluster.folder / "pooler"

    @property
    def log(self) -> Path:
        return self.cluster.folder / "pooler.log"

    def variables(self) -> dict[str, str]:
        """What is different in the environment of those who connect through the pooler."""
        return {
            "DATABASE_URL": f"postgres://{SUPERUSER}@/{quote(str(self.folder))}/{DATABASE}",
            "PGHOST": str(self.folder),
            "DB_LOCK_TIMEOUT_SECONDS": "0",
            "DB_STATEMENT_TIMEOUT_SECONDS": "0",
        }

    def start(self) -> subprocess.Popen[bytes]:
        """Returns when the pooler answers, and mixes sessions; it runs until its input ends."""
        program = installed_program()
        with connect(self.cluster.data) as server:
            server.execute(LIMIT_ROLE)
        file = self._configure()
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                ("sh", "-c", UNTIL_INPUT_ENDS, "sh", program, "--quiet", str(file)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment_without_postgres(),
                # Out of reach of the terminal's Ctrl-C, which is for the command.
                start_new_session=True,
                **as_server_account(),
            )
        try:
            self._wait_until_ready()
        except PostgresError:
            stop(process)
            raise
        return process

    def _configure(self) -> Path:
        """The path of its configuration; only the server's account and root can read it."""
        self.folder.mkdir(mode=0o700)
        file = self.folder / "pgbouncer.ini"
        file.write_text(
            CONFIGURATION.format(
                server=self.cluster.data,
                user=SUPERUSER,
                pool_size=self.pool_size,
                least_pool_size=LEAST_POOL_SIZE,
                folder=self.folder,
            )
        )
        if is_root():
            account = server_account()
            for path in (self.folder, file):
                os.chown(path, account.pw_uid, account.pw_gid)
        return file

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                with connect(self.folder) as client:
                    return self._wait_until_sessions_differ(client, deadline)
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    message = f"{PROGRAM} does not start: {error}\n{self.log.read_text()}"
                    raise PostgresError(message) from error
            time.sleep(0.02)

    def _wait_until_sessions_differ(self, client: psycopg.Connection[Any], deadline: float) -> None:
        """As long as they do not, nothing that passes behind this pooler has shown anything."""
        sessions: set[Any] = set()
        while len(sessions) < 2:
            if time.monotonic() > deadline:
                raise PostgresError(f"{PROGRAM} gives a client the same session every time")
            time.sleep(0.02)
            sessions.add(client.execute("SELECT pg_backend_pid()").fetchone())


@contextmanager
def running_pooler(cluster: Cluster, *, pool_size: int = POOL_SIZE) -> Iterator[Pooler]:
    """A pooler that is gone at the end of the block; raises PostgresError."""
    pooler = Pooler(cluster, pool_size)
    process = pooler.start()
    try:
        yield pooler
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def installed_program() -> str:
    """The path of the installed pooler; raises PostgresError if there is none."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), SYSTEM_PROGRAMS))
    program = shutil.which(PROGRAM, path=path)
    if program is None:
        raise PostgresError(f"{PROGRAM} is missing: apt-get install {PROGRAM}")
    return program


def connect(host: Path) -> psycopg.Connection[Any]:
    """A connection on which every statement is a transaction, and none is prepared."""
    return psycopg.connect(
        host=str(host), user=SUPERUSER, dbname=DATABASE, autocommit=True, prepare_threshold=None
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.pooler",
        usage="%(prog)s COMMAND [ARG ...]",
        description="Runs COMMAND with DATABASE_URL set to a throw-away pooled PostgreSQL.",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.command:
        parser.error("COMMAND is missing")
    signals = Signals()
    try:
        installed_program()
        remove_abandoned()
        with throw_away_cluster(durable=False) as cluster, running_pooler(cluster) as pooler:
            environment = cluster.environment() | pooler.variables()
            return signals.run(options.command, environment)
    except PostgresError as error:
        sys.stderr.write(f"tests.pooler: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
