"""NVIDIA's run-time compiler, by ctypes: a kernel's text to machine code, without a driver."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from toolkit import ToolError, library

OK: Final = 0
COMPILE_ERROR: Final = 6


class RefusedError(Exception):
    """The compiler does not accept a text; the message is the compiler's."""


class Nvrtc:
    """The library of one toolkit."""

    def __init__(self, root: Path) -> None:
        path = library(root, "libnvrtc.so*")
        if path is None:
            raise ToolError(f"no libnvrtc in {root}: install nvidia-cuda-nvrtc")
        builtins = library(root, "libnvrtc-builtins.so*")
        if builtins is not None:  # looked for by name at the first compilation
            ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)
        self._library = ctypes.CDLL(str(path))
        self._library.nvrtcGetErrorString.restype = ctypes.c_char_p
        self._include = f"--include-path={root / 'include'}"

    @property
    def version(self) -> str:
        """Such as "13.0"."""
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._check(self._library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
        return f"{major.value}.{minor.value}"

    def compile(self, text: str, architecture: str, options: Sequence[str]) -> tuple[bytes, str]:
        """The machine code for an architecture such as "sm_90", and what the compiler says of it.

        Raises:
            RefusedError: the text has errors.
            ToolError: the library fails.
        """
        program = ctypes.c_void_p()
        self._check(
            self._library.nvrtcCreateProgram(
                ctypes.byref(program), text.encode(), b"kernel.cu", 0, None, None
            )
        )
        try:
            given = [f"--gpu-architecture={architecture}", self._include, *options]
            array = (ctypes.c_char_p * len(given))(*(option.encode() for option in given))
            answer = self._library.nvrtcCompileProgram(program, len(given), array)
            if answer == COMPILE_ERROR:
                raise RefusedError(self._text(program, "ProgramLog").strip() or "no message")
            self._check(answer)
            return self._bytes(program, "CUBIN"), self._text(program, "ProgramLog")
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _text(self, program: ctypes.c_void_p, what: str) -> str:
        return self._bytes(program, what).rstrip(b"\0").decode(errors="replace")

    def _bytes(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._check(getattr(self._library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
        room = ctypes.create_string_buffer(size.value)
        self._check(getattr(self._library, f"nvrtcGet{what}")(program, room))
        return room.raw

    def _check(self, answer: int) -> None:
        if answer != OK:
            told = self._library.nvrtcGetErrorString(answer).decode()
            raise ToolError(f"NVRTC answers {told} ({answer})")
