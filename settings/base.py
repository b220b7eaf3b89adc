"""What is the same everywhere. No secret has its place here."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ

ROOT = Path(__file__).resolve().parent.parent

env = environ.Env()

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
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

# Times and texts

LANGUAGE_CODE = "en-us"
USE_I18N = False
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
        config.setdefault("CONN_MAX_AGE", None)
        config.setdefault("CONN_HEALTH_CHECKS", True)
        limits = {
            "lock_timeout": DB_LOCK_TIMEOUT_SECONDS,
            "statement_timeout": DB_STATEMENT_TIMEOUT_SECONDS,
        }
        # A transaction pooler refuses start-up options: 0 leaves a limit to the role there.
        asked = [f"-c {name}={seconds}s" for name, seconds in limits.items() if seconds]
        if asked:
            options.setdefault("options", " ".join(asked))
    return config


# An empty variable is one that is not set, as in .env.example.
DATABASES = {
    "default": database(env.str("DATABASE_URL", default="") or f"sqlite:///{ROOT / 'db.sqlite3'}")
}

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

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.int("ACCESS_TOKEN_MINUTES", default=30)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.int("REFRESH_TOKEN_DAYS", default=7)),
    # A token carries a fingerprint of the password it was issued under, and dies with it.
    "CHECK_REVOKE_TOKEN": True,
}

# BTick

CURRENCY = env.str("CURRENCY", default="USD")
BOOKING_HOLD_MINUTES = env.int("BOOKING_HOLD_MINUTES", default=None)
ALLOW_SEED = env.bool("ALLOW_SEED", default=False)

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "apps.common.filters.StableOrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "apps.common.pagination.PageNumberPagination",
    "DEFAULT_SCHEMA_CLASS": "apps.common.schema.AutoSchema",
    "EXCEPTION_HANDLER": "apps.common.exceptions.exception_handler",
    "DEFAULT_THROTTLE_RATES": {
        "register": None,
        "login": None,
        "refresh": None,
        "password_change": None,
    },
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "BTick API",
    "DESCRIPTION": "Event ticketing: organizations publish events at venues, people book them.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
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
