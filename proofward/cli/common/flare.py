"""What commands on start-up kits have in common."""

from __future__ import annotations

import importlib.util

import click


def require_flare() -> None:
    """UsageError, which says what to install, when NVIDIA FLARE is missing."""
    if importlib.util.find_spec("nvflare") is None:
        raise click.UsageError("NVIDIA FLARE is not installed: pip install 'proofward[flare]'")
