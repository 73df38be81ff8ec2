"""Random programs, one statement at a time: views, writes, graphs and passes through them.

A statement is text that both libraries run, as `lib`. Which statement comes next is drawn with the
state of PyTorch's run in view, so that shapes mostly fit; what does not fit is a case as well.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

SHAPES = [(), (3,), (4,), (2, 3), (3, 2), (2, 2), (1, 3), (3, 1), (2, 2, 2), (0, 3), (2, 3, 2)]


class Program:
    """A program in the making.

    Attributes:
        tensors: name -> PyTorch's tensor, of all that there are now.
        reentrant: whether a checkpoint of PyTorch's older kind was made; it forbids some passes.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.tensors: dict[str, Any] = {}
        self.reentrant = False
        self.count = 0
        self.steps = 0

    # ---- choosing ----------------------------------------------------------------------------
    def fresh(self) -> str:
        """A new name."""
        self.count += 1
        return f"t{self.count}"

    def pick(self, wanted: Callable[[Any], bool] = lambda t: True) -> str | None:
        """The name of a tensor, rather a late one."""
        names = [name for name, t in self.tensors.items() if wanted(t)]
        if not names:
            return None
        return self.random.choice(names[-4:] if self.random.random() < 0.6 else names)

    def number(self) -> str:
        return self.random.choice(["2.0", "0.5", "-1.5", "3", "1.25", "-0.75"])

    def next(self) -> str:
        """The next statement."""
        self.steps += 1
        if len(self.tensors) < 2:
            return self.create()
        while True:
            makers, weights = zip(*_KINDS, strict=True)
            statement = self.random.choices(makers, weights)[0](self)
            if statement is None:
                continue
            if self.random.random() < 0.1 and "\n" not in statement:
                mode = self.random.choice(["no_grad", "no_grad", "enable_grad"])
                statement = f"with lib.{mode}():\n    {statement}"
            return statement

    # ---- what there is to do -----------------------------------------------------------------
    def create(self) -> str:
        shape = self.random.choice(SHAPES)
        size = 1
        for n in shape:
            size *= n
        values = [round(self.random.uniform(-2, 2), 2) for _ in range(size)]
        kind = self.random.choice(["float64"] * 6 + ["float32", "int64"])
        gradient = kind != "int64" and self.random.random() < 0.55
        if kind == "int64":
            values = [int(2 * v) for v in values]
        text = f"lib.tensor({values}, dtype=lib.{kind}).reshape({shape})"
        text = text if not gradient else f"{text}.clone().requires_grad_()"
        return f"{self.fresh()} = {text}"

    def view(self) -> str | None:
        name = self.pick()
        if name is None:
            return None
        return f"{self.fresh()} = {self.view_of(name)}"

    def view_of(self, name: str) -> str:
        t, random = self.tensors[name], self.random
        ndim = t.dim()
        forms = ["{}.detach()", "{}.reshape(-1)", "{}.view(-1)", "{}[...]", "{}.unsqueeze(0)"]
        forms += ["{}.squeeze()", "{}.view_as({})", "{}.data", "{}.expand(2, *{}.shape)"]
        forms += ["{}[None]", "{}.flatten()", "{}.T" if ndim == 2 else "{}.unsqueeze(-1)"]
        if ndim:
            d = random.randrange(ndim)
            n = t.shape[d]
            i, j = random.randrange(max(n, 1)), random.randrange(n + 1)
            forms += [
                f"{{}}.select({d}, {i})",
                f"{{}}.narrow({d}, {min(i, n)}, {max(0, n - i)})",
                f"{{}}.narrow({d}, 0, {j})",
                f"{{}}[{i}]" if d == 0 else f"{{}}[:, {i}]" if d == 1 else f"{{}}[..., {i}]",
                "{}[1:]",
                "{}[::2]",
                "{}[..., :1]",
                f"{{}}.split({max(1, n // 2)}, {d})[0]",
                f"{{}}.chunk(2, {d})[-1]",
                f"{{}}.unbind({d})[{i}]",
                f"{{}}.tensor_split(2, {d})[0]",
                f"{{}}.unfold({d}, {min(2, max(n, 1))}, 2)",
                f"{{}}.as_strided(({max(n, 1)},), (1,), {{}}.storage_offset())",
                "{}.broadcast_to({}.shape)",
                f"{{}}.expand({', '.join('-1' for _ in range(ndim))})",
                f"{{}}.split([{j}, {n - j}], {d})[1]",
            ]
        if ndim > 1:
            order = list(range(ndim))
            random.shuffle(order)
            forms += [
                f"{{}}.permute({order})",
                "{}.transpose(0, 1)",
                "{}.movedim(0, -1)",
                "{}.diagonal()",
                "{}.mT",
                "{}.swapaxes(-1, 0)",
                "{}.reshape(-1, 2)",
                "{}.flatten(0, 1)",
                "{}.transpose(0, 1).reshape(-1)",
            ]
        form = random.choice(forms)
        return form.replace("{}", name)

    def operand(self, name: str) -> str:
        """A number, or a tensor (or a view of one) that broadcasts to `name`."""
        if self.random.random() < 0.4:
            return self.number()
        shape = tuple(self.tensors[name].shape)
        other = self.pick(lambda t: _broadcasts(tuple(t.shape), shape))
        return self.number() if other is None else other

    def write(self) -> str | None:
        name = self.pick(lambda t: t.is_floating_point()) or self.pick()
        if name is None:
            return None
        t, random = self.tensors[name], self.random
        target = name
        if random.random() < 0.25:
            target = self.view_of(name)
        form = random.choice(_WRITES if random.random() < 0.8 or not t.dim() else _PARTS)
        other = self.operand(name)
        if "[0" in form and not t.shape[0]:
            return None
        if "{o}" in form and other in self.tensors and self.clashes(name, other, target != name):
            return None
        repeats = _overlaps_itself(t) or "expand" in target or "broad" in target
        if repeats and ("mask" in form or "index" in form or "] = " in form or "scatter" in form):
            return None  # PyTorch warns that it will refuse this
        return form.format(t=target, o=other, n=self.number(), f=f"float({self.number()})")

    def clashes(self, name: str, other: str, part: bool = False) -> bool:
        """Whether a write to a tensor, or to a part of it, would read what it overwrites in a way
        that PyTorch does not find."""
        a, b = self.tensors[name], self.tensors[other]
        if a.untyped_storage().data_ptr() != b.untyped_storage().data_ptr():
            return False
        return part or not (_is_dense(a) and _is_dense(b))

    def compute(self) -> str | None:
        name = self.pick(lambda t: t.is_floating_point()) or self.pick()
        if name is None:
            return None
        t = self.tensors[name]
        form = self.random.choice(_OPS)
        if "[0, 0]" in form and not (t.dim() and t.shape[0]):
            return None
        if "softmax" in form and not t.is_floating_point():
            return None
        text = form.format(t=name, o=self.operand(name), n=self.number())
        return f"{self.fresh()} = {text}"

    def again(self) -> str | None:
        """The same name for another value: the old tensor goes, if nothing keeps it."""
        name = self.pick(lambda t: t.is_floating_point())
        if name is None:
            return None
        return self.random.choice(["{t} = {t} * 2", "{t} *= 1.5", "{t} += {o}", "del {t}"]).format(
            t=name, o=self.number()
        )

    def state(self) -> str | None:
        name = self.pick(lambda t: t.is_floating_point())
        if name is None:
            return None
        form = self.random.choice(_STATES)
        other = self.pick(
            lambda t: t.shape == self.tensors[name].shape and t.dtype == self.tensors[name].dtype
        )
        if "{o}" in form and (other is None or other == name):
            return None
        if "accumulate" in form and self.reentrant:
            return None  # PyTorch's pass within a pass calls it twice
        if "hook" in form and self.tensors[name]._is_view() and not self.recorded(name):
            return None  # PyTorch 2.13 crashes
        if ".data = " in form and self.tensors[name]._is_view():
            return None  # its versions would be counted in two places
        if "copy_" in form and self.clashes(name, other or name):
            return None
        return form.format(t=name, o=other, n=self.number(), k=self.steps)

    def recorded(self, name: str) -> bool:
        """Whether a recorded op made the tensor."""
        try:
            return self.tensors[name].grad_fn is not None
        except RuntimeError:
            return False

    def call(self) -> str | None:
        """A custom function or a checkpoint."""
        name = self.pick(lambda t: t.is_floating_point())
        if name is None:
            return None
        if self.random.random() < 0.35:
            function = self.random.choice(["Square", "Exp", "Same", "Part", "Dirty", "Twice"])
            suffix = "[0]" if function == "Twice" else ""
            return f"{self.fresh()} = {function}.apply({name}){suffix}"
        other = self.pick(lambda t: t.is_floating_point() and t.dtype == self.tensors[name].dtype)
        body = self.random.choice(_BODIES)
        reentrant = self.random.random() < 0.3 and self.tensors[name].requires_grad
        reentrant = reentrant and body != "t: t"
        if any(t._post_accumulate_grad_hooks for t in self.tensors.values()):
            reentrant = False
        self.reentrant = self.reentrant or reentrant
        extra = f", {other}" if "u" in body.split(":")[0].split() else ""
        body = body.format(o=other)
        target = self.fresh()
        if self.random.random() < 0.3:
            return f"{name} += checkpoint(lambda {body}, {name}{extra}, use_reentrant={reentrant})"
        return f"{target} = checkpoint(lambda {body}, {name}{extra}, use_reentrant={reentrant})"

    def backward(self) -> str | None:
        name = self.pick(lambda t: t.requires_grad)
        if name is None:
            return None
        forms = [
            "{t}.sum().backward()",
            "{t}.sum().backward()",
            "({t} * {t}).sum().backward()",
            "{t}.sum().backward(retain_graph=True)",
            "{t}.backward(lib.ones_like({t}))",
            "{t}.backward(lib.ones_like({t}) * 2, retain_graph=True)",
        ]
        leaf = self.pick(lambda t: t.requires_grad)
        if not self.reentrant:
            forms += [
                "{t}.sum().backward(inputs=[{x}])",
                "{t}.sum().backward(retain_graph=True, inputs=[{x}])",
                "{t}.sum().backward(create_graph=True)",
                "{new}, = lib.autograd.grad(({t} * {t}).sum(), [{x}], allow_unused=True)",
                "{new}, = lib.autograd.grad(({t} * {t}).sum(), [{x}], create_graph=True)",
                "{new}, = lib.autograd.grad({t}.sin().sum(), [{x}], retain_graph=True)",
            ]
        form = self.random.choice(forms)
        return form.format(t=name, x=leaf, new=self.fresh() if "new" in form else "")


