"""JupyterLab in Debian's Chromium: run a notebook to its figure, move the controls of the exploration."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect, sync_playwright

from povstudy.reporting.lab import lab_command, lab_environment

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ("00_explore", "03_forecast")
SECONDS = 120
FIGURE = ".jp-OutputArea-output figure img, .jp-OutputArea-output img"


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return path


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory):
    """A JupyterLab of `povstudy lab` on a copy of the notebooks, without any setting of whoever runs the tests."""
    base = tmp_path_factory.mktemp("lab")
    home = base / "home"
    (home / "notebooks").mkdir(parents=True)
    (home / "data").symlink_to(ROOT / "data")
    for name in NOTEBOOKS:
        shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", home / "notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    own = {f"JUPYTER_{kind}_DIR": str(base / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{kind}_DIR": str(base / kind.lower()) for kind in ("WORKSPACES", "SETTINGS")}
    own |= {"IPYTHONDIR": str(base / "ipython")}
    options = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    log = base / "lab.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            lab_command(home, options), env=lab_environment(home, inherited | own), stdout=file, stderr=file, cwd=base
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(SECONDS * 10):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address, token, server
    finally:
        family = psutil.Process(server.pid).children(recursive=True)
        server.terminate()
        server.wait(timeout=30)
        for process in psutil.wait_procs(family, timeout=10)[1]:
            process.kill()


@pytest.fixture
def page(chromium, lab):
    address, _, _ = lab
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=arguments)
        opened = browser.new_page(viewport={"width": 1500, "height": 1000})
        opened.set_default_timeout(SECONDS * 1000)
        opened.away = []
        inside = (address, address.replace("http", "ws"), "data:", "blob:")
        for event in ("request", "websocket"):
            opened.on(event, lambda asked: asked.url.startswith(inside) or opened.away.append(asked.url))
        yield opened
        browser.close()


def run_all(page, lab, name):
    address, token, _ = lab
    page.goto(f"{address}/lab/tree/notebooks/{name}.ipynb?token={token}&reset")
    page.locator(".jp-Notebook:visible .jp-CodeCell").first.wait_for()
    expect(page.locator(".jp-Toolbar-kernelName:visible")).to_have_text(re.compile("Python 3"), timeout=SECONDS * 1000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]:visible").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def test_notebooks_run_from_top_to_bottom_and_the_controls_move_the_figure(page, lab):
    run_all(page, lab, "03_forecast")
    figure = page.locator(FIGURE).first
    figure.wait_for(state="attached")
    figure.scroll_into_view_if_needed()
    assert figure.evaluate("image => image.complete && image.naturalWidth > 300")
    kernels = [p for p in psutil.Process(lab[2].pid).children(recursive=True) if "ipykernel_launcher" in p.cmdline()]
    assert {kernel.cmdline()[0] for kernel in kernels} == {sys.executable}
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]:visible").wait_for()
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0

    run_all(page, lab, "00_explore")
    shown = page.locator(".povstudy-explore:visible")
    shown.wait_for()
    before, said = shown.locator("img").get_attribute("src"), shown.locator("p").first.inner_text()
    assert "An Giang (since July 2025)" in said
    controls = page.locator(".widget-dropdown select:visible, .jupyter-widgets select:visible")
    controls.first.select_option(label="Ha Giang (to June 2025)")
    expect(shown.locator("p").first).to_contain_text("Ha Giang (to June 2025)", timeout=SECONDS * 1000)
    assert shown.locator("img").get_attribute("src") != before
    assert shown.locator("p").first.inner_text() != said
    assert page.away == []
