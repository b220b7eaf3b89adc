"""docs/tutorial.md, typed into a shell as it stands there, against a server of its own."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.demo.helpers import ROOT, demo_server, environment, free_port, wait_for

# The shell and its server are the same on PostgreSQL; once is enough.
pytestmark = pytest.mark.sqlite

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END_OF_STEP = "=== end of step ==="


class Step(NamedTuple):
    """Commands, and what they are said to print: values of JSON."""

    commands: str
    output: str


def steps() -> Iterator[Step]:
    """Each block of commands with the block of output that follows it, if one does."""
    blocks = BLOCK.findall(PAGE.read_text())
    for (kind, commands), (next_kind, output) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        assert kind in ("sh", "json")
        if kind == "sh":
            yield Step(commands, output if next_kind == "json" else "")


def is_like(shown: Any, value: Any) -> bool:
    """Whether a JSON `value` is what is shown, where … is anything."""
    if isinstance(shown, dict) and isinstance(value, dict):
        return list(shown) == list(value) and all(is_like(shown[key], value[key]) for key in shown)
    if isinstance(shown, list) and isinstance(value, list):
        return len(shown) == len(value) and all(map(is_like, shown, value))
    return shown in ("…", value)


def parsed(text: str) -> list[Any]:
    """Values of JSON with white space, or nothing, between them."""
    values, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:]
    return values


@pytest.fixture
def checkout(tmp_path) -> Path:
    """What the commands need of a clone, with this interpreter where its own would be."""
    (tmp_path / "settings").symlink_to(ROOT / "settings")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tmp_path


def test_every_command_works_and_prints_what_is_shown(checkout):
    missing = [name for name in ("bash", "curl", "python3") if not shutil.which(name)]
    assert not missing, "the tutorial needs these"
    start, *others = steps()
    assert start == Step("make run\n", "")
    address = f"127.0.0.1:{free_port()}"
    script = f"\necho '{END_OF_STEP}'\n".join(step.commands for step in others)
    assert "127.0.0.1:8000" in script
    database, log = checkout / "db.sqlite3", checkout / "log"
    # What `make run` comes down to.
    with demo_server(database, address, log) as process:
        wait_for(f"http://{address}/api/v1/events/", process, log)
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script.replace("127.0.0.1:8000", address)],
            cwd=checkout,
            # No .curlrc of the developer's.
            env=environment(database, HOME=str(checkout)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    outputs = done.stdout.split(f"{END_OF_STEP}\n")
    for step, output in zip(others, outputs, strict=True):
        assert is_like(parsed(step.output), parsed(output)), f"{step}\n{output}"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ('{"a": 1}', '{"a": 2}'),
        ('{"a": 1}', '{"a": 1, "b": 2}'),
        ('{"a": "…"}', '{"b": 1}'),
        ('{"a": 1}', '{"a": 1} {"a": 1}'),
        ('{"a": 1}', ""),
        ("[]", "[1]"),
        ("", "1"),
    ],
)
def test_what_is_shown_is_compared(shown, printed):
    assert is_like(parsed(shown), parsed(shown.replace("…", "x")))
    assert not is_like(parsed(shown), parsed(printed))
