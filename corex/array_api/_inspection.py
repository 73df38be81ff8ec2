"""What the namespace says of itself: `__array_namespace_info__()`."""

from __future__ import annotations

from typing import Any

import corex
from corex.accelerator.devices import Devices
from corex.array_api._dtypes import DTYPES, letters_of
from corex.device import device as Device
from corex.dispatch.devices import find_place
from corex.dtypes import DType
from corex.plugins.manager import manager


class Info:
    """Capabilities, devices and dtypes."""

    def capabilities(self) -> dict[str, Any]:
        """Whether masks index and shapes may depend on data, and how many axes there may be."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": None}

    def default_device(self) -> Device:
        """Where arrays are made."""
        return find_place(None).device

    def default_dtypes(self, *, device: Device | str | None = None) -> dict[str, DType]:
        """The dtypes of arrays that are made without one."""
        real = corex.get_default_dtype()
        return {
            "real floating": real,
            "complex floating": real.to_complex(),
            "integral": corex.int64,
            "indexing": corex.int64,
        }

    def dtypes(
        self, *, device: Device | str | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, DType]:
        """The standard's dtypes that a device holds, of all kinds or of some.

        Raises:
            ValueError: no such kind.
        """
        place = find_place(device)
        kinds = ("bool", "numeric") if kind is None else (kind,) if isinstance(kind, str) else kind
        letters = "".join([letters_of("dtypes", each) for each in kinds])
        held = place.backend.dtypes(place.index)
        return {name: d for name, d in DTYPES.items() if d.kind in letters and d in held}

    def devices(self) -> tuple[Device, ...]:
        """The devices that there are."""
        found: list[Device] = []
        for type in dict.fromkeys([each.device_type for each in manager.descriptors().values()]):
            numbers = range(Devices(type).count())
            found += [Device(type) if type == "cpu" else Device(type, number) for number in numbers]
        return tuple(found)


def __array_namespace_info__() -> Info:  # noqa: N807 - the standard's name
    """Capabilities, devices and dtypes of the namespace."""
    return Info()
