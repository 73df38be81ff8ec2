"""What tensors say of themselves."""

from __future__ import annotations

import pytest

import corex

NEVER = "is_mkldnn is_quantized is_nested volatile is_meta is_mps is_xla is_xpu".split()


def test_flags(each_backend: str) -> None:
    t = corex.ones(2, 3)
    assert [getattr(t, name) for name in NEVER] == [False] * len(NEVER)
    assert t.is_cpu
    assert (t.is_inference(), t.is_distributed(), t.name) == (False, False, None)
    assert (t.ndimension(), t.get_device(), t.grad_dtype) == (2, -1, corex.float32)
    assert t.const_data_ptr() == t.data_ptr()
    assert corex.tensor(2.0).is_nonzero()
    with pytest.raises(RuntimeError, match="ambiguous"):
        t.is_nonzero()


def test_the_same_elements(each_backend: str) -> None:
    t = corex.ones(2, 3)
    assert t.is_set_to(t.view(2, 3))
    assert t.is_set_to(t.detach())
    assert not any(t.is_set_to(other) for other in (t.clone(), t.T, t[:1], t[1:], t.flatten()))
    assert t.is_same_size(t.long())
    assert not t.is_same_size(t.T)


def test_order_of_dims() -> None:
    t = corex.empty(2, 3, 4, 5, memory_format=corex.channels_last)
    assert t.dim_order() == t.dim_order(ambiguity_check=True) == (0, 2, 3, 1)
    assert corex.ones(2, 3).T.dim_order() == (1, 0)
    one = corex.ones(2, 1, 1, 5)
    assert one.dim_order() == (0, 1, 2, 3)
    assert one.dim_order(ambiguity_check=[corex.contiguous_format]) == (0, 1, 2, 3)
    for check in (True, [], [corex.contiguous_format, corex.contiguous_format]):
        with pytest.raises(RuntimeError, match="unique dim order"):
            one.dim_order(ambiguity_check=check)
    with pytest.raises(TypeError, match="ambiguity_check"):
        one.dim_order(ambiguity_check="all")  # type: ignore[arg-type]
