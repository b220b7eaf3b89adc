"""What is the same everywhere. No secret has its place here."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from corsheaders.defaults import default_headers
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent

env = environ.Env()
# An empty variable is one that is not set, as in .env.example.
env.ENVIRON = {name: value for name, value in os.environ.items() if value}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "csp",
    "django_filters",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.common",
    "apps.accounts",
    "apps.organizations",
    "apps.venues",
    "apps.events",
    "apps.tickets",
    "apps.bookings",
    "apps.demo",
]

MIDDLEWARE = [
    "apps.common.health.HealthMiddleware",
    "apps.common.metrics.MetricsMiddleware",
    "apps.common.middleware.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "apps.common.middleware.HeadMiddleware",
    "apps.common.compression.ApiGZipMiddleware",
    "apps.common.http_cache.HttpCacheMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.common.public_cache.PublicCacheMiddleware",
]

ROOT_URLCONF = "settings.urls"
WSGI_APPLICATION = "settings.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# What browsers and bodies may do

ADMIN_PATH = env.str("ADMIN_PATH", default="admin/")

# Forms and JSON alike; a description of 10,000 characters fits, however it is escaped.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # Swagger, Redoc and admin style their elements inline and draw icons from data; Redoc
        # searches in a worker of its own making.
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# What a browser's script may send and read, beside what it always may.
CORS_ALLOW_HEADERS = (
    *default_headers,
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-request-id",
)
CORS_EXPOSE_HEADERS = (
    "Content-Disposition",
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "Retry-After",
    "X-Request-ID",
)

# Times and texts

LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "settings.formats"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"

# Database

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DB_LOCK_TIMEOUT_SECONDS = env.int("DB_LOCK_TIMEOUT_SECONDS", default=5)
DB_STATEMENT_TIMEOUT_SECONDS = env.int("DB_STATEMENT_TIMEOUT_SECONDS", default=30)


def database(url: str) -> dict[str, Any]:
    """Django's settings for a database `url`, with the options that BTick's locking relies on."""
    config: dict[str, Any] = dict(env.db_url_config(url))
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        # A deferred transaction that turns into a writer fails at once instead of waiting.
        options.setdefault("transaction_mode", "IMMEDIATE")
        options.setdefault("timeout", 20)
        options.setdefault("init_command", "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
    else:
        config["ENGINE"] = "apps.common.postgresql"
        config.setdefault("CONN_MAX_AGE", None)
        config.setdefault("CONN_HEALTH_CHECKS", True)
        # A transaction pooler has given the session to somebody else by the next fetch.
        config.setdefault("DISABLE_SERVER_SIDE_CURSORS", True)
        limits = {
            "lock_timeout": DB_LOCK_TIMEOUT_SECONDS,
            "statement_timeout": DB_STATEMENT_TIMEOUT_SECONDS,
        }
        # A transaction pooler refuses start-up options: 0 leaves a limit to the role there.
        asked = [f"-c {name}={seconds}s" for name, seconds in limits.items() if seconds]
        if asked:
            options.setdefault("options", " ".join(asked))
    return config


DATABASES = {
    "default": database(env.str("DATABASE_URL", default=f"sqlite:///{ROOT / 'db.sqlite3'}"))
}

# Caches: counts of attempts, which all workers share if it is a database's or a server's; and
# answers to anonymous reads, which they share if it is a server's.


def cache(url: str) -> dict[str, Any]:
    """Django's settings for a cache `url`, with counts that are kept and do not get lost."""
    config: dict[str, Any] = dict(env.cache_url_config(url))
    if config["BACKEND"] == "django.core.cache.backends.db.DatabaseCache":
        config["BACKEND"] = "apps.common.cache.DatabaseCache"
    if not url.startswith("redis"):
        # Beyond its entries a cache forgets at random, and with them who has tried how often.
        config.setdefault("OPTIONS", {}).setdefault("MAX_ENTRIES", 10_000)
    return config


CACHE_URL = env.str("CACHE_URL", default="locmemcache://")
# A database would take about as long to find an answer as to make it.
IS_CACHE_SERVER = CACHE_URL.startswith(("redis", "memcache", "pymemcache"))
CACHES = {
    "default": cache(CACHE_URL),
    "public": cache(CACHE_URL if IS_CACHE_SERVER else "locmemcache://public"),
}
if not IS_CACHE_SERVER:
    CACHES["public"]["OPTIONS"]["MAX_ENTRIES"] = 500
PUBLIC_CACHE_SECONDS = 0

# E-mail


