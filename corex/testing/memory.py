"""Tier 0: allocation, copies, and the optional views of host memory. One function, one check."""

from __future__ import annotations

import gc
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from corex.backend.contract import Backend, OutOfMemoryError
from corex.backend.traits import Traits
from corex.backend.version import refusal
from corex.dtypes import ALL, DType, bool_, float32, int64, uint8
from corex.plugins.faults import one_line
from corex.plugins.manager import manager
from corex.testing import concurrency
from corex.testing.case import Case
from corex.testing.result import FAILED, PASSED, RAISED, UNSUPPORTED, Result
from corex.testing.traits import broken, measured
from corex.testing.verdict import Verdict, told

Check = Callable[[Backend, int], dict[str, str] | None]


def run(name: str, device: int, case: Case) -> Result:
    """Runs the memory check that a case names."""
    check = CHECKS[case.op.partition(".")[2]]
    try:
        measures = check(manager.backend(name), device) or {}
    except Verdict as end:
        return Result(case.id, case.op, 0, end.status, end.check, end.message)
    except Exception as error:
        return Result(case.id, case.op, 0, RAISED, "memory", told(error))
    return Result(case.id, case.op, 0, PASSED, measures=measures)


def expect(truth: bool, message: str, check: str = "memory") -> None:
    """Ends the case as failed unless `truth` holds."""
    if not truth:
        raise Verdict(FAILED, check, message)


def fetch(backend: Backend, buffer: Any, start: int, count: int) -> bytes:
    """Bytes of a buffer."""
    target = bytearray(count)
    backend.copy_to_host(buffer, start, memoryview(target))
    return bytes(target)


def put(backend: Backend, device: int, data: bytes) -> Any:
    """A buffer that holds `data`."""
    buffer = backend.allocate(len(data), device)
    backend.copy_from_host(buffer, 0, memoryview(data))
    return buffer


# ---- what every backend owes -----------------------------------------------------------------
def announcement(backend: Backend, device: int) -> None:
    """The descriptor tells the truth about the backend."""
    announced = manager.descriptors()[backend.name]
    expect(announced.device_type == backend.device_type, "the descriptor has another device_type")
    refused = refusal(announced.api_version)
    expect(refused is None, f"it {refused}")
    expect(backend.device_count() > device, f"there is no device number {device}")
    expect(backend.device_count() == backend.device_count(), "the number of devices changes")


def dtypes(backend: Backend, device: int) -> None:
    """The device holds at least bool, int64 and float32, and nothing unknown."""
    held: tuple[DType, ...] = backend.dtypes(device)
    for dtype in (bool_, int64, float32):
        expect(dtype in held, f"the device must hold {dtype.name}")
    expect(set(held) <= set(ALL), f"unknown dtypes among {held}")
    expect(len(set(held)) == len(held), f"dtypes are repeated: {held}")


def traits(backend: Backend, device: int) -> dict[str, str]:
    """The device is no less than its traits say; what kernels show of them."""
    own = backend.traits(device)
    expect(isinstance(own, Traits), f"traits() must return a Traits, got {own!r}", "traits")
    expect(own == backend.traits(device), "the traits change", "traits")
    found = measured(backend, device)
    wrong = broken(own, found)
    expect(not wrong, "; ".join(wrong), "traits")
    return found