def _broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    if len(shape) > len(target):
        return False
    tail = target[len(target) - len(shape) :]
    return all(a in (1, b) for a, b in zip(shape, tail, strict=True))


def _is_dense(t: Any) -> bool:
    step = 1
    for stride, size in sorted(zip(t.stride(), t.shape, strict=True)):
        if size != 1:
            if stride != step:
                return False
            step *= size
    return True


def _overlaps_itself(t: Any) -> bool:
    reach = 0
    for stride, size in sorted(zip(t.stride(), t.shape, strict=True)):
        if size > 1:
            if stride <= reach:
                return True
            reach += stride * (size - 1)
    return False


_WRITES = [
    "{t}.add_({o})",
    "{t}.mul_({o})",
    "{t}.sub_({o})",
    "{t}.mul_({n})",
    "{t}.add_({o}, alpha=2)",
    "{t}.div_(2.5)",
    "{t}.copy_({o})",
    "{t}.copy_({o})",
    "{t}.fill_({f})",
    "{t}.zero_()",
    "{t}.sin_()",
    "{t}.tanh_()",
    "{t}.neg_()",
    "{t}.abs_()",
    "{t}.sigmoid_()",
    "{t}.relu_()",
    "{t}.square_().tanh_()",
    "{t}.tanh_().exp_()",
    "{t}.clamp_(-1, 1)",
    "{t}.clamp_(min=0)",
    "{t}.pow_(2).tanh_()",
    "{t}.masked_fill_({t}.detach() > 0, {n})",
    "{t}.cumsum_(-1)",
    "{t}.lerp_({o}, 0.5)",
    "{t}.addcmul_({t}, {t}.sin())",
    "{t}.floor_()",
    "{t}.t_()",
    "{t}.squeeze_()",
    "{t}.unsqueeze_(0)",
    "{t}.transpose_(0, -1)",
    "{t}[...] = {n}",
    "{t}[...] = {o}",
]
_PARTS = [
    "{t}[0] = {n}",
    "{t}[:1] = {n}",
    "{t}[..., 0] = {n}",
    "{t}[1:] *= 2",
    "{t}[0] += 1.5",
    "{t}[:1].mul_({n})",
    "{t}[{t}.detach() > 0] = {n}",
    "{t}[lib.tensor([0])] = {n}",
    "{t}.index_fill_(0, lib.tensor([0]), {f})",
    "{t}.index_add_(0, lib.tensor([0]), {t}[:1].detach().clone())",
    "{t}.index_put_((lib.tensor([0]),), {t}[:1].clone() * 2)",
    "{t}.index_put_((lib.tensor([0, 0]),), {t}[:1].clone(), accumulate=True)",
    "{t}.scatter_(0, lib.zeros_like({t}[:1], dtype=lib.int64), 0.5)",
    "{t}.select(0, 0).copy_({t}.select(0, -1).clone())",
    "{t}.split(1)[0].mul_(2)",
    "{t}.unbind(0)[0].add_(1)",
]
_OPS = [
    "{t} + {o}",
    "{t} * {o}",
    "{t} - {o}",
    "{o} - {t}",
    "{t} / 2.5",
    "{t} * {t}",
    "{t}.sin()",
    "{t}.exp().tanh()",
    "{t}.tanh()",
    "{t}.relu()",
    "{t}.sigmoid()",
    "{t}.sum()",
    "{t}.sum(0)",
    "{t}.sum(-1, keepdim=True)",
    "{t}.mean(-1)",
    "{t}.clone()",
    "{t}.contiguous()",
    "{t}.float()",
    "{t}.double()",
    "{t}.cumsum(-1)",
    "{t}.softmax(-1)",
    "{t}.flip(0)",
    "{t}.abs()",
    "{t}.square()",
    "{t} ** 2",
    "{t}.clamp(-1, 1)",
    "lib.cat([{t}, {t}])",
    "lib.stack([{t}, {t}])",
    "lib.where({t} > 0, {t}, {o})",
    "{t} @ {t}.mT",
    "{t}.t() @ {t}",
    "{t}.amax(-1)",
    "{t}.max()",
    "{t}.prod(-1)",
    "{t}.var(-1)",
    "{t}.index_select(0, lib.tensor([0, 0]))",
    "{t}[lib.tensor([0, 0])]",
    "{t}[{t} > 0]",
    "{t}.repeat(2, *[1 for _ in {t}.shape])",
    "{t}.masked_fill({t} > 0, 0.5)",
    "{t}.tril()",
    "lib.nn.functional.gelu({t})",
    "{t}.to(lib.float32)",
    "{t}.reshape(-1).dot({t}.reshape(-1))",
    "lib.zeros_like({t})",
    "{t}.new_zeros({t}.shape)",
    "lib.empty_like({t}).copy_({t})",
    "{t}.logsumexp(-1)",
]
_STATES = [
    "{t}.detach_()",
    "{t}.detach_()",
    "{t}.requires_grad_()",
    "{t}.requires_grad_(False)",
    "{t}.retain_grad()",
    "{t}.register_hook(lambda g: log.append(('h{k}', g.sum().item())))",
    "{t}.register_hook(lambda g: g * 2)",
    "{t}.grad_fn.register_hook(lambda i, o: log.append(('n{k}',)))",
    "{t}.grad_fn.register_prehook(lambda o: log.append(('p{k}',)))",
    # The hook is called with the leaf, so corex calls none if there is no leaf any more.
    "kept.append({t}); {t}.register_post_accumulate_grad_hook("
    "lambda t: log.append(('a{k}', t.grad.sum().item())))",
    "{t}.grad = None",
    "{t}.grad.zero_()",
    "{t}.data = {o}",
    "{t}.data.mul_(2)",
    "{t}.detach().mul_(2)",
    "{t}.data.copy_({o})",
]
_BODIES = [
    "t: t * t * t",
    "t: t.sin() * t",
    "t: (t * {o}).tanh()",
    "t: t.exp().tanh() * {o}",
    "t: t[..., :1].sin() * t",
    "t: (t * 2).sin_().mul_(t)",
    "t: t.clone().mul_({o}).sin()",
    "t, u: (t * u).sin()",
    "t, u: t.tanh() * u * u",
    "t: checkpoint(lambda s: s.sin() * s, t, use_reentrant=False) * t",
    "t: t",
]
_KINDS: list[tuple[Callable[[Program], str | None], int]] = [
    (Program.create, 2),
    (Program.view, 8),
    (Program.write, 8),
    (Program.compute, 6),
    (Program.again, 1),
    (Program.state, 4),
    (Program.call, 2),
    (Program.backward, 4),
]
