"""How many devices there are, how much memory they have, and what is not shared between them."""

from __future__ import annotations

from collections.abc import Callable

Program = Callable[..., str]


def test_two_devices(program: Program) -> None:
    out = program(
        """
        import numpy as np, pycuda.driver as cuda
        from pycuda.compiler import SourceModule
        cuda.init()
        print(cuda.Device.count(), cuda.Device(1).pci_bus_id(), cuda.Device(1).compute_capability())
        contexts = [cuda.Device(i).retain_primary_context() for i in (0, 1)]
        contexts[1].push()
        there = cuda.mem_alloc(32)
        stream_there = cuda.Stream()
        contexts[1].pop()
        contexts[0].push()
        one = SourceModule("__global__ void one(float *a) { a[threadIdx.x] = 1; }")
        one = one.get_function("one")
        def tell(work):
            try:
                work()
                print("done")
            except cuda.Error as error:
                print(error)
        tell(lambda: one(there, block=(8, 1, 1)))
        here = cuda.mem_alloc(32)
        tell(lambda: one(here, block=(8, 1, 1), stream=stream_there))
        contexts[0].enable_peer_access(contexts[1])
        tell(lambda: one(there, block=(8, 1, 1)))
        one(here, block=(8, 1, 1))
        cuda.memcpy_peer(there, here, 32, contexts[1], contexts[0])
        contexts[0].pop()
        contexts[1].push()
        out = np.zeros(8, np.float32)
        cuda.memcpy_dtoh(out, there)
        print(out.sum())
        tell(lambda: one(there, block=(8, 1, 1)))
        contexts[1].pop()
        """,
        COREX_CUDA_SIM_DEVICES="2",
    ).splitlines()
    assert out[0] == "2 0000:02:04.0 (8, 0)"
    assert "kernel one on device 0: parameter 0 points to memory of device 1" in out[1]
    assert "the stream belongs to a context of device 1, current is one of device 0" in out[2]
    assert out[3:5] == ["done", "8.0"]
    assert "loaded in a context of device 0, current is one of device 1" in out[5]


def test_no_device(program: Program) -> None:
    out = program(
        """
        import pycuda.driver as cuda
        try:
            cuda.init()
        except cuda.Error as error:
            print(error)
        """,
        COREX_CUDA_SIM_DEVICES="0",
    )
    assert "no CUDA-capable device is detected" in out


def test_the_memory_of_a_device(program: Program) -> None:
    out = program(
        """
        import pycuda.autoinit
        import pycuda.driver as cuda
        half = cuda.mem_alloc(512 << 10)
        print(cuda.mem_get_info())
        try:
            cuda.mem_alloc(513 << 10)
        except cuda.MemoryError as error:
            print(error)
        half.free()
        cuda.mem_alloc(1 << 20)
        print(simulator.allocated_bytes())
        """,
        COREX_CUDA_SIM_MEMORY="1M",
    ).splitlines()
    assert out[0] == "(524288, 1048576)"
    assert "525312 bytes asked for, 524288 of 1048576 are in use" in out[1]
    assert out[2] == "0"


def test_attributes_are_those_of_compute_capability_8_0(program: Program) -> None:
    out = program(
        """
        import pycuda.driver as cuda
        from pycuda.tools import DeviceData
        cuda.init()
        device = cuda.Device(0)
        print(device.name(), device.compute_capability(), device.total_memory() >> 30)
        print(device.warp_size, device.max_threads_per_block, device.multiprocessor_count)
        context = device.retain_primary_context()
        context.push()
        data = DeviceData()
        print(data.shared_memory, data.max_threads)
        context.pop()
        """
    ).splitlines()
    assert out == ["CUDA simulator (sm_80) (8, 0) 4", "32 1024 108", "49152 1024"]


def test_a_program_that_ends_with_everything_alive(program: Program) -> None:
    out = program(
        """
        import numpy as np, pycuda.driver as cuda, atexit, threading
        from pycuda.compiler import SourceModule
        cuda.init()
        context = cuda.Device(0).retain_primary_context()
        context.push()
        atexit.register(context.pop)
        memory, stream, event = cuda.mem_alloc(4), cuda.Stream(), cuda.Event()
        one = SourceModule("__global__ void one(int *a) { atomicAdd(a, 1); }").get_function("one")
        cuda.memset_d32(memory, 0, 1)
        def work():
            context.push()
            for _ in range(50):
                one(memory, block=(8, 1, 1))
            cuda.Context.pop()
        threads = [threading.Thread(target=work) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        out = np.zeros(1, np.int32)
        cuda.memcpy_dtoh(out, memory)
        print(out[0])
        """
    )
    assert out == "1600\n"
