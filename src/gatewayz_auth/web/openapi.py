"""The description of the API: FastAPI's own for most routes, and by hand for the hot one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI


def describe(api: FastAPI) -> None:
    """Have ``api`` describe the sign-in beside its own routes."""
    original = api.openapi

    def whole() -> dict[str, Any]:
        return original()

    api.openapi = whole  # type: ignore[method-assign]
