"""Production starts with all its secrets or not at all: each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.common.throttling import parse_rate

ROOT = Path(__file__).resolve().parents[2]

ENVIRONMENT = {
    "SECRET_KEY": "a-secret-key-that-is-long-enough-for-everything-it-signs",
    "JWT_SIGNING_KEY": "a-signing-key-that-is-long-enough-for-all-of-the-tokens",
    "ALLOWED_HOSTS": "tickets.example.com,www.example.com",
    "DATABASE_URL": "postgres://btick:word@db.example.com/btick",
}

LOCAL = "django.core.cache.backends.locmem.LocMemCache"

REPORT = """
import json
import django
django.setup()
from django.conf import settings
print(json.dumps({
    "DEBUG": settings.DEBUG,
    "ALLOWED_HOSTS": settings.ALLOWED_HOSTS,
    "ALLOW_SEED": settings.ALLOW_SEED,
    "keys": [settings.SECRET_KEY, settings.SIMPLE_JWT["SIGNING_KEY"]],
    "validators": [each["NAME"].rpartition(".")[2] for each in settings.AUTH_PASSWORD_VALIDATORS],
    "rates": settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"],
    "proxies": settings.REST_FRAMEWORK["NUM_PROXIES"],
    "cache": settings.CACHES["default"],
    "public": [settings.CACHES["public"]["BACKEND"], settings.PUBLIC_CACHE_SECONDS],
    "mail": [settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT],
    "sender": settings.DEFAULT_FROM_EMAIL,
    "engine": settings.DATABASES["default"]["ENGINE"],
}))
"""


def start(script, environment):
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**kept, "DJANGO_SETTINGS_MODULE": "settings.production", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ENVIRONMENT)
@pytest.mark.parametrize("value", [None, ""])
def test_production_names_what_is_missing(name, value):
    environment = {key: text for key, text in ENVIRONMENT.items() if key != name}
    if value is not None:
        environment[name] = value
    process = start("import settings.production", environment)
    last_line = process.stderr.strip().splitlines()[-1]
    assert process.returncode != 0
    assert process.stdout == ""
    assert "ImproperlyConfigured" in last_line
    assert [key for key in ENVIRONMENT if key in last_line] == [name]


def test_production_names_all_that_is_missing():
    last_line = start("import settings.production", {}).stderr.strip().splitlines()[-1]
    assert [name for name in ENVIRONMENT if name in last_line] == list(ENVIRONMENT)


def test_production_starts_with_everything_it_needs():
    process = start(REPORT, ENVIRONMENT)
    assert process.returncode == 0, process.stderr
    report = json.loads(process.stdout)
    rates = report.pop("rates")
    assert all(rates.values())
    # One address alone cannot use up what an account has, and so lock its owner out.
    assert parse_rate(rates["login"]) == (10, 60)
    assert parse_rate(rates["login_account"]) == (30, 60)
    assert report.pop("public") == [LOCAL, 5]
    cache = report.pop("cache")
    assert cache["BACKEND"] == LOCAL
    assert cache["OPTIONS"]["MAX_ENTRIES"] >= 10_000
    assert report == {
        "DEBUG": False,
        "ALLOWED_HOSTS": ["tickets.example.com", "www.example.com"],
        "ALLOW_SEED": False,
        "keys": [ENVIRONMENT["SECRET_KEY"], ENVIRONMENT["JWT_SIGNING_KEY"]],
        "validators": [
            "UserAttributeSimilarityValidator",
            "MinimumLengthValidator",
            "CommonPasswordValidator",
            "NumericPasswordValidator",
        ],
        "proxies": 1,
        "mail": ["django.core.mail.backends.smtp.EmailBackend", "localhost", 25],
        "sender": "BTick <noreply@localhost>",
        "engine": "apps.common.postgresql",
    }


def test_production_takes_mail_and_cache_from_the_environment():
    named = {
        "EMAIL_URL": "smtp+tls://btick:word@mail.example.com:587",
        "DEFAULT_FROM_EMAIL": "Box office <office@example.com>",
        "CACHE_URL": "dbcache://attempts",
        "NUM_PROXIES": "2",
    }
    process = start(REPORT, {**ENVIRONMENT, **named})
    assert process.returncode == 0, process.stderr
    report = json.loads(process.stdout)
    backend = "django.core.mail.backends.smtp.EmailBackend"
    assert report["mail"] == [backend, "mail.example.com", 587]
    assert report["sender"] == "Box office <office@example.com>"
    assert report["proxies"] == 2
    assert report["cache"]["BACKEND"] == "apps.common.cache.DatabaseCache"
    assert report["cache"]["LOCATION"] == "attempts"
    # A database is no faster than making the answer anew.
    assert report["public"] == [LOCAL, 5]


def test_production_shares_public_reads_on_a_cache_server():
    named = {"CACHE_URL": "redis://cache.example.com:6379", "PUBLIC_CACHE_SECONDS": "30"}
    process = start(REPORT, {**ENVIRONMENT, **named})
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["public"] == [
        "django.core.cache.backends.redis.RedisCache",
        30,
    ]
