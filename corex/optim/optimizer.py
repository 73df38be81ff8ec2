"""The base class of all optimizers: parameter groups, state, saving and restoring."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import corex
from corex import Tensor
from corex.errors import warn
from corex.utils.hooks import RemovableHandle

Params = Iterable[Any]
Closure = Callable[[], Any]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()
"""Marks an option that every parameter group must name."""


class Optimizer:
    """Keeps what to optimise (`param_groups`) and what was learned on the way (`state`).

    Subclasses implement `step`. Parameters are updated in place: they stay the same tensors over
    the same memory.

    Args:
        params: tensors, (name, tensor) pairs, or dictionaries that each describe a group by
            `params` and the options that differ from the defaults.
        defaults: options of groups that do not name them.

    Raises:
        TypeError: `params` is a tensor, or holds something that is no tensor.
        ValueError: no parameters, parameters that are results of computations, or twice the same.
    """

    param_groups: list[dict[str, Any]]
    state: defaultdict[Any, Any]  # by parameter, as a rule
    defaults: dict[str, Any]

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state = defaultdict(dict)
        self.param_groups = []
        self._hooks: dict[str, OrderedDict[int, Callable[..., Any]]] = {}
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {params.type()}"
            )
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def step(self, closure: Closure | None = None) -> Any:
        """Updates the parameters.

        Args:
            closure: computes the loss and its gradients anew, and returns the loss.

        Returns:
            What the closure returned, or None.
        """
        raise NotImplementedError

    def _evaluate(self, closure: Closure) -> Any:
        with corex.enable_grad():
            return closure()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients of all parameters, or sets them to zero."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none:
                    parameter.grad = None
                elif parameter.grad is not None:
                    grad = parameter.grad
                    parameter.grad = corex.zeros_like(grad) if grad.requires_grad else grad.zero_()

    # ---- groups ----------------------------------------------------------------------------
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters with options of their own.

        Args:
            param_group: `params`, and the options that differ from the defaults.

        Raises:
            TypeError: not a dictionary, or something in it is no tensor.
            ValueError: a missing option, a parameter that cannot be optimised, or one twice.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = dict(param_group)
        params = group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        params = list(params)
        named = [p for p in params if isinstance(p, tuple)]
        if named:
            if len(named) != len(params):
                raise ValueError("all optimizer params should be with/without names.")
            group["param_names"] = [name for name, _ in params]
            params = [parameter for _, parameter in params]
        for parameter in params:
            if not isinstance(parameter, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is "
                    f"{type(parameter).__module__}.{type(parameter).__qualname__}"
                )
            if not (parameter.is_leaf or parameter.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        group["params"] = params
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            group.setdefault(name, default)
        if len({id(p) for p in params}) != len(params):
            warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error",
            )
        known = {id(p) for p in chain.from_iterable(g["params"] for g in self.param_groups)}
        if any(id(p) in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        self._check_group(group)
        self.param_groups.append(group)

    def _check_group(self, group: dict[str, Any]) -> None:
        """Raises ValueError if an option of a new group makes no sense."""

    # ---- hooks -----------------------------------------------------------------------------
    def _add_hook(self, when: str, hook: Callable[..., Any]) -> RemovableHandle:
        if "step" not in self.__dict__:
            # From now on this optimizer's step runs hooks; without hooks it costs nothing.
            plain = self.step

            @functools.wraps(plain)
            def step(*args: Any, **kwargs: Any) -> Any:
                for before in list(self._hooks.get("pre", {}).values()):
                    replaced = before(self, args, kwargs)
                    if replaced is not None:
                        args, kwargs = replaced
                result = plain(*args, **kwargs)
                for after in list(self._hooks.get("post", {}).values()):
                    after(self, args, kwargs)
                return result

            self.__dict__["step"] = step
        table = self._hooks.setdefault(when, OrderedDict())
        handle = RemovableHandle(table)
        table[handle.id] = hook
        return handle

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` before every step."""
        return self._add_hook("pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` after every step."""
        return self._add_hook("post", hook)

    # ---- saving and restoring ----------------------------------------------------------------
    def _saved(self, name: str, value: Any) -> Any:
        """How an entry of a parameter's state appears in `state_dict`."""
        return value

    def _restored(self, parameter: Tensor, name: str, value: Any) -> Any:
        """The entry of a parameter's state that `state_dict` told."""
        if not isinstance(value, Tensor):
            return deepcopy(value)
        # Converted like the parameter it belongs to, and never the saved memory itself.
        if value.shape != parameter.shape:
            return value.detach().clone().to(device=parameter.device)
        dtype = parameter.dtype if parameter.is_floating_point() else value.dtype
        with corex.no_grad():
            return corex.empty_like(parameter, dtype=dtype).detach().copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """State and groups as plain dictionaries, in PyTorch's format: parameters are numbered
        in the order of the groups."""
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            packed = {name: value for name, value in group.items() if name != "params"}
            for parameter in group["params"]:
                numbers.setdefault(id(parameter), len(numbers))
            packed["params"] = [numbers[id(parameter)] for parameter in group["params"]]
            groups.append(packed)
        state: dict[Hashable, Any] = {}
        for key, entries in self.state.items():
            if isinstance(key, Tensor):
                state[numbers[id(key)]] = {n: self._saved(n, v) for n, v in entries.items()}
            else:
                state[key] = entries
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what `state_dict` gave, PyTorch's included, once its tensors are corex's.

        Raises:
            ValueError: the groups do not match.
        """
        saved_groups = state_dict["param_groups"]
        if len(saved_groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        sizes = [len(group["params"]) for group in self.param_groups]
        if sizes != [len(group["params"]) for group in saved_groups]:
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        by_number = {
            number: parameter
            for group, saved in zip(self.param_groups, saved_groups, strict=True)
            for number, parameter in zip(saved["params"], group["params"], strict=True)
        }
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, entries in state_dict["state"].items():
            parameter = by_number.get(key)
            if parameter is None:
                state[key] = deepcopy(entries)
            else:
                state[parameter] = {
                    name: self._restored(parameter, name, value)
                    for name, value in entries.items()
                    if value is not None
                }
        groups = []
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            restored = {name: deepcopy(value) for name, value in saved.items() if name != "params"}
            restored["params"] = group["params"]
            if "param_names" in group:
                restored.setdefault("param_names", group["param_names"])
            groups.append(restored)
        self.__setstate__({"state": state, "param_groups": groups})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_hooks" not in self.__dict__:
            self._hooks = {}
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            if number:
                lines.append("")
            lines.append(f"Parameter Group {number}")
            lines += [f"    {n}: {group[n]}" for n in sorted(group) if n != "params"]
        return "\n".join([*lines, ")"])


def check_not_negative(name: str, value: Any) -> None:
    """Raises ValueError, with PyTorch's words, for a negative option."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {name}: {value}")


def check_betas(betas: tuple[float, float]) -> None:
    """Raises ValueError, with PyTorch's words, for factors that are not in [0, 1)."""
    for index in (0, 1):
        if not 0.0 <= betas[index] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {betas[index]}")


def unsupported(owner: str, **flags: Any) -> None:
    """Raises NotImplementedError if one of PyTorch's options that corex lacks is switched on."""
    for name, value in flags.items():
        if value:
            raise NotImplementedError(f"{owner} does not support {name}={value!r}")
