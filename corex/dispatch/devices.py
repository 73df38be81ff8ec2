"""Where new tensors go: the backends' devices as places, and which one is current."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from corex.device import device as Device
from corex.device import enter_devices
from corex.dtypes import DType, bool_
from corex.errors import BackendUnavailableError
from corex.plugins.manager import manager
from corex.tensor.place import Place, ask_overrides, remember
from corex.tensor.place import forget_kernels as _forget_resolved
from corex.tensor.schema import REGISTRY

_places: dict[tuple[str, int], Place] = {}
_on_new_place: list[Callable[[Place], object]] = []
_lock = threading.RLock()
_default: list[str] = []  # what set_backend chose
_usual: dict[str, str] = {}  # "name": what the plugins say where nobody chose


class _Current(threading.local):
    stack: tuple[str, ...] = ()
    numbers: Mapping[str, int] = {}  # by device type; replaced, never changed
    outside: tuple[Mapping[str, int], ...] = ()  # what they were outside of `with device(...)`
    default = False  # whether the stack begins with what `set_default_device` chose


_current = _Current()


def place_of(backend: str, index: int = 0) -> Place:
    """Device number `index` of a backend, which is loaded if this is its first use.

    Raises:
        BackendUnavailableError: no such backend, or it cannot be used here.
        RuntimeError: the backend has no such device.
    """
    instance = manager.backend(backend)
    found = _places.get((backend, index))
    if found is not None and found.backend is instance:
        return found
    with _lock:
        count = instance.device_count()
        if not 0 <= index < count:
            raise RuntimeError(
                f"invalid device ordinal: backend '{backend}' has {count} "
                f"device(s) of type '{instance.device_type}', so there is no number {index}"
            )
        indexed = instance.device_type != "cpu"
        found = _places.get((backend, index))
        if found is None or found.backend is not instance:
            found = Place(backend, instance, index, indexed)
            if manager.holds(instance):  # else its plugin has just gone
                _places[backend, index] = found
    for callback in _on_new_place:
        callback(found)
    return found


def places() -> list[Place]:
    """The places that have been used."""
    return list(_places.values())


def on_new_place(callback: Callable[[Place], object]) -> None:
    """Calls `callback(place)` for each place that comes into use from now on."""
    _on_new_place.append(callback)


def forget_kernels() -> None:
    """Drops every cached resolution, and the places of backends that went with their plugins."""
    _forget_resolved()
    _usual.clear()
    with _lock:
        for name in [name for name, place in _places.items() if not manager.holds(place.backend)]:
            del _places[name]


manager.on_change(forget_kernels)


# Short cuts that are no ops of their own, and the op whose kernel they stand for.
_STANDS_FOR = {"linear_backward": "matmul"}


def _is_overridden(backend: str, op: str, dtype: DType) -> bool:
    schema = REGISTRY.get(_STANDS_FOR.get(op, op))
    if schema is None or not manager.selectors():
        return False
    output = bool_ if schema.family in ("compare", "predicate") else dtype
    required = sum(not name.endswith("?") for name in schema.inputs)
    signatures = [(output, *[dtype] * count) for count in range(required, len(schema.inputs) + 1)]
    if schema.family == "optim":  # lists of views of one dtype
        signatures = [(dtype,)]
    return any(manager.overrides(backend, schema.name, dtypes) for dtypes in signatures)


ask_overrides(_is_overridden)


def get_backend() -> str:
    """The name of the backend on which new tensors are made."""
    if _current.stack:
        return _current.stack[-1]
    if _default:
        return _default[0]
    usual = _usual.get("name")
    if usual is None:
        usual = remember(_usual, "name", manager.default_backend_name)
    return usual


def set_backend(name: str) -> None:
    """Makes `name` the backend of new tensors, in all threads.

    Raises:
        BackendUnavailableError: no such backend, or it cannot be used here.
    """
    manager.backend(name)
    _default[:] = [name]


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Makes `name` the backend of new tensors within a `with` block, in this thread.

    Raises:
        BackendUnavailableError: no such backend, or it cannot be used here.
    """
    manager.backend(name)
    _current.stack = (*_current.stack, name)
    try:
        yield
    finally:
        _current.stack = _current.stack[:-1]


