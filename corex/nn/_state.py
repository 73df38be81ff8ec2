"""Saving and restoring a module's tensors by name: state_dict and load_state_dict."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import corex
from corex import Tensor
from corex.nn.parameter import Parameter, is_lazy
from corex.utils.hooks import RemovableHandle

EXTRA_STATE_KEY = "_extra_state"


class _Keys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]


class IncompatibleKeys(_Keys):
    """What `load_state_dict(strict=False)` could not match."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class StateDict(OrderedDict[str, Any]):
    """An ordered dictionary of tensors, with the modules' versions beside it (`_metadata`)."""

    _metadata: OrderedDict[str, dict[str, Any]]


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


class StateMixin:
    """The part of `Module` that turns it into a dictionary of tensors and back."""

    _version: int = 1

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: OrderedDict[int, Callable[..., Any]]
    _state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _load_state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _load_state_dict_post_hooks: OrderedDict[int, Callable[..., Any]]

    # ---- hooks -----------------------------------------------------------------------------
    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata)` after `state_dict()`."""
        handle = RemovableHandle(self._state_dict_hooks)
        self._state_dict_hooks[handle.id] = hook
        return handle

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, prefix, keep_vars)` before `state_dict()`."""
        handle = RemovableHandle(self._state_dict_pre_hooks)
        self._state_dict_pre_hooks[handle.id] = hook
        return handle

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)` before the module's own entries are loaded."""
        handle = RemovableHandle(self._load_state_dict_pre_hooks)
        self._load_state_dict_pre_hooks[handle.id] = hook
        return handle

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, incompatible_keys)` after the module was loaded."""
        handle = RemovableHandle(self._load_state_dict_post_hooks)
        self._load_state_dict_post_hooks[handle.id] = hook
        return handle

    # ---- saving ----------------------------------------------------------------------------
    def get_extra_state(self) -> Any:
        """Override together with `set_extra_state` to keep more than tensors in a state dict."""
        raise RuntimeError("get_extra_state() was called on a module that does not override it")

    def set_extra_state(self, state: Any) -> None:
        """Receives what `get_extra_state` gave."""
        raise RuntimeError("set_extra_state() was called on a module that does not override it")

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        """Adds this module's own entries, without its children's."""
        entries: dict[str, Tensor | None] = {**self._parameters, **self._buffers}
        for name, entry in entries.items():
            if entry is not None and name not in self._non_persistent_buffers_set:
                kept = keep_vars or is_lazy(entry)
                destination[prefix + name] = entry if kept else entry.detach()
        if type(self).get_extra_state is not StateMixin.get_extra_state:
            destination[prefix + EXTRA_STATE_KEY] = self.get_extra_state()

    def state_dict(
        self,
        *,
        destination: Any = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> Any:
        """Parameters and persistent buffers by name; the tensors share the module's memory.

        Args:
            destination: a dictionary to add the entries to.
            prefix: put before every name.
            keep_vars: keep the entries attached to the autograd graph.
        """
        if destination is None:
            destination = StateDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in self._state_dict_hooks.values():
            hook(self, destination, prefix, local_metadata)
        return destination

    # ---- loading ---------------------------------------------------------------------------
    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Copies this module's own entries out of `state_dict`, without its children's."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(
                self,
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
        own: dict[str, Tensor | None] = dict(self._parameters)
        own.update(
            (name, buffer)
            for name, buffer in self._buffers.items()
            if name not in self._non_persistent_buffers_set
        )
        assign = bool(local_metadata.get("assign_to_params_buffers", False))
        for name, target in own.items():
            if target is None:
                continue
            key = prefix + name
            if key in state_dict:
                message = self._load_entry(name, key, target, state_dict[key], assign)
                if message:
                    error_msgs.append(message)
            elif strict:
                missing_keys.append(key)

        has_extra = type(self).set_extra_state is not StateMixin.set_extra_state
        extra_key = prefix + EXTRA_STATE_KEY
        if has_extra and extra_key in state_dict:
            self.set_extra_state(state_dict[extra_key])
        elif strict and has_extra:
            missing_keys.append(extra_key)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and (key != extra_key or not has_extra):
                    first = key[len(prefix) :].split(".", 1)
                    is_child = len(first) > 1 and first[0] in self._modules
                    if not is_child and (len(first) > 1 or first[0] not in own):
                        unexpected_keys.append(key)

    def _load_entry(
        self, name: str, key: str, target: Tensor, value: Any, assign: bool
    ) -> str | None:
        """Loads one tensor; returns what was wrong, if anything was."""
        if not isinstance(value, Tensor):
            # Tensors of other libraries, PyTorch's above all, come in through NumPy.
            import numpy as np

            if not hasattr(value, "__array__"):
                return (
                    f'While copying the parameter named "{key}", expected corex.Tensor or '
                    f"Tensor-like object from checkpoint but received {type(value)}"
                )
            value = corex.tensor(np.asarray(value), device=target.device)
        if is_lazy(value):
            return None if is_lazy(target) else (
                f"{key} has no shape yet in the checkpoint, but has one in current model: run "
                "the model that it comes from once before saving it."
            )  # fmt: skip
        if target.dim() == 0 and value.dim() == 1 and value.shape[0] == 1:
            value = value[0]
        if value.shape != target.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape!r} from "
                f"checkpoint, the shape in current model is {target.shape!r}."
            )
        try:
            with corex.no_grad():
                if not assign:
                    target.copy_(value)
                elif isinstance(target, Parameter):
                    if not isinstance(value, Parameter):
                        value = Parameter(value, requires_grad=target.requires_grad)
                    setattr(self, name, value)
                else:
                    setattr(self, name, value)
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{target.shape!r} and whose dimensions in the checkpoint are {value.shape!r}, "
                f"an exception occurred : {error.args}."
            )
        return None

    def _load_recursive(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        metadata: Mapping[str, dict[str, Any]],
        strict: bool,
        assign: bool,
        found: tuple[list[str], list[str], list[str]],
    ) -> None:
        missing, unexpected, errors = found
        local_metadata = dict(metadata.get(prefix[:-1], {}))
        if assign:
            local_metadata["assign_to_params_buffers"] = True
        # The recursion asks for strict reports always; load_state_dict decides what is an error.
        self._load_from_state_dict(
            state_dict, prefix, local_metadata, True, missing, unexpected, errors
        )
        for name, child in self._modules.items():
            if child is not None:
                child_prefix = f"{prefix}{name}."
                part = {k: v for k, v in state_dict.items() if k.startswith(child_prefix)}
                child._load_recursive(part, child_prefix, metadata, strict, assign, found)
        incompatible = IncompatibleKeys(missing, unexpected)
        for hook in self._load_state_dict_post_hooks.values():
            hook(self, incompatible)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copies parameters and buffers from `state_dict`, matched by name.

        Entries may be corex tensors or tensors of another library that NumPy can read.

        Args:
            state_dict: names to tensors.
            strict: raise when names do not match exactly.
            assign: put the given tensors into the module instead of copying their values.

        Raises:
            TypeError: `state_dict` is not a mapping.
            RuntimeError: names (if strict) or shapes do not match; every mismatch is listed.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None) or {}
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        self._load_recursive(
            OrderedDict(state_dict), "", metadata, strict, assign, (missing, unexpected, errors)
        )
        if strict:
            listed = [("Missing", missing), ("Unexpected", unexpected)]
            errors[:0] = [
                f"{kind} key(s) in state_dict: {_quoted(keys)}. " for kind, keys in listed if keys
            ]
        if errors:
            details = "\n\t".join(errors)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{details}"
            )
        return IncompatibleKeys(missing, unexpected)
