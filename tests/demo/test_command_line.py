"""The commands as typed in a shell, in processes of their own on a database of their own."""

import json
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.demo.helpers import (
    ADMIN,
    COMMAND_LINE,
    CUSTOMER,
    EXAMPLE,
    HEADING,
    NOTHING,
    OWNER,
    SECONDS,
    SUPPORT,
    counts_in,
    demo_server,
    free_port,
    run,
    select,
    table,
    wait_for,
)

# SQLite makes a database out of nothing; what they do on PostgreSQL is the same.
pytestmark = pytest.mark.sqlite

SEED = "python settings/manage.py seed"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    done = run("python settings/manage.py migrate --verbosity=0", path)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def database(migrated, tmp_path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "db.sqlite3"))


def assert_one_line(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("CommandError: ")
    assert all(word in line for word in says)


class TestSeed:
    def test_the_command_line_of_the_specification(self, database):
        done = run(COMMAND_LINE, database)
        assert (done.returncode, done.stderr) == (0, "")
        assert table(done.stdout) == [HEADING, OWNER, SUPPORT, CUSTOMER]
        assert counts_in(database) == EXAMPLE

    @pytest.mark.parametrize("option", ["--bookings=-1", "--users=0"])
    def test_impossible_numbers(self, database, option):
        assert_one_line(run(SEED, database, [option]), option.split("=")[0])
        assert counts_in(database) == NOTHING

    def test_what_is_no_number(self, database):
        done = run(SEED, database, ["--bookings", "many"])
        assert (done.returncode, done.stdout) == (2, "")
        last_line = done.stderr.splitlines()[-1]
        assert last_line.endswith("argument --bookings: invalid int value: 'many'")
        assert "Traceback" not in done.stderr
        assert counts_in(database) == NOTHING

    def test_where_it_is_not_allowed(self, database):
        refused = run(SEED, database, ALLOW_SEED="false")
        assert_one_line(refused, "ALLOW_SEED", "--force")
        assert counts_in(database) == NOTHING

    def test_a_random_seed_gives_the_same_data_in_another_process(self, migrated, tmp_path):
        made = []
        # The order of sets differs between the two.
        for hash_seed in ("1", "2"):
            database = Path(shutil.copy(migrated, tmp_path / f"{hash_seed}.sqlite3"))
            done = run(SEED, database, ["--random-seed", "7"], PYTHONHASHSEED=hash_seed)
            assert done.returncode == 0, done.stderr
            made.append(
                [
                    select(database, f"SELECT {columns} ORDER BY id")
                    for columns in (
                        "id, email, first_name, last_name FROM accounts_user",
                        "organization_id, user_id, role FROM organizations_membership",
                        "id, name, address, capacity FROM venues_venue",
                        "id, title, description, status, capacity FROM events_event",
                        "event_id, ticket_type, price, quota, sold FROM tickets_eventsticket",
                        "user_id, event_ticket_id, quantity, status FROM bookings_booking",
                    )
                ]
            )
        assert made[0] == made[1]


def answer(url: str, body: dict[str, str] | None = None, token: str = "") -> str:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, headers), timeout=SECONDS) as response:  # noqa: S310
        return response.read().decode()


class TestRundemo:
    def test_on_a_database_that_does_not_exist_yet(self, tmp_path):
        database, log = tmp_path / "db.sqlite3", tmp_path / "log"
        address = f"127.0.0.1:{free_port()}"
        root = f"http://{address}"
        with demo_server(database, address, log) as process:
            wait_for(f"{root}/api/v1/events/", process, log)
            output = log.read_text()
            pages = [line.split()[1] for line in output.splitlines() if f"  {root}" in line]
            assert pages == [
                f"{root}{path}"
                for path in (
                    "/api/v1/events/",
                    "/api/schema/swagger/",
                    "/api/schema/redoc/",
                    "/admin/",
                )
            ]
            assert [line for line in output.splitlines() if "password123" in line] == [
                ADMIN,
                OWNER,
                SUPPORT,
                CUSTOMER,
            ]
            # All that it says is there, is.
            for page in pages:
                assert answer(page)
            for name in ("admin", "owner", "support", "customer"):
                body = {"email": f"{name}@example.com", "password": "password123"}
                token = json.loads(answer(f"{root}/api/auth/jwt/create/", body))["access"]
                me = json.loads(answer(f"{root}/api/auth/me/", token=token))
                assert (me["is_staff"], me["is_support"]) == (name == "admin", name == "support")
        assert counts_in(database) == EXAMPLE | {"users": 21}

    def test_a_taken_port_is_refused_before_anything_is_done(self, tmp_path):
        database = tmp_path / "db.sqlite3"
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            done = run("python settings/manage.py rundemo", database, [address])
        assert_one_line(done, address)
        assert not database.exists()

    def test_where_seeding_is_off_nothing_is_done(self, tmp_path):
        database = tmp_path / "db.sqlite3"
        line = f"python settings/manage.py rundemo 127.0.0.1:{free_port()}"
        done = run(line, database, ALLOW_SEED="false")
        assert_one_line(done, "ALLOW_SEED")
        assert not database.exists()
