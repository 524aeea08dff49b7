"""The design tokens, read once from ``resources/tokens.json``."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
KEYS = {"dark": "dark", "light": "light", "high-contrast": "highContrast"}


@lru_cache(maxsize=1)
def tokens() -> dict[str, Any]:
    """All tokens as the file has them."""
    loaded: dict[str, Any] = json.loads((RESOURCES / "tokens.json").read_text("utf-8"))
    return loaded
