"""Everything that must hold before a change lands: exports, clean notebooks, README, style, and every notebook as a test."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root = Path(__file__).resolve().parent.parent
tools = Path(sys.executable).parent
library, notebooks = root / "picpq", root / "nbs"


def run(*command: object, cwd: Path = root, minutes: float = 20) -> str:
    "Run a command in the repository; its output. Raises with that output if it fails, or is not done in so many minutes."
    with tempfile.TemporaryFile("w+") as said:  # not a pipe: that would wait for whatever the command left behind
        process = subprocess.Popen([str(c) for c in command], cwd=cwd, stdout=said, stderr=subprocess.STDOUT, text=True,
                                   start_new_session=True, env={**os.environ, "PYTHONFAULTHANDLER": "1"})
        try:
            code = process.wait(60 * minutes)
        except subprocess.TimeoutExpired:
            for end in signal.SIGABRT, signal.SIGKILL:  # the first makes Python say where it is
                os.killpg(process.pid, end)
                time.sleep(3)
            code = f"not done in {minutes:g} minutes"
        said.seek(0)
        text = said.read()
    if code:
        raise AssertionError(f"{text[-12000:]}\n{code}")
    return text


def all_notebooks() -> list[Path]:
    "Every notebook, in reading order."
    return [p for p in sorted(notebooks.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]


def exports() -> None:
    "Deleting the generated modules and exporting again changes nothing."
    modules = [p for p in library.glob("*.py") if p.name != "__init__.py"]
    before = {p.name: p.read_text(encoding="utf-8") for p in modules}
    for path in modules:
        path.unlink()
    try:
        run(tools / "nbdev_export")
    except AssertionError:
        for name, text in before.items():  # a check that fails loses nothing
            (library / name).write_text(text, encoding="utf-8")
        raise
    after = {p.name: p.read_text(encoding="utf-8") for p in library.glob("*.py") if p.name != "__init__.py"}
    odd = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert not odd, f"not what the notebooks export: {', '.join(odd)}; run nbdev_export"


def clean() -> None:
    "Notebooks are clean: no counts, no foreign metadata, no stored widgets, no errors or warnings among the outputs."
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "repository"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".venv", ".git", "_proc", "*.egg-info", "picpq-*"))
        run(tools / "nbdev_clean", cwd=copy)
        for path in all_notebooks():
            text = path.read_text(encoding="utf-8")
            assert text == (copy / path.relative_to(root)).read_text(encoding="utf-8"), f"{path.name}: run nbdev_clean"
            content = json.loads(text)
            assert "widgets" not in content["metadata"], f"{path.name}: stored widget state"
            outputs = [o for cell in content["cells"] for o in cell.get("outputs", [])]
            assert not any(o["output_type"] == "error" for o in outputs), f"{path.name}: an error among its outputs"
            assert not any(o.get("name") == "stderr" for o in outputs), f"{path.name}: a warning among its outputs"
            assert "skip_exec: true" not in text, f"{path.name}: would pass without running"


def readme() -> None:
    "README.md is what nbs/index.ipynb says."
    run(sys.executable, root / ".ci" / "readme.py", "--check")


def style() -> None:
    "Ruff has nothing to say about notebooks and scripts."
    run(tools / "ruff", "check", "nbs", ".ci", "setup.py")


def browser() -> str:
    "The explorers in a real browser, where there is one."
    said = run(sys.executable, root / ".ci" / "browser.py")
    return said.strip() if "skipped" in said else ""


def notebook(path: Path) -> None:
    "A notebook runs from top to bottom."
    run(tools / "nbdev_test", "--path", path, "--n_workers", "1", "--do_print")


def attempt(check: Callable, *arguments: Path) -> bool:
    "Run one check, say how it went, and whether it passed."
    name, started = arguments[0].stem if arguments else check.__name__, time.time()
    try:
        said = check(*arguments)
    except AssertionError as error:
        print(f"FAILED {name} ({time.time() - started:.0f} s)\n{error}", flush=True)
        return False
    print(f"passed {name} ({time.time() - started:.0f} s) {said or ''}", flush=True)
    return True


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # as many notebooks at once as there are cores, one thread each
    os.environ.setdefault("MPLBACKEND", "agg")
    wanted = sys.argv[1:]
    chosen = lambda name: not wanted or name in wanted
    results = [attempt(f) for f in (exports, clean, readme, style) if chosen(f.__name__)]  # these rewrite files: one by one
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        seen = [pool.submit(attempt, browser)] if chosen("browser") else []
        longest_first = sorted(all_notebooks(), key=lambda p: p.stem != "23_cli")  # or the others are done, and it goes on alone
        results += pool.map(lambda p: attempt(notebook, p), [p for p in longest_first if chosen(p.stem)])
        results += [f.result() for f in seen]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(not results or not all(results))


if __name__ == "__main__":
    main()
