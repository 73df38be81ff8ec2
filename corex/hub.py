"""Models from the network, which corex does not load: every function says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]


def _refusing(name: str) -> Callable[..., NoReturn]:
    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(
            f"corex.hub.{name}() would need a network, which corex does not use; get the file by "
            f"other means and read it with corex.load()"
        )

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Raises NotImplementedError."
    return function


download_url_to_file = _refusing("download_url_to_file")
get_dir = _refusing("get_dir")
help = _refusing("help")
list = _refusing("list")
load = _refusing("load")
load_state_dict_from_url = _refusing("load_state_dict_from_url")
set_dir = _refusing("set_dir")
