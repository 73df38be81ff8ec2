"""`corex.save` and `corex.load`: tensors and plain data in safetensors files.

Tensors lie in the file as safetensors defines it, so that other programs read them by name. What
surrounds them (nesting, keys, numbers, strings) is JSON in the file's metadata. Nothing in a file
is ever executed.
"""

from __future__ import annotations

import json
import math
import os
import secrets
from collections import OrderedDict
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np

import corex
from corex import Tensor
from corex.dtypes import ALL
from corex.ops.create.host import host_bytes
from corex.tensor.twins import plain, turned

Path = str | os.PathLike[str]

_STRUCTURE = "corex"
_DTYPES = {dtype.safetensors: dtype for dtype in ALL if dtype.safetensors}
_MISSING = "corex.load needs the package safetensors: pip install 'corex[safetensors]'"


# ---- structure -------------------------------------------------------------------------------
class _Encoder:
    """Turns a structure into JSON and collects its tensors under readable, unique names."""

    def __init__(self) -> None:
        self.contents: dict[str, Tensor] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        self._alive: list[Tensor] = []
        self._open: set[int] = set()

    def encode(self, value: Any, path: tuple[str, ...]) -> Any:
        """The JSON form of `value`, which is found at `path`."""
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, Tensor):
            if value.layout is not corex.strided:
                return self._sparse(value, path)
            return self._tensor(value, path)
        if isinstance(value, dict | list | tuple):
            return self._container(value, path)
        place = "".join(f"[{key}]" for key in path)
        hint = "; save its state_dict() instead" if hasattr(value, "state_dict") else ""
        raise TypeError(
            f"corex.save() cannot store the {type(value).__name__} at object{place}{hint}. It "
            "stores tensors, numbers, strings, bools and None in dicts, lists and tuples"
        )

    def _container(self, value: Any, path: tuple[str, ...]) -> Any:
        if id(value) in self._open:
            raise ValueError("corex.save() cannot store an object that contains itself")
        self._open.add(id(value))
        try:
            if isinstance(value, dict):
                tag = "ordered" if isinstance(value, OrderedDict) else "dict"
                return {
                    tag: [
                        [self.encode(k, (*path, "key")), self.encode(v, (*path, str(k)))]
                        for k, v in value.items()
                    ]
                }
            items = [self.encode(v, (*path, str(i))) for i, v in enumerate(value)]
            return {"tuple": items} if isinstance(value, tuple) else items
        finally:
            self._open.discard(id(value))

    def _tensor(self, tensor: Tensor, path: tuple[str, ...]) -> dict[str, Any]:
        # A tensor met twice is stored once, and is one tensor again after loading; at the top
        # level each name gets its own copy, so that the file is complete for other readers.
        same = (id(tensor.storage()), tensor.storage_offset(), tensor.shape, tensor.stride())
        name = self._names.get((*same, tensor.dtype)) if len(path) != 1 else None
        if name is None:
            name = self._unique(".".join(path) or "tensor")
            self._names[(*same, tensor.dtype)] = name
            self._alive.append(tensor)
            self.contents[name] = _storable(plain(tensor))
        reference: dict[str, Any] = {"tensor": name}
        if tensor.key.place.bits:  # conjugates or negatives, as views of what is stored
            reference["bits"] = tensor.key.place.bits
        if not tensor.dtype.safetensors:
            reference["complex"] = True
        if tensor.requires_grad:
            reference["requires_grad"] = True
        return reference

    def _sparse(self, tensor: Any, path: tuple[str, ...]) -> dict[str, Any]:
        """A sparse tensor: its layout, its shape, and the tensors that it is made of."""
        _, (_, parts, shape, coalesced, requires_grad, _) = tensor.__reduce_ex__(2)
        inside = path or ("tensor",)
        names = ("indices", "values") if len(parts) == 2 else ("compressed", "plain", "values")
        stored = [
            self._tensor(part, (*inside, name)) for part, name in zip(parts, names, strict=True)
        ]
        reference = {"sparse": tensor.layout.name, "parts": stored, "shape": list(shape)}
        return reference | {"coalesced": coalesced, "requires_grad": requires_grad}

    def _unique(self, name: str) -> str:
        result = name
        number = 1
        while result in self.contents or result == "__metadata__":
            result = f"{name}#{number}"
            number += 1
        return result