def roundtrip(backend: Backend, device: int) -> None:
    """Bytes go in and come out, at every size near a power of two."""
    for size in (1, 2, 3, 7, 8, 63, 64, 65, 4095, 4096, 4097, 1 << 20):
        period = bytes((i * 7 + size) % 251 for i in range(251))
        data = (period * (size // 251 + 1))[:size]
        buffer = put(backend, device, data)
        expect(fetch(backend, buffer, 0, size) == data, f"{size} bytes came back changed")


def partial(backend: Backend, device: int) -> None:
    """Copies from and to the middle touch those bytes alone."""
    buffer = put(backend, device, bytes(range(10)))
    backend.copy_from_host(buffer, 3, memoryview(b"abc"))
    expect(fetch(backend, buffer, 2, 5) == b"\x02abc\x06", "bytes from the middle are wrong")
    expect(fetch(backend, buffer, 0, 10) == b"\0\1\2abc\6\7\x08\t", "other bytes changed")


def empty(backend: Backend, device: int) -> None:
    """Memory of no bytes can be had, written, read and dropped."""
    buffer = backend.allocate(0, device)
    backend.copy_from_host(buffer, 0, memoryview(b""))
    backend.copy_to_host(buffer, 0, memoryview(bytearray()))
    expect(backend.nbytes(buffer) == 0, f"nbytes is {backend.nbytes(buffer)} instead of 0")


def sizes(backend: Backend, device: int) -> None:
    """`nbytes` is what was asked for."""
    for size in (1, 5, 64, 1000):
        found = backend.nbytes(backend.allocate(size, device))
        expect(found == size, f"nbytes is {found} instead of {size}")


def separate(backend: Backend, device: int) -> None:
    """Living buffers share no byte."""
    buffers = [put(backend, device, bytes([i]) * 48) for i in range(40)]
    for i, buffer in enumerate(buffers):
        expect(fetch(backend, buffer, 0, 48) == bytes([i]) * 48, f"buffer {i} was overwritten")


def source(backend: Backend, device: int) -> None:
    """The host's bytes are the caller's again once `copy_from_host` has returned."""
    data = bytearray(b"k" * 100_000)
    buffer = backend.allocate(len(data), device)
    backend.copy_from_host(buffer, 0, memoryview(data))
    data[:] = b"-" * len(data)
    expect(fetch(backend, buffer, 0, 100_000) == b"k" * 100_000, "the copy saw a later change")


def fresh(backend: Backend, device: int) -> None:
    """A read sees the last write, however often the two alternate."""
    buffer = backend.allocate(64, device)
    for i in range(50):
        backend.copy_from_host(buffer, 0, memoryview(bytes([i]) * 64))
        found = fetch(backend, buffer, 0, 64)
        message = f"read {found[:1]!r} after writing {bytes([i])!r}"
        expect(found == bytes([i]) * 64, message, "stale")


def out_of_memory(backend: Backend, device: int) -> None:
    """An impossible size is an OutOfMemoryError that names it and leaves the backend usable."""
    for size in (2**60, 2**62):
        try:
            backend.allocate(size, device)
        except OutOfMemoryError as error:
            expect(str(size) in str(error), f"the message must name {size} bytes: {error}")
        except Exception as error:
            raise Verdict(
                FAILED, "memory", f"expected OutOfMemoryError, got {told(error)}"
            ) from None
        else:
            raise Verdict(FAILED, "memory", f"{size} bytes were allocated")
        roundtrip(backend, device)


def synchronize(backend: Backend, device: int) -> None:
    """Waiting with nothing queued is allowed, and so is waiting twice."""
    backend.synchronize(device)
    backend.synchronize(device)


def counters(backend: Backend, device: int) -> None:
    """The allocator's counters count."""
    gc.collect()
    before = backend.memory_stats(device)
    if not before:
        raise Verdict(UNSUPPORTED, message="the backend has no memory counters")
    wanted = {"allocated_bytes", "reserved_bytes", "peak_allocated_bytes", "allocations"}
    expect(wanted <= set(before), f"counters are missing: {sorted(wanted - set(before))}")
    buffer = backend.allocate(1 << 20, device)
    during = backend.memory_stats(device)
    grown = during["allocated_bytes"] - before["allocated_bytes"]
    expect(grown >= 1 << 20, f"allocated_bytes grew by {grown} after 1 MiB")
    expect(during["allocations"] == before["allocations"] + 1, "allocations must grow by one")
    expect(during["peak_allocated_bytes"] >= during["allocated_bytes"], "the peak is too low")
    expect(during["reserved_bytes"] >= during["allocated_bytes"], "reserved is too low")
    del buffer
    after = backend.memory_stats(device)["allocated_bytes"]
    expect(after == before["allocated_bytes"], "dropped memory is still counted", "leak")


def release(backend: Backend, device: int) -> None:
    """Memory that nobody refers to is given back: 1 GiB passes through, 16 MiB at a time."""
    first = resident()
    data = memoryview(bytes(16 << 20))
    for i in range(64):
        buffer = backend.allocate(len(data), device)
        backend.copy_from_host(buffer, 0, data)
        if i % 8 == 7:
            grown = resident() - first
            expect(grown < 256 << 20, f"the process grew by {grown >> 20} MiB", "leak")
    del buffer
    backend.empty_cache(device)
    stats = backend.memory_stats(device)
    if "reserved_bytes" in stats:
        kept = stats["reserved_bytes"]
        expect(kept < 256 << 20, f"{kept >> 20} MiB are reserved after empty_cache", "leak")


def resident() -> int:
    """Bytes of memory the process has in use; 0 where the system does not tell."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * 4096 if path.exists() else 0


def far(backend: Backend, device: int) -> None:
    """Views reach elements beyond 2**31 and 2**32: strides and offsets have 64 bits.

    Needs a buffer of 5 GiB: of host memory that need not be there, where the backend can wrap it,
    else of the device's own.
    """
    step, count = 1 << 30, 5
    if backend.traits(device).index_bits == 32:
        raise Verdict(UNSUPPORTED, message="by its traits the device's indices have 32 bits")
    try:
        # Host memory that is mapped is there only where it is touched; allocated may be cleared.
        buffer = backend.wrap_host(memoryview(mmap.mmap(-1, step * count)))
        if buffer is None:
            buffer = backend.allocate(step * count, device)
        out = backend.allocate(count, device)
    except (OutOfMemoryError, OSError) as error:
        text = (
            "it needs one buffer of 5 GiB, whose elements lie 1 GiB apart, so that their positions "
            f"need more than 32 bits; here it could not have it: {one_line(error)}"
        )
        raise Verdict(UNSUPPORTED, message=text) from None
    for i in range(count):
        backend.copy_from_host(buffer, i * step + step - 1, memoryview(bytes([10 + i])))
    choice = manager.select_kernel(backend.name, "copy", (uint8, uint8))
    if choice is None:
        raise Verdict(UNSUPPORTED, message="there is no kernel `copy`")
    wide = (buffer, uint8, (count,), (step,), step - 1)
    dense = (out, uint8, (count,), (1,), 0)
    choice.run(dense, wide)
    backend.synchronize(device)
    found = fetch(backend, out, 0, count)
    expect(found == bytes(range(10, 10 + count)), f"copy read {list(found)} from far elements")
    backend.copy_from_host(out, 0, memoryview(b"vwxyz"))
    choice.run(wide, dense)
    backend.synchronize(device)
    seen = b"".join(fetch(backend, buffer, i * step + step - 1, 1) for i in range(count))
    expect(seen == b"vwxyz", f"copy wrote {seen!r} to far elements")


# ---- what only some memory can do ------------------------------------------------------------
def host_view(backend: Backend, device: int) -> None:
    """The bytes themselves, which outlive their buffer's last reference."""
    buffer = put(backend, device, b"k" * 64)
    seen = backend.host_view(buffer)
    if seen is None:
        raise Verdict(UNSUPPORTED, message="the host does not see this memory")
    expect(seen.nbytes == 64 and seen.tobytes() == b"k" * 64, "the view shows other bytes")
    backend.copy_from_host(buffer, 0, memoryview(b"z"))
    expect(bytes(seen[:1]) == b"z", "the view does not follow a write")
    del buffer
    others = [put(backend, device, b"-" * 64) for _ in range(20)]
    expect(seen.tobytes() == b"z" + b"k" * 63, "the memory was reused under a view")
    del others


def pinned(backend: Backend, device: int) -> None:
    """Queued copies from and to pinned memory arrive, also if nobody else holds the memory."""
    size = 100_000
    first = backend.allocate_pinned(size, device)
    if first is None:
        raise Verdict(UNSUPPORTED, message="the device copies no memory of the host by itself")
    expect(first.nbytes == size and not first.readonly, "allocate_pinned gives other memory")
    del first
    buffers = [backend.allocate(size, device) for _ in range(8)]
    for number, buffer in enumerate(buffers):
        source = backend.allocate_pinned(size, device)
        assert source is not None
        source[:] = bytes([number + 1]) * size
        backend.copy_from_host_async(buffer, 0, source[: size // 2])
        backend.copy_from_host_async(buffer, size // 2, source[size // 2 :])
        del source
    targets = []
    for buffer in buffers:
        target = backend.allocate_pinned(size, device)
        assert target is not None
        targets.append(target)
        backend.copy_to_host_async(buffer, 0, target)
    found = [fetch(backend, buffer, 0, size) for buffer in buffers]
    backend.synchronize(device)
    for number, data in enumerate(found):
        expect(data == bytes([number + 1]) * size, f"copy {number} from pinned memory is wrong")
        expect(targets[number].tobytes() == data, f"copy {number} to pinned memory is wrong")


def wrap_host(backend: Backend, device: int) -> None:
    """A buffer that is the caller's bytes, shared both ways."""
    mine = bytearray(b"0123456789")
    wrapped = backend.wrap_host(memoryview(mine))
    if wrapped is None:
        raise Verdict(UNSUPPORTED, message="the backend cannot adopt host memory")
    expect(backend.nbytes(wrapped) == 10, "nbytes of the adopted memory is wrong")
    backend.copy_from_host(wrapped, 2, memoryview(b"xy"))
    backend.synchronize(device)
    expect(mine == b"01xy456789", "a write did not reach the caller's memory")
    mine[0] = ord("z")
    expect(fetch(backend, wrapped, 0, 10) == b"z1xy456789", "the caller's write is not seen")


CHECKS: Final[dict[str, Check]] = {
    check.__name__: check
    for check in (
        announcement, dtypes, traits, roundtrip, partial, empty, sizes, separate, source, fresh,
        out_of_memory, synchronize, counters, release, far, *concurrency.CHECKS, host_view, pinned,
        wrap_host,
    )
}  # fmt: skip


def cases() -> list[Case]:
    """One case per check."""
    return [Case("test", f"memory.{name}", {}) for name in CHECKS]
