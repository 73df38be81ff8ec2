"""Small installed worlds: folders that look like site-packages, with plugins in them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

GOOD = """
    import pluggy
    from corex.backend import Backend, BackendDescriptor

    hookimpl = pluggy.HookimplMarker("corex")

    class Memory(Backend):
        name = "{name}"
        device_type = "{device_type}"
        made = 0

        def __init__(self):
            Memory.made += 1

    @hookimpl
    def corex_backends():
        return [BackendDescriptor("{name}", "{device_type}", lambda: None, Memory, {priority})]
"""


class World:
    """A folder for `sys.path`, filled with one distribution per plugin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self, name: str, source: str, target: str | None = None, distribution: str | None = None
    ) -> None:
        """Installs module `{name}_plugin` with the given source, and its entry point `name`."""
        module = f"{name}_plugin" if distribution is None else f"{distribution}_plugin"
        (self.folder / f"{module}.py").write_text(textwrap.dedent(source))
        self.metadata(distribution or name, f"[corex]\n{name} = {target or module}\n")

    def metadata(self, distribution: str, entry_points: str) -> None:
        """Writes the metadata of an installed distribution."""
        folder = self.folder / f"{distribution}-1.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n"
        )
        (folder / "entry_points.txt").write_text(entry_points)

    def good(self, name: str, priority: int = 0, device_type: str = "cpu", extra: str = "") -> None:
        """Installs a backend that has memory and no kernels."""
        source = GOOD.format(name=name, priority=priority, device_type=device_type)
        self.install(name, textwrap.dedent(source) + textwrap.dedent(extra))

    def run(self, program: str, **environment: str) -> str:
        """Runs a program in this world, in a process of its own, and returns what it prints."""
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout
