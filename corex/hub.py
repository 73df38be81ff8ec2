"""Models from the network, which corex does not load: every function says so."""

from __future__ import annotations

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


def _refused(name: str) -> NoReturn:
    raise NotImplementedError(
        f"corex.hub.{name}() would need a network, which corex does not use; get the file by other "
        f"means and read it with corex.load()"
    )


def load(*args: Any, **kwargs: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always.
    """
    _refused("load")


def list(*args: Any, **kwargs: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always.
    """
    _refused("list")


def help(*args: Any, **kwargs: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always.
    """
    _refused("help")


def download_url_to_file(*args: Any, **kwargs: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always.
    """
    _refused("download_url_to_file")


def load_state_dict_from_url(*args: Any, **kwargs: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always.
    """
    _refused("load_state_dict_from_url")


def get_dir(*args: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always.
    """
    _refused("get_dir")


def set_dir(*args: Any) -> NoReturn:
    """
    Raises:
        NotImplementedError: always.
    """
    _refused("set_dir")