def email(url: str) -> dict[str, Any]:
    """Django's settings, by name, for sending e-mail by way of `url`."""
    return {name: value for name, value in env.email_url_config(url).items() if value is not None}


EMAIL_URL = env.str("EMAIL_URL", default="")
vars().update(email(EMAIL_URL or "consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="BTick <noreply@localhost>")

# Work in threads that no answer waits for.
RUN_IN_BACKGROUND = True

# People

AUTH_USER_MODEL = "accounts.User"

PASSWORD_HASHERS = [
    "apps.accounts.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

MINIMUM_LENGTH_VALIDATOR = {
    "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"
}

AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "first_name", "last_name")},
    },
    MINIMUM_LENGTH_VALIDATOR,
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

PASSWORD_RESET_URL = env.str("PASSWORD_RESET_URL", default="")
PASSWORD_RESET_TIMEOUT = 60 * 60

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.int("ACCESS_TOKEN_MINUTES", default=30)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.int("REFRESH_TOKEN_DAYS", default=7)),
    # A token carries a fingerprint of the password it was issued under, and dies with it.
    "CHECK_REVOKE_TOKEN": True,
}

# Logs and metrics

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "apps.common.logging.RequestIdFilter"}},
    "formatters": {
        "line": {
            "()": "apps.common.logging.LineFormatter",
            "fmt": "{asctime} {levelname} {message} [{request_id}]",
            "style": "{",
        },
        "json": {"()": "apps.common.logging.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": "line",
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Instead of Django's own handlers, of which one mails whole requests.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Every request has its line already; an error adds its traceback.
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        # Nobody has to be told that there is no .env, nor that files are watched.
        "environ": {"level": "WARNING"},
        "django.utils.autoreload": {"level": "WARNING"},
    },
}

METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_WITHOUT_TOKEN = False

# BTick

CURRENCY = env.str("CURRENCY", default="USD")
BOOKING_HOLD_MINUTES = env.int("BOOKING_HOLD_MINUTES", default=None)
if BOOKING_HOLD_MINUTES is not None and BOOKING_HOLD_MINUTES < 1:
    raise ImproperlyConfigured("BOOKING_HOLD_MINUTES needs one minute or more.")
ALLOW_SEED = env.bool("ALLOW_SEED", default=False)

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "apps.common.filters.StableOrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "apps.common.pagination.ListPagination",
    "DEFAULT_METADATA_CLASS": "apps.common.metadata.Metadata",
    "DEFAULT_SCHEMA_CLASS": "apps.common.schema.AutoSchema",
    "EXCEPTION_HANDLER": "apps.common.exceptions.exception_handler",
    # None is no limit; `…_account` is for one account, whatever addresses the attempts come from.
    "DEFAULT_THROTTLE_RATES": {
        "register": None,
        "register_account": None,
        "login": None,
        "login_account": None,
        "refresh": None,
        "refresh_account": None,
        "password_change": None,
        "password_change_account": None,
        "password_reset": None,
        "password_reset_account": None,
        "password_reset_confirm": None,
    },
    # How many proxies of ours append to X-Forwarded-For; what clients write before is not read.
    "NUM_PROXIES": env.int("NUM_PROXIES", default=0),
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "BTick API",
    "DESCRIPTION": (
        "Event ticketing: organizations publish events at venues, people book them.\n\n"
        "To try it out here, register, log in, and give the `access` token of the answer to "
        "*Authorize*: it is remembered, and sent with every request from then on. The examples "
        "tell one story: of one event, one of its ticket types, and one booking.\n\n"
        "A refusal with a `code` is explained, with what to do about it, in `docs/errors.md`."
    ),
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    # As the URLs have them: one registers before one logs in.
    "SORT_OPERATIONS": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.common.schema.order_methods",
    ],
    # In the order of the specification's chapters.
    "TAGS": [
        {"name": "Authentication and users"},
        {"name": "Events"},
        {"name": "Categories"},
        {"name": "Venues"},
        {"name": "Organizations"},
        {"name": "Tickets"},
        {"name": "Bookings"},
    ],
    "SCHEMA_PATH_PREFIX": r"/api(/v1)?",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "persistAuthorization": True,
        # Swagger would otherwise send every schema to a validator on the internet.
        "validatorUrl": None,
    },
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "EventStatus": "apps.events.models.Event.Status",
        "BookingStatus": "apps.bookings.models.Booking.Status",
        "CancellationReason": "apps.bookings.models.Booking.CancellationReason",
        "MembershipRole": "apps.organizations.models.Membership.Role",
        "TicketType": "apps.tickets.models.EventsTicket.Type",
    },
}
