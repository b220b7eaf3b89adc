"""A real browser on a live server, and what it does behind one's back."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WINDOW = {"width": 1300, "height": 900}
# As root there is no sandbox; nothing that a browser does of its own accord shall be in the way.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LONGEST_WAIT_MS = 30_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is missing: apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # The browser's event loop runs in this thread, in which tests make their rows.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=LONGEST_WAIT_MS)
        yield playwright.chromium.launch(executable_path=program, args=OPTIONS)


@pytest.fixture
def page(browser, live_server) -> Iterator[Page]:
    """One that must not have an error in its console, or ask another host for anything."""
    context = browser.new_context(viewport=WINDOW, base_url=live_server.url, locale="en-GB")
    context.set_default_timeout(LONGEST_WAIT_MS)
    wrong: list[str] = []
    context.on("console", lambda message: wrong.append(message.text))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("request", lambda request: wrong.extend(foreign(request.url, live_server.url)))
    yield context.new_page()
    context.close()
    assert wrong == []


def foreign(url: str, home: str) -> list[str]:
    is_ours = url.startswith((f"{home}/", "data:", f"blob:{home}/"))
    return [] if is_ours else [f"asked for {url}"]


@pytest.fixture
def picture(request):
    """Keeps what a page shows in docs/images, under a name, where `--pictures` asks for it."""

    def take(page: Page, name: str) -> None:
        if request.config.getoption("--pictures"):
            IMAGES.mkdir(exist_ok=True)
            page.screenshot(path=IMAGES / f"{name}.png")

    return take
