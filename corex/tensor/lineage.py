"""Which tensors are views of which, and what becomes of a view's history when memory is written.

The node of a view leads to what its base was when the view was made. Once anybody writes to the
memory, that node is a thing of the past: the view is *stale*, and when it is next asked for its
node, it gets a new one, which leads to what the base is then. That is PyTorch's rule. Nothing on
the paths that every op takes knows of it: a storage that has views to tell is of the class
`_Watched` until it is written, and a stale view is of a class whose `_node` is a property.

A view also remembers how it was made if that forbids to write to it while ops record: in no_grad
mode, as one of several, or by a custom function.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from corex.tensor.modes import mode
from corex.tensor.node import LEAVES, UNREACHED, Node
from corex.tensor.pinned import beside
from corex.tensor.storage import Storage
from corex.tensor.tensor import Tensor, tell_views

_slot: Any = Tensor.__dict__["_node"]
_read, _write = _slot.__get__, _slot.__set__
_version: Any = Storage.__dict__["version"]


class Made(NamedTuple):
    """How a view came to be, if it may not be written while ops record: what it is, and why not."""

    what: str
    why: str

    def written(self) -> RuntimeError:
        """The error of a write to the view itself."""
        return RuntimeError(
            f"{self.what} and is being modified inplace with grad mode enabled. {self.why}"
        )

    def overtaken(self) -> RuntimeError:
        """The error of a use of the view after its memory was written by another way."""
        return RuntimeError(
            f"{self.what} and its base or another view of its base has been modified inplace "
            f"with grad mode enabled. "
            f"{self.why}"
        )


NO_GRAD = Made(
    "A view was created in no_grad mode",
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your "
    "code by moving both the view and the inplace either both inside the no_grad block (if you "
    "don't want the inplace to be tracked) or both outside (if you want the inplace to be "
    "tracked).",
)
MULTIPLE = Made(
    "A view is the output of a function that returns multiple views",
    "Such functions do not allow the output views to be modified inplace. You should replace the "
    "inplace operation by an out-of-place one.",
)


# ---- the views of a base -----------------------------------------------------------------------
def register(view: Tensor, source: Tensor, made: Made | None) -> None:
    """Remembers that `view`, whose node is set, is a view of `source` (or of `source`'s base)."""
    base = source._base
    if base is None:
        base = source
    if made is None:
        made = source._made
    view._base = base
    view._at = view.storage_.version
    if made is not None:
        view._made = made
    remember(base, view)
    if view._node is not None and not base._watched:
        watch(base)


def remember(base: Tensor, view: Tensor) -> None:
    """Enters a view in the list of its base."""
    views = base._views
    if views is None:
        base._views = [weakref.ref(view)]
        return
    if len(views) >= base._views_limit:
        base._views = views = [ref for ref in views if ref() is not None]
        base._views_limit = max(8, 2 * len(views))
    views.append(weakref.ref(view))


def _views_of(base: Tensor) -> Iterator[Tensor]:
    for ref in tuple(base._views or ()):
        view = ref()
        if view is not None:
            yield view


def rebased(base: Tensor) -> None:
    """A recorded write gave `base` another node: all its views are stale."""
    for view in _views_of(base):
        _make_stale(view)


def switched(base: Tensor) -> None:
    """`base` began or ceased to require gradients without being written; its views follow it.

    One whose memory was not written since it was made still knows no way to the base: it requires
    gradients, and they go nowhere.
    """
    requires = base._node is not None
    for view in _views_of(base):
        if type(view) in _FRESH:
            continue  # looks at its base whenever it is asked
        own = _read(view)
        if not requires:
            if own is UNREACHED:
                _write(view, None)
        elif view._at != view.storage_.version:
            _make_stale(view)
        elif own is None:
            _write(view, UNREACHED)
    if requires and base._views and not base._watched:
        watch(base)


# ---- watching memory -----------------------------------------------------------------------------
class _Watched(Storage):
    """A storage whose next write makes views stale."""

    __slots__ = ()

    @property
    def version(self) -> int:
        return _version.__get__(self)  # type: ignore[no-any-return]

    @version.setter
    def version(self, value: int) -> None:
        _version.__set__(self, value)
        watchers, self.watchers = self.watchers, []
        self.__class__ = Storage  # type: ignore[assignment]
        for ref in watchers:
            base = ref()
            if base is not None:
                base._watched = False
                everyone = base._node is not None
                for view in _views_of(base):
                    if everyone or type(_read(view)) not in LEAVES:
                        _make_stale(view)


def watch(base: Tensor) -> None:
    """Has the views of `base` told of the next write to its memory."""
    base._watched = True
    storage = base.storage_
    if type(storage) is _Watched:
        storage.watchers.append(weakref.ref(base))
    else:
        storage.watchers = [weakref.ref(base)]
        storage.__class__ = _Watched


# ---- replaced memory -----------------------------------------------------------------------------
def replace_memory(t: Tensor, like: Tensor) -> None:
    """Gives `t` the memory and the layout of another tensor, or only the layout of one over its own
    memory; its identity, graph and count of versions stay, and what follows it goes along."""
    storage = t.storage_
    if like.storage_ is not storage:
        storage = beside(like.storage_)
        storage.version = t.storage_.version
        t._watched = False
    followers = [other for other in (ref() for ref in t._followers or ()) if other is not None]
    for other in (t, *followers):
        other.storage_, other.key, other.shape = storage, like.key, like.shape
        other._strides, other.offset = like._strides, like.offset


def follow(t: Tensor, other: Tensor) -> None:
    """Has `other`, which stands in for `t`, go along when the memory of `t` is replaced."""
    if t._followers is None:
        t._followers = []
    # Dead references are found by identity, so no tensor is compared.
    t._followers.append(weakref.ref(other, t._followers.remove))


# ---- stale views ---------------------------------------------------------------------------------
_FRESH: dict[type, type] = {}  # the class of a stale view -> what it is else
_STALE: dict[type, type] = {}


def _make_stale(view: Tensor) -> None:
    kind = type(view)
    if kind not in _FRESH:
        view.__class__ = _STALE.get(kind) or _stale_class(kind)


def _stale_class(kind: Any) -> Any:
    found = _STALE[kind] = type(kind)(
        kind.__name__,
        (kind,),
        {
            "__slots__": (),
            "__module__": kind.__module__,
            "__doc__": kind.__doc__,
            "_node": property(_current, _write),
            "requires_grad": property(_requires_grad, kind.requires_grad.fset),
        },
    )
    _FRESH[found] = kind
    return found


def _has_own(view: Tensor) -> bool:
    own = _read(view)
    return own is not None and own is not UNREACHED


def _requires_grad(view: Tensor) -> bool:
    """Whether gradients flow to this tensor."""
    assert view._base is not None
    return _has_own(view) or view._base._node is not None


def _current(view: Tensor) -> Node | None:
    """The node of a stale view, for which it ceases to be one.

    Raises:
        RuntimeError: the view was made in a way that leaves no such node.
    """
    base = view._base
    assert base is not None
    own = _read(view)
    if base._node is None and type(own) in LEAVES:
        return None if own is UNREACHED else own  # nothing leads from the base to it
    made = view._made
    if made is not None:
        if not mode.enabled:
            return UNREACHED  # nothing is recorded, so it is not needed
        raise made.overtaken()
    kind = _FRESH.get(type(view))
    if kind is not None:  # else another thread was faster
        node = _renew(base, view)
        view.__class__ = kind
        view._at = view.storage_.version
        hang(view, node)
        if not base._watched:
            watch(base)
    return _read(view)  # type: ignore[no-any-return]


def renew(view: Tensor) -> None:
    """Brings a view that was written up to date at once."""
    if type(view) in _FRESH:
        _current(view)


def is_overtaken(t: Tensor) -> bool:
    """Whether every recorded use of the tensor is an error, as `Made.overtaken` says."""
    base = t._base
    return (
        base is not None
        and t._made is not None
        and type(t) in _FRESH
        and (base._node is not None or type(_read(t)) not in LEAVES)
    )


def hang(t: Tensor, node: Node | None) -> None:
    """Gives a tensor another origin; what `retain_grad` registered follows it."""
    cell = t._retains_grad
    if cell is not None:
        old = _read(t)
        if old is not None and old.prehooks is not None:
            old.prehooks = [other for other in old.prehooks if other is not cell]
        cell.clear()  # it may be at an older node, from before the tensor was reshaped
        t._retains_grad = None
    t._node = node
    t._output_nr = 0
    if cell is not None and node is not None:
        t.retain_grad()


def reshaped(t: Tensor, node: Node) -> None:
    """Gives a tensor that became a view of what it was that view's node.

    All hooks stay with what it was, also what `retain_grad` registered: PyTorch's rule, and where
    it differs from that of a write.
    """
    kind = _FRESH.get(type(t))
    if kind is not None:
        t.__class__ = kind
    t._node = node
    t._output_nr = 0
    base = t._base
    if base is not None:
        t._at = t.storage_.version
        if not base._watched:
            watch(base)


def node_from_base(view: Tensor, base: Tensor) -> Node:
    """Another node of the view, on which there are no hooks."""
    return _renew(base, view)


def _unknown(base: Tensor, view: Tensor) -> Node:
    raise NotImplementedError


_renew: Callable[[Tensor, Tensor], Node] = _unknown


def renew_with(function: Callable[[Tensor, Tensor], Node]) -> None:
    """Sets what makes the node of a view from its base, which takes ops."""
    global _renew
    _renew = function


tell_views(switched)
