"""README.md is nbs/index.ipynb, and its curve a figure stored in a notebook.

No option: write both. --check: prove them. --command HEADING: read a command.
"""

import argparse
import base64
import json
import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
curve = root / "nbs" / "images" / "accuracy.png"
drawn_in, cell = root / "nbs" / "experiments" / "accuracy.ipynb", "7afd5033"


def drawn() -> bytes:
    "The figure that the cell stored, as PNG."
    outputs = next(c for c in json.loads(drawn_in.read_text(encoding="utf-8"))["cells"] if c["id"] == cell)["outputs"]
    return base64.b64decode(next(o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})))


def render() -> str:
    "nbs/index.ipynb as Markdown, with paths as seen from the top level."
    import nbformat
    from nbconvert import MarkdownExporter

    notebook = nbformat.read(root / "nbs" / "index.ipynb", as_version=4)
    notebook.metadata["language_info"] = {"name": "python"}  # or the fences lose their language
    notebook.cells = [c for c in notebook.cells if not re.search(r"^#\| *(hide|default_exp)", c.source)]
    text, _ = MarkdownExporter().from_notebook_node(notebook)
    text = re.sub(r"\]\((?!https?:|#|\.\./)([^)]+)\)", r"](nbs/\1)", text)
    text = re.sub(r"\]\(\.\./([^)]+)\)", r"](\1)", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def command(heading: str) -> str:
    "The one fenced line under a heading of README.md. Needs nothing but Python."
    readme = (root / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", readme, re.M | re.S)
    fences = re.findall(r"^```(?:bash|sh)\n(.*?)\n```", section[1] if section else "", re.M | re.S)
    if not fences or "\n" in fences[0]:
        sys.exit(f"README.md: no fenced one-line command under '## {heading}'")
    return fences[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 if README.md is not up to date")
    parser.add_argument("--command", metavar="HEADING", help="print the command under this heading")
    arguments = parser.parse_args()
    if arguments.command:
        print(command(arguments.command))
    elif arguments.check:
        if (root / "README.md").read_text(encoding="utf-8") != render():
            sys.exit("README.md differs from nbs/index.ipynb: run python .ci/readme.py")
        if curve.read_bytes() != drawn():
            sys.exit(f"{curve.relative_to(root)} differs from the figure in {drawn_in.name}: run python .ci/readme.py")
    else:
        (root / "README.md").write_text(render(), encoding="utf-8")
        curve.write_bytes(drawn())
