"""Views against PyTorch: values, gradients, strides, offsets; writes through them and in place."""

from __future__ import annotations

import pytest

from tests.parity.comparison import cases, compare

pytest.importorskip("torch")

VIEWS = cases("""
    t.view(6,4); t
    t.view(-1)
    t.view(2,-1)
    t.view((3,8))
    t.view([4,6])
    t.view(size=(4,6))
    t.view(5,5)
    t.view(-1,-1)
    t.view(-2,12)
    t.transpose(0,1).view(6,4)
    t.transpose(0,1).reshape(6,4)
    t.permute(2,0,1).reshape(4,6)
    t.permute(2,0,1).view(4,6)
    t.transpose(1,2).view(2,2,2,3)
    t[:,::2].view(2,2,2,2)
    t[:,1].view(2,2,2)
    t.reshape(())
    s.reshape(1,1,1)
    s.view(1)
    s.view(-1)
    s.reshape(-1)
    z.view(4,0)
    z.view(-1,0)
    z.view(0)
    z.reshape(0,-1)
    z.reshape(2,0,7)
    z.view(-1)
    t.reshape(24)
    t.reshape((2,3,4))
    reshape(t,(4,6))
    reshape(t,[6,-1])
    reshape(input=t, shape=(6,4))
    reshape(t,6,4)
    t.view_as(t.reshape(6,4))
    t.reshape_as(ones(4,6))
    flatten(t)
    flatten(t,1)
    flatten(t,0,1)
    flatten(t,-2,-1)
    flatten(t,2,1)
    flatten(t,3)
    flatten(s)
    flatten(z)
    t.transpose(0,2).flatten()
    t.flatten(start_dim=1)
    t.flatten(1,1)
    ravel(t)
    t.t().ravel()
    a.t().ravel()
    t.unflatten(1,(3,1))
    t.unflatten(-1,(2,-1))
    unflatten(t,2,(2,2))
    unflatten(t,2,(2,3))
    unflatten(t,0,[-1])
    t.permute(2,0,1)
    t.permute((2,0,1))
    t.permute(dims=(0,2,1))
    permute(t,(0,-1,1))
    permute(t,dims=(2,1,0))
    t.permute(0,1)
    t.permute(0,1,1)
    t.permute(0,1,3)
    s.permute(())
    s.permute()
    transpose(t,0,1)
    t.transpose(-1,0)
    t.transpose(dim0=0,dim1=2)
    t.transpose(0,3)
    s.transpose(0,-1)
    s.transpose(0,1)
    t.swapaxes(0,1)
    swapaxes(t,0,1)
    t.swapdims(0,1)
    swapdims(t,0,2)
    swapdims(t,dim0=0,dim1=2)
    a.t()
    t.t()
    s.t()
    v.t()
    t.T
    a.T
    a.H
    a.mT
    t.mT
    v.mT
    v.T
    s.T
    t.mH
    t.adjoint()
    adjoint(t)
    v.H
    movedim(t,0,2)
    t.movedim((0,1),(1,2))
    t.movedim(-1,0)
    movedim(t,(0,1),(0,))
    movedim(t,(0,0),(0,1))
    moveaxis(t,0,-1)
    t.moveaxis(source=0,destination=-1)
    movedim(t,source=0,destination=1)
    movedim(t,5,0)
    t.squeeze()
    c.squeeze()
    c.squeeze(1)
    c.squeeze(-1)
    c.squeeze(0)
    c.squeeze(dim=1)
    c.squeeze((0,1))
    c.squeeze(2)
    c.squeeze(())
    s.squeeze(0)
    s.squeeze(-1)
    s.squeeze()
    s.squeeze(1)
    squeeze(c)
    squeeze(c,1)
    ones(1,3,1).squeeze((0,2))
    ones(1,3,1).squeeze((0,0))
    t.unsqueeze(0)
    t.unsqueeze(-1)
    t.unsqueeze(1)
    t.unsqueeze(3)
    t.unsqueeze(4)
    t.unsqueeze(-4)
    t.unsqueeze(-5)
    t.unsqueeze(dim=2)
    unsqueeze(s,0)
    t.transpose(0,2).unsqueeze(1)
    c.expand(3,4)
    c.expand(-1,4)
    c.expand((2,3,4))
    c.expand(2,-1,4)
    c.expand(4,4)
    c.expand(-1,2,3,4)
    c.expand(3)
    c.expand(3,0)
    c.expand(3,-1)
    v.expand(3,4)
    s.expand(3)
    s.expand(())
    s.expand()
    c.expand_as(a)
    c.broadcast_to((2,3,5))
    broadcast_to(c,(3,5))
    broadcast_to(c,(3,))
    broadcast_tensors(c,v)
    broadcast_tensors(c,v,s)
    broadcast_tensors(a,k)
    broadcast_tensors()
    broadcast_shapes((2,1),(3,))
    broadcast_shapes((2,),(3,))
    broadcast_shapes()
    narrow(t,1,1,2)
    t.narrow(2,-2,2)
    t.narrow(1,1,5)
    t.narrow(1,4,1)
    t.narrow(1,3,0)
    t.narrow(1,0,-1)
    t.narrow(dim=1,start=0,length=2)
    t.narrow(1,tensor(1),2)
    s.narrow(0,0,1)
    select(t,0,1)
    t.select(1,-1)
    t.select(1,3)
    t.select(3,0)
    s.select(0,0)
    t.select(dim=0,index=1)
    z.select(0,0)
    split(t,2,1)
    split(t,1)
    t.split(3,dim=2)
    t.split([1,3],2)
    t.split((1,2),1)
    t.split([1,1],1)
    t.split([-1,4],1)
    t.split(0)
    t.split(-1)
    z.split(2)
    z.split(0)
    s.split(1)
    t.split(5,1)
    chunk(t,2,1)
    chunk(t,3,2)
    chunk(t,5,2)
    t.chunk(chunks=2,dim=-1)
    chunk(t,0)
    chunk(z,3)
    chunk(z,3,1)
    chunk(s,1)
    tensor_split(t,2,2)
    tensor_split(t,3,2)
    tensor_split(t,(1,3),2)
    tensor_split(t,[1,5],2)
    tensor_split(t,[-1],2)
    tensor_split(t,[3,1],2)
    tensor_split(t,0)
    tensor_split(s,2)
    t.tensor_split(4)
    tensor_split(t,tensor([1,2]),2)
    tensor_split(t,tensor(2),2)
    unbind(t)
    unbind(t,1)
    t.unbind(-1)
    z.unbind(0)
    z.unbind(1)
    s.unbind()
    hsplit(t,3)
    vsplit(t,2)
    dsplit(t,2)
    diagonal(a)
    diagonal(a,1)
    diagonal(a,-1)
    diagonal(a,9)
    diagonal(a,-9)
    diagonal(t,0,1,2)
    diagonal(t,0,-1,0)
    diagonal(t,1,dim1=0,dim2=2)
    diagonal(t,offset=-1,dim1=0,dim2=2)
    diagonal(t,0,1,1)
    diagonal(v)
    t.diagonal()
    diag(v)
    diag(v,1)
    diag(v,-2)
    diag(a)
    diag(a,1)
    diag(a,-1)
    diag(t)
    v.diag()
    diag_embed(a)
    diag_embed(a,1)
    diag_embed(v,0,0,1)
    diagflat(a)
    trace(q)
    trace(a)
    q.trace()
    trace(t)
    trace(i)
    t.unfold(2,2,1)
    t.unfold(1,3,1)
    t.unfold(-1,2,2)
    t.unfold(2,5,1)
    t.unfold(2,2,0)
    t.unfold(dimension=2,size=0,step=1)
    s.unfold(0,1,1)
    a.as_strided((2,2),(1,2))
    a.as_strided((2,2),(1,2),3)
    a.as_strided((3,3),(1,1))
    a.as_strided((3,),(0,),2)
    a.as_strided((20,),(1,))
    a.as_strided((2,),(-1,))
    a.as_strided((2,2),(1,))
    a.as_strided((),())
    as_strided(a,(2,2),(4,1),storage_offset=1)
    a.t().as_strided((2,2),(1,2))
    a[1:].as_strided((2,2),(1,2))
    t.detach()
    t.clone()
    t.transpose(0,2).clone()
    t[:,::2].clone()
    c.expand(3,4).clone()
    t.transpose(0,2).contiguous()
    t.contiguous()
    t.transpose(0,1).is_contiguous()
    ones(1,3).t().is_contiguous()
    t.numel(), t.dim(), t.ndim, t.nelement()
    t.size(), t.size(0), t.size(-1), t.shape
    t.size(3)
    t.stride(), t.stride(0), t.stride(-1)
    t.stride(5)
    s.size(0)
    s.size()
    t.storage_offset(), t[1].storage_offset(), t[1,2].storage_offset()
    t[1].data_ptr() - t.data_ptr()
    t.element_size(), t.itemsize, t.nbytes
    t.is_floating_point(), i.is_floating_point(), i.is_signed(), u8.is_signed(), t.is_complex()
    len(t)
    len(s)
    t.data
    atleast_1d(s)
    atleast_2d(s), atleast_2d(v), atleast_3d(v), atleast_3d(a), atleast_3d(s)
    atleast_1d(s, v)
    t.stride(dim=0), t.size(dim=1)
    numel(t)
    is_tensor(t), is_floating_point(t)
    t.to(float32)
    t.to(float32, copy=True)
    t.to(t)
    t.to('cpu')
    t.to('cpu', float32)
    t.to(device='cpu', dtype=float32)
    t.to(i)
    i.to(float64)
    t.to(dtype=int64)
    t.to()
    t.float(), t.double(), i.float()
    t.int(), t.long(), t.bool(), u8.byte(), i.bool()
    t.type_as(i), i.type_as(t)
    t.cpu()
    special.to(int64)[:9]
    special.to(bool)
    tensor([300, -1, 256]).to(uint8)
    tensor([1e10, -3.7]).to(int64)
    ones(2,3,4).stride(), zeros(0,3).stride(), ones(2,0,3).stride()
    t.expand(2,2,3,4).stride()
    t.permute(1,0,2).unsqueeze(1).stride()
    c.unsqueeze(0).unsqueeze(-1).stride()
    a[1:2].t().stride(), a[1:2].is_contiguous(), a[:,1:2].is_contiguous(), a[:,1:2].stride()
    a.select(0,1).is_contiguous(), a.select(1,1).is_contiguous()
    a.view(3,2,2).transpose(1,2).reshape(3,4).stride()
    a.view(1,12).stride(), a.view(12,1).stride(), a.view(3,1,4,1).stride(), a.t().view(4,3,1).stride(), a.t().view(4,1,3).stride(),a.t().view(1,4,3).stride()
    s.view(1,1).stride(), s.expand(1,1).stride(), s.expand(2,1).stride(), v.expand(1,4).stride(), c.expand(1,3,1).stride()
    z.t().stride(), z.view(0,2,2).stride(), z.reshape(4,0).stride(), z.unsqueeze(1).stride(), z.expand(2,0,4).stride()
""")  # noqa: E501


