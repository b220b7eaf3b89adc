#!/usr/bin/env python
"""Django's command line for BTick."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    # Python puts this file's own folder first, where test.py would shadow the standard library's.
    sys.path[0] = str(ROOT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.local")

    import environ
    from django.core.management import execute_from_command_line

    environ.Env.read_env(ROOT / ".env")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
