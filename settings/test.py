"""The test suite: the same on every machine, whatever its environment holds but DATABASE_URL."""

from .base import *
from .base import (
    DATABASES,
    MINIMUM_LENGTH_VALIDATOR,
    REST_FRAMEWORK,
    ROOT,
    SIMPLE_JWT,
    cache,
)

DEBUG = False
ALLOWED_HOSTS = ["testserver"]
METRICS_TOKEN = ""
METRICS_WITHOUT_TOKEN = True
ALLOW_SEED = True
CURRENCY = "USD"
BOOKING_HOLD_MINUTES = None

CACHES = {"default": cache("locmemcache://"), "public": cache("locmemcache://public")}
REST_FRAMEWORK = {**REST_FRAMEWORK, "NUM_PROXIES": 0}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DEFAULT_FROM_EMAIL = "BTick <noreply@localhost>"
PASSWORD_RESET_URL = ""
RUN_IN_BACKGROUND = False

SECRET_KEY = "test-only-key-that-is-long-enough-for-tokens"
SIMPLE_JWT = {**SIMPLE_JWT, "SIGNING_KEY": SECRET_KEY}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [MINIMUM_LENGTH_VALIDATOR]

# In memory, SQLite answers threads with "table is locked" instead of letting them wait.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": ROOT / "test.sqlite3"}
