"""Our numbers and layouts of the driver interface are those of cuda.h, where there is one."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import corex_cuda_pycuda

DRIVER = Path(corex_cuda_pycuda.__file__).parent / "simulator" / "driver"
STRUCTS = {
    "CUDA_MEMCPY2D": "srcHost srcDevice srcPitch dstY dstMemoryType dstPitch WidthInBytes Height",
    "CUDA_MEMCPY3D": "srcLOD srcDevice srcHeight dstXInBytes dstArray dstHeight Height Depth",
    "CUlaunchConfig": "gridDimX blockDimZ sharedMemBytes hStream attrs numAttrs",
}
NAMES = re.findall(r"^    (CU[A-Z_0-9]+) = ", (DRIVER / "cuda_abi.h").read_text(), re.MULTILINE)


def header_folder() -> Path | None:
    """Where cuda.h is: a toolkit's folder, or one of NVIDIA's packages."""
    places = [Path(os.environ[name]) / "include" for name in ("CUDA_HOME",) if name in os.environ]
    places += sorted(Path("/usr/local").glob("cuda*/include"), reverse=True)
    spec = importlib.util.find_spec("nvidia")
    for root in spec.submodule_search_locations or () if spec else ():
        places += sorted(Path(root).glob("*/include"), reverse=True)
    return next((place for place in places if (place / "cuda.h").exists()), None)


def printed(header: str, folder: Path, workshop: Path) -> list[str]:
    """What a program that includes the header says about numbers and layouts."""
    lines = [f'std::printf("{name} %d\\n", (int){name});' for name in NAMES]
    for struct, members in STRUCTS.items():
        lines.append(f'std::printf("{struct} %zu\\n", sizeof({struct}));')
        for member in members.split():
            lines.append(f'std::printf("{struct}.{member} %zu\\n", offsetof({struct}, {member}));')
    source, program = workshop / "abi.cpp", workshop / "abi"
    source.write_text(
        f'#include <cstddef>\n#include <cstdio>\n#include "{header}"\n'
        "int main() {\n" + "\n".join(lines) + "\n}\n"
    )
    subprocess.run(["g++", "-w", "-I", str(folder), source, "-o", program], check=True)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.split("\n")


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_the_interface_is_nvidias(tmp_path: Path) -> None:
    folder = header_folder()
    if folder is None:
        pytest.skip("there is no cuda.h to compare with")
    assert len(NAMES) > 40
    assert printed("cuda_abi.h", DRIVER, tmp_path) == printed("cuda.h", folder, tmp_path)


def test_everything_that_is_implemented_is_an_entry_point() -> None:
    known = set((DRIVER / "entry_points.txt").read_text().split())
    for path in DRIVER.glob("*.cpp"):
        for name in re.findall(r"^API (cu\w+)\(", path.read_text(), re.MULTILINE):
            assert name in known, f"{path.name}: {name}"
