"""A developer's machine: runs from a clone with no environment at all."""

from .base import *
from .base import MINIMUM_LENGTH_VALIDATOR, SIMPLE_JWT, env

DEBUG = True
ALLOWED_HOSTS = ["*"]
METRICS_WITHOUT_TOKEN = True
ALLOW_SEED = env.bool("ALLOW_SEED", default=True)

SECRET_KEY = env.str("SECRET_KEY", default="local-development-only-never-in-production")
SIMPLE_JWT = {**SIMPLE_JWT, "SIGNING_KEY": env.str("JWT_SIGNING_KEY", default=SECRET_KEY)}

# The demo accounts' password is a common one.
AUTH_PASSWORD_VALIDATORS = [MINIMUM_LENGTH_VALIDATOR]

CORS_ALLOW_ALL_ORIGINS = True
