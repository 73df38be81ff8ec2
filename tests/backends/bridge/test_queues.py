"""Streams, events, traits and features of a table."""

from __future__ import annotations

import gc
import threading

import pytest

from corex.backend import CBackend
from corex.backend.traits import Traits
from corex.dtypes import bool_, int32


def test_features_are_what_the_table_has(odd, library):
    assert odd.features == {"copy_device", "events", "memory_info", "memory_stats", "streams"}
    assert CBackend(library.wrong_table(b"older")).features == {"copy_device", "memory_stats"}


def test_streams(odd, library):
    default = odd.default_stream(1)
    assert default.handle == 0
    assert odd.current_stream(1) == default
    stream = odd.new_stream(1)
    assert stream != default
    odd.set_stream(stream)
    assert odd.current_stream(1) is stream
    assert odd.current_stream(0) == odd.default_stream(0)
    assert [library.stream_in_use(k) for k in range(2)] == [0, stream.handle]
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(odd.current_stream(1)))
    thread.start()
    thread.join()
    assert elsewhere == [default]
    odd.set_stream(default)
    assert library.stream_in_use(1) == 0


def test_events(odd):
    stream = odd.new_stream(0)
    start, end = odd.new_event(True), odd.new_event(True)
    start.record(stream)
    assert not start.query()
    assert not stream.query()
    stream.wait_event(start)
    start.synchronize()
    assert stream.query()
    end.record(stream)
    stream.synchronize()
    assert end.query()
    assert start.elapsed_time(end) == 2
    with pytest.raises(ValueError, match="takes no time"):
        odd.new_event(False).elapsed_time(end)


def test_what_is_dropped_is_freed(odd, library):
    before = library.count_of_freed()
    stream, event = odd.new_stream(0), odd.new_event(True)
    del stream, event
    gc.collect()
    assert library.count_of_freed() == before + 2
    odd.default_stream(0)  # is nobody's to free


def test_memory_info(odd):
    assert [odd.memory_info(k) for k in range(2)] == [(1000, 5000), (2000, 5000)]


def test_a_table_without_them_says_so(library):
    table = CBackend(library.wrong_table(b"older")).table
    with pytest.raises(NotImplementedError, match="odd has no streams"):
        table.new_stream(0)
    with pytest.raises(NotImplementedError, match="odd has no events"):
        table.new_event(True)


def test_traits(odd, library):
    assert odd.traits(0) == Traits()
    assert odd.traits(1) == Traits(
        subnormals="flushed",
        ulps={"unary": 16, "reduce": 8},
        held_only=frozenset({bool_, int32}),
        index_bits=32,
        errors="deferred",
    )
    with pytest.raises(ValueError, match="'colour=green' is no trait"):
        CBackend(library.wrong_table(b"traits")).traits(0)