def _storable(t: Tensor) -> Tensor:
    """Complex numbers that safetensors have no name for are stored as pairs of floats."""
    return t if t.dtype.safetensors else corex.view_as_real(t)


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        tensor = tensors[value["tensor"]]
        if value.get("complex"):
            tensor = corex.view_as_complex(tensor)
        if value.get("bits"):
            tensor = turned(tensor, value["bits"])
        return tensor.requires_grad_() if value.get("requires_grad") else tensor
    if "sparse" in value:
        parts = tuple(_decode(part, tensors) for part in value["parts"])
        layout, shape = getattr(corex, value["sparse"]), tuple(value["shape"])
        sparse = import_module("corex.sparse.objects")
        return sparse.rebuilt(layout, parts, shape, value["coalesced"], value["requires_grad"])
    ((tag, content),) = value.items()
    if tag == "float":
        return float(content)
    if tag == "tuple":
        return tuple(_decode(item, tensors) for item in content)
    kind = {"dict": dict, "ordered": OrderedDict}[tag]
    return kind((_decode(k, tensors), _decode(v, tensors)) for k, v in content)


# ---- files -----------------------------------------------------------------------------------
def save(obj: Any, f: Path) -> None:
    """Writes tensors, in any nesting of dicts, lists and tuples, to a safetensors file.

    A dictionary of names to tensors becomes an ordinary safetensors file. The file appears under
    its name only when it is complete; if anything fails, what was there before stays.

    Args:
        obj: tensors, numbers, strings, bools and None in dicts, lists and tuples.
        f: the path.

    Raises:
        TypeError: something in `obj` is none of these; the message says where.
        OSError: the file cannot be written.
    """
    encoder = _Encoder()
    structure = json.dumps(encoder.encode(obj, ()), allow_nan=False, separators=(",", ":"))
    # 'pt' is what readers expect of files whose names and layout are PyTorch's.
    metadata = {"format": "pt", _STRUCTURE: structure}
    target = os.path.realpath(os.fspath(f))
    folder = os.path.dirname(target)
    part = _new_file(folder, os.path.basename(target))
    mode = os.stat(part).st_mode & 0o7777
    try:
        _write(part, encoder.contents, metadata)
        os.chmod(part, mode)
        _flush(part)
        os.replace(part, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise
    _flush(folder)


def _write(path: str, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """The format: the header's length in 8 bytes, the header as JSON, the elements of each tensor.

    Those of the largest elements come first and the header has a multiple of 8 bytes, so that all
    are aligned.
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    order = sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    end = 0
    for name, t in order:
        start, end = end, end + t.nbytes
        header[name] = {
            "dtype": t.dtype.safetensors, "shape": t.shape, "data_offsets": (start, end),
        }  # fmt: skip
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, t in order:
            file.write(host_bytes(t))


def _new_file(folder: str, name: str) -> str:
    """An empty file of a new name, with the permissions that `open` would give it."""
    path = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.part")
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return path


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(f: Path, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Reads what `save` wrote, or any other safetensors file as a dictionary of its tensors.

    Args:
        f: the path.
        map_location: the device of the tensors; the default one if None.
        weights_only: accepted for PyTorch's sake; nothing but data is ever read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no safetensors file, is damaged, or holds a dtype that corex lacks.
        ImportError: safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError(_MISSING) from error
    path = os.fspath(f)
    with open(path, "rb") as file:  # the operating system's own error, for whatever is wrong
        start = file.read(8)
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="numpy") as content:
            metadata = content.metadata() or {}
            for name in content.keys():  # noqa: SIM118 - not a mapping
                kind = content.get_slice(name).get_dtype()
                if kind not in _DTYPES:
                    raise ValueError(
                        f"{path}: tensor '{name}' has dtype {kind}, which corex does not have"
                    )
                if _DTYPES[kind].numpy:
                    tensors[name] = corex.tensor(content.get_tensor(name), device=map_location)
                else:
                    tensors[name] = _from_bytes(path, name).to(map_location or "cpu")
    except SafetensorError as error:
        reason = _why(start, error)
        raise ValueError(f"{path} is not a complete safetensors file: {reason}") from error
    if _STRUCTURE not in metadata:
        return tensors
    try:
        return _decode(json.loads(metadata[_STRUCTURE]), tensors)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(
            f"{path}: its description of the saved object is damaged ({type(error).__name__}: "
            f"{error})"
        ) from error


def _from_bytes(path: str, name: str) -> Tensor:
    """A tensor of a dtype that NumPy lacks, from a file that was checked before (see `_write`)."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        first, end = entry["data_offsets"]
        file.seek(8 + length + first)
        data = bytearray(file.read(end - first))
    dtype = _DTYPES[entry["dtype"]]
    if not data:
        return corex.empty(entry["shape"], dtype=dtype)
    return corex.frombuffer(data, dtype=dtype).reshape(entry["shape"])


def _why(start: bytes, error: Exception) -> str:
    if len(start) < 8:
        return f"it has only {len(start)} bytes"
    if start[:4] == b"PK\x03\x04":
        return (
            "it is a zip archive, as torch.save writes; convert it with safetensors.torch.save_file"
        )
    if start[:1] == b"\x80":
        return "it is a Python pickle, which corex does not load because pickles can run code"
    return str(error)
