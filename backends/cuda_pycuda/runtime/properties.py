"""What a device can do, as far as it decides on launches."""

from __future__ import annotations

from typing import Any, NamedTuple

import pycuda.driver as drv

Grid = tuple[int, int, int]


class Properties(NamedTuple):
    """What decides on how kernels are launched."""

    name: str
    compute_capability: tuple[int, int]
    multiprocessors: int
    threads_per_block: int
    threads_per_multiprocessor: int
    shared_memory_per_block: int
    shared_memory_per_multiprocessor: int
    warp_size: int
    total_memory: int
    grid_limit: Grid

    @property
    def architecture(self) -> str:
        """The compiler's name of it, such as "sm_90"."""
        return "sm_{}{}".format(*self.compute_capability)


def properties_of(raw: Any) -> Properties:
    """Those of PyCUDA's device."""
    attribute = drv.device_attribute
    return Properties(
        name=raw.name(),
        compute_capability=tuple(raw.compute_capability()),
        multiprocessors=raw.get_attribute(attribute.MULTIPROCESSOR_COUNT),
        threads_per_block=raw.get_attribute(attribute.MAX_THREADS_PER_BLOCK),
        threads_per_multiprocessor=raw.get_attribute(attribute.MAX_THREADS_PER_MULTIPROCESSOR),
        shared_memory_per_block=raw.get_attribute(attribute.MAX_SHARED_MEMORY_PER_BLOCK),
        shared_memory_per_multiprocessor=raw.get_attribute(
            attribute.MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
        ),
        warp_size=raw.get_attribute(attribute.WARP_SIZE),
        total_memory=int(raw.total_memory()),
        grid_limit=(
            raw.get_attribute(attribute.MAX_GRID_DIM_X),
            raw.get_attribute(attribute.MAX_GRID_DIM_Y),
            raw.get_attribute(attribute.MAX_GRID_DIM_Z),
        ),
    )
