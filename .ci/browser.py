"""The explorers in a real browser: JupyterLab and Voilà on a free local port, driven by Playwright.

    python .ci/browser.py                    # assert on what is shown; skips with a message where there is no browser
    python .ci/browser.py --shots FOLDER     # the same, and leave the screenshots there
    python .ci/browser.py --latency FILE     # measure from key to picture at ResNet56's size, as CSV
"""

import argparse
import contextlib
import csv
import json
import os
import random
import re
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

root = Path(__file__).resolve().parent.parent
pages = root / "nbs" / "explorers"
flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
patience = 90_000  # milliseconds: machines may be busy


def find_browser() -> str | None:
    "A Chromium on this machine."
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((found for name in names if (found := shutil.which(name))), None)


def missing() -> str | None:
    "What keeps this from running, or None."
    for module in ("playwright", "jupyterlab", "voila"):
        try:
            __import__(module)
        except ImportError:
            return f"{module} is not installed (pip install -e '.[dev]')"
    return None if find_browser() else "no Chromium on the PATH (apt-get install chromium fonts-dejavu-core)"


@contextlib.contextmanager
def server(kind: str, folder: Path, dark: bool = False) -> Iterator[str]:
    "JupyterLab or Voilà serving a folder, its settings in a temporary folder; yields its address with {} for a notebook's name."
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as home:
        where = {name: f"{home}/{name.lower()}" for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
                 "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")}
        themes = Path(where["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", "apputils-extension")
        themes.mkdir(parents=True)
        (themes / "themes.jupyterlab-settings").write_text(json.dumps({"theme": f"JupyterLab {'Dark' if dark else 'Light'}"}))
        quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
        (themes / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
        base = f"http://127.0.0.1:{port}"
        if kind == "lab":
            options = [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--ip=127.0.0.1", "--allow-root"]
            address, ready = f"{base}/doc/tree/{{}}?token={token}&reset", f"{base}/api?token={token}"
        else:
            options = [f"--theme={'dark' if dark else 'light'}", f"--token={token}", "--Voila.ip=127.0.0.1", str(folder)]
            address, ready = f"{base}/voila/render/{{}}?token={token}", f"{base}/?token={token}"
        command = [sys.executable, "-m", "jupyterlab" if kind == "lab" else "voila", f"--port={port}", "--no-browser", *options]
        log = Path(home, "log")
        with log.open("w") as output:
            process = subprocess.Popen(command, cwd=folder, env={**os.environ, **where, "OMP_NUM_THREADS": "1"},
                                       stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.time() + 60
            while True:
                assert process.poll() is None and time.time() < deadline, f"{kind} did not start:\n{log.read_text()[-3000:]}"
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(ready, timeout=5)
                    break
                time.sleep(0.3)
            yield address
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def run_all(page) -> None:
    "Run all cells of the notebook that is open in JupyterLab, once its kernel is there."
    page.get_by_text("| Idle").first.wait_for(timeout=patience)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def label(page) -> str:
    "The picture in words."
    return page.locator(".picpq-canvas svg").first.get_attribute("aria-label")


def wait_for_label(page, holds: Callable[[str], bool]) -> str:
    "Wait until what the picture says fulfils a condition; what it says."
    page.wait_for_selector(".picpq-canvas svg", timeout=patience)
    deadline = time.time() + patience / 1000
    while not holds(said := label(page)):
        assert time.time() < deadline, f"the picture stays at: {said}\n{errors(page)}"
        time.sleep(0.02)
    return said


def press(page, name: str, key: str, times: int = 1) -> str:
    "Press an arrow key on a slider, wait until the picture has answered; its readout."
    page.wait_for_selector(f".picpq-{name} .noUi-target:not([disabled])", timeout=patience)
    before = label(page)
    page.locator(f".picpq-{name} .noUi-handle").first.focus()
    for _ in range(times):
        page.keyboard.press(key)
    wait_for_label(page, lambda said: said != before)
    time.sleep(0.3)  # the last of several updates
    return page.locator(f".picpq-{name} .widget-readout").first.inner_text().replace("\N{MINUS SIGN}", "-")


def errors(page) -> list[str]:
    "Error output anywhere on the page."
    kinds = [f'[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in ("stderr", "error")]
    found = [text for text in page.locator(", ".join([*kinds, '[role="alert"]'])).all_inner_texts() if text.strip()]
    return found + (["Traceback on the page"] if "Traceback" in page.locator("body").inner_text() else [])


cut_off = """() => {
    const bad = [], svg = document.querySelector('.picpq-canvas svg'), box = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim())
        .map(t => [t.textContent, t.getBoundingClientRect()]);
    for (const [s, r] of texts)
        if (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 || r.bottom > box.bottom + 1)
            bad.push('outside the picture: ' + s);
    for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++) {
        const [s, a] = texts[i], [t, b] = texts[j];
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1.5 && tall > 4) bad.push('over each other: ' + s + ' | ' + t);
    }
    if (box.right > innerWidth || box.width < 500) bad.push(`the picture is ${box.width} wide, to ${box.right} of ${innerWidth}`);
    const labels = ['.widget-label', '.widget-readout', 'button', '.widget-label-basic'].map(w => '.picpq-explorer ' + w).join();
    for (const w of document.querySelectorAll(labels))
        if (w.offsetWidth && w.scrollWidth > w.clientWidth + 1) bad.push('cut off: ' + w.innerText);
    return bad;
}"""


def number(said: str, after: str) -> float:
    "The number that follows some words."
    return float(re.search(re.escape(after) + r"\s*([-+0-9.]+)", said)[1])


def look(page, name: str, shots: Path | None) -> None:
    "Nothing is cut off, nothing failed; a screenshot of it."
    if shots:
        page.locator(".picpq-explorer").first.screenshot(path=shots / f"{name}.png")
        page.screenshot(path=shots / f"{name}-page.png")
    bad = page.evaluate(cut_off)
    assert not bad, f"{name}: {bad[:8]}"
    assert not errors(page), f"{name}: {errors(page)}"


def check_springs(page) -> None:
    "Load, stiffness and shift do what the library says, by keyboard."
    from picpq.explorer import digit_springs
    from picpq.pictures import spring_label

    first, second = digit_springs()
    load = int(press(page, "load", "ArrowRight", 2))
    a = float(press(page, "stiffness-a-2", "ArrowRight", 5))
    b = float(press(page, "shift-b-1", "ArrowLeft", 10))
    assert (load, round(a, 2), b) == (6, round(10 ** 0.1, 2), -0.1), (load, a, b)
    expected = spring_label([replace(first, b=b), replace(second, a=10 ** 0.1)], load)
    assert label(page) == expected, f"{label(page)}\nexpected: {expected}"


def check_compression(page) -> None:
    "Budget, a click on a layer, its scale and a stage's bits do what the page's own code does; the pattern's pixels change."
    import picpq
    from picpq.pictures import describe, plan_view

    pattern = lambda: page.locator(".picpq-canvas svg image").first.get_attribute("href")
    start, pixels = label(page), pattern()
    expected = picpq.explore("digits-resnet8", live=False)
    expected = describe(expected.session.view, expected.layer)
    assert start == expected, f"looking changed the plan: {start}\nexpected: {expected}"
    press(page, "budget", "ArrowRight", 12)
    assert number(label(page), "") > number(start, "") and pattern() != pixels, f"{start}\n{label(page)}"
    layers = page.locator(".picpq-canvas svg > rect[onclick]")
    name = layers.nth(2).locator("title").text_content().split(":")[0]
    layers.nth(2).click()
    wait_for_label(page, lambda said: f"Layer {name}:" in said)
    press(page, "scale-a", "ArrowRight", 10)
    page.locator(".picpq-fit input").first.click()
    press(page, "bits-stage-1", "ArrowRight")
    page.get_by_role("button", name="Code", exact=True).first.click()
    page.wait_for_selector(".picpq-code pre", timeout=patience)
    code, said = page.locator(".picpq-code pre").first.inner_text(), label(page)
    assert f"'{name}': 1.2589" in code, code
    names: dict = {}
    exec(code.split("small =")[0], names)
    expected = describe(plan_view(names["network"], names["fp"], names["plan"]), name)
    assert said == expected, f"{said}\nexpected: {expected}\n{code}"


def check_live(page) -> None:
    "While sliders rest the accuracy is measured, drawn as a point, and kept."
    points = lambda: [t for t in page.locator(".picpq-canvas svg circle title").all_text_contents() if "uniform" not in t]
    press(page, "budget", "ArrowRight", 3)
    wanted = f" {number(label(page), ''):.1f}×,"
    deadline = time.time() + patience / 1000
    while not any(t.startswith(wanted) for t in points()):
        assert time.time() < deadline, f"no point {wanted} in the picture: {points()}"
        time.sleep(0.1)
    assert page.get_by_text("accuracy", exact=True).count() >= 1


@contextlib.contextmanager
def browsing(dark: bool, width: int) -> Iterator:
    "A page of that width in the light or dark scheme."
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=flags)
        page = browser.new_page(viewport={"width": width, "height": 1080}, color_scheme="dark" if dark else "light")
        page.set_default_timeout(patience)
        try:
            yield page
        finally:
            browser.close()


def check(kind: str, dark: bool, widths: tuple[int, ...], shots: Path | None) -> None:
    "Open every explorer in JupyterLab or Voilà, look at it at every width, move its sliders, look again."
    with tempfile.TemporaryDirectory() as folder:
        for path in pages.glob("*.ipynb"):
            shutil.copy(path, folder)
        with server(kind, Path(folder), dark) as address, browsing(dark, widths[0]) as page:
            for name, move in (("springs", check_springs), ("compression", check_compression)):
                page.goto(address.format(f"{name}.ipynb"))
                if kind == "lab":
                    run_all(page)
                page.wait_for_selector(".picpq-canvas svg", timeout=patience)
                shot = f"{name}-{kind}-{'dark' if dark else 'light'}"
                time.sleep(1)
                look(page, f"{shot}-first", shots)
                move(page)
                if name == "compression":
                    check_live(page)
                for width in widths:
                    page.set_viewport_size({"width": width, "height": 1080})
                    time.sleep(0.5)
                    look(page, f"{shot}-{width}", shots)
                print(f"  {shot}", flush=True)


watch_canvas = """() => {  // note for every key when the picture answered it, and whether any frame was blank
    const canvas = document.querySelector('.picpq-canvas');
    window.seen = {delays: [], painted: [], frames: 0, blank: 0, pictures: 0};
    let pressed;
    document.addEventListener('keydown', () => pressed = performance.now(), true);
    new MutationObserver(() => {
        seen.pictures++;
        const start = pressed;
        pressed = undefined;
        if (start === undefined) return;
        seen.delays.push(performance.now() - start);
        requestAnimationFrame(() => { const c = new MessageChannel();  // behind the frame's painting
            c.port1.onmessage = () => seen.painted.push(performance.now() - start); c.port2.postMessage(0); });
    }).observe(canvas, {childList: true, subtree: true});
    const frame = () => { seen.frames++; if (!canvas.querySelector('svg text')) seen.blank++; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
}"""

large_page = """import numpy as np, torch, picpq
from picpq.explorer import Explorer, Knobs, Workbench
network = picpq.trace(picpq.build_model("cifar-resnet56"), torch.randn(2, 3, 32, 32))
rng = np.random.default_rng(0)
fp = {n: rng.random(network.layers[network.index(n)].filters) for n in network.prunable}
Explorer(Workbench(network, {"rank": fp}), Knobs(ratio=63, maximum=KNOB))"""


large_pages = (("ResNet56, bits given", "(6, 5, 4)", "scale-a"), ("ResNet56, bits fitted to the budget", "None", "budget"))


def write_page(path: Path, code: str) -> None:
    "A notebook of one cell."
    cell = {"cell_type": "code", "id": "only", "metadata": {}, "source": code, "execution_count": None, "outputs": []}
    kernel = {"kernelspec": {"display_name": "python3", "language": "python", "name": "python3"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


def kernel_time(code: str, count: int = 60) -> float:
    "Median milliseconds of one update inside the kernel: from a slider's new value to the new picture's text."
    names: dict = {}
    exec(code.replace("\nExplorer(", "\nexplorer = Explorer("), names)
    control, times = names["explorer"].control["scale"], []
    for k in range(count):
        start = time.perf_counter()
        control.value = 1 + 0.01 * (k + 1)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def drag(page, name: str) -> tuple[int, float]:
    "Drag a slider to and fro without waiting: pictures drawn on the way, milliseconds from letting go to the last of them."
    box, handle = (page.locator(f".picpq-{name} {part}").first.bounding_box() for part in (".noUi-base", ".noUi-handle"))
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    before = page.evaluate("seen.pictures")
    page.mouse.move(x, y)
    page.mouse.down()
    for k in range(90):
        page.mouse.move(x + box["width"] * 0.4 * (k % 30) / 30, y)
        time.sleep(0.01)  # as fast as a mouse reports
    page.mouse.up()
    end = changed = time.time()
    count = page.evaluate("seen.pictures")
    while time.time() - changed < 1.0:  # quiet for a second: it was the last
        if page.evaluate("seen.pictures") != count:
            count, changed = page.evaluate("seen.pictures"), time.time()
    return count - before, 1000 * (changed - end)


def latency(out: Path) -> None:
    "Measure from key to picture at ResNet56's size, and while dragging; write CSV."
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, knob, slider in large_pages:
            write_page(Path(folder, "page.ipynb"), large_page.replace("KNOB", knob))
            with server("lab", Path(folder)) as address, browsing(False, 1280) as page:
                page.goto(address.format("page.ipynb"))
                run_all(page)
                page.wait_for_selector(".picpq-canvas svg", timeout=patience)
                page.evaluate(watch_canvas)
                page.locator(f".picpq-{slider} .noUi-handle").first.focus()
                for k in range(60):
                    before = page.evaluate("seen.pictures")
                    page.keyboard.press("ArrowRight" if k % 40 < 20 else "ArrowLeft")
                    page.wait_for_function("before => seen.pictures > before", arg=before, timeout=5000, polling=100)
                    time.sleep(random.random() / 20)  # keys come at any moment of a frame
                time.sleep(0.2)
                delays, painted = sorted(page.evaluate("seen.delays")), sorted(page.evaluate("seen.painted"))
                drawn, settled = drag(page, slider)
                seen = page.evaluate("seen")
                rows.append({
                    "explorer": name, "keys": len(delays), "key to picture, median ms": round(statistics.median(delays), 1),
                    "90th percentile ms": round(delays[int(0.9 * len(delays))], 1),
                    "key to painted frame, median ms": round(statistics.median(painted), 1),
                    "blank frames": seen["blank"], "frames": seen["frames"], "pictures during a drag of 90 moves": drawn,
                    "ms from letting go to the last picture": round(settled, 1)})
    rows[0]["kernel alone, median ms"] = round(kernel_time(large_page.replace("KNOB", "(6, 5, 4)")), 1)
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(out.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=Path)
    parser.add_argument("--latency", type=Path)
    arguments = parser.parse_args()
    reason = missing()
    if reason:
        print(f"skipped: {reason}")
        return
    if arguments.latency:
        return latency(arguments.latency)
    if arguments.shots:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    for kind, dark, widths in (("lab", False, (1280, 1920)), ("lab", True, (1920, 1280)), ("voila", False, (1280,))):
        check(kind, dark, widths, arguments.shots)


if __name__ == "__main__":
    main()
