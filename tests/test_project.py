"""What holds for the project as a whole."""

import os
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


def test_every_setting_from_the_environment_is_in_the_example():
    used = set()
    for path in (ROOT / "settings").glob("*.py"):
        for line in path.read_text().splitlines():
            used |= {word.split('"')[1] for word in line.split("env.")[1:] if '("' in word}
    used |= set(PRODUCTION)
    example = (ROOT / ".env.example").read_text().splitlines()
    named = {line.lstrip("# ").split("=")[0] for line in example if "=" in line}
    assert named == used
