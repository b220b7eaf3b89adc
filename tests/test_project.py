"""What holds for the project as a whole."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
MANAGE = (sys.executable, str(ROOT / "settings" / "manage.py"))

PRODUCTION = {
    "SECRET_KEY": "a-secret-key-of-more-than-fifty-characters-0123456789-abcdefghij",
    "JWT_SIGNING_KEY": "another-key-of-more-than-thirty-two-bytes-0123456789",
    "ALLOWED_HOSTS": "tickets.example.com",
    "DATABASE_URL": "postgres://btick:secret@db.example.com/btick",
}


def manage(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*MANAGE, *args],
        check=False,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_production_settings_pass_the_deployment_check():
    done = manage(
        "check", "--deploy", "--fail-level=WARNING", "--settings=settings.production", **PRODUCTION
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_does_not_start_without_its_secrets_and_names_what_is_missing(name):
    environment = {key: value for key, value in PRODUCTION.items() if key != name}
    done = manage("check", "--settings=settings.production", **environment)
    assert done.returncode != 0
    assert done.stderr.strip().endswith(f"Set in the environment: {name}.")


@pytest.mark.parametrize("name", ["JWT_SIGNING_KEY", "SECRET_KEY"])
def test_production_refuses_a_token_key_that_is_short_or_not_its_own(name):
    keys = {"SECRET_KEY": PRODUCTION["JWT_SIGNING_KEY"], "JWT_SIGNING_KEY": "x" * 31}
    done = manage("check", "--settings=settings.production", **PRODUCTION | {name: keys[name]})
    assert done.returncode != 0
    assert "JWT_SIGNING_KEY needs 32 bytes or more, and not be SECRET_KEY." in done.stderr


def test_the_image_is_built_with_settings_that_load():
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^RUN (.*) collectstatic ", dockerfile, re.MULTILINE)
    environment = dict(re.findall(r"([A-Z_]+)=(\S+)", line))
    assert set(environment) == set(PRODUCTION)
    done = manage("check", "--settings=settings.production", **environment)
    assert done.returncode == 0, done.stderr


def test_the_lock_has_what_production_installs():
    pins = (ROOT / "requirements.txt").read_text().partition("# The suite")[0].split()
    lock = (ROOT / "requirements.lock").read_text()
    locked = re.findall(r"^([\w.-]+==\S+)", lock, re.MULTILINE)
    assert {re.sub(r"\[.*\]", "", pin) for pin in pins} <= set(locked)
    assert all(f"{pin} \\\n    --hash=sha256:" in lock or f"{pin} ;" in lock for pin in locked)


SHOW = "from django.conf import settings; print({})"


@pytest.mark.parametrize(
    ("name", "expression", "default"),
    [
        ("CURRENCY", "settings.CURRENCY", "USD"),
        ("ADMIN_PATH", "settings.ADMIN_PATH", "admin/"),
        ("DB_LOCK_TIMEOUT_SECONDS", "settings.DB_LOCK_TIMEOUT_SECONDS", "5"),
        ("BOOKING_HOLD_MINUTES", "settings.BOOKING_HOLD_MINUTES", "None"),
        ("NUM_PROXIES", "settings.REST_FRAMEWORK['NUM_PROXIES']", "1"),
        ("SECURE_SSL_REDIRECT", "settings.SECURE_SSL_REDIRECT", "True"),
        ("THROTTLE_LOGIN", "settings.REST_FRAMEWORK['DEFAULT_THROTTLE_RATES']['login']", "10/min"),
    ],
)
def test_an_empty_variable_is_one_that_is_not_set(name, expression, default):
    script = SHOW.format(expression)
    environment = PRODUCTION | {name: ""}
    done = manage("shell", "-v0", "-c", script, "--settings=settings.production", **environment)
    assert done.stdout.strip() == default, done.stderr


@pytest.mark.parametrize("minutes", ["0", "-5"])
def test_a_hold_of_no_time_is_refused(minutes):
    done = manage("check", "--settings=settings.local", BOOKING_HOLD_MINUTES=minutes)
    assert done.returncode != 0
    assert done.stderr.strip().endswith("BOOKING_HOLD_MINUTES needs one minute or more.")


def test_every_setting_from_the_environment_is_in_the_example():
    used = set()
    for path in (ROOT / "settings").glob("*.py"):
        for line in path.read_text().splitlines():
            used |= {word.split('"')[1] for word in line.split("env.")[1:] if '("' in word}
    used |= set(PRODUCTION)
    used |= set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    example = (ROOT / ".env.example").read_text().splitlines()
    named = {line.lstrip("# ").split("=")[0] for line in example if "=" in line}
    assert named == used
