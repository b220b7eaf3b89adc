"""How gunicorn serves BTick: `gunicorn --config=settings/gunicorn.py`, from the root."""

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import environ
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from pythonjsonlogger.json import JsonFormatter

ROOT = Path(__file__).resolve().parent.parent


class Environment(environ.Env):
    # A copy: workers read .env for themselves, and one started by a reload reads it anew.
    ENVIRON = dict(os.environ)


Environment.read_env(ROOT / ".env")
env = Environment()


class JsonLogger(Logger):
    """Writes what gunicorn itself has to say as the application does."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            names = {"levelname": "level", "name": "logger"}
            fields = ("levelname", "name", "message")
            handler.setFormatter(JsonFormatter(fields, timestamp="time", rename_fields=names))


wsgi_app = "settings.wsgi:application"
bind = "0.0.0.0:8000"
# With one thread each: more of them only wait for each other.
workers = int(env.str("WEB_CONCURRENCY", default="") or 2)
worker_class = "sync"
# A worker that a reload or a stop replaces has this long to answer its last request.
graceful_timeout = 30
control_socket_disable = True
# The application logs requests.
accesslog = None
errorlog = "-"
logger_class = JsonLogger


def on_starting(server: Any) -> None:
    """Give the workers a folder in which they add up their metrics, and empty it."""
    folder = env.str("PROMETHEUS_MULTIPROC_DIR", default="")
    server.own_folder = None if folder else mkdtemp(prefix="btick-metrics-")
    folder = folder or server.own_folder
    Path(folder).mkdir(parents=True, exist_ok=True)
    # After USR2 the workers of the old master still write there.
    if not server.master_pid:
        for file in Path(folder).glob("*.db"):
            file.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def child_exit(server: Any, worker: Any) -> None:
    # Not above: what the master has imported, a reload does not renew.
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if server.own_folder:
        shutil.rmtree(server.own_folder, ignore_errors=True)
