"""Wiring: settings, adapters and flow become `App`, which has one method a verb."""

from __future__ import annotations

from lockgate.app.application import App

__all__ = ["App"]
