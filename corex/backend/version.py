"""The version of the contract, and the names of what a backend may offer beyond the minimum."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

Version = tuple[int, int]

API_VERSION: Final[Version] = (1, 0)
"""Major and minor version of the contract. A backend written for (1, 0) works wherever this is
(1, n); what each minor version added is in `FEATURES`."""


class Feature(NamedTuple):
    """Something optional that a backend offers by having certain methods.

    Attributes:
        since: the version of the contract that added it.
        methods: those that it takes, all of them.
        meaning: what a program gains by it.
    """

    since: Version
    methods: tuple[str, ...]
    meaning: str


FEATURES: Final[dict[str, Feature]] = {
    "host_view": Feature((1, 0), ("host_view",), "the host sees a buffer's bytes uncopied"),
    "wrap_host": Feature((1, 0), ("wrap_host",), "memory of the host becomes a buffer uncopied"),
    "pinned_memory": Feature(
        (1, 0), ("allocate_pinned",), "memory of the host that the device copies by itself"
    ),
    "async_copies": Feature(
        (1, 0), ("copy_from_host_async", "copy_to_host_async"),
        "copies from and to pinned memory do not wait",
    ),
    "dlpack": Feature((1, 0), ("dlpack_device",), "memory is lent to other libraries"),
    "wrap_pointer": Feature((1, 0), ("wrap_pointer",), "memory is borrowed from other libraries"),
    "copy_device": Feature((1, 0), ("copy_device",), "copies between buffers without the host"),
    "foreign_streams": Feature(
        (1, 0), ("stream_handle", "lead_stream", "follow_stream"),
        "work is ordered with that of other libraries",
    ),
    "memory_stats": Feature((1, 0), ("memory_stats",), "the allocator's counters"),
    "memory_info": Feature((1, 0), ("memory_info",), "free and total bytes of a device"),
    "direct": Feature((1, 0), ("direct",), "short cuts for small calls on dense operands"),
    "compile": Feature((1, 0), ("compile",), "whole graphs are compiled"),
    "warm": Feature((1, 0), ("warm",), "what is made on first use can be made ahead of it"),
    "threads": Feature(
        (1, 0), ("get_num_threads", "set_num_threads"), "the number of threads can be set"
    ),
    "properties": Feature((1, 0), ("device_properties",), "a device tells its name and limits"),
    "streams": Feature(
        (1, 0), ("new_stream", "current_stream", "default_stream", "set_stream"),
        "several queues of work for one device",
    ),
    "events": Feature((1, 0), ("new_event",), "moments in the work of a stream, and times"),
    "graphs": Feature((1, 0), ("new_graph",), "work is captured once and replayed"),
}  # fmt: skip
"""Every feature, by name; `Backend.features` says which of them a backend has."""


def features_of(backend: Any, base: type) -> frozenset[str]:
    """The features whose methods the backend has of its own, not as `base` defines them."""
    kind = type(backend)

    def own(method: str) -> bool:
        found = getattr(kind, method, None)
        return found is not None and found is not getattr(base, method, None)

    return frozenset(name for name, feature in FEATURES.items() if all(map(own, feature.methods)))


def refusal(version: object) -> str | None:
    """Why a backend written for this version of the contract cannot be used; None if it can.

    Those written for a minor version that is yet to come ask for what this one does not know.
    """
    own = ".".join(map(str, API_VERSION))
    match version:
        case (int(major), int(minor)):
            if major == API_VERSION[0] and minor <= API_VERSION[1]:
                return None
            shown = f"{major}.{minor}"
        case _:
            shown = repr(version)
    return f"was written for backend API version {shown}, this corex has version {own}"