@pytest.mark.parametrize("code", VIEWS)
def test_views(code: str) -> None:
    assert not compare(code, strides=True)


# A write through `view`, with `r0` the base; the outcome is both afterwards.
SHOWN = """
    r0[1]
    r0[:,1]
    r0[::2,1:]
    r0.t()
    r0.t()[1:]
    r0.view(-1)
    r0.view(2,6)[:,::2]
    r0.view(3,2,2).permute(2,0,1)[1]
    r0.reshape(12)[3:7]
    r0.unsqueeze(1)
    r0.narrow(1,1,2)
    r0.select(0,2)
    r0.diagonal()
    r0.diagonal(1)
    r0.unfold(1,2,2)
    r0.as_strided((2,2),(1,4),3)
    r0.squeeze()
    r0.movedim(0,1)
    r0.flatten()
    r0.expand(3,4)
    r0[1][1:]
    r0[...]
    r0.detach()
    r0.data
    r0.T.contiguous()
    r0.swapaxes(0,1)[2]
"""
WRITES = [
    "r1.add_(1)", "r1.mul_(2)", "r1.fill_(3)", "r1.zero_()", "r1[...]=5", "r1.copy_(r1.detach()*2)",
    "r1.sin_()", "r1.mul_(s)", "r1+=s", "r1.clamp_(-0.5,0.5)", "r1.masked_fill_(r1.detach()>0,9)",
    "r1.relu_()", "r1[0]=s",
]  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("view", cases(SHOWN))
def test_writes_through_views(view: str, write: str) -> None:
    for base in ("a*1", "a.detach().clone()", "(a*1).t().clone().t()"):
        for shown in ("r0, r1", "r0.sum(0)*2, r1*1"):
            code = f"r0={base}; r1={view}; {write}; {shown}"
            assert not compare(code), code