def set_default_device(device: Device | str | int | None) -> None:
    """Has new tensors of this thread go to a device, outside of `use_backend` and the like; None
    leaves it to `set_backend` again.

    Raises:
        as `find_place`.
    """
    chosen = _current.stack[1:] if _current.default else _current.stack
    _current.stack, _current.default = chosen, False
    if device is not None:
        place = find_place(device)
        _choose(place)
        _current.stack, _current.default = (place.name, *chosen), True


def _choose(place: Place) -> None:
    kind = place.device.type
    if place.index != current_index(kind):
        set_current_index(kind, place.index)


def _enter(device: Device) -> None:
    """New tensors of this thread go to a device, until `_leave`."""
    place = find_place(device)
    _current.outside = (*_current.outside, _current.numbers)
    _current.stack = (*_current.stack, place.name)
    _choose(place)


def _leave() -> None:
    *outside, _current.numbers = _current.outside
    _current.outside, _current.stack = tuple(outside), _current.stack[:-1]


enter_devices(_enter, _leave)


def accelerator_type() -> str | None:
    """The device type that "the accelerator" means: that of the backend in use, unless it is the
    CPU's; else that of the first backend, by precedence, that can be used and is not."""
    types = {name: one.device_type for name, one in manager.descriptors().items()}
    try:
        current = types[get_backend()]
    except BackendUnavailableError:
        current = "cpu"
    if current != "cpu":
        return current
    for name, device_type in types.items():
        if device_type != "cpu" and manager.unavailable_reason(name) is None:
            return device_type
    return None


def require_accelerator() -> str:
    """The device type that "the accelerator" means.

    Raises:
        RuntimeError: there is none.
    """
    found = accelerator_type()
    if found is None:
        raise RuntimeError(
            "Cannot access accelerator device when none is available. (`corex backends` tells "
            "which backends there are, and why they cannot be used.)"
        )
    return found


def current_index(device_type: str) -> int:
    """The number that "cuda" without a number has in this thread, 0 unless somebody chose."""
    return _current.numbers.get(device_type, 0)


def set_current_index(device_type: str, index: int) -> None:
    """Chooses it, for this thread."""
    _current.numbers = {**_current.numbers, device_type: index}


def find_place(device: Device | str | int | None = None, backend: str | None = None) -> Place:
    """Where `device=` and `backend=` arguments point; the current backend by default.

    Raises:
        RuntimeError: nobody serves the device type, or it has no such number, or the device is not
            the backend's.
        BackendUnavailableError: no such backend, or it cannot be used here.
    """
    if device is None:
        name = backend or get_backend()
        if _current.numbers:
            return place_of(name, current_index(manager.backend(name).device_type))
        found = _places.get((name, 0))
        return place_of(name) if found is None or backend is not None else found
    if isinstance(device, int):
        device = Device(_numbered_type(backend), device)
    elif not isinstance(device, Device):
        device = Device(device)
    name = backend or get_backend()
    if manager.backend(name).device_type != device.type:
        if backend is not None:
            raise RuntimeError(
                f"backend '{name}' serves devices of type '{manager.backend(name).device_type}', "
                f"not '{device}'"
            )
        name = manager.backend_for_device_type(device.type)
    return place_of(name, _index(device))


def _index(device: Device) -> int:
    return current_index(device.type) if device.index is None else device.index


def find_place_from(
    here: Place, device: Device | str | int | None = None, backend: str | None = None
) -> Place:
    """As `find_place`, asked for a tensor: its own backend goes first for its own device type.

    Raises:
        as `find_place`.
    """
    kind = here.device.type
    if backend is not None or device is None or (isinstance(device, int) and kind == "cpu"):
        return find_place(device, backend)
    wanted = Device(kind, device) if isinstance(device, int) else Device(device)
    if wanted.type != kind:
        return find_place(wanted)
    number = _index(wanted)
    return here if number == here.index else place_of(here.name, number)


def _numbered_type(backend: str | None) -> str:
    """The device type meant by a number alone: that of an accelerator, if possible the current."""
    kind = manager.backend(backend or get_backend()).device_type
    if kind != "cpu" or backend is not None:
        return kind
    reasons = []
    for name, descriptor in manager.descriptors().items():
        if descriptor.device_type != "cpu":
            reason = manager.unavailable_reason(name)
            if reason is None:
                return descriptor.device_type
            reasons.append(f"{name} ({reason})")
    raise BackendUnavailableError(
        "a device number was given, but there is no accelerator; "
        f"known: {', '.join(reasons) or 'none'}"
    )
