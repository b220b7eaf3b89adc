"""Production with one more route: what a view costs that does nothing."""

from settings.production import *

ROOT_URLCONF = "bench.urls"