@pytest.mark.parametrize("write", WRITES)
def test_writes_through_one_of_many_views(write: str) -> None:
    # PyTorch refuses this where gradients are involved; corex does not.
    write = write.replace("(s)", "(2)").replace("=s", "=2")
    for view in ("split(2,1)[1]", "chunk(2)[0]", "unbind(1)[2]", "tensor_split(3,1)[0]"):
        code = f"r0=a.detach().clone(); r1=r0.{view}; {write}; r0, r1"
        assert not compare(code), code


# A write to the base, with `r1` a view made before and used after.
@pytest.mark.parametrize("view", cases(SHOWN))
def test_views_see_writes_to_the_base(view: str) -> None:
    for write in ("r0.mul_(s)", "r0[0]=v", "r0.t()[1].zero_()", "r0.add_(r1.detach().sum())"):
        code = f"r0=a*1; r1={view}; {write}; r1*1, r0"
        assert not compare(code), code


IN_PLACE_VIEWS = cases("""
    r0=a*1; r0.t_(); r0
    r0=a*1; r0.transpose_(0,1); r0
    r0=c*1; r0.squeeze_(); r0
    r0=c*1; r0.squeeze_(1); r0
    r0=a*1; r0.unsqueeze_(1); r0
    r0=a*1; r0.swapaxes_(0,1); r0.mul_(2); r0
    r0=a.detach().clone(); r1=r0[1]; r0.t_(); r0[1,1]=9; r0, r1
    r0=a*1; r1=r0*2; r1.t_(); r1@r0
    a.t_()
    r0=t*1; r0.t_()
    r0=a*1; r0.unsqueeze_(5)
""")


@pytest.mark.parametrize("code", IN_PLACE_VIEWS)
def test_views_in_place(code: str) -> None:
    assert not compare(code, strides=True)
