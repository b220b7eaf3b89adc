"""Production: secrets and hosts come from the environment, and nothing starts without them."""

import os

from django.core.exceptions import ImproperlyConfigured

from .base import *
from .base import EMAIL_URL, LOGGING, MIDDLEWARE, REST_FRAMEWORK, SIMPLE_JWT, email, env

REQUIRED = ("SECRET_KEY", "JWT_SIGNING_KEY", "ALLOWED_HOSTS", "DATABASE_URL")

if missing := [name for name in REQUIRED if not os.environ.get(name)]:
    raise ImproperlyConfigured(f"Set in the environment: {', '.join(missing)}.")

DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])

SECRET_KEY = env.str("SECRET_KEY")
JWT_SIGNING_KEY = env.str("JWT_SIGNING_KEY")
SIMPLE_JWT = {**SIMPLE_JWT, "SIGNING_KEY": JWT_SIGNING_KEY}

if len(JWT_SIGNING_KEY.encode()) < 32 or JWT_SIGNING_KEY == SECRET_KEY:
    raise ImproperlyConfigured("JWT_SIGNING_KEY needs 32 bytes or more, and not be SECRET_KEY.")

LOGGING["handlers"]["console"]["formatter"] = "json"

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

# Serves the collected static files, right behind what redirects to HTTPS.
_secured = MIDDLEWARE.index("django.middleware.security.SecurityMiddleware") + 1
MIDDLEWARE = [
    *MIDDLEWARE[:_secured],
    "whitenoise.middleware.WhiteNoiseMiddleware",
    *MIDDLEWARE[_secured:],
]

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

PUBLIC_CACHE_SECONDS = env.int("PUBLIC_CACHE_SECONDS", default=5)

vars().update(email(EMAIL_URL or "smtp://localhost:25"))

# One address cannot use up what an account has for log-ins, and so lock its owner out.
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": {
        "register": env.str("THROTTLE_REGISTER", default="20/hour"),
        "register_account": env.str("THROTTLE_REGISTER_ACCOUNT", default="10/hour"),
        "login": env.str("THROTTLE_LOGIN", default="10/min"),
        "login_account": env.str("THROTTLE_LOGIN_ACCOUNT", default="30/min"),
        "refresh": env.str("THROTTLE_REFRESH", default="60/min"),
        "refresh_account": env.str("THROTTLE_REFRESH_ACCOUNT", default="60/min"),
        "password_change": env.str("THROTTLE_PASSWORD_CHANGE", default="20/hour"),
        "password_change_account": env.str("THROTTLE_PASSWORD_CHANGE_ACCOUNT", default="10/hour"),
        "password_reset": env.str("THROTTLE_PASSWORD_RESET", default="20/hour"),
        "password_reset_account": env.str("THROTTLE_PASSWORD_RESET_ACCOUNT", default="5/hour"),
        "password_reset_confirm": env.str("THROTTLE_PASSWORD_RESET_CONFIRM", default="20/hour"),
    },
    "NUM_PROXIES": env.int("NUM_PROXIES", default=1),
}
