"""`corex new-backend`: a backend to start from, complete and tested, as a package of its own."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import keyword
import re
import tempfile
from pathlib import Path
from typing import Final

from corex.errors import CorexError
from corex.plugins import manager

TEMPLATES: Final = Path(__file__).parent / "templates"
LAYERS: Final = {"python": ("backend",), "c": ("backend", "c")}
"""Language -> folders of templates; a file of a later one takes the place of one before."""
LEFT_OUT: Final = {"python": (), "c": ("corex_NAME/kernels.py",)}
SUFFIX: Final = ".tmpl"  # so that no tool takes a template for what will be made of it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `corex new-backend`."""
    parser.add_argument("name", help="of the backend and its device type, such as 'toy'")
    parser.add_argument(
        "--language",
        choices=sorted(LAYERS),
        default="python",
        help="of its kernels: Python with NumPy (the default), or C",
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where to put the folder corex-NAME (default: here)",
    )


def run(args: argparse.Namespace) -> int:
    """Writes the package and says what to do with it."""
    check_name(args.name)
    folder = write(args.name, args.directory, args.language)
    way, place = {
        "python": ("NumPy", "backend.py and, one by one, the kernels"),
        "c": ("C", f"{args.name}.c, its memory and, one by one, the kernels"),
    }[args.language]
    print(
        f"Made {folder}: a backend that works, in {way}. To install and to test it:\n\n"
        f"  cd {folder}\n"
        "  pip install --editable '.[test]'\n"
        "  corex backends\n"
        "  pytest\n\n"
        f"Then put your hardware behind corex_{args.name}/{place}."
    )
    return 0


def check_name(name: str) -> None:
    """Refuses what cannot be, or already is, the name of a backend.

    Raises:
        CorexError: says what is wrong with the name.
    """
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name) or keyword.iskeyword(name):
        raise CorexError(
            f"{name!r} cannot be a backend's name: it must be a lower-case Python identifier "
            "that ends in a letter or digit, such as 'toy' or 'my_chip'"
        )
    for backend, descriptor in manager.descriptors().items():
        if name == backend:
            raise CorexError(f"there is a backend {name!r} already; choose another name")
        if name == descriptor.device_type:
            raise CorexError(
                f"{name!r} is the device type of backend {backend!r}; choose another name"
            )
    if importlib.util.find_spec(f"corex_{name}") is not None:
        raise CorexError(f"a package corex_{name} is installed already; choose another name")


def write(name: str, directory: Path, language: str = "python") -> Path:
    """Makes the folder corex-NAME in `directory`, all of it or nothing; returns its path.

    Raises:
        CorexError: the folder exists and is not empty; there is no `directory`.
        OSError: it cannot be written.
    """
    if not directory.is_dir():
        raise CorexError(f"there is no folder {directory}")
    target = directory / f"corex-{name}"
    if target.is_symlink() or target.exists():
        if not target.is_dir() or target.is_symlink():
            raise CorexError(f"{target} exists and is not a folder")
        if any(target.iterdir()):
            raise CorexError(f"{target} exists and is not empty; nothing was written")
    with tempfile.TemporaryDirectory(prefix=f".corex-{name}-", dir=directory) as scratch:
        draft = Path(scratch) / target.name
        for path, text in files(name, language).items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_text(text, encoding="utf-8")
        draft.rename(target)  # replaces an empty folder, and nothing else
    return target


def files(name: str, language: str = "python") -> dict[str, str]:
    """The files of the package: path -> text."""
    version = importlib.metadata.version("corex")
    words = {
        "@name@": name,
        "@Class@": "".join(part.capitalize() for part in name.split("_")),
        "@version@": version,
    }
    found = {}
    for path, template in sorted(templates(language).items()):
        path = path.replace("dot-", ".").replace("NAME", name)
        text = template.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        found[path] = text
    return found


def templates(language: str) -> dict[str, Path]:
    """The templates of a language: path in the package, with NAME in it -> file."""
    found = {}
    for layer in LAYERS[language]:
        for template in sorted((TEMPLATES / layer).rglob(f"*{SUFFIX}")):
            path = template.relative_to(TEMPLATES / layer).as_posix().removesuffix(SUFFIX)
            found[path] = template
    return {path: template for path, template in found.items() if path not in LEFT_OUT[language]}
